//! Security event tokens (RFC 8417): Kakao signs them to say what has happened to an account.
//!
//! <https://developers.kakao.com/docs/latest/en/kakaologin/callback>

use std::{collections::BTreeSet, time::Duration};

use super::{
    KakaoError,
    jwks::PublicKey,
    jwt::{self, HeaderError, ISSUER, members, numeric_date, signed_claims},
    members::{Member, Members},
};
use crate::{
    account::{LEEWAY, SecurityEvent},
    clock::Timestamp,
    id::KakaoId,
};

/// How long fetching the keys may take: Kakao waits 3 s for our response.
pub(super) const KEYS_WITHIN: Duration = Duration::from_secs(1);
/// As large as a request may be.
const MAX_LENGTH: usize = 16 * 1024;
/// Kakao sends a token again if it gets no response. Tokens are remembered for longer than this, so that each acts once.
const MAX_AGE: Duration = Duration::from_hours(10 * 24);
const MAX_JTI_LENGTH: usize = 128;

/// A verified security event token.
#[derive(Debug)]
pub struct SecurityEventToken {
    /// The token's id.
    pub jti: String,
    /// The person at Kakao.
    pub kakao_id: KakaoId,
    /// What has happened. At least one event.
    pub events: Vec<SecurityEvent>,
}

/// Why a security event token is not accepted, by the error codes of RFC 8935 §2.4.
#[derive(Debug, thiserror::Error)]
pub enum SecurityEventError {
    /// `invalid_request`: it is not a security event token, or a claim is missing, malformed or out of range.
    #[error("the security event token {0}")]
    Request(&'static str),
    /// `invalid_key`: no key of Kakao's signed it with RS256.
    #[error("the security event token {0}")]
    Key(&'static str),
    /// `invalid_issuer`: it is not from Kakao.
    #[error("the security event token is from another issuer")]
    Issuer,
    /// `invalid_audience`: it is for another app.
    #[error("the security event token is for another app")]
    Audience,
    /// Kakao's keys are not available. Kakao sends the token again.
    #[error(transparent)]
    NoKeys(KakaoError),
}

impl SecurityEventError {
    /// The error code of RFC 8935 §2.4. `None` if the token may be good.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Request(_) => Some("invalid_request"),
            Self::Key(_) => Some("invalid_key"),
            Self::Issuer => Some("invalid_issuer"),
            Self::Audience => Some("invalid_audience"),
            Self::NoKeys(_) => None,
        }
    }
}

impl From<HeaderError> for SecurityEventError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Malformed(reason) => Self::Request(reason),
            HeaderError::Key(reason) => Self::Key(reason),
        }
    }
}

impl From<KakaoError> for SecurityEventError {
    fn from(error: KakaoError) -> Self {
        match error {
            KakaoError::Rejected(_) => Self::Key("was signed by an unknown key"),
            error => Self::NoKeys(error),
        }
    }
}

/// The id of the key that signed a token, by its header.
pub(super) fn key_id(token: &str) -> Result<String, SecurityEventError> {
    Ok(jwt::key_id(token, MAX_LENGTH, is_type)?)
}

/// A media type, whose prefix may be left out (RFC 7515 §4.1.9). Without a type it could be an ID token.
fn is_type(typ: &Member<String>) -> bool {
    let Member::Value(typ) = typ else { return false };
    ["secevent+jwt", "application/secevent+jwt"].iter().any(|expected| typ.eq_ignore_ascii_case(expected))
}

/// Verifies a token. There is no `exp`, and `toe`, `txn` and `txm` are not needed.
pub(super) fn verify(
    token: &str,
    key: &PublicKey,
    audience: &str,
    now: Timestamp,
) -> Result<SecurityEventToken, SecurityEventError> {
    let claims = signed_claims(token, key).ok_or(SecurityEventError::Key("has a wrong signature"))?;
    let claims = members(claims).ok_or(SecurityEventError::Request("has no claims"))?;
    read(&claims, audience, now)
}

fn read(claims: &Members, audience: &str, now: Timestamp) -> Result<SecurityEventToken, SecurityEventError> {
    use SecurityEventError::Request;

    if claims.text("iss").value().as_deref() != Some(ISSUER) {
        return Err(SecurityEventError::Issuer);
    }
    if !audiences(claims).iter().any(|named| named == audience) {
        return Err(SecurityEventError::Audience);
    }
    let issued_at = numeric_date(claims, "iat").ok_or(Request("has no readable iat"))?;
    if issued_at > now + LEEWAY {
        return Err(Request("was issued in the future"));
    }
    if issued_at + MAX_AGE < now {
        return Err(Request("was issued too long ago"));
    }
    let jti = claims.text("jti").value().filter(|jti| is_jti(jti)).ok_or(Request("has no usable jti"))?;
    let named: Members = claims.get("events").value().ok_or(Request("has no events"))?;
    let mut subjects = BTreeSet::new();
    subjects.extend(subject(claims)?);
    let mut events = Vec::new();
    for uri in named.names() {
        let event: Members = named.get(uri).value().ok_or(Request("has an unreadable event"))?;
        if let Some(of_event) = event.get::<Members>("subject").optional(Request("has an unreadable subject"))? {
            subjects.extend(subject(&of_event)?);
        }
        events.push(SecurityEvent { uri: uri.to_owned(), scopes: scopes(&event) });
    }
    if events.is_empty() {
        return Err(Request("has no events"));
    }
    // A map of JSON has no order.
    events.sort_by(|one, other| one.uri.cmp(&other.uri));
    let mut subjects = subjects.into_iter();
    let (Some(kakao_id), None) = (subjects.next(), subjects.next()) else {
        return Err(Request("has no subject, or several"));
    };
    let kakao_id = kakao_id.parse().map_err(|_| Request("has a subject that is not a user ID"))?;
    Ok(SecurityEventToken { jti, kakao_id, events })
}

/// A text or a list of texts (RFC 7519 §4.1.3).
fn audiences(claims: &Members) -> Vec<String> {
    match claims.text("aud") {
        Member::Value(audience) => vec![audience],
        Member::Absent | Member::Unreadable => claims.get("aud").value().unwrap_or_default(),
    }
}

fn is_jti(jti: &str) -> bool {
    (1..=MAX_JTI_LENGTH).contains(&jti.len()) && jti.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn subject(of: &Members) -> Result<Option<String>, SecurityEventError> {
    of.text("sub").optional(SecurityEventError::Request("has an unreadable subject"))
}

/// The consent items that an event names, as far as they are readable. Kakao does not document the member's name.
fn scopes(event: &Members) -> Vec<String> {
    let of = |name| match event.text(name) {
        Member::Value(text) => text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        Member::Absent | Member::Unreadable => event.get::<Vec<String>>(name).value().unwrap_or_default(),
    };
    ["scopes", "scope"].into_iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests;
