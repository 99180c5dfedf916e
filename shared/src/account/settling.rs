//! What is left of an operator's change of a user: the sessions that logins were starting meanwhile.

use super::{DELAY, LATEST_WRITE};
use crate::clock::Timestamp;

/// A change that the outbox keeps until no login of the time before it can write a session any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// When the operator changed the profile.
    pub changed_at: Timestamp,
}

impl Settling {
    /// When it is due first: each request that read the identity before the change has ended then.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.changed_at + DELAY
    }

    /// When it is due again, after it was done at this time. `None` if no write of such a request can arrive any more.
    #[must_use]
    pub fn again_at(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.changed_at + LATEST_WRITE;
        (now < last).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_change_is_settled_once_after_a_minute_and_once_after_the_latest_write() {
        let changed_at = Timestamp::from_unix_seconds(1_800_000_000);
        let change = Settling { changed_at };
        assert_eq!(change.due_at(), changed_at + Duration::from_mins(1));
        let last = changed_at + Duration::from_hours(1);
        assert_eq!(change.again_at(change.due_at()), Some(last));
        assert_eq!(change.again_at(last - Duration::from_secs(1)), Some(last));
        assert_eq!(change.again_at(last), None);
    }
}
