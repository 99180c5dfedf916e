//! Errors of commands.

use shared::keys::SecretError;

/// Why a command was not carried out. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// DynamoDB failed, or refused.
    #[error(transparent)]
    Table(SecretError),
    /// There are derived documents but no ring.
    #[error("the key ring was deleted. Restore it, or begin afresh: then everybody logs in again")]
    RingLost,
    /// There are keys already.
    #[error("there are keys already: nothing was changed")]
    KeysExist,
    /// Other writes came first each time.
    #[error("other rotations came first: try again")]
    Conflict,
    /// DynamoDB did not say whether the write was done.
    #[error("DynamoDB did not respond: send the same command again")]
    Unknown,
    /// The document is not a key ring.
    #[error("the document ISSUING is not a key ring")]
    NotARing,
    /// The new keys cannot be used.
    #[error("the new keys do not work: {0}")]
    Unusable(String),
    /// The command's argument is wrong.
    #[error("{0}")]
    Argument(String),
}

impl RotationError {
    /// Whether an operator must act. Other failures of the schedule's command pass, as it is repeated five minutes later.
    pub(crate) const fn needs_an_operator(&self) -> bool {
        match self {
            Self::Table(error) => error.needs_an_operator(),
            Self::Conflict | Self::Unknown => false,
            Self::RingLost | Self::KeysExist | Self::NotARing | Self::Unusable(_) | Self::Argument(_) => true,
        }
    }
}

impl From<SecretError> for RotationError {
    fn from(error: SecretError) -> Self {
        Self::Table(error)
    }
}

impl From<serde_json::Error> for RotationError {
    fn from(_: serde_json::Error) -> Self {
        // Serde's own message could quote the document.
        Self::NotARing
    }
}
