//! This release beside the previous one, on one table: what holds while a deployment replaces the functions one by one, and after
//! somebody has gone back. `make previous` builds the previous release's binaries.
//!
//! A release whose logins may begin linked sessions is deployed twice, first with `SessionLinks=off`: see `docs/deployment.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod going_back;
mod keys;
mod older_client;
mod repeated_logins;
mod rollout;
mod rotating;
mod second_deployment;
