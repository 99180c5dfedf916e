//! ID tokens: verified here, without a call to Kakao (OpenID Connect Core §3.1.3.7).
//!
//! <https://developers.kakao.com/docs/latest/en/kakaologin/utilize#oidc>

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};

use super::{
    KakaoError,
    jwks::PublicKey,
    jwt::{self, HeaderError, ISSUER, members, numeric_date, signed_claims},
    members::{Member, Members},
    responses,
};
use crate::{
    clock::Timestamp,
    id::KakaoId,
    user::{FieldUpdate, IdTokenProfile, KakaoUser, Source},
};

const LEEWAY: Duration = Duration::from_mins(1);
/// Kakao's have about 900 characters.
pub(super) const MAX_LENGTH: usize = 8 * 1024;

/// The user that an ID token identifies.
#[derive(Debug)]
pub struct Identity {
    /// The user, with what the token says about them.
    pub user: KakaoUser,
    /// When the token was issued, by Kakao's clock.
    pub issued_at: Timestamp,
    /// When the user was at Kakao's login page (`auth_time`), which may be long before the token was issued. `None` if the token does
    /// not say so readably.
    pub authenticated_at: Option<Timestamp>,
    /// When the token is no longer accepted, with the leeway.
    pub expires_at: Timestamp,
    /// Whether the presenter knows a preimage of the nonce, which the token does not reveal.
    pub knows_preimage: bool,
}

struct Claims {
    iss: String,
    /// A text at Kakao. The standard also allows a list, which could name another app as well as ours.
    aud: String,
    sub: KakaoId,
    iat: Timestamp,
    exp: Timestamp,
    auth_time: Option<Timestamp>,
    nonce: Option<String>,
    at_hash: Option<String>,
    nickname: FieldUpdate,
    email: FieldUpdate,
    profile: IdTokenProfile,
}

/// The id of the key that signed a token, by its header.
pub(super) fn key_id(token: &str) -> Result<String, KakaoError> {
    jwt::key_id(token, MAX_LENGTH, is_type).map_err(|error| match error {
        HeaderError::Malformed(reason) | HeaderError::Key(reason) => rejected(&format!("the ID token {reason}")),
    })
}

/// Kakao's ID tokens have JWT here.
fn is_type(typ: &Member<String>) -> bool {
    match typ {
        Member::Absent => true,
        Member::Unreadable => false,
        Member::Value(typ) => typ.eq_ignore_ascii_case("JWT"),
    }
}

/// Verifies a token that a client sent, with its signature and its age.
pub(super) fn verify(
    token: &str,
    key: &PublicKey,
    audiences: &[String],
    nonce: &str,
    max_age: Duration,
    now: Timestamp,
) -> Result<Identity, KakaoError> {
    let claims = signed_claims(token, key).ok_or_else(|| rejected("the ID token's signature is wrong"))?;
    let claims = members(claims).as_ref().and_then(Claims::read);
    let claims = claims.ok_or_else(|| rejected("a claim of the ID token is missing or malformed"))?;
    let too_old_at = claims.iat + max_age + LEEWAY;
    let identity = claims.check(audiences, Some(nonce), None, now)?;
    if too_old_at <= now {
        return Err(rejected("the ID token was issued too long ago (IdTokenMaxAge)"));
    }
    Ok(Identity { expires_at: identity.expires_at.min(too_old_at), ..identity })
}

/// Verifies a token from Kakao's token endpoint. TLS replaces the check of its signature (§3.1.3.7, item 6). The token is optional
/// there, so an unreadable one counts as missing.
pub(super) fn read(
    token: &str,
    audiences: &[String],
    nonce: Option<&str>,
    access_token: &str,
    now: Timestamp,
) -> Result<Option<Identity>, KakaoError> {
    let claims = token.split('.').nth(1).and_then(members).as_ref().and_then(Claims::read);
    claims.map(|claims| claims.check(audiences, nonce, Some(access_token), now)).transpose()
}

impl Claims {
    fn read(claims: &Members) -> Option<Self> {
        Some(Self {
            iss: claims.text("iss").value()?,
            aud: claims.text("aud").value()?,
            sub: claims.text("sub").value()?.parse().ok()?,
            iat: numeric_date(claims, "iat")?,
            exp: numeric_date(claims, "exp")?,
            auth_time: numeric_date(claims, "auth_time"),
            nonce: match claims.text("nonce") {
                Member::Absent => None,
                // There is a nonce, but no client can present it.
                Member::Unreadable => Some(String::new()),
                Member::Value(nonce) => Some(nonce),
            },
            at_hash: claims.text("at_hash").value(),
            nickname: match claims.text("nickname") {
                Member::Value(nickname) => responses::printable(&nickname).map_or(FieldUpdate::Keep, FieldUpdate::Set),
                Member::Absent | Member::Unreadable => FieldUpdate::Keep,
            },
            profile: IdTokenProfile::new(
                claims.text("nickname") != Member::Absent,
                claims.text("picture").value().as_deref(),
            ),
            // Kakao puts only addresses into an ID token that are valid and verified and that the user consents to.
            email: match claims.text("email") {
                Member::Value(email) => responses::address(email),
                Member::Absent => FieldUpdate::Clear,
                Member::Unreadable => FieldUpdate::Keep,
            },
        })
    }

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
        let expires_at = self.exp + LEEWAY;
        if expires_at <= now {
            return Err(rejected("the ID token has expired"));
        }
        if self.iat > now + LEEWAY {
            return Err(rejected("the ID token was issued in the future"));
        }
        // A login that started with a nonce belongs to the browser that has the nonce. An empty nonce binds nothing.
        if nonce.is_none() && self.nonce.as_deref().is_some_and(|began_with| !began_with.is_empty()) {
            return Err(rejected("the login started with a nonce, which the request lacks"));
        }
        let knows_preimage = nonce.is_some_and(|nonce| self.nonce.as_deref() == Some(hash(nonce).as_str()));
        if nonce.is_some() && !knows_preimage && self.nonce.as_deref() != nonce {
            return Err(rejected("the ID token has another nonce"));
        }
        // OpenID Connect Core §3.1.3.6: the left half of the hash.
        if let (Some(expected), Some(access_token)) = (&self.at_hash, access_token) {
            let half = &digest(&SHA256, access_token.as_bytes()).as_ref()[..16].to_vec();
            if BASE64_URL_SAFE_NO_PAD.encode(half) != *expected {
                return Err(rejected("the ID token belongs to another access token"));
            }
        }
        Ok(Identity {
            user: KakaoUser {
                id: self.sub,
                nickname: self.nickname,
                // The token's `picture` is only a thumbnail.
                profile_image: FieldUpdate::Keep,
                email: self.email,
                source: Source::IdToken(self.profile),
            },
            issued_at: self.iat,
            authenticated_at: self.auth_time,
            expires_at,
            knows_preimage,
        })
    }
}

fn hash(nonce: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, nonce.as_bytes()))
}

fn rejected(reason: &str) -> KakaoError {
    KakaoError::Rejected(reason.to_owned())
}

#[cfg(test)]
mod tests;
