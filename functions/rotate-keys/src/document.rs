//! The key ring as a document: what a rotation changes, and what each reader gets. No I/O, and time is a parameter.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::{clock::Timestamp, keys::STALE};
use zeroize::Zeroizing;

use crate::generate::{self, Algorithm, Jwk, NewKeys};

/// How late a write may arrive: AWS accepts its signature for so long.
pub const PATIENCE: Duration = Duration::from_mins(15);
/// The time from the start of a rotation until every function uses its keys: a late write, a cache that is due, five minutes in which
/// an HTTP cache may keep the JWK Set, and clocks that differ.
pub const SETTLING: Duration = Duration::from_secs(PATIENCE.as_secs() + STALE.as_secs() + 360);

/// The document `ISSUING`. It is written, so it serialises; it has no `Debug`.
///
/// The stored member names are those of the first release. While a deployment replaces functions one after the other, and after a
/// rollback, functions of an earlier release read what this one writes.
#[derive(Serialize, Deserialize)]
pub struct KeyRing {
    /// Grows with every rotation; 0 before the first.
    pub version: u64,
    /// The version that this one was made from. It is written only if that version is still the current one.
    #[serde(default)]
    pub follows: u64,
    /// When its rotation began.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    #[serde(default)]
    signing_keys: Vec<SigningKey>,
    #[serde(rename = "session_secrets", default)]
    refresh_token_keys: Vec<RefreshTokenKey>,
    #[serde(default)]
    pseudonym_key: Zeroizing<String>,
}

#[derive(Serialize, Deserialize)]
struct SigningKey {
    jwk: Jwk,
    /// When verifiers can first see it.
    published_at: Timestamp,
    /// When all verifiers have seen it.
    #[serde(rename = "signs_from")]
    active_from: Timestamp,
    /// When the last token that it signed has expired. Known once the key has a successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retires_at: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize)]
struct RefreshTokenKey {
    secret: Zeroizing<String>,
    #[serde(rename = "mints_from")]
    active_from: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retires_at: Option<Timestamp>,
}

/// Durations on which the times of keys depend.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How long other services may cache the JWK Set.
    pub verifier_cache: Duration,
    /// The longest life of an access token.
    pub access: Duration,
    /// The longest life of a session, and so of a refresh token that is never rotated.
    pub session_max: Duration,
}

/// Why keys are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An ordinary rotation, which users do not notice.
    Schedule,
    /// The signing keys leaked: the new one is active at once, and tokens of the old ones are refused.
    SigningKeys,
    /// The refresh-token keys leaked: everybody logs in again.
    #[serde(rename = "session_secrets")]
    RefreshTokenKeys,
}

impl KeyRing {
    /// The ring before the first rotation.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            version: 0,
            follows: 0,
            created_at: None,
            signing_keys: Vec::new(),
            refresh_token_keys: Vec::new(),
            pseudonym_key: Zeroizing::default(),
        }
    }

    /// The ring after a rotation.
    #[must_use]
    pub fn next(self, reason: Reason, new: &NewKeys, times: Times, now: Timestamp) -> Self {
        let mut next = Self {
            version: (self.version + 1).max(u64::try_from(now.unix_seconds()).unwrap_or_default()),
            follows: self.version,
            created_at: Some(now),
            ..self
        };
        if next.pseudonym_key.is_empty() {
            next.pseudonym_key = generate::secret();
        }
        match reason {
            Reason::Schedule => {
                next.add_signing_key(new, times, now);
                next.add_refresh_token_key(new, times, now);
            }
            Reason::SigningKeys => {
                next.signing_keys.clear();
                next.add_signing_key(new, times, now);
            }
            Reason::RefreshTokenKeys => {
                next.refresh_token_keys.clear();
                next.add_refresh_token_key(new, times, now);
            }
        }
        // Replacing leaked keys before the first rotation is the first rotation.
        if next.signing_keys.is_empty() {
            next.add_signing_key(new, times, now);
        }
        if next.refresh_token_keys.is_empty() {
            next.add_refresh_token_key(new, times, now);
        }
        next
    }

    fn add_signing_key(&mut self, new: &NewKeys, times: Times, now: Timestamp) {
        self.signing_keys.retain(|key| key.retires_at.is_none_or(|at| now < at));
        // Services that verify HS256 have a copy that somebody installed, so a new key would break them. Only a command replaces it.
        let newest = self.signing_keys.last();
        if new.algorithm() == Algorithm::Hs256
            && newest.is_some_and(|key| key.jwk["alg"].as_str() == Algorithm::Hs256.name())
        {
            return;
        }
        let first = self.signing_keys.is_empty();
        let active_from = if first { now } else { now + SETTLING + times.verifier_cache };
        for key in &mut self.signing_keys {
            key.retires_at.get_or_insert(active_from + SETTLING + times.access);
        }
        let jwk = new.signing();
        self.signing_keys.push(SigningKey { jwk, published_at: now, active_from, retires_at: None });
    }

    fn add_refresh_token_key(&mut self, new: &NewKeys, times: Times, now: Timestamp) {
        self.refresh_token_keys.retain(|key| key.retires_at.is_none_or(|at| now < at));
        let active_from = if self.refresh_token_keys.is_empty() { now } else { now + SETTLING };
        for key in &mut self.refresh_token_keys {
            key.retires_at.get_or_insert(active_from + SETTLING + times.session_max);
        }
        self.refresh_token_keys.push(RefreshTokenKey { secret: new.refresh_token(), active_from, retires_at: None });
    }

    /// The moments at which another key becomes active.
    pub fn activation_times(&self) -> impl Iterator<Item = Timestamp> {
        let keys = self.signing_keys.iter().map(|key| key.active_from);
        keys.chain(self.refresh_token_keys.iter().map(|key| key.active_from))
    }

    /// The symmetric keys (HS256), which both sign and verify.
    pub(crate) fn symmetric_keys(&self) -> Vec<Jwk> {
        let keys = self.signing_keys.iter().map(|key| &key.jwk);
        keys.filter(|jwk| jwk.get("kty").is_some_and(|kty| kty.as_str() == "oct")).cloned().collect()
    }

    /// The document `VERIFYING`.
    ///
    /// # Errors
    ///
    /// Never: texts and numbers serialise.
    pub fn verification_keys(&self) -> Result<Zeroizing<String>, serde_json::Error> {
        #[derive(Serialize)]
        struct Key {
            jwk: Jwk,
            #[serde(skip_serializing_if = "Option::is_none")]
            retires_at: Option<Timestamp>,
        }
        #[derive(Serialize)]
        struct Document<'a> {
            version: u64,
            verification_keys: Vec<Key>,
            pseudonym_key: &'a str,
        }
        let key = |key: &SigningKey| Key { jwk: generate::verification_key(&key.jwk), retires_at: key.retires_at };
        let verification_keys = self.signing_keys.iter().map(key).collect();
        let document = Document { version: self.version, verification_keys, pseudonym_key: &self.pseudonym_key };
        serde_json::to_string(&document).map(Zeroizing::new)
    }

    /// The document `LOGOUT`.
    ///
    /// # Errors
    ///
    /// Never: texts and numbers serialise.
    pub fn logout_keys(&self) -> Result<Zeroizing<String>, serde_json::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            version: u64,
            #[serde(rename = "session_secrets")]
            refresh_token_keys: &'a [RefreshTokenKey],
            pseudonym_key: &'a str,
        }
        let document = Document {
            version: self.version,
            refresh_token_keys: &self.refresh_token_keys,
            pseudonym_key: &self.pseudonym_key,
        };
        serde_json::to_string(&document).map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests;
