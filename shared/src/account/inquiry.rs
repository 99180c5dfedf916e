//! The worker's decisions when Kakao says that it has unlinked somebody: it is asked before anybody is deleted.
//!
//! In each run: read the identity and the user's `logins` consistently, ask Kakao, stamp, mark. The reading comes before the
//! asking: a login that comes after the answer is not in it.

use super::{Identity, LinkAnswer, STALE_ANSWER, back_off};
use crate::{clock::Timestamp, id::UserId};

/// An unlink webhook, or an event that means the same, as the outbox keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inquiry {
    /// When Kakao first answered "linked".
    pub linked_at: Option<Timestamp>,
    /// Runs without an answer, in a row.
    pub failures: u32,
}

/// What to do when Kakao was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAnswer {
    /// Not linked: stamp the identity with the response's time, and see [`AfterStamp`].
    Stamp,
    /// "Linked" may be an old answer: write it down, and ask again then.
    AskAgain {
        /// When Kakao's answer is not an old one.
        at: Timestamp,
    },
    /// The person is linked. The item is done.
    Done,
    /// Release the item until then.
    Wait {
        /// When Kakao may have recovered.
        until: Timestamp,
        /// Whether an operator must act.
        needs_an_operator: bool,
    },
}

/// What to do with the identity that a stamp has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterStamp {
    /// It names nobody, or a deletion is under way. The item is done.
    Done,
    /// Mark this user as deleted on the condition that nobody has logged in since the reading. Else start over.
    Mark(UserId),
    /// It names another user than before Kakao was asked: start over, as [`Inquiry::default`].
    StartOver,
}

impl Inquiry {
    /// What to do with Kakao's answer.
    #[must_use]
    pub fn after_answer(&self, answer: LinkAnswer, now: Timestamp) -> AfterAnswer {
        let until = back_off(self.failures, now);
        match (answer, self.linked_at) {
            (LinkAnswer::NotLinked, _) => AfterAnswer::Stamp,
            (LinkAnswer::Linked { .. }, Some(linked_at)) if linked_at + STALE_ANSWER <= now => AfterAnswer::Done,
            (LinkAnswer::Linked { .. }, linked_at) => {
                AfterAnswer::AskAgain { at: linked_at.unwrap_or(now) + STALE_ANSWER }
            }
            (LinkAnswer::Busy, _) => AfterAnswer::Wait { until, needs_an_operator: false },
            (LinkAnswer::Refused, _) => AfterAnswer::Wait { until, needs_an_operator: true },
        }
    }
}

impl AfterStamp {
    /// `read` is the user that the identity named before Kakao was asked, and `stamped` what the stamp left, or found to be
    /// stamped later.
    #[must_use]
    pub fn judge(read: Option<UserId>, stamped: &Identity) -> Self {
        match stamped.user {
            None => Self::Done,
            Some(_) if stamped.deleting_at.is_some() => Self::Done,
            Some(user) if read == Some(user) => Self::Mark(user),
            Some(_) => Self::StartOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const LINKED: LinkAnswer = LinkAnswer::Linked { connected_at: None };

    #[test]
    fn linked_is_believed_the_second_time_ten_minutes_later() {
        let at = |linked_at| Inquiry { linked_at, failures: 0 }.after_answer(LINKED, NOW);
        assert_eq!(at(None), AfterAnswer::AskAgain { at: NOW + Duration::from_mins(10) });
        let (first, second) = (NOW - Duration::from_secs(599), NOW - Duration::from_mins(10));
        assert_eq!(at(Some(first)), AfterAnswer::AskAgain { at: NOW + Duration::from_secs(1) });
        assert_eq!(at(Some(second)), AfterAnswer::Done);
        for linked_at in [None, Some(second)] {
            assert_eq!(Inquiry { linked_at, failures: 0 }.after_answer(LinkAnswer::NotLinked, NOW), AfterAnswer::Stamp);
        }
    }

    #[test]
    fn no_answer_is_neither() {
        let inquiry = Inquiry { failures: 1, ..Inquiry::default() };
        for (answer, needs_an_operator) in [(LinkAnswer::Busy, false), (LinkAnswer::Refused, true)] {
            let until = NOW + Duration::from_mins(2);
            assert_eq!(inquiry.after_answer(answer, NOW), AfterAnswer::Wait { until, needs_an_operator });
        }
    }

    #[test]
    fn only_the_user_that_was_read_before_is_marked() {
        let (user, other) = (UserId::generate(), UserId::generate());
        let named = Identity { user: Some(user), unlinked_at: Some(NOW), ..Identity::default() };
        let marked = Identity { deleting_at: Some(NOW), ..named };
        assert_eq!(AfterStamp::judge(Some(user), &named), AfterStamp::Mark(user));
        for read in [None, Some(other)] {
            assert_eq!(AfterStamp::judge(read, &named), AfterStamp::StartOver);
        }
        for read in [None, Some(user), Some(other)] {
            assert_eq!(AfterStamp::judge(read, &marked), AfterStamp::Done);
            assert_eq!(AfterStamp::judge(read, &Identity::default()), AfterStamp::Done);
        }
    }
}
