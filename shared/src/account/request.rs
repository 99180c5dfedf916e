//! What a request to delete the account may do.

use std::time::Duration;

use crate::clock::Timestamp;

/// How old the login may be.
const PRESENCE: Duration = Duration::from_mins(10);

/// A request to delete the account, whose access token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When the person was at Kakao's login page for this session (an ID token's `auth_time`). `None` if that is not known.
    pub authenticated_at: Option<Timestamp>,
    /// When the session began. Refreshing does not move it.
    pub logged_in_at: Timestamp,
    /// When the user was deleted, by a consistent read of the profile.
    pub deleted_at: Option<Timestamp>,
    /// Whether there is an admin key to unlink with.
    pub can_unlink: bool,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerdict {
    /// Mark the user.
    Mark,
    /// An earlier request has: end the sessions that are left, and answer with the same receipt.
    Repeat {
        /// When the user was deleted.
        deleted_at: Timestamp,
    },
    /// 403 `login_required`.
    LoginRequired,
    /// 503: the deletion could not be completed.
    CannotUnlink,
}

impl Request {
    /// Judges the request.
    #[must_use]
    pub fn judge(&self, now: Timestamp) -> RequestVerdict {
        let is_recent = |moment: Timestamp| now < moment + PRESENCE && moment < now + PRESENCE;
        if let Some(deleted_at) = self.deleted_at {
            RequestVerdict::Repeat { deleted_at }
        } else if !self.can_unlink {
            RequestVerdict::CannotUnlink
        } else if self.authenticated_at.is_some_and(is_recent) && is_recent(self.logged_in_at) {
            RequestVerdict::Mark
        } else {
            RequestVerdict::LoginRequired
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const FRESH: Request =
        Request { authenticated_at: Some(NOW), logged_in_at: NOW, deleted_at: None, can_unlink: true };

    #[test]
    fn deleting_needs_a_recent_login_at_kakaos_page() {
        assert_eq!(FRESH.judge(NOW), RequestVerdict::Mark);
        let (recent, old) = (NOW - Duration::from_secs(599), NOW - Duration::from_mins(10));
        for (authenticated_at, logged_in_at, verdict) in [
            (Some(recent), recent, RequestVerdict::Mark),
            (Some(old), NOW, RequestVerdict::LoginRequired),
            (Some(NOW), old, RequestVerdict::LoginRequired),
            (None, NOW, RequestVerdict::LoginRequired),
            (Some(NOW + PRESENCE), NOW, RequestVerdict::LoginRequired),
        ] {
            let request = Request { authenticated_at, logged_in_at, ..FRESH };
            assert_eq!(request.judge(NOW), verdict, "{request:?}");
        }
    }

    #[test]
    fn a_repeat_is_answered_whatever_the_age_of_the_login() {
        let repeat = RequestVerdict::Repeat { deleted_at: NOW };
        for request in [FRESH, Request { authenticated_at: None, can_unlink: false, ..FRESH }] {
            assert_eq!(Request { deleted_at: Some(NOW), ..request }.judge(NOW), repeat);
        }
        assert_eq!(Request { can_unlink: false, ..FRESH }.judge(NOW), RequestVerdict::CannotUnlink);
    }
}
