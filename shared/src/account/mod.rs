//! Deleting an account, joining again, and Kakao's events: the rules, as pure functions.
//!
//! A person who deletes the account is gone here and at Kakao; one who comes back is a new user. Requests die, responses are
//! lost, and writes and webhooks arrive late. So each write has a condition, and each function here that stands for one returns
//! what the write leaves, or `None` if its condition fails. `tests/accounts` searches what can happen with these functions.
//!
//! | item | what the rules read of it |
//! |---|---|
//! | identity | [`Identity`]: the user of a person at Kakao, the mark of a deletion, when Kakao last said that it does not link them |
//! | profile | [`Profile`]: whether it is there, how many logins it has counted, whether its user was deleted |
//! | counter | [`Counter`]: which numeric ids were given, and which are reserved for an import |
//! | outbox | the work that is left: [`Deletion`], [`FinalSweep`], [`Inquiry`], [`Settling`] |
//!
//! Two kinds of time are compared. `unlinked_at` with [`ProvenAt`]: both are read from our clocks, around a call to Kakao, so
//! that "not newer" is on the safe side. `connected_at` with `deleting_at`: Kakao's clock with ours, with [`LEEWAY`].

mod deletion;
mod event;
mod identity;
mod inquiry;
mod numbers;
mod profile;
mod request;
mod settling;

use std::time::Duration;

pub use self::{
    deletion::{AfterAsking, AfterUnlinking, Deletion, FinalSweep, UnlinkAnswer},
    event::{EventAction, ProfileField, SecurityEvent, action_of_event, fields_of_scopes},
    identity::{Identity, LoginVerdict, ProvenAt},
    inquiry::{AfterAnswer, AfterStamp, Inquiry},
    numbers::{Counter, Found, ImportVerdict, Reserved, UserIds},
    profile::{MarkedBy, Profile},
    request::{Request, RequestVerdict},
    settling::Settling,
};
use crate::clock::Timestamp;

/// How far Kakao's clock and ours may be apart. Also what ID tokens are given beyond their `iat` (OpenID Connect Core §3.1.3.7).
pub const LEEWAY: Duration = Duration::from_mins(1);

/// How long a deletion waits after its mark: until then, each request that read the identity before the mark has ended. Lambda
/// ends a request after 10 s.
pub const DELAY: Duration = Duration::from_mins(1);

/// How long a call to Kakao that got no response may take effect. Our calls give up after a few seconds; Kakao states no limit.
pub const UNSETTLED: Duration = Duration::from_mins(1);

/// How late a write to DynamoDB may arrive. Its signature is valid for 15 minutes at most (Signature Version 4).
pub const LATEST_WRITE: Duration = Duration::from_hours(1);

/// How long Kakao may go on saying "linked" of somebody it has unlinked.
pub const STALE_ANSWER: Duration = Duration::from_mins(10);

/// How long an item belongs to the worker that took it. Longer than the worker's function runs at most.
pub const LEASE: Duration = Duration::from_mins(2);

/// How long an identity is kept that names nobody. Kakao's tokens live for 12 hours at most.
pub const TOMBSTONE_TTL: Duration = Duration::from_hours(48);

const LONGEST_BACK_OFF: Duration = Duration::from_hours(1);

/// What Kakao says of a person when it is asked with the admin key (`/v2/user/me`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAnswer {
    /// It links this person.
    Linked {
        /// Since when. Missing where users are not linked automatically.
        connected_at: Option<Timestamp>,
    },
    /// Code -101: it does not.
    NotLinked,
    /// No response, a 5xx, or a code that passes by itself (-1, -7, -10, -603, -9798).
    Busy,
    /// Any other code, such as -401 for a wrong key: an operator must act.
    Refused,
}

/// Whether an item of the outbox may be taken: it is due, and no other worker has it.
#[must_use]
pub fn may_take(due_at: Timestamp, leased_until: Option<Timestamp>, now: Timestamp) -> bool {
    due_at <= now && leased_until.is_none_or(|until| until <= now)
}

/// When to try again after so many failures in a row: after a minute, then after twice the time, up to an hour.
#[must_use]
pub fn back_off(failures: u32, now: Timestamp) -> Timestamp {
    let pause = Duration::from_mins(1).saturating_mul(1 << failures.min(6));
    now + pause.min(LONGEST_BACK_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn an_item_is_taken_when_it_is_due_and_its_lease_is_over() {
        let second = Duration::from_secs(1);
        assert!(may_take(NOW, None, NOW));
        assert!(may_take(NOW, Some(NOW), NOW));
        assert!(!may_take(NOW + second, None, NOW));
        assert!(!may_take(NOW, Some(NOW + second), NOW));
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        for (failures, minutes) in [(0, 1), (1, 2), (5, 32), (6, 60), (7, 60), (u32::MAX, 60)] {
            assert_eq!(back_off(failures, NOW), NOW + Duration::from_mins(minutes), "{failures}");
        }
    }
}
