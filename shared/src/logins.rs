//! The limit of logins per user and minute, as a pure function.
//!
//! Minutes are whole minutes since the Unix epoch. The table holds the newest minute in which a user logged in and the number of
//! logins in it. Conditional writes with the conditions of [`judge`] keep both correct when logins happen at the same time.

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

/// What to do with a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Count it as the first one of this minute.
    First {
        /// The minute.
        minute: i64,
    },
    /// Count it as one more in the stored minute.
    Another {
        /// The minute.
        minute: i64,
    },
    /// Refuse it.
    TooMany {
        /// The time until the stored minute is over, by this process's clock.
        retry_after: Duration,
    },
}

/// Judges a login by what was counted before.
///
/// A process whose clock is ahead may have counted in the next minute. That minute counts here too, so clocks that differ by less
/// than a minute cannot reset the count. A minute further ahead comes from a wrong clock and is ignored, so that nobody is locked
/// out until then.
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
    fn the_count_starts_again_in_a_new_minute() {
        let first = Verdict::First { minute: MINUTE };
        assert_eq!(judge(None, NOW), first);
        assert_eq!(judge(Some(Counted { minute: MINUTE - 1, logins: 20 }), NOW), first);
        let last_second = Timestamp::from_unix_seconds(MINUTE * 60 + 59);
        let counted = Some(Counted { minute: MINUTE, logins: 20 });
        assert_eq!(judge(counted, last_second), Verdict::TooMany { retry_after: Duration::from_secs(1) });
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_keeps_the_count_and_a_wrong_one_is_ignored() {
        let judge = |minute| judge(Some(Counted { minute, logins: 20 }), NOW);
        assert_eq!(judge(MINUTE + 1), Verdict::TooMany { retry_after: Duration::from_secs(70) });
        assert_eq!(judge(MINUTE + 2), Verdict::First { minute: MINUTE });
        assert_eq!(judge(i64::MAX), Verdict::First { minute: MINUTE });
    }
}
