//! The limit of sessions per user, as a pure function.

use std::{cmp::Reverse, time::Duration};

use crate::{clock::Timestamp, id::SessionId};

/// How many sessions of a user are kept. They are counted at every login of this number, so the other logins pay nothing for it.
pub const KEPT_SESSIONS: usize = 20;

/// The age from which a session counts. A younger one may be that of a login that will be refused: it is written at the same time
/// as the login is counted, and ended afterwards. Lambda ends the process of a login after 10 s; the other 5 s allow for clocks that
/// differ.
pub const SETTLED_AFTER: Duration = Duration::from_secs(15);

/// A living session and when it was used last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedSession {
    /// The session's id.
    pub id: SessionId,
    /// Its login, its last rotation, or the last growth of its chain.
    pub last_used_at: Timestamp,
}

/// Whether the sessions are counted at this login of the user, by the number of all logins.
#[must_use]
pub const fn is_count_due(logins: u64) -> bool {
    logins.is_multiple_of(KEPT_SESSIONS as u64)
}

/// The settled sessions to end: all but those used last. The one that has just started is not settled, but counts.
#[must_use]
pub fn surplus(mut settled: Vec<UsedSession>) -> Vec<SessionId> {
    settled.sort_by_key(|session| Reverse(session.last_used_at));
    settled.into_iter().skip(KEPT_SESSIONS - 1).map(|session| session.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// Sessions that were used so many seconds ago.
    fn used(ago: impl IntoIterator<Item = u64>) -> Vec<UsedSession> {
        let session = |ago| UsedSession { id: SessionId::generate(), last_used_at: NOW - Duration::from_secs(ago) };
        ago.into_iter().map(session).collect()
    }

    #[test]
    fn with_the_new_session_the_twenty_used_last_are_kept() {
        let sessions = used([9, 0, 5, 7, 1, 3, 2, 8, 4, 6, 19, 10, 15, 17, 11, 13, 12, 18, 14, 16, 21, 20]);
        let ago = |id: &SessionId| sessions.iter().find(|session| session.id == *id).unwrap().last_used_at;
        let ended: Vec<u64> = surplus(sessions.clone()).iter().map(|id| NOW.seconds_since(ago(id))).collect();
        assert_eq!(ended, [19, 20, 21]);
        assert_eq!(surplus(used(0..19)), []);
    }

    #[test]
    fn sessions_are_counted_at_every_twentieth_login() {
        let due: Vec<u64> = (1..=60).filter(|logins| is_count_due(*logins)).collect();
        assert_eq!(due, [20, 40, 60]);
    }
}
