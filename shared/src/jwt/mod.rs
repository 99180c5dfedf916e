//! Access tokens: JWTs in the profile of RFC 9068, signed by the key whose time has come and verified by all that are in time.

mod keys;

use std::{collections::HashMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::keys::{PrivateJwk, PublicJwk, SigningKey};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    random,
};

/// RFC 9068 §2.1: keeps other JWTs signed with the same key from passing as access tokens.
const TYPE: &str = "at+jwt";
/// The one client that this server knows: the app whose users it logs in.
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

/// A private key of the key ring and when it begins to sign.
#[derive(Debug, Deserialize)]
pub struct SigningJwk {
    jwk: PrivateJwk,
    #[serde(rename = "signs_from")]
    active_from: Timestamp,
}

/// A public key of the key ring, and when the last token that it signed has expired.
#[derive(Debug, Deserialize)]
pub struct VerificationJwk {
    jwk: PublicJwk,
    #[serde(default)]
    retires_at: Option<Timestamp>,
}

impl VerificationJwk {
    /// As a JWK Set shows it at this moment: nothing, if its time is over or it is not for everybody.
    #[must_use]
    pub fn published(&self, now: Timestamp) -> Option<Value> {
        if self.retires_at.is_some_and(|at| at <= now) { None } else { self.jwk.published() }
    }
}

/// Signs access tokens.
#[derive(Debug)]
pub struct Signer {
    /// In the order of their times.
    keys: Vec<Signing>,
    audience: Audience,
    lifetime: Duration,
}

#[derive(Debug)]
struct Signing {
    active_from: Timestamp,
    key_id: String,
    key: SigningKey,
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
    keys: HashMap<String, Verifying>,
    audience: Audience,
}

#[derive(Debug)]
struct Verifying {
    key: DecodingKey,
    validation: Validation,
    retires_at: Option<Timestamp>,
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
    /// No key has this `kid`, or none any more.
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
    /// When the login was that began the session. Tokens that an earlier version signed lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    /// With `user_id`, what djangorestframework-simplejwt asks for.
    token_type: String,
    user_id: String,
}

impl Signer {
    /// Signs with the newest of these keys whose time has come.
    ///
    /// `lifetime` is an access token's longest life; up to 5 % less, at random, keeps logins of the same minute from
    /// all refreshing in the same second.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of a key.
    pub fn new(keys: Vec<SigningJwk>, audience: Audience, lifetime: Duration) -> Result<Self, String> {
        let parse = |SigningJwk { jwk, active_from }| {
            let (key_id, key) = jwk.into_signing_key()?;
            Ok::<_, String>(Signing { active_from, key_id, key })
        };
        let mut keys = keys.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("no signing key".to_owned());
        }
        keys.sort_by_key(|key| key.active_from);
        Ok(Self { keys, audience, lifetime })
    }

    /// The key of this moment. Before the first one's time, which takes a clock that is behind, it is the first.
    fn signing(&self, now: Timestamp) -> &Signing {
        let position = self.keys.iter().rposition(|key| key.active_from <= now);
        &self.keys[position.unwrap_or_default()]
    }

    /// An access token for this session, which a login of `logged_in_at` began.
    #[must_use]
    pub fn sign(&self, user: UserId, session: SessionId, logged_in_at: Timestamp, now: Timestamp) -> AccessToken {
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
            auth_time: Some(logged_in_at.unix_seconds()),
            token_type: "access".to_owned(),
            user_id: user.to_string(),
        };
        AccessToken { text: self.sign_claims(&claims, now).into(), expires_at, expires_in }
    }

    fn sign_claims(&self, claims: &impl Serialize, now: Timestamp) -> String {
        let signing = self.signing(now);
        let mut header = Header::new(signing.key.algorithm());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(signing.key_id.clone());
        let mut token = base64url_json(&header);
        token.push('.');
        token.push_str(&base64url_json(claims));
        let signature = signing.key.sign(token.as_bytes());
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
    /// Verifies with all of these keys, each until it retires.
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
