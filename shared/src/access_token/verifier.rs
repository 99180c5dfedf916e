//! Verifying access tokens.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Access, Audience, Claims, InvalidAccessToken, TYPE,
    jwk::{self, PublicJwk},
};
use crate::clock::Timestamp;

/// Our tokens have about 600 characters, or 2,300 with as many roles as there may be, signed with RS256.
pub(super) const MAX_LENGTH: usize = 4_096;

/// A public key of the key ring, and when the last token that it signed has expired.
#[derive(Debug, Deserialize)]
pub struct VerificationJwk {
    pub(super) jwk: PublicJwk,
    #[serde(default)]
    retires_at: Option<Timestamp>,
}

impl VerificationJwk {
    /// The key's entry in the public JWK Set. `None` if the key has retired or is symmetric.
    #[must_use]
    pub fn published(&self, now: Timestamp) -> Option<Value> {
        if self.retires_at.is_some_and(|at| at <= now) { None } else { self.jwk.published() }
    }
}

/// Verifies access tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: HashMap<String, Verifying>,
    audience: Audience,
}

#[derive(Debug)]
struct Verifying {
    key: DecodingKey,
    validation: Validation,
    retires_at: Option<Timestamp>,
}

impl Verifier {
    /// A verifier that accepts tokens of all these keys, of each until it retires.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of a key.
    pub fn new(set: &[VerificationJwk], audience: Audience) -> Result<Self, String> {
        install_provider();
        let mut keys = HashMap::new();
        for VerificationJwk { jwk, retires_at } in set {
            let (key_id, algorithm, key) = jwk.verification_key()?;
            keys.insert(key_id, Verifying { key, validation: signature_only(algorithm), retires_at: *retires_at });
        }
        if keys.is_empty() { Err("no verification key".to_owned()) } else { Ok(Self { keys, audience }) }
    }

    /// Checks a token from an `Authorization` header (RFC 9068 §4).
    ///
    /// # Errors
    ///
    /// [`InvalidAccessToken`] says why.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Access, InvalidAccessToken> {
        if token.len() > MAX_LENGTH {
            return Err(InvalidAccessToken::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidAccessToken::Malformed)?;
        if header.crit.is_some() {
            return Err(InvalidAccessToken::Malformed);
        }
        let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
        if typ.strip_prefix("application/").unwrap_or(&typ) != TYPE {
            return Err(InvalidAccessToken::WrongType);
        }
        let known = header.kid.and_then(|kid| self.keys.get(&kid));
        let known = known.filter(|known| known.retires_at.is_none_or(|at| now < at));
        let Verifying { key, validation, .. } = known.ok_or(InvalidAccessToken::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::Json(_) => InvalidAccessToken::Malformed,
                _ => InvalidAccessToken::WrongSignature,
            })?
            .claims;

        if claims.iss != self.audience.issuer || claims.aud != self.audience.audience {
            return Err(InvalidAccessToken::WrongAudience);
        }
        if claims.token_type != "access" {
            return Err(InvalidAccessToken::WrongType);
        }
        if Timestamp::from_unix_seconds(claims.exp) <= now {
            return Err(InvalidAccessToken::Expired);
        }
        let user = claims.sub.parse().map_err(|_| InvalidAccessToken::Malformed)?;
        let session = claims.sid.parse().map_err(|_| InvalidAccessToken::Malformed)?;
        Ok(Access { user, session })
    }
}

fn install_provider() {
    // An error means that it is installed already: these binaries have no other provider.
    let _ = jwk::PROVIDER.install_default();
}

/// The library checks the signature with this one algorithm. The claims are checked here, by our clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}
