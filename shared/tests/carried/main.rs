//! Searches all that can happen to one refresh token from Django, with the rule that production runs
//! ([`shared::session::judge_carried`]).
//!
//! The owner has it in a browser with two tabs, a thief may have a copy. Every order of every step is tried: each read and write of a
//! request, a write that is done and whose response is lost, a function that dies anywhere, a copy of an exchange's write that arrives
//! at any later time, a browser that crashes before it has stored its new cookie, rotations of the session, and one way in which it
//! ends: a logout, a logout everywhere, a deletion of the user, or an import that says that Django had revoked the token.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod model;

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use self::model::{Model, State};

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Ours,
    /// The item is put without a condition.
    PlainPut,
    /// The item and the session are written one after the other.
    TwoWrites,
    /// The token is good as long as its session lives.
    RepeatAlways,
    /// The session is not derived from the token.
    NotDerived,
    /// A logout does not spend the token.
    NotSpent,
    /// The exchange does not check that the user lives and has not logged out everywhere.
    NoUserCheck,
    /// A logout everywhere looks for sessions before it closes the user, and a deletion before it marks the user.
    FindBeforeShut,
    /// A first token that was given out again may be replaced at once.
    RepeatIsOld,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    None,
    Logout,
    LogoutEverywhere,
    Deletion,
    Import,
}

#[derive(Debug, PartialEq, Eq)]
enum Violation {
    /// One token started two sessions.
    SecondSession,
    /// A session started after the end.
    StartedAfterTheEnd,
    /// A session lives after the end.
    AliveAfterTheEnd,
    /// The token was accepted although its session had gone on.
    TheftUnnoticed,
    /// The owner was logged out, and nobody had ended anything.
    FalseLogout,
}

/// Visits every state that can be reached; counts them, and those in which the session has ended.
fn search(model: &Model) -> Result<(usize, usize), (Violation, Vec<State>)> {
    let start = State::start();
    // Each state with the one that it was first reached from.
    let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
    while let Some(state) = queue.pop_front() {
        let steps = model.steps(state).map_err(|violation| {
            let mut way = vec![state];
            while way[way.len() - 1] != start {
                way.push(seen[&way[way.len() - 1]]);
            }
            way.reverse();
            (violation, way)
        })?;
        for next in steps {
            if let Entry::Vacant(entry) = seen.entry(next) {
                entry.insert(state);
                queue.push_back(next);
            }
        }
    }
    Ok((seen.len(), seen.keys().filter(|state| state.has_ended()).count()))
}

/// Prints a row of the table in `docs/django-sessions.md`, and holds the table to it.
fn record(row: &str) {
    println!("carried: {row}");
    assert!(
        include_str!("../../../docs/django-sessions.md").contains(&format!("\n| {row} |\n")),
        "docs/django-sessions.md lacks: {row}"
    );
}

#[test]
fn one_token_from_django_is_one_session_whatever_the_order() {
    for ending in [Ending::None, Ending::Logout, Ending::LogoutEverywhere, Ending::Deletion, Ending::Import] {
        for (with_thief, is_of_domain) in [(false, false), (false, true), (true, false), (true, true)] {
            let found = search(&Model::new(Rules::Ours, ending, with_thief, is_of_domain));
            let (states, ended) = found.unwrap_or_else(|(violation, way)| {
                panic!("{ending:?} {with_thief} {is_of_domain}: {violation:?}:\n{way:#?}")
            });
            let cookie = if is_of_domain { "domain" } else { "host" };
            let thief = if with_thief { "yes" } else { "no" };
            record(&format!("ours | {ending:?} | {cookie} | {thief} | {states} states, all five promises hold"));
            assert!(states > 50, "{ending:?} {with_thief}: {states} states");
            assert_eq!(ended > 0, with_thief || ending != Ending::None, "{ending:?} {with_thief}");
        }
    }
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    for (rules, ending, with_thief, violation) in [
        (Rules::PlainPut, Ending::None, true, Violation::SecondSession),
        (Rules::PlainPut, Ending::Logout, false, Violation::StartedAfterTheEnd),
        (Rules::TwoWrites, Ending::None, false, Violation::FalseLogout),
        (Rules::RepeatAlways, Ending::None, true, Violation::TheftUnnoticed),
        (Rules::NotDerived, Ending::None, false, Violation::FalseLogout),
        (Rules::NotSpent, Ending::Logout, true, Violation::StartedAfterTheEnd),
        (Rules::NotSpent, Ending::Import, false, Violation::StartedAfterTheEnd),
        (Rules::NoUserCheck, Ending::Deletion, false, Violation::StartedAfterTheEnd),
        (Rules::NoUserCheck, Ending::LogoutEverywhere, true, Violation::StartedAfterTheEnd),
        (Rules::FindBeforeShut, Ending::LogoutEverywhere, false, Violation::AliveAfterTheEnd),
        (Rules::FindBeforeShut, Ending::Deletion, false, Violation::AliveAfterTheEnd),
        (Rules::RepeatIsOld, Ending::None, false, Violation::FalseLogout),
    ] {
        let found = search(&Model::new(rules, ending, with_thief, false)).expect_err(&format!("{rules:?} {ending:?}"));
        assert_eq!(found.0, violation, "{rules:?} {ending:?}: {:#?}", found.1);
        let (thief, steps) = (if with_thief { "yes" } else { "no" }, found.1.len() - 1);
        record(&format!("weaker, {rules:?} | {ending:?} | host | {thief} | found: {violation:?} in {steps} steps"));
    }
}
