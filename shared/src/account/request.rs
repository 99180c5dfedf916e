//! What a request to delete the account may do.

use std::time::Duration;

use crate::{clock::Timestamp, id::KakaoId};

/// How old the login may be.
const PRESENCE: Duration = Duration::from_mins(10);

/// A request to delete the account, whose access token is valid. All of this is read at once, and consistently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The person at Kakao. `None` if the latest login did not write it yet: the next one will.
    pub kakao: Option<KakaoId>,
    /// When the user was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When the session began. Refreshing does not move it. `None` if the session has ended.
    pub logged_in_at: Option<Timestamp>,
    /// When the person was at Kakao's login page for this session (an ID token's `auth_time`). `None` if that is not known.
    pub authenticated_at: Option<Timestamp>,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerdict {
    /// Mark the user, who is this person at Kakao.
    Mark(KakaoId),
    /// An earlier request has: end the sessions that are left, and answer with the same receipt.
    Repeat {
        /// When the user was deleted.
        deleted_at: Timestamp,
    },
    /// 401: log in.
    SessionEnded,
    /// 403 `login_required`.
    LoginRequired,
    /// 503: the deletion could not be completed.
    CannotUnlink,
}

impl Request {
    /// Judges the request. `can_unlink` says whether there is an admin key to unlink with.
    #[must_use]
    pub fn judge(&self, can_unlink: bool, now: Timestamp) -> RequestVerdict {
        let is_recent = |moment: Timestamp| now < moment + PRESENCE && moment < now + PRESENCE;
        let Some(logged_in_at) = self.logged_in_at.filter(|_| self.deleted_at.is_none()) else {
            return self
                .deleted_at
                .map_or(RequestVerdict::SessionEnded, |deleted_at| RequestVerdict::Repeat { deleted_at });
        };
        match self.kakao {
            _ if !can_unlink => RequestVerdict::CannotUnlink,
            Some(kakao) if is_recent(logged_in_at) && self.authenticated_at.is_some_and(is_recent) => {
                RequestVerdict::Mark(kakao)
            }
            _ => RequestVerdict::LoginRequired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn kakao() -> KakaoId {
        "42".parse().unwrap()
    }

    fn fresh() -> Request {
        Request { kakao: Some(kakao()), deleted_at: None, logged_in_at: Some(NOW), authenticated_at: Some(NOW) }
    }

    #[test]
    fn deleting_needs_a_recent_login_at_kakaos_page() {
        let mark = RequestVerdict::Mark(kakao());
        assert_eq!(fresh().judge(true, NOW), mark);
        let (recent, old) = (NOW - Duration::from_secs(599), NOW - Duration::from_mins(10));
        for (authenticated_at, logged_in_at, verdict) in [
            (Some(recent), recent, mark),
            (Some(old), NOW, RequestVerdict::LoginRequired),
            (Some(NOW), old, RequestVerdict::LoginRequired),
            (None, NOW, RequestVerdict::LoginRequired),
            (Some(NOW + PRESENCE), NOW, RequestVerdict::LoginRequired),
        ] {
            let request = Request { authenticated_at, logged_in_at: Some(logged_in_at), ..fresh() };
            assert_eq!(request.judge(true, NOW), verdict, "{request:?}");
        }
        let unknown_person = Request { kakao: None, ..fresh() };
        assert_eq!(unknown_person.judge(true, NOW), RequestVerdict::LoginRequired);
    }

    #[test]
    fn nobody_is_marked_without_a_session_or_without_a_key_to_unlink_with() {
        let ended = Request { logged_in_at: None, ..fresh() };
        assert_eq!(ended.judge(true, NOW), RequestVerdict::SessionEnded);
        assert_eq!(ended.judge(false, NOW), RequestVerdict::SessionEnded);
        assert_eq!(fresh().judge(false, NOW), RequestVerdict::CannotUnlink);
    }

    #[test]
    fn a_repeat_is_answered_whatever_the_session_and_the_setting() {
        let repeat = RequestVerdict::Repeat { deleted_at: NOW };
        for request in [fresh(), Request { authenticated_at: None, ..fresh() }, Request::default()] {
            for can_unlink in [true, false] {
                assert_eq!(Request { deleted_at: Some(NOW), ..request }.judge(can_unlink, NOW), repeat);
            }
        }
    }
}
