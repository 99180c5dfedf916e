//! The time, as a value that is read once per request and passed down.

use std::{
    fmt::Debug,
    ops::{Add, Sub},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Whole seconds since the Unix epoch: the unit of JWT's `exp` and of DynamoDB's TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many seconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Whole seconds from `earlier` to this moment, 0 if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Reads RFC 3339, such as `2026-11-23T04:13:08Z`. `None` if the text is something else.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(|moment| Self(moment.unix_timestamp()))
    }

    /// As RFC 3339 in UTC, such as `2026-11-23T04:13:08Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .unwrap_or_default()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(duration.as_secs()))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.as_secs()))
    }
}

/// Tells the time. Tests have clocks that they move.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(0) + since_epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_and_read_as_rfc_3339() {
        let moment = Timestamp::from_unix_seconds(1_795_407_188);
        assert_eq!(moment.to_rfc3339(), "2026-11-23T04:13:08Z");
        for same in ["2026-11-23T04:13:08Z", "2026-11-23T13:13:08.9+09:00"] {
            assert_eq!(Timestamp::from_rfc3339(same), Some(moment), "{same}");
        }
        for other in ["", "1795407188", "2026-11-23 04:13", "2026-13-23T04:13:08Z"] {
            assert_eq!(Timestamp::from_rfc3339(other), None, "{other}");
        }
    }

    #[test]
    fn a_moment_in_the_future_is_zero_seconds_ago() {
        let now = Timestamp::from_unix_seconds(100);
        assert_eq!(now.seconds_since(now + Duration::from_secs(5)), 0);
        assert_eq!((now + Duration::from_secs(5)).seconds_since(now), 5);
    }
}
