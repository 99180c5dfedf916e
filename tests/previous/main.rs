//! This release beside older ones, on one table: what holds while a deployment moves requests to new functions, and after somebody has
//! gone back. `make previous` builds the older binaries: the release before this one, in `canary` and `keys`, and the last one without
//! linked sessions.
//!
//! Coming from the latter, this release is deployed twice, first with `SessionLinks=off`: see `docs/updating.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod canary;
mod going_back;
mod keys;
mod older_client;
mod repeated_logins;
mod roles;
mod rollout;
mod rotating;
mod second_deployment;
