//! Searches what can happen to one person's account, with the rules that production runs ([`shared::account`]).
//!
//! The person logs in here up to four times, two logins at once, leaves here or at Kakao, and comes back. Every order of every step
//! is tried: a request or a run of the worker dies after each step, a write arrives later or once more, responses of Kakao are
//! lost, an unlink takes effect later, Kakao says "linked" of somebody whom it has unlinked, webhooks come late or never, an operator
//! disables the person, a backup is restored. From every state that is reached, the worker then goes on without faults: the outbox must become empty.

mod late;
mod model;
mod normal;
mod operator;
mod person;
mod state;
mod worker;

use std::collections::{HashMap, HashSet, VecDeque, hash_map::Entry};

use self::{
    model::Model,
    state::{Restore, State},
};

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Ours,
    NoMarkOnIdentity,
    NoDelay,
    NoFinalSweep,
    WebhookObeyed,
    LinkedIsBelieved,
    NoCounter,
    ReadAfterAsking,
    DoneWhenRefused,
    DoneWhoeverIsNamed,
    DoneWhereMarked,
    ProofNotCompared,
    NoTombstone,
    StampGoesBack,
    NoStamp,
    NoStampWhereLinked,
    StampedWithAskingTime,
    ExpiryWhateverTheState,
    LoginWithoutCondition,
    ChangeWithoutCondition,
    NoProfileTombstone,
    OutboxApart,
    OutboxClosedApart,
    AttemptNotWritten,
    CloseAtOnce,
    CloseByEarlierAnswer,
    CloseWithoutLease,
    UnlinkWithoutAsking,
    NoReplay,
    NoSettling,
    SettledOnce,
    DisabledOnProfileOnly,
    DisabledOnIdentityOnly,
    DisabledLoginCounts,
    CloseForgetsDisabled,
}

#[derive(Debug, PartialEq, Eq)]
enum Violation {
    /// A session or a profile of a deleted user is there when the work is done.
    LivesOn,
    /// A write brings back what a deletion has cleared.
    DataComesBack,
    /// A session that was written in time is there when the deletion is closed.
    SessionOutlivesDeletion,
    /// The id of a deleted user names somebody again.
    DeletedUserReturns,
    /// A user exists whom Kakao does not link.
    UserNotLinked,
    /// A webhook deleted somebody who had logged in again.
    MemberDeleted,
    /// Somebody who had joined again was unlinked.
    MemberUnlinked,
    /// TTL would delete an identity that names a user, or whose person was disabled.
    LivingIdentityExpires,
    /// A session, or a profile with which the person could log in, is there though an operator has disabled the person.
    DisabledStays,
    /// A login of a disabled person is counted.
    DisabledLogsIn,
    /// A disabled person becomes a new user.
    DisabledReturns,
    /// The outbox does not become empty, or nobody can log in.
    Stuck,
}

/// What can happen in a search.
#[derive(Clone, Copy)]
struct Bounds {
    /// Logins at Kakao, two of them at once.
    logins: u8,
    /// How often the person leaves at Kakao.
    leavings: u8,
    /// Times that Kakao says "linked" of somebody whom it has unlinked.
    stale_answers: u8,
    /// Writes that arrive later, or once more.
    late_writes: u8,
    restores: u8,
    /// How often an operator disables or enables the person.
    changes: u8,
}

/// A violation, and the states on the shortest way to it.
type Found = (Violation, Vec<State>);

/// Visits every state that can be reached, and counts them.
fn search(rules: Rules, bounds: Bounds) -> Result<usize, Found> {
    let model = Model::new(rules);
    let start = State {
        logins_left: bounds.logins,
        leavings_left: bounds.leavings,
        stale_answers_left: bounds.stale_answers,
        late_writes_left: bounds.late_writes,
        changes_left: bounds.changes,
        restore: if bounds.restores == 0 { Restore::Never } else { Restore::Possible },
        ..State::default()
    };
    let start = start.normal();
    // Each state with the one that it was first reached from.
    let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
    let mut settled = HashSet::new();
    while let Some(state) = queue.pop_front() {
        let quiet = state.quiet();
        let settles = if settled.insert(quiet) { model.settle(quiet) } else { Ok(()) };
        let steps = settles.and_then(|()| model.steps(state)).map_err(|violation| {
            let mut way = vec![state];
            while way[way.len() - 1] != start {
                way.push(seen[&way[way.len() - 1]]);
            }
            way.reverse();
            (violation, way)
        })?;
        for next in steps {
            let next = next.normal();
            if let Entry::Vacant(entry) = seen.entry(next) {
                entry.insert(state);
                queue.push_back(next);
            }
        }
    }
    Ok(seen.len())
}

/// Prints a row of the table in `docs/testing-accounts.md`, and holds the table to it.
fn record(row: &str) {
    println!("accounts: {row}");
    assert!(
        include_str!("../../../docs/testing-accounts.md").contains(&format!("\n| {row} |\n")),
        "docs/testing-accounts.md lacks: {row}"
    );
}

const fn bounds(logins: u8, leavings: u8, stale_answers: u8, late_writes: u8, restores: u8) -> Bounds {
    Bounds { logins, leavings, stale_answers, late_writes, restores, changes: 0 }
}

/// With changes of an operator, and no restore: it takes back what the operator has done.
const fn operated(changes: u8, logins: u8, leavings: u8, late_writes: u8) -> Bounds {
    Bounds { changes, ..bounds(logins, leavings, 0, late_writes, 0) }
}

fn columns(Bounds { logins, leavings, stale_answers, late_writes, restores, changes }: Bounds) -> String {
    format!("{logins} | {leavings} | {stale_answers} | {late_writes} | {restores} | {changes}")
}

