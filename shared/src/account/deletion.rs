//! The worker's decisions on a deletion.
//!
//! In each run: sweep the sessions, ask Kakao, unlink if it says "linked", stamp the identity, close. Each run asks, so that an
//! unlink of an earlier run that took effect late is seen, and stamped with a time after it.

use super::{DELAY, LATEST_WRITE, LEEWAY, LinkAnswer, UNSETTLED, back_off};
use crate::clock::Timestamp;

/// A deletion that is under way, as the outbox keeps it from the mark to the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// When it was marked: the identity's `deleting_at`.
    pub marked_at: Timestamp,
    /// The newest call to Kakao's unlink. Written before the call.
    pub attempted_at: Option<Timestamp>,
    /// Runs without success, in a row.
    pub failures: u32,
}

/// What is left of a deletion after its close: to sweep once more, for writes that arrived late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalSweep {
    /// When the deletion was closed.
    pub closed_at: Timestamp,
}

/// What Kakao's unlink (`/v1/user/unlink`) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlinkAnswer {
    /// 200, or -101: the person is not linked.
    Done,
    /// No response, or a 5xx: it may take effect yet.
    Unknown,
    /// A code that passes by itself, such as -10.
    Busy,
    /// Any other code: an operator must act.
    Refused,
}

/// What to do when Kakao was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAsking {
    /// Write down the attempt and unlink.
    Unlink,
    /// Not linked: stamp the identity with the response's time, and close.
    StampAndClose,
    /// The person has joined again at Kakao since the mark: keep the link, stamp the identity with this time, and close.
    KeepLink {
        /// The mark's. Else a late copy of the write that once named the deleted user could name it again.
        unlinked_at: Timestamp,
    },
    /// Release the item until then.
    Wait {
        /// When an unlink that got no response is settled, or Kakao may have recovered.
        until: Timestamp,
        /// Whether an operator must act.
        needs_an_operator: bool,
    },
}

/// What to do after an unlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterUnlinking {
    /// Stamp the identity with the response's time, and close.
    StampAndClose,
    /// Release the item until then.
    Wait {
        /// See [`AfterAsking::Wait`].
        until: Timestamp,
        /// Whether an operator must act.
        needs_an_operator: bool,
    },
}

impl Deletion {
    /// The deletion that a mark at this time begins.
    #[must_use]
    pub const fn new(marked_at: Timestamp) -> Self {
        Self { marked_at, attempted_at: None, failures: 0 }
    }

    /// When the first run may begin.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.marked_at + DELAY
    }

    /// When each call to unlink has taken effect, or never will.
    fn settled_at(&self) -> Option<Timestamp> {
        self.attempted_at.map(|attempted_at| attempted_at + UNSETTLED)
    }

    fn when_settled<T>(&self, now: Timestamp, then: T, wait: impl FnOnce(Timestamp) -> T) -> T {
        match self.settled_at() {
            Some(settled_at) if settled_at > now => wait(settled_at),
            _ => then,
        }
    }

    /// `now` is before Kakao was asked: the response has to be newer than the last effect of an unlink.
    #[must_use]
    pub fn after_asking(&self, answer: LinkAnswer, now: Timestamp) -> AfterAsking {
        let wait = |until| AfterAsking::Wait { until, needs_an_operator: false };
        match answer {
            LinkAnswer::NotLinked => self.when_settled(now, AfterAsking::StampAndClose, wait),
            LinkAnswer::Linked { connected_at: Some(connected_at) } if connected_at > self.marked_at + LEEWAY => {
                self.when_settled(now, AfterAsking::KeepLink { unlinked_at: self.marked_at }, wait)
            }
            LinkAnswer::Linked { .. } => AfterAsking::Unlink,
            LinkAnswer::Busy => wait(back_off(self.failures, now)),
            LinkAnswer::Refused => AfterAsking::Wait { until: back_off(self.failures, now), needs_an_operator: true },
        }
    }

    /// `self` is the item as it was before this attempt was written down, and `now` as in [`after_asking`](Self::after_asking).
    #[must_use]
    pub fn after_unlinking(&self, answer: UnlinkAnswer, now: Timestamp) -> AfterUnlinking {
        let wait = |until| AfterUnlinking::Wait { until, needs_an_operator: false };
        match answer {
            UnlinkAnswer::Done => self.when_settled(now, AfterUnlinking::StampAndClose, wait),
            UnlinkAnswer::Unknown | UnlinkAnswer::Busy => wait(back_off(self.failures, now)),
            UnlinkAnswer::Refused => {
                AfterUnlinking::Wait { until: back_off(self.failures, now), needs_an_operator: true }
            }
        }
    }
}

