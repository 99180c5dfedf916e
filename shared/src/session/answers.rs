//! The limit of refreshes that do not renew a session, as pure functions. `shared/tests/answers` searches what can happen with them.
//!
//! A refresh is one conditional write, and if its condition fails, DynamoDB changes nothing: such a write cannot count. So a process
//! remembers for a moment which refreshes it has [`Answered`] without renewing the session. While that holds, it sends another write
//! for the same refresh: a [`Count`] in the session's item. What the client presents is judged by the item that this write returns,
//! as always, and refused only if the item has counted [`ANSWERS_AT_MOST`] in this minute.
//!
//! - A refresh that can renew its session is never refused. Each refresh of a fixed session renews it, so each is counted, by the
//!   write that renews it, and refused in a minute that is full.
//! - The parent of a rotating session's token is neither counted nor refused. After the window it would end the session, so the
//!   client must get the successor before.
//! - The first answer of a process is not counted, as it does not know yet that the session cannot be renewed.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    per_minute::{self, Count, Counted, TooMany},
};

/// How many refreshes of a session are answered in a minute without renewing it. Twenty tabs that a browser restores at once may each
/// ask six times.
pub const ANSWERS_AT_MOST: i64 = 120;

/// How long an answer is remembered that the passing of time cannot turn into a renewal.
pub const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// A refresh that was answered without renewing the session, and what its item has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    /// What the item has counted.
    pub counted: Option<Counted>,
    /// Until when the same refresh cannot renew the session.
    pub until: Timestamp,
    /// Whether the answer is given in any case: this one was counted, or it has renewed a fixed session.
    pub is_settled: bool,
}

/// What to do with a refresh before DynamoDB is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Try to renew the session.
    Renew,
    /// The session cannot be renewed yet: count the answer.
    Count(Count),
    /// Refuse it, and tell the client when to ask again.
    Refuse {
        /// Until the minute is over, or the session can be renewed.
        retry_after: Duration,
    },
}

impl Answered {
    /// What to do with a refresh, if this is known of it. `at_most` is [`ANSWERS_AT_MOST`]; the search tries other values.
    #[must_use]
    pub fn step(known: Option<Self>, at_most: i64, now: Timestamp) -> Step {
        match known.filter(|known| known.until > now) {
            Some(known) => match per_minute::judge(known.counted, at_most, now) {
                Ok(count) => Step::Count(count),
                Err(full) => Step::Refuse { retry_after: known.wait(full, now) },
            },
            None => Step::Renew,
        }
    }

    /// For how long the answer is refused. `None` if it is given.
    #[must_use]
    pub fn refused_for(&self, at_most: i64, now: Timestamp) -> Option<Duration> {
        if self.is_settled {
            return None;
        }
        per_minute::judge(self.counted, at_most, now).err().map(|full| self.wait(full, now))
    }

    fn wait(&self, TooMany { retry_after }: TooMany, now: Timestamp) -> Duration {
        retry_after.min(Duration::from_secs(self.until.seconds_since(now).max(1)))
    }
}
