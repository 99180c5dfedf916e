//! Clocks that move when told to, or are wrong.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use shared::clock::{Clock, SystemClock, Timestamp};

/// Stands still between calls of [`advance`](Self::advance).
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at the machine's present moment.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicI64::new(SystemClock.now().unix_seconds()))
    }

    /// Moves on by whole seconds.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Another clock that is wrong by some seconds.
#[derive(Debug)]
pub struct Skewed {
    /// The right one.
    pub clock: Arc<dyn Clock>,
    /// By how much it is ahead.
    pub seconds: i64,
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.clock.now().unix_seconds() + self.seconds)
    }
}
