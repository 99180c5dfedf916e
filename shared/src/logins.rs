//! How many logins one user has in a minute: the rule, as a pure function.
//!
//! Minutes are whole minutes since the Unix epoch. The table keeps the newest minute in which a user logged in and the number of
//! logins in it. Conditional writes that say the same as [`judge`] keep both right when logins meet.

use std::time::Duration;

use crate::clock::Timestamp;

/// The logins that one user may have in a minute. Kakao itself issues 20 access tokens to one user in ten minutes.
pub const AT_MOST: i64 = 20;

/// What the table has counted for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The newest minute with a login.
    pub minute: i64,
    /// The logins in that minute.
    pub logins: i64,
}

/// What becomes of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the first one of this minute.
    First {
        /// The minute.
        minute: i64,
    },
    /// It is one more of the minute that was counted.
    Another {
        /// The minute.
        minute: i64,
    },
    /// It is refused.
    TooMany {
        /// Until the minute that was counted is over, by this process's clock.
        retry_after: Duration,
    },
}

/// Judges a login by what was counted before.
///
/// A process whose clock is ahead may have counted in the next minute: that minute counts here too, so clocks that differ by less
/// than a minute cannot reset the count. A minute further ahead is a wrong clock's, and must not lock anybody out until it comes.
#[must_use]
pub fn judge(counted: Option<Counted>, now: Timestamp) -> Verdict {
    let this = now.unix_seconds().div_euclid(60);
    match counted {
        Some(Counted { minute, logins }) if (this..=this + 1).contains(&minute) => {
            if logins < AT_MOST {
                return Verdict::Another { minute };
            }
            let end = Timestamp::from_unix_seconds((minute + 1) * 60);
            Verdict::TooMany { retry_after: Duration::from_secs(end.seconds_since(now)) }
        }
        _ => Verdict::First { minute: this },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 30_000_000;
    const NOW: Timestamp = Timestamp::from_unix_seconds(MINUTE * 60 + 50);

    #[test]
    fn twenty_logins_a_minute_and_no_more() {
        let judge = |logins| judge(Some(Counted { minute: MINUTE, logins }), NOW);
        assert_eq!(judge(19), Verdict::Another { minute: MINUTE });
        assert_eq!(judge(20), Verdict::TooMany { retry_after: Duration::from_secs(10) });
        assert_eq!(judge(21), Verdict::TooMany { retry_after: Duration::from_secs(10) });
    }

    #[test]
    fn a_new_minute_begins_at_one() {
        let first = Verdict::First { minute: MINUTE };
        assert_eq!(judge(None, NOW), first);
        assert_eq!(judge(Some(Counted { minute: MINUTE - 1, logins: 20 }), NOW), first);
        let last_second = Timestamp::from_unix_seconds(MINUTE * 60 + 59);
        let counted = Some(Counted { minute: MINUTE, logins: 20 });
        assert_eq!(judge(counted, last_second), Verdict::TooMany { retry_after: Duration::from_secs(1) });
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_resets_nothing_and_a_wrong_one_locks_nobody_out() {
        let judge = |minute| judge(Some(Counted { minute, logins: 20 }), NOW);
        assert_eq!(judge(MINUTE + 1), Verdict::TooMany { retry_after: Duration::from_secs(70) });
        assert_eq!(judge(MINUTE + 2), Verdict::First { minute: MINUTE });
        assert_eq!(judge(i64::MAX), Verdict::First { minute: MINUTE });
    }
}
