//! Access tokens: JWTs in the profile of RFC 9068. The newest active key signs them; every key verifies them until it retires.

mod jwk;
mod signer;
mod verifier;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    signer::{Signer, SigningJwk},
    verifier::{VerificationJwk, Verifier},
};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    roles::Roles,
};

/// Keeps other JWTs that are signed with the same key from passing as access tokens (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// Who issues access tokens and for whom: the claims `iss` and `aud`.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The issuer's URL (`iss`).
    pub issuer: String,
    /// The name of the API that accepts the tokens (`aud`).
    pub audience: String,
}

/// A signed access token, as the client gets it.
#[derive(Debug)]
pub struct AccessToken {
    /// The JWT.
    pub text: SecretString,
    /// When it expires (`exp`).
    pub expires_at: Timestamp,
    /// Seconds until then.
    pub expires_in: u64,
}

impl AccessToken {
    /// The token response (RFC 6749 §5.1) with dj-rest-auth's names as well. `refresh` is empty, as if the refresh token was in its
    /// cookie.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "access": self.text.expose_secret(),
            "access_expiration": self.expires_at.to_rfc3339(),
            "expires_in": self.expires_in,
            "token_type": "Bearer",
            "refresh": "",
        })
    }
}

/// What a verified access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The user (`sub`).
    pub user: UserId,
    /// The session (`sid`).
    pub session: SessionId,
}

/// Why an access token was refused. For the log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccessToken {
    /// Not a compact JWS, or a claim or header is missing, malformed or not allowed.
    #[error("not a JWT of ours")]
    Malformed,
    /// `typ` is not `at+jwt`: another kind of JWT.
    #[error("another kind of JWT")]
    WrongType,
    /// No key has this `kid`, or the key has retired.
    #[error("signed by an unknown key")]
    UnknownKey,
    /// The signature is wrong, or made with another algorithm than its key's.
    #[error("wrong signature")]
    WrongSignature,
    /// From another issuer or for another audience.
    #[error("from another issuer or for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    jti: String,
    sid: String,
    client_id: String,
    /// The time of the login. Tokens that an earlier release signed lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    /// This claim and `user_id` are what djangorestframework-simplejwt reads.
    token_type: String,
    user_id: String,
    /// RFC 9068 §2.2.3.1. Missing if the user has none. Only other services read it.
    #[serde(skip_deserializing, skip_serializing_if = "Roles::is_empty")]
    roles: Roles,
}

#[cfg(test)]
mod tests;
