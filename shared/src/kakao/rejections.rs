//! Access tokens that Kakao has refused. They are remembered for a minute, so that repeating one costs none of our quota.

use std::time::Duration;

use secrecy::SecretString;

use super::KakaoError;
use crate::{clock::Timestamp, recent::Recent};

const KEPT: Duration = Duration::from_mins(1);

/// The access tokens that were refused last.
#[derive(Debug, Default)]
pub(super) struct RejectedTokens(Recent<Rejection>);

/// Why a token was refused, if that will still be true in a minute. An outage may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// Kakao does not know the token, or it has expired.
    Unknown,
    /// The token is another app's.
    WrongApp,
}

impl RejectedTokens {
    /// Why this token was refused within the last minute, if it was.
    pub(super) fn find(&self, token: &SecretString, now: Timestamp) -> Option<Rejection> {
        self.0.find(token, now)
    }

    pub(super) fn remember(&self, token: &SecretString, rejection: Rejection, now: Timestamp) {
        self.0.remember(token, rejection, now + KEPT, now);
    }
}

impl From<Rejection> for KakaoError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unknown => Self::Rejected("kapi refused this access token within the last minute".to_owned()),
            Rejection::WrongApp => Self::WrongApp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn a_rejection_is_kept_for_a_minute() {
        let (rejected_tokens, token) = (RejectedTokens::default(), "token".into());
        rejected_tokens.remember(&token, Rejection::WrongApp, NOW);
        assert_eq!(rejected_tokens.find(&token, NOW + Duration::from_secs(59)), Some(Rejection::WrongApp));
        assert_eq!(rejected_tokens.find(&token, NOW + KEPT), None);
    }
}
