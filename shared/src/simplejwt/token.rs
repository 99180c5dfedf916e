//! Verifying a refresh token of simplejwt.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{SimplejwtId, SimplejwtKey};
use crate::{clock::Timestamp, id::UserId};

/// simplejwt's tokens have about 240 bytes, more with claims of a project's own.
const MAX_BYTES: usize = 4_096;

/// What a verified token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimplejwtToken {
    /// Names the token (`jti`).
    pub id: SimplejwtId,
    /// The user, whose id is Django's number (`user_id`).
    pub user: UserId,
    /// When the token expires (`exp`).
    pub expires_at: Timestamp,
}

/// Why a token was refused. For the log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSimplejwt {
    /// Not a compact JWS, or a claim that matters is missing or of another type.
    #[error("not a JWT of simplejwt's")]
    Malformed,
    /// `alg` is not the algorithm of Django's key.
    #[error("signed with another algorithm than Django's")]
    WrongAlgorithm,
    /// Not signed with Django's key.
    #[error("not signed with Django's key")]
    WrongSignature,
    /// Signed by Django, but not a refresh token.
    #[error("another kind of token")]
    WrongType,
    /// Signed by Django, but `exp` has passed.
    #[error("Django's refresh token has expired")]
    Expired,
    /// Signed by Django, for a user whose id cannot be a user's here.
    #[error("the user's id is not a number")]
    UnknownUser,
}

impl InvalidSimplejwt {
    /// Whether Django signed the token, so that it will never be good.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::WrongType | Self::Expired | Self::UnknownUser)
    }
}

/// Whether a text has the shape of a JWT: three parts. No refresh token of ours has.
#[must_use]
pub fn is_jwt(text: &str) -> bool {
    parts(text).is_some()
}

/// The signed text, header, claims and signature.
fn parts(text: &str) -> Option<[&str; 4]> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let is_shaped = text.len() <= MAX_BYTES && !claims.contains('.');
    (is_shaped && [header, claims, signature].iter().all(|part| !part.is_empty()))
        .then_some([signed, header, claims, signature])
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    token_type: String,
    exp: i64,
    jti: String,
    user_id: Value,
}

impl SimplejwtKey {
    /// Verifies a refresh token.
    ///
    /// # Errors
    ///
    /// [`InvalidSimplejwt`] says why it is not one, or no longer.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<SimplejwtToken, InvalidSimplejwt> {
        let [signed, header, claims, signature] = parts(text).ok_or(InvalidSimplejwt::Malformed)?;
        let header: Header = decode(header)?;
        if header.crit.is_some() {
            return Err(InvalidSimplejwt::Malformed);
        }
        if header.alg != self.algorithm.name() {
            return Err(InvalidSimplejwt::WrongAlgorithm);
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| InvalidSimplejwt::Malformed)?;
        // In constant time.
        hmac::verify(&self.key, signed.as_bytes(), &signature).map_err(|_| InvalidSimplejwt::WrongSignature)?;
        let claims: Claims = decode(claims)?;
        if claims.token_type != "refresh" {
            return Err(InvalidSimplejwt::WrongType);
        }
        let expires_at = Timestamp::from_unix_seconds(claims.exp);
        if expires_at <= now {
            return Err(InvalidSimplejwt::Expired);
        }
        let id = SimplejwtId::of_jti(&claims.jti).ok_or(InvalidSimplejwt::Malformed)?;
        let user = user(&claims.user_id).ok_or(InvalidSimplejwt::UnknownUser)?;
        Ok(SimplejwtToken { id, user, expires_at })
    }
}

/// A text since simplejwt 5.5, and a number before.
fn user(id: &Value) -> Option<UserId> {
    match id {
        Value::String(text) => text.parse().ok().filter(|id: &UserId| id.number().is_some()),
        Value::Number(number) => UserId::from_number(number.as_u64()?),
        _ => None,
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, InvalidSimplejwt> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidSimplejwt::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| InvalidSimplejwt::Malformed)
}
