//! Access tokens: JWTs in the profile of RFC 9068, signed by the key ring's first key and verified by all.

mod keys;

use std::{collections::HashMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, jwk::JwkSet};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::keys::{PrivateJwk, SigningKey};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    random,
};

/// RFC 9068 §2.1: keeps other JWTs signed with the same key from passing as access tokens.
const TYPE: &str = "at+jwt";
/// The one client that this server knows: the app whose users it signs in.
const CLIENT_ID: &str = "app";
/// Ours have about 600 characters with RS256, the longest.
const MAX_LENGTH: usize = 2_048;

/// Who issues access tokens and for whom: the claims `iss` and `aud`.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The issuer's URL (`iss`).
    pub issuer: String,
    /// The name of the API that accepts the tokens (`aud`).
    pub audience: String,
}

/// Signs access tokens.
#[derive(Debug)]
pub struct Signer {
    key_id: String,
    key: SigningKey,
    audience: Audience,
    lifetime: Duration,
}

/// A signed access token, as the client gets it.
#[derive(Debug)]
pub struct AccessToken {
    /// The JWT.
    pub text: SecretString,
    /// When it expires (`exp`).
    pub expires_at: Timestamp,
    /// Seconds that it lives.
    pub expires_in: u64,
}

impl AccessToken {
    /// The token response (RFC 6749 §5.1) with dj-rest-auth's names beside. `refresh` is always empty, as the refresh token
    /// travels in its cookie only.
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

/// Verifies access tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: HashMap<String, (DecodingKey, Validation)>,
    audience: Audience,
}

/// What a verified access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The user (`sub`).
    pub user: UserId,
    /// The session (`sid`).
    pub session: SessionId,
}

/// Why an access token was refused: for the log, as the client need not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccessToken {
    /// Not a compact JWS, or with a member that it may not have.
    #[error("not a JWT of ours")]
    Malformed,
    /// `typ` is not `at+jwt`: another kind of JWT.
    #[error("another kind of JWT")]
    WrongType,
    /// No key has this `kid`.
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
    /// With `user_id`, what djangorestframework-simplejwt asks for.
    token_type: String,
    user_id: String,
}

impl Signer {
    /// Reads a JWK Set of private keys. The first one signs.
    ///
    /// `lifetime` is an access token's longest life; up to 5 % less, at random, keeps sign-ins of the same minute from
    /// all refreshing in the same second.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of a key.
    pub fn from_jwk_set(json: &str, audience: Audience, lifetime: Duration) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct PrivateJwkSet {
            keys: Vec<PrivateJwk>,
        }
        let set: PrivateJwkSet =
            serde_json::from_str(json).map_err(|_| "not a JWK Set of private keys (RFC 7517)".to_owned())?;
        let first = set.keys.into_iter().next().ok_or_else(|| "no key in the set".to_owned())?;
        let (key_id, key) = first.into_signing_key()?;
        Ok(Self { key_id, key, audience, lifetime })
    }

    /// An access token for this session.
    #[must_use]
    pub fn sign(&self, user: UserId, session: SessionId, now: Timestamp) -> AccessToken {
        let lifetime = self.lifetime.as_secs();
        let expires_in = lifetime - random::up_to(lifetime / 20);
        let expires_at = now + Duration::from_secs(expires_in);
        let claims = Claims {
            iss: self.audience.issuer.clone(),
            aud: self.audience.audience.clone(),
            sub: user.to_string(),
            iat: now.unix_seconds(),
            exp: expires_at.unix_seconds(),
            jti: BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
            sid: session.to_string(),
            client_id: CLIENT_ID.to_owned(),
            token_type: "access".to_owned(),
            user_id: user.to_string(),
        };
        AccessToken { text: self.sign_claims(&claims).into(), expires_at, expires_in }
    }

    fn sign_claims(&self, claims: &impl Serialize) -> String {
        let mut header = Header::new(self.key.algorithm());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.key_id.clone());
        let mut token = base64url_json(&header);
        token.push('.');
        token.push_str(&base64url_json(claims));
        let signature = self.key.sign(token.as_bytes());
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

fn base64url_json(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("plain structs of text and numbers serialise");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

impl Verifier {
    /// Reads a JWK Set of public keys (or, for HS256, the symmetric ones).
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of a key.
    pub fn from_jwk_set(json: &str, audience: Audience) -> Result<Self, String> {
        install_provider();
        let set: JwkSet = serde_json::from_str(json).map_err(|_| "not a JWK Set (RFC 7517)".to_owned())?;
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            let kid = jwk.common.key_id.clone().ok_or_else(|| "a key has no kid".to_owned())?;
            let algorithm = keys::algorithm_of(jwk).map_err(|_| format!("key {kid}: neither P-256, RSA nor oct"))?;
            let key = DecodingKey::from_jwk(jwk).map_err(|_| format!("key {kid}: not readable"))?;
            keys.insert(kid, (key, signature_only(algorithm)));
        }
        if keys.is_empty() { Err("no key in the set".to_owned()) } else { Ok(Self { keys, audience }) }
    }

    /// Checks a token from an `Authorization` header (RFC 9068 §4).
    ///
    /// # Errors
    ///
    /// [`InvalidAccessToken`] says why; all of them mean that the bearer is not let in.
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
        let (key, validation) = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(InvalidAccessToken::UnknownKey)?;
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

/// The claims of somebody else's JWT, if this key signed it with RS256. They are the caller's to check.
pub(crate) fn decode_rs256<T: DeserializeOwned>(token: &str, key: &DecodingKey) -> Option<T> {
    install_provider();
    jsonwebtoken::decode(token, key, &signature_only(Algorithm::RS256)).ok().map(|token| token.claims)
}

fn install_provider() {
    // Whoever installed it first installed this very one: there is no other in these binaries.
    let _ = keys::PROVIDER.install_default();
}

/// The library checks the signature with this one algorithm; the claims are ours to check, by our own clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests;
