//! Searches what can happen to numeric ids, with the rules that production runs ([`shared::account::Counter`] and the others).
//!
//! Two persons have the numbers 1 and 2 in Django. The first export has one of them, the second both, and each can be imported
//! again at any time. Meanwhile they log in here, two logins at once, leave, and come back. Every order of every step is tried: a
//! login or an import dies before or after each write, its response is lost, a write arrives later or once more. From every state
//! that is reached, an import and a login of each person then run without faults.

mod import;
mod login;
mod state;

use std::collections::{HashMap, HashSet, VecDeque, hash_map::Entry};

use self::state::State;

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Ours,
    /// Reads the counter, and then writes it.
    CountedInTwoSteps,
    /// Imports any number, and reserves none.
    NoReservation,
    /// Reserves, whatever has become of the counter since it was read.
    ReservedWithoutCondition,
    /// Reserves more, though new users have got numbers since the first import.
    MoreReservedAlways,
    /// Reserves, but imports numbers that are not reserved.
    RangeNotCompared,
    NoMark,
    IdentityOverwritten,
    /// Three writes instead of one transaction.
    ItemsApart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Violation {
    /// Two persons are one user.
    NumberShared,
    /// The id of a deleted user names somebody again.
    DeletedUserReturns,
    /// A person who is a user becomes another one.
    UserReplaced,
    /// A person was imported, but one of the three items is missing.
    HalfImported,
    /// A person is not imported, and there is no reason for it.
    LeftOut,
    /// A person cannot log in.
    Stuck,
}

/// What can happen in a search.
#[derive(Clone, Copy)]
struct Bounds {
    logins: u8,
    imports: u8,
    deletions: u8,
    /// Writes that arrive later, or once more.
    late_writes: u8,
}

/// A violation, and the states on the shortest way to it.
type Found = (Violation, Vec<State>);

/// Visits every state that can be reached, and counts them.
fn search(rules: Rules, bounds: Bounds) -> Result<usize, Found> {
    let start = State {
        logins_left: bounds.logins,
        imports_left: bounds.imports,
        deletions_left: bounds.deletions,
        late_writes_left: bounds.late_writes,
        ..State::default()
    };
    // Each state with the one that it was first reached from.
    let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
    let mut settled = HashSet::new();
    while let Some(state) = queue.pop_front() {
        let quiet = state.quiet();
        let settles = if settled.insert(quiet) { quiet.settle(rules) } else { Ok(()) };
        let steps = settles.and_then(|()| state.steps(rules)).map_err(|violation| {
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

/// Prints a row of the table in `docs/testing-numbers.md`, and holds the table to it.
fn record(row: &str) {
    println!("numbers: {row}");
    assert!(
        include_str!("../../../docs/testing-numbers.md").contains(&format!("\n| {row} |\n")),
        "docs/testing-numbers.md lacks: {row}"
    );
}

const fn bounds(logins: u8, imports: u8, deletions: u8, late_writes: u8) -> Bounds {
    Bounds { logins, imports, deletions, late_writes }
}

fn columns(Bounds { logins, imports, deletions, late_writes }: Bounds) -> String {
    format!("{logins} | {imports} | {deletions} | {late_writes}")
}

#[test]
fn a_number_is_one_persons_for_ever_and_everybody_is_imported_once() {
    for bounds in [bounds(3, 2, 0, 0), bounds(2, 2, 0, 1), bounds(2, 2, 1, 0), bounds(1, 2, 1, 1)] {
        let states = search(Rules::Ours, bounds);
        let states =
            states.unwrap_or_else(|(violation, way)| panic!("{violation:?} in {} steps:\n{way:#?}", way.len() - 1));
        record(&format!("ours | {} | {states} states, all promises hold", columns(bounds)));
    }
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    let (one, left) = (bounds(1, 1, 0, 0), bounds(1, 2, 1, 0));
    for (rules, bounds, violation) in [
        (Rules::CountedInTwoSteps, bounds(2, 0, 0, 0), Violation::NumberShared),
        (Rules::NoReservation, one, Violation::NumberShared),
        (Rules::ReservedWithoutCondition, one, Violation::NumberShared),
        (Rules::MoreReservedAlways, left, Violation::NumberShared),
        (Rules::RangeNotCompared, one, Violation::NumberShared),
        (Rules::NoMark, left, Violation::DeletedUserReturns),
        (Rules::IdentityOverwritten, one, Violation::UserReplaced),
        (Rules::ItemsApart, one, Violation::HalfImported),
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
