//! The documents of the `Keys` table, each as its readers know it. Every time in them is explicit, so a reader that is a few
//! minutes behind decides the same as one that is not.

mod cache;
mod table;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

pub use self::{
    cache::{FRESH, Parsed, STALE, SecretCache},
    table::{DOCUMENT, Document, Documents, KeyTable, NAME, SecretError},
};
use crate::{
    access_token::{Access, Audience, InvalidAccessToken, Signer, SigningJwk, VerificationJwk, Verifier},
    clock::Timestamp,
    log::Pseudonyms,
    session::{Presented, RefreshToken, RefreshTokenKey, RefreshTokenKeys, newest_of_each_session},
};

/// The document `ISSUING` as kakao-login and refresh read it.
#[derive(Debug)]
pub struct IssuingKeys {
    /// Signs the access tokens.
    pub signer: Signer,
    /// Issue and read refresh tokens, and derive their successors.
    pub refresh_tokens: RefreshTokenKeys,
    /// Names users and sessions in the log.
    pub pseudonyms: Pseudonyms,
}

/// The document `VERIFYING` as profile and verify read it.
#[derive(Debug)]
pub struct VerificationKeys {
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// Names users and sessions in the log.
    pub pseudonyms: Pseudonyms,
}

/// The document `VERIFYING` as jwks reads it.
#[derive(Debug)]
pub struct PublishedKeys(pub Vec<VerificationJwk>);

/// The document `LOGOUT` as logout reads it.
#[derive(Debug)]
pub struct LogoutKeys {
    /// Reads refresh tokens.
    pub refresh_tokens: RefreshTokenKeys,
    /// Names users and sessions in the log.
    pub pseudonyms: Pseudonyms,
}

/// Verifies an access token, and notes its user and session in the log.
///
/// # Errors
///
/// [`SecretError`] if there are no keys. The inner [`InvalidAccessToken`] says what is wrong with the token.
pub async fn verify(
    keys: &SecretCache<VerificationKeys>,
    token: &str,
    now: Timestamp,
) -> Result<Result<Access, InvalidAccessToken>, SecretError> {
    let verify = |keys: &VerificationKeys| keys.verifier.verify(token, now);
    let (verified, keys) = keys.find(now, verify, |verified| *verified == Err(InvalidAccessToken::UnknownKey)).await?;
    if let Ok(access) = verified {
        keys.pseudonyms.note(access.user, access.session);
    }
    Ok(verified)
}

/// Reads the refresh tokens that a request presents. Returns the newest of each session, with the keys that verified them.
///
/// # Errors
///
/// [`SecretError`] if there are no keys.
pub async fn read_refresh_tokens<K: Send + Sync + 'static>(
    keys: &SecretCache<K>,
    refresh_tokens: impl Fn(&K) -> &RefreshTokenKeys,
    presented: &Presented,
    now: Timestamp,
) -> Result<(Vec<RefreshToken>, Arc<K>), SecretError> {
    let read = |keys: &K| refresh_tokens(keys).verify_each(presented);
    let (tokens, keys) = keys.find(now, read, |tokens| tokens.len() < presented.texts().len()).await?;
    Ok((newest_of_each_session(tokens), keys))
}

impl IssuingKeys {
    /// Reads the document.
    ///
    /// # Errors
    ///
    /// - [`SecretError::Empty`] before rotate-keys has run for the first time.
    /// - [`SecretError::Unreadable`] says what is wrong, without any part of a key.
    pub fn read(json: &str, audience: &Audience, lifetime: Duration) -> Parsed<Self> {
        #[derive(Deserialize)]
        struct Document {
            signing_keys: Vec<SigningJwk>,
            #[serde(rename = "session_secrets")]
            refresh_token_keys: Vec<RefreshTokenKey>,
            pseudonym_key: SecretString,
        }
        let (version, document): (_, Document) = document(json)?;
        let signer = Signer::new(document.signing_keys, audience.clone(), lifetime).map_err(SecretError::Unreadable)?;
        let refresh_tokens = RefreshTokenKeys::new(&document.refresh_token_keys).map_err(SecretError::Unreadable)?;
        Ok((version, Self { signer, refresh_tokens, pseudonyms: pseudonyms(&document.pseudonym_key)? }))
    }
}

#[derive(Deserialize)]
struct Verification {
    verification_keys: Vec<VerificationJwk>,
    pseudonym_key: SecretString,
}

impl VerificationKeys {
    /// Reads the document.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] and [`SecretError::Unreadable`], like [`IssuingKeys::read`].
    pub fn read(json: &str, audience: &Audience) -> Parsed<Self> {
        let (version, document): (_, Verification) = document(json)?;
        let verifier = Verifier::new(&document.verification_keys, audience.clone()).map_err(SecretError::Unreadable)?;
        Ok((version, Self { verifier, pseudonyms: pseudonyms(&document.pseudonym_key)? }))
    }
}

impl PublishedKeys {
    /// Reads the document.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] and [`SecretError::Unreadable`], like [`IssuingKeys::read`].
    pub fn read(json: &str) -> Parsed<Self> {
        let (version, document): (_, Verification) = document(json)?;
        Ok((version, Self(document.verification_keys)))
    }
}

impl LogoutKeys {
    /// Reads the document.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] and [`SecretError::Unreadable`], like [`IssuingKeys::read`].
    pub fn read(json: &str) -> Parsed<Self> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(rename = "session_secrets")]
            refresh_token_keys: Vec<RefreshTokenKey>,
            pseudonym_key: SecretString,
        }
        let (version, document): (_, Document) = document(json)?;
        let refresh_tokens = RefreshTokenKeys::new(&document.refresh_token_keys).map_err(SecretError::Unreadable)?;
        Ok((version, Self { refresh_tokens, pseudonyms: pseudonyms(&document.pseudonym_key)? }))
    }
}

/// Parses a document. Version 0 has no keys: rotate-keys has not run yet.
fn document<T: DeserializeOwned>(json: &str) -> Parsed<T> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    // Serde's own message could quote the document.
    let unreadable = |what: &str| SecretError::Unreadable(format!("not a document of {what}"));
    let Version { version } = serde_json::from_str(json).map_err(|_| unreadable("rotate-keys"))?;
    if version == 0 {
        return Err(SecretError::Empty);
    }
    let document = serde_json::from_str(json).map_err(|_| unreadable("the right kind"))?;
    Ok((version, document))
}

fn pseudonyms(key: &SecretString) -> Result<Pseudonyms, SecretError> {
    let pseudonyms = Pseudonyms::from_base64url(key.expose_secret());
    pseudonyms.map_err(|reason| SecretError::Unreadable(format!("the key for pseudonyms: {reason}")))
}
