//! What a presented token may do to other sessions of its user.

use super::{LinkedVerdict, Verdict};

/// What a presented token proves about the client that presents it.
///
/// Only a token with which the session could be renewed at this moment may log out all of its user's devices. A thief may hold a spent
/// token or one of an ended session, a token that is ahead may be spent too, and that of a linked session proves nothing without its
/// links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its session could be renewed with it: it may end all sessions.
    Alive,
    /// Its session has ended.
    Ended,
    /// Two parties hold it. It may end its own session.
    Spent,
    /// It is newer than its session.
    Ahead,
    /// Its links are older than those of another tab or a copy: ask again with the latest. Nothing may be touched.
    Stale,
    /// It belongs to a linked session and came without its links. Nothing may be touched.
    Unlinked,
}

impl From<&Verdict> for Standing {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Rotate | Verdict::Current | Verdict::Repeat(_) => Self::Alive,
            Verdict::Ended => Self::Ended,
            Verdict::Reuse => Self::Spent,
            Verdict::Ahead => Self::Ahead,
        }
    }
}

impl From<LinkedVerdict> for Standing {
    fn from(verdict: LinkedVerdict) -> Self {
        match verdict {
            LinkedVerdict::Grow(_) | LinkedVerdict::Repeat(_) | LinkedVerdict::Stay => Self::Alive,
            LinkedVerdict::Ended => Self::Ended,
            LinkedVerdict::Fork => Self::Spent,
            LinkedVerdict::Ahead => Self::Ahead,
            // A late request may be a recording of an earlier one.
            LinkedVerdict::Late | LinkedVerdict::Overtaken => Self::Stale,
            LinkedVerdict::Unlinked => Self::Unlinked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{
        super::{Kind, RefreshTokenKeys, Session, Transport, Version, judge},
        *,
    };
    use crate::{clock::Timestamp, id::UserId};

    #[test]
    fn only_what_could_be_renewed_is_alive() {
        assert_eq!([Verdict::Rotate, Verdict::Current].map(|verdict| Standing::from(&verdict)), [Standing::Alive; 2]);
        let others = [Verdict::Ended, Verdict::Reuse, Verdict::Ahead].map(|verdict| Standing::from(&verdict));
        assert_eq!(others, [Standing::Ended, Standing::Spent, Standing::Ahead]);
    }

    /// A session whose token never changes is judged by the rules of rotation, which never replace it.
    #[test]
    fn a_token_that_is_never_replaced_is_alive_or_ended_and_never_spent_or_ahead() {
        let key = json!({"secret": "A".repeat(43), "mints_from": 0});
        let keys = RefreshTokenKeys::new(&[serde_json::from_value(key).unwrap()]).unwrap();
        let (began, window) = (Timestamp::from_unix_seconds(1_800_000_000), Duration::from_secs(30));
        let ends_at = began + Duration::from_hours(1);
        let version = Version::issued(Kind::Fixed, Transport::Page);
        let token = keys.issue(version, UserId::generate(), keys.new_session(None, began), ends_at, began);
        let session = |expires_at| Session {
            token_hash: token.hash(),
            generation: token.generation,
            rotated_at: began,
            expires_at,
            logged_in_at: began,
        };
        for seconds in [0, 1, 29, 30, 31, 599, 600, 3_599, 3_600, 86_400] {
            let now = began + Duration::from_secs(seconds);
            for life in [600, 3_600, 86_400] {
                let stored = session(began + Duration::from_secs(life));
                let expected = if seconds < life.min(3_600) { Standing::Alive } else { Standing::Ended };
                let verdict = judge(&token, Some(&stored), &keys, now, window);
                assert_eq!(Standing::from(&verdict), expected, "{seconds} s of {life}");
            }
            assert_eq!(Standing::from(&judge(&token, None, &keys, now, window)), Standing::Ended);
        }
    }

    /// A refresh serves late links, but a thief may have recorded them.
    #[test]
    fn a_token_with_late_or_old_links_or_without_any_may_touch_nothing() {
        for (verdict, expected) in [
            (LinkedVerdict::Grow(3), Standing::Alive),
            (LinkedVerdict::Repeat(3), Standing::Alive),
            (LinkedVerdict::Stay, Standing::Alive),
            (LinkedVerdict::Late, Standing::Stale),
            (LinkedVerdict::Overtaken, Standing::Stale),
            (LinkedVerdict::Unlinked, Standing::Unlinked),
            (LinkedVerdict::Fork, Standing::Spent),
            (LinkedVerdict::Ended, Standing::Ended),
            (LinkedVerdict::Ahead, Standing::Ahead),
        ] {
            assert_eq!(Standing::from(verdict), expected, "{verdict:?}");
        }
    }
}
