//! What the parts promise each other: template, roles, costs, limits, the stand-in for Kakao, and the tables in `docs/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod answers;
mod body_costs;
mod build;
mod costs;
mod deletion_roles;
mod deployment;
mod django_costs;
mod kakao;
mod limits;
mod link_costs;
mod links;
mod openapi;
mod operators;
mod profile_change;
mod requirements;
mod roles;
mod session_costs;
mod table;

/// The rules of accounts, and the writes that follow them.
mod accounts {
    mod deletions;
    mod imports;
    mod login_writes;
    mod operators;
    mod outbox;
    mod sweep;
}

/// The alarms of the template, and its dashboard.
mod alarms {
    mod cloud_watch;
    mod dashboard;
    mod declared;
    mod fired;
    mod pattern;
    mod rule;
    mod runs;
    mod watched;
    mod worker_runs;
}