impl FinalSweep {
    /// When no write of the deleted user's can arrive any more.
    #[must_use]
    pub fn due_at(self) -> Timestamp {
        self.closed_at + LATEST_WRITE
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);
    const OPEN: Deletion =
        Deletion { marked_at: Timestamp::from_unix_seconds(1_799_999_000), attempted_at: None, failures: 0 };

    const KEEP_LINK: AfterAsking = AfterAsking::KeepLink { unlinked_at: OPEN.marked_at };

    fn linked(connected_at: Timestamp) -> LinkAnswer {
        LinkAnswer::Linked { connected_at: Some(connected_at) }
    }

    #[test]
    fn the_work_begins_a_minute_after_the_mark_and_is_over_an_hour_after_the_close() {
        assert_eq!(Deletion::new(NOW).due_at(), NOW + Duration::from_mins(1));
        assert_eq!(FinalSweep { closed_at: NOW }.due_at(), NOW + Duration::from_hours(1));
    }

    #[test]
    fn a_person_who_joined_again_is_not_unlinked() {
        assert_eq!(OPEN.after_asking(linked(OPEN.marked_at - SECOND), NOW), AfterAsking::Unlink);
        assert_eq!(OPEN.after_asking(linked(OPEN.marked_at + LEEWAY), NOW), AfterAsking::Unlink);
        assert_eq!(OPEN.after_asking(linked(OPEN.marked_at + LEEWAY + SECOND), NOW), KEEP_LINK);
        assert_eq!(OPEN.after_asking(LinkAnswer::Linked { connected_at: None }, NOW), AfterAsking::Unlink);
        assert_eq!(OPEN.after_asking(LinkAnswer::NotLinked, NOW), AfterAsking::StampAndClose);
    }

    #[test]
    fn a_close_waits_until_an_earlier_unlink_is_settled() {
        let attempted = |ago| Deletion { attempted_at: Some(NOW - Duration::from_secs(ago)), ..OPEN };
        let joined_again = linked(NOW - SECOND);
        for (answer, close) in [(LinkAnswer::NotLinked, AfterAsking::StampAndClose), (joined_again, KEEP_LINK)] {
            assert_eq!(attempted(60).after_asking(answer, NOW), close);
            let wait = AfterAsking::Wait { until: NOW + SECOND, needs_an_operator: false };
            assert_eq!(attempted(59).after_asking(answer, NOW), wait);
        }
        assert_eq!(attempted(60).after_unlinking(UnlinkAnswer::Done, NOW), AfterUnlinking::StampAndClose);
        let wait = AfterUnlinking::Wait { until: NOW + SECOND, needs_an_operator: false };
        assert_eq!(attempted(59).after_unlinking(UnlinkAnswer::Done, NOW), wait);
    }

    #[test]
    fn a_failure_backs_off_and_a_refusal_calls_an_operator_too() {
        let failed = Deletion { failures: 2, ..OPEN };
        for (answer, unlink, needs_an_operator) in [
            (LinkAnswer::Busy, UnlinkAnswer::Busy, false),
            (LinkAnswer::Busy, UnlinkAnswer::Unknown, false),
            (LinkAnswer::Refused, UnlinkAnswer::Refused, true),
        ] {
            let until = NOW + Duration::from_mins(4);
            assert_eq!(failed.after_asking(answer, NOW), AfterAsking::Wait { until, needs_an_operator });
            assert_eq!(failed.after_unlinking(unlink, NOW), AfterUnlinking::Wait { until, needs_an_operator });
        }
    }
}
