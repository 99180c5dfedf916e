//! Why a rotation does not go on.

use shared::secret::SecretError;

use crate::versions::CallError;

/// Why a step was not done. Secrets Manager tries it again.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Secrets Manager failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Called for a secret that is not the key ring.
    #[error("this function rotates the key ring only")]
    AnotherSecret,
    /// The version is not the one that is being made: another rotation came between.
    #[error("another rotation came between")]
    Superseded,
    /// It was begun so long ago that its times do not hold any more. Another rotation starts afresh.
    #[error("given up: begun more than 15 minutes ago. Start another rotation")]
    TooLate,
    /// What was written cannot be used.
    #[error("the new keys do not work: {0}")]
    Unusable(String),
}

impl From<SecretError> for RotationError {
    fn from(error: SecretError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<serde_json::Error> for RotationError {
    fn from(_: serde_json::Error) -> Self {
        // What serde says could quote the document.
        Self::Unusable("not a key ring".to_owned())
    }
}
