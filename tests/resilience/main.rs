//! What faults, bad luck and wrong orders do to a client. The long runs are in `run/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod faults;
mod regressions;
mod schedules;
