//! ID tokens: what Kakao signed, checked without a call (OpenID Connect Core §3.1.3.7).
//!
//! <https://developers.kakao.com/docs/latest/en/kakaologin/utilize#oidc>

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::KakaoError;
use crate::{
    clock::Timestamp,
    jwt,
    user::{KakaoUser, Told},
};

const ISSUER: &str = "https://kauth.kakao.com";
const LEEWAY: Duration = Duration::from_mins(1);
/// Kakao's have about 900 characters.
pub(super) const MAX_LENGTH: usize = 8 * 1024;

/// Who an ID token says signed in.
#[derive(Debug)]
pub struct Identity {
    /// The person, with what the token tells of them.
    pub user: KakaoUser,
    /// When the token expires, with the leeway that is granted.
    pub expires_at: Timestamp,
    /// Whether the presenter knows more than the token shows: its nonce is the hash of theirs.
    pub knows_preimage: bool,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    /// Kakao's is a text. A list, as the standard allows, could name somebody else beside us.
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    nonce: Option<String>,
    at_hash: Option<String>,
    nickname: Option<String>,
    email: Option<String>,
}

/// The key that a token says it was signed with. `jku`, `x5u`, `x5c` and `jwk` are ignored, as only Kakao's own set counts.
pub(super) fn key_id(token: &str) -> Result<String, KakaoError> {
    if token.len() > MAX_LENGTH {
        return Err(rejected("the ID token is too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| rejected("the ID token is no JWT"))?;
    if header.crit.is_some() {
        return Err(rejected("the ID token asks for what is not understood here (crit)"));
    }
    header.kid.ok_or_else(|| rejected("the ID token names no key"))
}

/// Checks a token that a client handed in, with its signature.
pub(super) fn verify(
    token: &str,
    key: &DecodingKey,
    audiences: &[String],
    nonce: &str,
    now: Timestamp,
) -> Result<Identity, KakaoError> {
    let claims: Claims =
        jwt::decode_rs256(token, key).ok_or_else(|| rejected("the ID token's signature or shape is wrong"))?;
    claims.check(audiences, Some(nonce), None, now)
}

/// Checks a token that came from Kakao's token endpoint. TLS stands in for its signature (§3.1.3.7, item 6).
pub(super) fn read(
    token: &str,
    audiences: &[String],
    nonce: Option<&str>,
    access_token: &str,
    now: Timestamp,
) -> Result<Identity, KakaoError> {
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token)
        .map_err(|_| super::nonsense("an unreadable ID token"))?;
    claims.check(audiences, nonce, Some(access_token), now)
}

impl Claims {
    fn check(
        self,
        audiences: &[String],
        nonce: Option<&str>,
        access_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Identity, KakaoError> {
        if self.iss != ISSUER {
            return Err(rejected("the ID token is from another issuer"));
        }
        if !audiences.contains(&self.aud) {
            return Err(KakaoError::WrongApp);
        }
        let expires_at = Timestamp::from_unix_seconds(self.exp) + LEEWAY;
        if expires_at <= now {
            return Err(rejected("the ID token has expired"));
        }
        if Timestamp::from_unix_seconds(self.iat) > now + LEEWAY {
            return Err(rejected("the ID token is from the future"));
        }
        let knows_preimage = nonce.is_some_and(|nonce| self.nonce.as_deref() == Some(hash(nonce).as_str()));
        if nonce.is_some() && !knows_preimage && self.nonce.as_deref() != nonce {
            return Err(rejected("the ID token has another nonce"));
        }
        // OpenID Connect Core §3.1.3.6: the left half of the hash.
        if let (Some(expected), Some(access_token)) = (&self.at_hash, access_token) {
            let half = &digest(&SHA256, access_token.as_bytes()).as_ref()[..16].to_vec();
            if BASE64_URL_SAFE_NO_PAD.encode(half) != *expected {
                return Err(rejected("the ID token is of another access token"));
            }
        }
        let id = self.sub.parse().map_err(|_| rejected("the ID token's sub is no Kakao id"))?;
        Ok(Identity {
            user: KakaoUser {
                id,
                nickname: said(self.nickname),
                // Its `picture` is a thumbnail of what user/me has.
                profile_image: Told::Silence,
                // Kakao puts only a valid and verified address into an ID token.
                email: said(self.email.filter(|email| email.len() <= 254 && email.contains('@'))),
            },
            expires_at,
            knows_preimage,
        })
    }
}

fn said(value: Option<String>) -> Told {
    match value.map(|value| super::answers::printable(&value)) {
        Some(value) if !value.is_empty() => Told::Value(value),
        _ => Told::Silence,
    }
}

fn hash(nonce: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, nonce.as_bytes()))
}

fn rejected(reason: &str) -> KakaoError {
    KakaoError::Rejected(reason.to_owned())
}
