//! Access tokens that Kakao has refused, remembered for a minute: sending one again and again costs none of our quota.

use std::time::Duration;

use secrecy::SecretString;

use super::KakaoError;
use crate::{clock::Timestamp, recent::Recent};

const KEPT: Duration = Duration::from_mins(1);

/// The tokens that were refused last.
#[derive(Debug, Default)]
pub(super) struct Refusals(Recent<Refusal>);

/// A refusal that will not be another one a moment later. An outage is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Kakao does not know the token, or it has expired.
    Unknown,
    /// The token is another app's.
    WrongApp,
}

impl Refusals {
    /// Why this token was refused within the last minute, if it was.
    pub(super) fn find(&self, token: &SecretString, now: Timestamp) -> Option<Refusal> {
        self.0.find(token, now)
    }

    pub(super) fn remember(&self, token: &SecretString, refusal: Refusal, now: Timestamp) {
        self.0.remember(token, refusal, now + KEPT, now);
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
        assert_eq!(refusals.find(&token, NOW + KEPT), None);
    }
}
