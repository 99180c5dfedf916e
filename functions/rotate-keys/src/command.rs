//! The commands of this function and what it returns for them.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;

use crate::{document::Reason, generate::Jwk};

/// An event of this function: one command.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Event {
    /// The schedule's: makes the first keys, or rotates them if they are 30 days old.
    RotateIfDue,
    /// An operator's: rotates now.
    Replace {
        /// What leaked, or that this is an ordinary rotation.
        keys: Reason,
        /// The command's id. A command that is sent again with the same id changes nothing.
        attempt: String,
    },
    /// An operator's, after the ring was deleted: makes new keys. Everybody logs in again.
    BeginAfresh {
        /// The command's id.
        attempt: String,
    },
    /// An operator's: returns what there is, without any part of a key.
    Describe,
    /// An operator's: returns the symmetric keys (HS256), for services that verify with a copy.
    ExportSymmetricKeys,
    /// An operator's: stores Kakao's secrets.
    PutKakaoSecrets {
        /// The client secret of the REST API key.
        client_secret: SecretString,
        /// The admin key, or an empty text.
        admin_key: SecretString,
    },
    /// An operator's: stores the key of Django's tokens, or removes it.
    PutDjangoKey {
        /// `HS256`, `HS384` or `HS512`.
        algorithm: String,
        /// The key, or an empty text to remove it.
        key: SecretString,
    },
    /// An operator's: stores a key ring from another place. Sessions continue.
    CarryOver {
        /// The ring's JSON.
        ring: SecretString,
    },
}

/// The result of a command.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The keys are not old enough.
    NotDue,
    /// There are no keys, and the schedule waits until an operator carries some over.
    Waiting,
    /// There are new keys.
    Rotated,
    /// Another rotation came first, so this scheduled one gave up.
    GaveWay,
    /// Kakao's secrets, or the key of Django's tokens, are stored.
    Stored,
    /// The key of Django's tokens is not stored any more.
    Removed,
    /// What there is.
    Described(Description),
    /// Symmetric keys.
    Exported(SymmetricKeys),
}

/// Keys that can verify and sign. They serialise, because a command exports them, and are never printed.
#[derive(PartialEq, Eq, Serialize)]
pub struct SymmetricKeys(pub(crate) Vec<Jwk>);

impl fmt::Debug for SymmetricKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SymmetricKeys").field(&self.0.len()).finish()
    }
}

/// The state of the table, without any part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    pub(crate) keys: KeyState,
    /// When they were last rotated.
    pub(crate) rotated_at: Option<Timestamp>,
    pub(crate) kakao_client_secret: bool,
    pub(crate) kakao_admin_key: bool,
    pub(crate) django_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyState {
    /// There never were any.
    None,
    Made,
    /// The ring was deleted.
    Lost,
}
