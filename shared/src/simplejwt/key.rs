//! The key with which Django signed its tokens: the document `DJANGO` of the table of keys.

use std::str::FromStr;

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// How Django signed its tokens (`SIMPLE_JWT["ALGORITHM"]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// simplejwt's default.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// Django's key. Its algorithm is part of it, so a token cannot choose another.
#[derive(Debug)]
pub struct SimplejwtKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: hmac::Key,
}

impl Algorithm {
    /// The algorithm's name in a JWT's header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Hs256 => hmac::HMAC_SHA256,
            Self::Hs384 => hmac::HMAC_SHA384,
            Self::Hs512 => hmac::HMAC_SHA512,
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Hs256, Self::Hs384, Self::Hs512].into_iter().find(|algorithm| algorithm.name() == text);
        known.ok_or_else(|| "the algorithm must be HS256, HS384 or HS512".to_owned())
    }
}

impl SimplejwtKey {
    /// Reads the document: `{"algorithm": "HS256", "key": "…"}`, or `{"removed": true}`, which is `None`.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of the key.
    pub fn read(json: &str) -> Result<Option<Self>, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Document {
            Key { algorithm: String, key: SecretString },
            Removed { removed: bool },
        }
        // Serde's own message could quote the document.
        match serde_json::from_str(json).map_err(|_| "not a key of Django's".to_owned())? {
            Document::Key { key, .. } if key.expose_secret().is_empty() => Err("Django's key is empty".to_owned()),
            Document::Key { algorithm, key } => {
                let algorithm: Algorithm = algorithm.parse()?;
                Ok(Some(Self { algorithm, key: hmac::Key::new(algorithm.hmac(), key.expose_secret().as_bytes()) }))
            }
            Document::Removed { removed: true } => Ok(None),
            Document::Removed { .. } => Err("not a key of Django's".to_owned()),
        }
    }
}
