//! What Kakao's signed JWTs have in common: ID tokens, and security event tokens (RFC 7515 §3.1, RFC 8725).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    jwks::PublicKey,
    members::{Member, Members},
};
use crate::clock::Timestamp;

/// The issuer of all of them (`iss`).
pub(super) const ISSUER: &str = "https://kauth.kakao.com";
/// The end of the year 9999, past which a time is a mistake.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// Why a header is refused, as the end of a sentence about the token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// It is not the header of such a token.
    Malformed(&'static str),
    /// It names no key that could verify the token.
    Key(&'static str),
}

/// The id of the key that signed a token, by its header. `jku`, `x5u`, `x5c` and `jwk` are ignored: only Kakao's own set counts.
///
/// `is_type` judges `typ`, which tells ID tokens from security event tokens (RFC 8725 §3.11).
pub(super) fn key_id(
    token: &str,
    max_length: usize,
    is_type: fn(&Member<String>) -> bool,
) -> Result<String, HeaderError> {
    if token.len() > max_length {
        return Err(HeaderError::Malformed("is too long"));
    }
    let header = token.split_once('.').and_then(|(header, _)| members(header));
    let header = header.ok_or(HeaderError::Malformed("is not a JWT"))?;
    if header.text("crit") != Member::Absent {
        return Err(HeaderError::Malformed("has a critical extension (crit)"));
    }
    if !is_type(&header.text("typ")) {
        return Err(HeaderError::Malformed("is a JWT of another type"));
    }
    if header.text("alg").value().as_deref() != Some("RS256") {
        return Err(HeaderError::Key("is not signed with RS256"));
    }
    header.text("kid").value().ok_or(HeaderError::Key("has no kid"))
}

/// The claims of a token, if this key signed it.
pub(super) fn signed_claims<'a>(token: &'a str, key: &PublicKey) -> Option<&'a str> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let (_, claims) = message.split_once('.')?;
    key.verifies(message, &signature).then_some(claims)
}

/// The members of a header or of claims.
pub(super) fn members(part: &str) -> Option<Members> {
    Members::parse(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?)
}

/// A time, which may have a fraction (RFC 7519 §2).
pub(super) fn numeric_date(claims: &Members, name: &str) -> Option<Timestamp> {
    let seconds: f64 = claims.get(name).value()?;
    #[expect(clippy::cast_possible_truncation, reason = "the fraction goes, and the range fits")]
    (0.0..=LAST_SECOND).contains(&seconds).then(|| Timestamp::from_unix_seconds(seconds as i64))
}