fn hold(bounds: Bounds) {
    let states = search(Rules::Ours, bounds);
    let states =
        states.unwrap_or_else(|(violation, way)| panic!("{violation:?} in {} steps:\n{way:#?}", way.len() - 1));
    record(&format!("ours | {} | {states} states, all promises hold", columns(bounds)));
}

#[test]
fn a_person_who_leaves_is_gone_and_one_who_comes_back_stays_whatever_arrives_late() {
    hold(bounds(2, 1, 0, 1, 0));
}

#[test]
fn a_person_who_leaves_is_gone_and_one_who_comes_back_stays_through_four_logins() {
    hold(bounds(4, 1, 0, 0, 0));
    hold(bounds(2, 1, 1, 0, 0));
}

#[test]
fn a_person_who_leaves_is_gone_and_one_who_comes_back_stays_when_a_backup_is_restored() {
    hold(bounds(2, 0, 0, 0, 1));
    hold(bounds(1, 1, 0, 0, 1));
}

#[test]
fn a_disabled_person_is_logged_out_and_stays_out_until_an_operator_says_otherwise() {
    hold(operated(1, 1, 1, 0));
    hold(operated(2, 2, 0, 0));
    hold(operated(1, 2, 0, 1));
}

/// Minutes without optimization: `SEARCH=deep cargo test --release -p shared --test accounts`.
#[test]
fn a_person_who_leaves_is_gone_and_one_who_comes_back_stays_in_longer_runs() {
    if std::env::var("SEARCH").is_ok_and(|depth| depth == "deep") {
        let late = [bounds(3, 1, 0, 1, 0), bounds(2, 2, 0, 1, 0), bounds(2, 1, 1, 1, 0)];
        for bounds in late.into_iter().chain([bounds(2, 1, 0, 0, 1), bounds(3, 2, 1, 0, 0)]) {
            hold(bounds);
        }
        for bounds in [operated(2, 2, 1, 0), operated(1, 2, 1, 1)] {
            hold(bounds);
        }
    }
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    let (short, late, stale) = (bounds(1, 1, 0, 0, 0), bounds(1, 1, 0, 1, 0), bounds(1, 1, 1, 0, 0));
    let (twice, twice_late, restored) = (bounds(2, 1, 0, 0, 0), bounds(2, 0, 0, 1, 0), bounds(2, 1, 0, 0, 1));
    for (rules, bounds, violation) in [
        (Rules::NoMarkOnIdentity, twice, Violation::SessionOutlivesDeletion),
        (Rules::NoDelay, short, Violation::SessionOutlivesDeletion),
        (Rules::NoFinalSweep, late, Violation::LivesOn),
        (Rules::WebhookObeyed, twice, Violation::MemberDeleted),
        (Rules::LinkedIsBelieved, stale, Violation::UserNotLinked),
        (Rules::NoCounter, twice, Violation::MemberDeleted),
        (Rules::ReadAfterAsking, twice, Violation::MemberDeleted),
        (Rules::DoneWhenRefused, short, Violation::UserNotLinked),
        (Rules::DoneWhoeverIsNamed, short, Violation::UserNotLinked),
        (Rules::DoneWhereMarked, twice, Violation::UserNotLinked),
        (Rules::ProofNotCompared, short, Violation::UserNotLinked),
        (Rules::NoTombstone, short, Violation::UserNotLinked),
        (Rules::StampGoesBack, bounds(2, 1, 0, 1, 0), Violation::UserNotLinked),
        (Rules::NoStamp, late, Violation::DeletedUserReturns),
        (Rules::NoStampWhereLinked, twice_late, Violation::DeletedUserReturns),
        (Rules::StampedWithAskingTime, twice, Violation::UserNotLinked),
        (Rules::ExpiryWhateverTheState, short, Violation::LivingIdentityExpires),
        (Rules::LoginWithoutCondition, short, Violation::DataComesBack),
        (Rules::ChangeWithoutCondition, late, Violation::DataComesBack),
        (Rules::NoProfileTombstone, short, Violation::DataComesBack),
        (Rules::OutboxApart, short, Violation::Stuck),
        (Rules::OutboxClosedApart, short, Violation::Stuck),
        (Rules::AttemptNotWritten, twice, Violation::MemberUnlinked),
        (Rules::CloseAtOnce, twice, Violation::MemberUnlinked),
        (Rules::CloseByEarlierAnswer, twice, Violation::UserNotLinked),
        (Rules::CloseWithoutLease, twice_late, Violation::MemberUnlinked),
        (Rules::UnlinkWithoutAsking, restored, Violation::MemberUnlinked),
        (Rules::NoReplay, restored, Violation::DeletedUserReturns),
        (Rules::NoSettling, operated(1, 1, 0, 0), Violation::DisabledStays),
        (Rules::SettledOnce, operated(1, 2, 0, 1), Violation::DisabledStays),
        (Rules::DisabledOnProfileOnly, operated(1, 2, 1, 0), Violation::DisabledStays),
        (Rules::DisabledOnIdentityOnly, operated(1, 1, 0, 0), Violation::DisabledStays),
        (Rules::DisabledLoginCounts, operated(1, 2, 0, 0), Violation::DisabledLogsIn),
        (Rules::CloseForgetsDisabled, operated(1, 2, 1, 0), Violation::DisabledReturns),
    ] {
        let found = search(rules, bounds).expect_err(&format!("{rules:?}"));
        record(&format!(
            "weaker, {rules:?} | {} | found: {:?} in {} steps",
            columns(bounds),
            found.0,
            found.1.len() - 1
        ));
        assert_eq!(found.0, violation, "{rules:?}: {:#?}", found.1);
    }
}
