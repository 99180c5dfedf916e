//! Access tokens that Kakao has refused, kept for a minute: whoever sends one again and again spends none of our quota.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use super::KakaoError;
use crate::clock::Timestamp;

const KEPT: Duration = Duration::from_mins(1);
const AT_MOST: usize = 1_024;

/// The tokens that were refused last, by their hash. The oldest makes room for a new one.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<VecDeque<(TokenHash, Refusal, Timestamp)>>);

/// A refusal that will not be another one a moment later. An outage is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Kakao does not know the token, or it has expired.
    Unknown,
    /// The token is another app's.
    WrongApp,
}

#[derive(Debug, PartialEq, Eq)]
struct TokenHash(Vec<u8>);

impl Refusals {
    /// Why this token was refused within the last minute, if it was.
    pub(super) fn find(&self, token: &SecretString, now: Timestamp) -> Option<Refusal> {
        let hash = TokenHash::of(token);
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = refusals.iter().find(|(known, _, until)| *known == hash && *until > now);
        found.map(|(_, refusal, _)| *refusal)
    }

    pub(super) fn remember(&self, token: &SecretString, refusal: Refusal, now: Timestamp) {
        let hash = TokenHash::of(token);
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.retain(|(_, _, until)| *until > now);
        if refusals.len() == AT_MOST {
            refusals.pop_front();
        }
        refusals.push_back((hash, refusal, now + KEPT));
    }
}

impl TokenHash {
    fn of(token: &SecretString) -> Self {
        Self(digest(&SHA256, token.expose_secret().as_bytes()).as_ref().to_vec())
    }
}

impl From<Refusal> for KakaoError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Self::Rejected("kapi refused this access token within the last minute".to_owned()),
            Refusal::WrongApp => Self::WrongApp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn a_refusal_is_kept_for_a_minute() {
        let (refusals, token) = (Refusals::default(), "token".into());
        refusals.remember(&token, Refusal::WrongApp, NOW);
        assert_eq!(refusals.find(&token, NOW + Duration::from_secs(59)), Some(Refusal::WrongApp));
        assert_eq!(refusals.find(&"another".into(), NOW), None);
        assert_eq!(refusals.find(&token, NOW + KEPT), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let refusals = Refusals::default();
        let token = |number: usize| SecretString::from(format!("token {number}"));
        for number in 0..=AT_MOST {
            refusals.remember(&token(number), Refusal::Unknown, NOW);
        }
        assert_eq!(refusals.find(&token(0), NOW), None);
        assert!((1..=AT_MOST).all(|number| refusals.find(&token(number), NOW).is_some()));
        refusals.remember(&token(0), Refusal::Unknown, NOW + KEPT);
        assert_eq!(refusals.0.lock().unwrap().len(), 1, "the expired ones are gone");
    }
}
