//! Faults and races as a client experiences them. The long runs are in `run/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod account_schedules;
mod faults;
mod luck;
mod regressions;
mod schedules;
