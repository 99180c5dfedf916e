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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn token(changes: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "aud": "key", "sub": "1376016924429759228", "iat": NOW.unix_seconds(), "exp": NOW.unix_seconds() + 1,
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.x", encode(&json!({"alg": "RS256"})), encode(&claims))
    }

    fn check(changes: &Value, nonce: Option<&str>) -> Result<Identity, KakaoError> {
        read(&token(changes), &["key".to_owned()], nonce, "access token", NOW)
    }

    #[test]
    fn a_token_of_another_access_token_is_refused() {
        // The left half of SHA-256("access token"), by openssl.
        assert!(check(&json!({"at_hash": "DD1GlGu_mcghPdf2xkDtZA"}), None).is_ok());
        assert!(check(&json!({}), None).is_ok(), "Kakao need not send it");
        assert!(matches!(check(&json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), None), Err(KakaoError::Rejected(_))));
    }

    #[test]
    fn a_nonce_that_was_asked_for_has_to_be_there_as_it_is_or_as_a_hash() {
        assert!(!check(&json!({"nonce": "n"}), Some("n")).unwrap().knows_preimage);
        assert!(check(&json!({"nonce": hash("n")}), Some("n")).unwrap().knows_preimage);
        assert!(check(&json!({"nonce": "n"}), None).is_ok(), "a sign-in by code need not name it");
        for nonce in [json!("other"), json!(hash("other")), json!("")] {
            assert!(check(&json!({"nonce": nonce}), Some("n")).is_err(), "{nonce}");
        }
        assert!(check(&json!({}), Some("n")).is_err());
    }

    #[test]
    fn what_a_token_does_not_say_is_silence() {
        let said = check(&json!({"nickname": "라이언\n", "email": "no address"}), None).unwrap().user;
        assert_eq!(said.id.to_string(), "1376016924429759228");
        assert_eq!((said.nickname, said.email), (Told::Value("라이언".to_owned()), Told::Silence));
        let silent = check(&json!({}), None).unwrap().user;
        assert_eq!((silent.nickname, silent.profile_image), (Told::Silence, Told::Silence));
    }
}
