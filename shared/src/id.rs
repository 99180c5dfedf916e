//! Identifiers: ours are 128 random bits, or a number for a user; Kakao's is a number of up to 19 digits.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use crate::random;

/// One of our users, as clients see it in `pk` and `sub`: 16 bytes, written as 22 characters of base64url, or a number.
///
/// A value below 2^53 is written as a decimal number, which is exact in JavaScript too. Random bytes have such a value once in 2^75.
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
    /// The largest numeric id: the largest integer that JavaScript has exactly.
    pub const MAX_NUMBER: u64 = (1 << 53) - 1;

    /// A new id from the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    /// The numeric id, or `None` unless it is between 1 and [`MAX_NUMBER`](Self::MAX_NUMBER).
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        (1..=Self::MAX_NUMBER).contains(&number).then(|| Self(u128::from(number).to_be_bytes()))
    }

    /// The number of a numeric id.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        u64::try_from(u128::from_be_bytes(self.0)).ok().filter(|number| (1..=Self::MAX_NUMBER).contains(number))
    }

    /// The id as JSON: a number for a numeric id, otherwise a text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.number().map_or_else(|| self.to_string().into(), Value::from)
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
        if let Some(number) = self.number() {
            return number.fmt(f);
        }
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
        let number: Option<i64> = text.parse().ok().filter(|_| is_canonical(text));
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
        if is_canonical(text) && text.len() < TEXT_LENGTH {
            return text.parse().ok().and_then(Self::from_number).ok_or(MalformedId);
        }
        // One spelling only: a number is not written in base64url.
        parse_bytes(text).map(Self).ok().filter(|id| id.number().is_none()).ok_or(MalformedId)
    }
}

impl FromStr for SessionId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        parse_bytes(text).map(Self)
    }
}

/// How many characters base64url has for 16 bytes: more than any number below 2^53 has digits.
const TEXT_LENGTH: usize = 22;

/// Whether a text can only be a positive number, in its one spelling: no sign, no leading zero.
fn is_canonical(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0')
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
    fn a_small_number_is_written_as_a_number_and_only_so() {
        for number in [1, 17, UserId::MAX_NUMBER] {
            let id = UserId::from_number(number).unwrap();
            assert_eq!((id.to_string(), id.to_string().parse()), (number.to_string(), Ok(id)));
            assert_eq!((id.number(), id.to_json()), (Some(number), number.into()));
            let bytes = BASE64_URL_SAFE_NO_PAD.encode(id.as_bytes());
            assert_eq!(bytes.parse::<UserId>(), Err(MalformedId), "{bytes}");
        }
        assert_eq!((UserId::from_number(0), UserId::from_number(UserId::MAX_NUMBER + 1)), (None, None));
        for text in ["0", "007", "+1", "-1", "１", "1.0", "9007199254740992", "18446744073709551617"] {
            assert_eq!(text.parse::<UserId>(), Err(MalformedId), "{text}");
        }
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAA".parse::<UserId>(), Ok(UserId::from_bytes([0; 16])), "zero is not a number");
        let random = UserId::generate();
        assert_eq!((random.number(), random.to_json()), (None, random.to_string().into()));
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
