//! Identifiers: ours are 128 random bits, Kakao's is a number of up to 19 digits.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::random;

/// One of our users. Clients see it as `pk` and `sub`: 22 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId([u8; 16]);

/// A session: one login on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

/// A person as Kakao numbers them for our app: a positive number of up to 19 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "i64")]
pub struct KakaoId(i64);

/// A text that is not an identifier.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed identifier")]
pub struct MalformedId;

impl UserId {
    /// A new id from the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SessionId {
    /// A new id from the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Display for KakaoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KakaoId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        // One spelling only: no sign, no leading zero.
        let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number: Option<i64> = text.parse().ok().filter(|_| is_canonical);
        number.ok_or(MalformedId)?.try_into()
    }
}

impl TryFrom<i64> for KakaoId {
    type Error = MalformedId;

    fn try_from(number: i64) -> Result<Self, MalformedId> {
        if number > 0 { Ok(Self(number)) } else { Err(MalformedId) }
    }
}

impl FromStr for UserId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        parse_bytes(text).map(Self)
    }
}

impl FromStr for SessionId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        parse_bytes(text).map(Self)
    }
}

fn parse_bytes(text: &str) -> Result<[u8; 16], MalformedId> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(MalformedId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_a_round_trip_through_text() {
        let (user, session) = (UserId::generate(), SessionId::generate());
        assert_eq!(user.to_string().parse(), Ok(user));
        assert_eq!(session.to_string().parse(), Ok(session));
        assert_eq!(user.to_string().len(), 22);
    }

    #[test]
    fn a_text_of_another_length_or_alphabet_is_not_an_id() {
        for text in ["", "abc", "AAAAAAAAAAAAAAAAAAAAAAAA", "한국어한국어한국어한", "AAAAAAAAAAAAAAAAAAAAA+"]
        {
            assert_eq!(text.parse::<UserId>(), Err(MalformedId), "{text}");
        }
    }

    #[test]
    fn a_kakao_id_of_19_digits_stays_exact() {
        assert_eq!(
            "1376016924429759228".parse::<KakaoId>(),
            serde_json::from_str("1376016924429759228").map_err(|_| MalformedId)
        );
        for text in ["", "0", "-1", "+1", "007", "1a", "１", "99999999999999999999"] {
            assert_eq!(text.parse::<KakaoId>(), Err(MalformedId), "{text}");
        }
        for number in ["0", "-5", "1.5", "\"1\"", "99999999999999999999"] {
            assert!(serde_json::from_str::<KakaoId>(number).is_err(), "{number}");
        }
        let id: KakaoId = serde_json::from_str("1376016924429759228").unwrap();
        assert_eq!(id.to_string(), "1376016924429759228");
    }
}
