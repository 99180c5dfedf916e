//! The faults that a proxy can inject.

use std::time::Duration;

use shared::random;

/// What goes wrong, for every request until [`FaultProxy::heal`](super::FaultProxy::heal) but where it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes without an answer and nothing reaches the table.
    Down,
    /// The connection is accepted and never answered. Nothing reaches the table.
    Hang,
    /// `ThrottlingException`, as on-demand tables answer. Nothing reaches the table.
    Throttle,
    /// `AccessDeniedException`. Nothing reaches the table.
    Deny,
    /// The same for this operation alone.
    DenyOnly(&'static str),
    /// An error with this code. Nothing reaches the table.
    Refuse(&'static str),
    /// A transaction is writing the item, the next time that this operation comes. Nothing reaches the table.
    ConflictOnce(&'static str),
    /// 500 and nothing reaches the table.
    FailBefore,
    /// 500 although the table did it.
    FailAfter,
    /// The connection closes without an answer although the table did it: for this many requests, which may be the tries
    /// of one call.
    LoseResponses(u32),
    /// The connection is reset (RST) without an answer although the table did it.
    Reset,
    /// The table did it, and the answer comes a byte every 100 ms.
    Drip,
    /// The table did it, and the connection is reset in the middle of the answer.
    Truncate,
    /// The batch calls leave everything undone and say so.
    Unprocessed,
    /// Reads that are not consistent see the table as it was before its last change, as DynamoDB allows them to.
    Stale,
}

/// Random faults: each request is delayed, and some fail.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaultRates {
    /// How long every request takes at least.
    pub delay: Duration,
    /// How many of a thousand requests take 100 times as long.
    pub slow: u64,
    /// How many of a thousand requests are throttled.
    pub throttled: u64,
    /// How many of a thousand requests are done and answered with 500.
    pub failed_after: u64,
    /// How many of a thousand requests are done and lose their answer.
    pub lost: u64,
}

impl FaultRates {
    /// The delay of one request, and its fault, if any.
    pub(super) fn draw(&self) -> (Duration, Option<Fault>) {
        let of_a_thousand = random::up_to(999);
        let delay = if random::up_to(999) < self.slow { self.delay * 100 } else { self.delay };
        let fault = if of_a_thousand < self.throttled {
            Some(Fault::Throttle)
        } else if of_a_thousand < self.throttled + self.failed_after {
            Some(Fault::FailAfter)
        } else if of_a_thousand < self.throttled + self.failed_after + self.lost {
            Some(Fault::LoseResponses(0))
        } else {
            None
        };
        (delay, fault)
    }
}
