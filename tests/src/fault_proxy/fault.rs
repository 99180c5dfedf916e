//! The faults that a proxy can inject.

use std::time::Duration;

use shared::random;

/// A fault, for every request until [`FaultProxy::heal`](super::FaultProxy::heal) unless its variant says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes without a response. Nothing reaches the table.
    Down,
    /// The connection is accepted, and no response is ever sent. Nothing reaches the table.
    Hang,
    /// `ThrottlingException`, as on-demand tables return it. Nothing reaches the table.
    Throttle,
    /// `AccessDeniedException`. Nothing reaches the table.
    Deny,
    /// `AccessDeniedException` for this operation only.
    DenyOnly(&'static str),
    /// An error with this code. Nothing reaches the table.
    Refuse(&'static str),
    /// The next request of this operation conflicts with a transaction. Nothing reaches the table.
    ConflictOnce(&'static str),
    /// 500. Nothing reaches the table.
    FailBefore,
    /// The table carries the request out, and the response is a 500.
    FailAfter,
    /// The table carries the request out, and the connection closes without a response: for this many requests, which may be
    /// the attempts of one call.
    LoseResponses(u32),
    /// The table carries the request out, and the connection is reset (RST) without a response.
    Reset,
    /// The table carries the request out, and the response arrives a byte every 100 ms.
    Drip,
    /// The table carries the request out, and the connection is reset in the middle of the response.
    Truncate,
    /// Batch calls return all their keys as unprocessed.
    Unprocessed,
    /// Eventually consistent reads see the table as it was before its last change, as DynamoDB allows.
    Stale,
}

/// Random faults: each request is delayed, and some fail.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaultRates {
    /// The delay of every request.
    pub delay: Duration,
    /// Requests per thousand that take 100 times the delay.
    pub slow: u64,
    /// Requests per thousand that are throttled.
    pub throttled: u64,
    /// Requests per thousand that are carried out and get a 500.
    pub failed_after: u64,
    /// Requests per thousand that are carried out and whose response is lost.
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
