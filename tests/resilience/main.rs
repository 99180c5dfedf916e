//! Faults and races as a client experiences them. The long runs are in `run/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod faults;
mod linked_faults;
mod luck;
mod regressions;
mod schedules;

/// Random schedules of one person's account.
mod account_schedules {
    mod disturbances;
    mod end;
    mod person;
    mod schedule;
}
