//! Why a run or a command failed, and how an item of work ends when it does.

use shared::{kakao::KakaoError, keys::SecretError, log::Ended, store::StoreError};

/// Why a run or a command failed. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The outbox or an item could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kakao's secrets could not be read.
    #[error("Kakao's secrets: {0}")]
    Secret(#[from] SecretError),
    /// The admin key is missing. Kakao can neither be asked nor told to unlink.
    #[error("there is no admin key: store it with `admin put-kakao-secrets`")]
    NoAdminKey,
    /// Kakao did not list its users.
    #[error(transparent)]
    Kakao(#[from] KakaoError),
    /// Everything else was done.
    #[error("{0} items of the outbox cannot be read; the log names them")]
    Unreadable(usize),
    /// There is no deletion of this user to close, or the worker has it.
    #[error("there is no open deletion of this user, or a run is working on it: try again in two minutes")]
    NotOpen,
    /// An unlink may take effect yet.
    #[error("Kakao was told to unlink the person less than a minute ago: try again in a minute")]
    Unsettled,
    /// The identity is not marked by this deletion.
    #[error("the identity does not belong to this deletion: look at both items")]
    IdentityChanged,
}

impl WorkError {
    fn needs_an_operator(&self) -> bool {
        match self {
            Self::Store(error) => error.needs_an_operator(),
            Self::Secret(error) => error.needs_an_operator(),
            _ => true,
        }
    }
}

/// How an item ends that could not be worked on. Its lease ends in two minutes, and then it is tried again.
impl From<&WorkError> for Ended {
    fn from(error: &WorkError) -> Self {
        Self { outcome: "failed", needs_an_operator: error.needs_an_operator(), reason: error.to_string() }
    }
}
