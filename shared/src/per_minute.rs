//! Limits per minute, as pure functions.
//!
//! Minutes are whole minutes since the Unix epoch. An item holds the newest minute in which something was counted, and how often it
//! was. Conditional writes with the conditions of [`Count`] keep both correct when several things are counted at the same time.

use std::time::Duration;

use crate::clock::Timestamp;

/// The logins that one user may have in a minute. Kakao itself issues 20 access tokens to one user in ten minutes.
pub const LOGINS_AT_MOST: i64 = 20;

/// What an item has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    /// The newest minute.
    pub minute: i64,
    /// How often in that minute.
    pub times: i64,
}

/// A conditional write that counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// As the first time in this minute, if the item's minute is older, absent, or more than a minute ahead.
    First {
        /// The minute.
        minute: i64,
    },
    /// As one more time in this minute, if it is the item's and the limit is not reached.
    Another {
        /// The minute.
        minute: i64,
    },
}

/// It was counted as often as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The time until the stored minute is over, by this process's clock.
    pub retry_after: Duration,
}

/// How to count once more, by what was counted before.
///
/// A process whose clock is ahead may have counted in the next minute. That minute counts here too, so clocks that differ by less
/// than a minute cannot reset the count. A minute further ahead comes from a wrong clock and is ignored, so that nobody is locked
/// out until then.
///
/// # Errors
///
/// [`TooMany`] if the limit is reached.
pub fn judge(counted: Option<Counted>, at_most: i64, now: Timestamp) -> Result<Count, TooMany> {
    let this = now.unix_seconds().div_euclid(60);
    match counted {
        Some(Counted { minute, times }) if (this..=this + 1).contains(&minute) => {
            if times < at_most {
                return Ok(Count::Another { minute });
            }
            let end = Timestamp::from_unix_seconds((minute + 1) * 60);
            Err(TooMany { retry_after: Duration::from_secs(end.seconds_since(now)) })
        }
        _ => Ok(Count::First { minute: this }),
    }
}

impl Count {
    /// What the write leaves in an item that has counted `stored`. `None` if its condition fails.
    #[must_use]
    pub fn written(self, stored: Option<Counted>, at_most: i64) -> Option<Counted> {
        match (self, stored) {
            (Self::First { minute }, Some(stored)) if (minute..=minute + 1).contains(&stored.minute) => None,
            (Self::First { minute }, _) => Some(Counted { minute, times: 1 }),
            (Self::Another { minute }, Some(stored)) if stored.minute == minute && stored.times < at_most => {
                Some(Counted { times: stored.times + 1, ..stored })
            }
            (Self::Another { .. }, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 30_000_000;
    const NOW: Timestamp = Timestamp::from_unix_seconds(MINUTE * 60 + 50);
    const TEN_SECONDS: Duration = Duration::from_secs(10);

    fn judge(minute: i64, times: i64) -> Result<Count, TooMany> {
        super::judge(Some(Counted { minute, times }), 20, NOW)
    }

    #[test]
    fn as_many_in_a_minute_as_the_limit_says_and_no_more() {
        assert_eq!(judge(MINUTE, 19), Ok(Count::Another { minute: MINUTE }));
        assert_eq!(judge(MINUTE, 20), Err(TooMany { retry_after: TEN_SECONDS }));
        assert_eq!(judge(MINUTE, 21), Err(TooMany { retry_after: TEN_SECONDS }));
    }

    #[test]
    fn the_count_starts_again_in_a_new_minute() {
        let first = Ok(Count::First { minute: MINUTE });
        assert_eq!(super::judge(None, 20, NOW), first);
        assert_eq!(judge(MINUTE - 1, 20), first);
        let last_second = Timestamp::from_unix_seconds(MINUTE * 60 + 59);
        let counted = Some(Counted { minute: MINUTE, times: 20 });
        assert_eq!(super::judge(counted, 20, last_second), Err(TooMany { retry_after: Duration::from_secs(1) }));
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_keeps_the_count_and_a_wrong_one_is_ignored() {
        assert_eq!(judge(MINUTE + 1, 20), Err(TooMany { retry_after: Duration::from_secs(70) }));
        assert_eq!(judge(MINUTE + 2, 20), Ok(Count::First { minute: MINUTE }));
        assert_eq!(judge(i64::MAX, 20), Ok(Count::First { minute: MINUTE }));
    }

    /// What a process has read may be old by the time it writes.
    #[test]
    fn a_write_succeeds_only_where_the_rule_would_choose_it_again() {
        let all = [None].into_iter().chain(
            (MINUTE - 1..=MINUTE + 2).flat_map(|minute| [1, 19, 20, 21].map(|times| Some(Counted { minute, times }))),
        );
        for stored in all {
            let chosen = super::judge(stored, 20, NOW);
            for minute in [MINUTE, MINUTE + 1] {
                for count in [Count::First { minute }, Count::Another { minute }] {
                    if minute == MINUTE || matches!(count, Count::Another { .. }) {
                        assert_eq!(count.written(stored, 20).is_some(), chosen == Ok(count), "{count:?} on {stored:?}");
                    }
                }
            }
        }
    }
}
