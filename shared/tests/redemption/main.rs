//! Searches all that can happen to one credential that is good for one login, with the rules that production runs
//! ([`shared::redemption::judge`]).
//!
//! Three requests present the credential: two of the client that began the login, and one of a stranger who saw the credential but
//! not the proof. Every order of every step is tried: each write of a request, the exchange at Kakao, which can fail before or
//! after Kakao has seen the code, a write that is done and whose response is lost, a copy of a write that arrives later, a request that
//! dies or is frozen anywhere and goes on at any later time, a logout. From every state that is reached, the client then asks again
//! on its own. A step of time is 5 s: by then a request has been answered, or its client has given it up.

mod model;

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use self::model::{LAST, Life, Model, Next, Response, State, WINDOW, Write};

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Ours,
    CancelWithoutCondition,
    CompleteWithoutCondition,
    TakeOverWithoutCondition,
    /// In two writes instead of one transaction.
    SessionThenComplete,
    CompleteThenSession,
    NoAlivenessCheck,
    NoTakeOver,
    TakeOverAtOnce,
    NoProof,
    TakeOverByAnybody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    IdToken,
}

#[derive(Debug, PartialEq, Eq)]
enum Violation {
    /// One credential started two sessions.
    SecondSession,
    /// A session that was logged out was started again.
    Resurrected,
    /// A request that came after the logout got the session.
    LoggedInAfterLogout,
    StrangerIn,
    /// The client was refused although it had not logged out, and no request of its own had wasted the code.
    FalseRefusal,
    /// The client can ask again for ever.
    Stuck,
}

/// The client asks again, once in each step of time, and nothing fails: it is logged in before long.
fn ask_alone(model: &Model, mut state: State) -> Result<(), Violation> {
    let is_lost = |state: State| match state.stored {
        Some(stored) if stored.is_completed => stored.age >= WINDOW,
        _ => state.spent_by.is_some(),
    };
    if state.life == Life::LoggedOut || is_lost(state) {
        return Ok(());
    }
    for _ in 0..=3 {
        let mut outcome = model.look(state, LAST);
        while let Ok((after, Ok(next))) = outcome {
            outcome = match next {
                Next::Write(write) => model.write(after, LAST, write),
                _ => Ok((after, Ok(Next::Write(Write::Complete)))),
            };
        }
        match outcome? {
            (_, Err(Response::LoggedIn)) => return Ok(()),
            (after, Err(Response::Again)) => state = after.older(),
            _ => return Err(Violation::Stuck),
        }
    }
    Err(Violation::Stuck)
}

/// Visits every state that can be reached, and counts them.
fn search(model: &Model) -> Result<usize, (Violation, Vec<State>)> {
    let start = State::start();
    // Each state with the one that it was first reached from.
    let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
    while let Some(state) = queue.pop_front() {
        let steps = ask_alone(model, state).and_then(|()| model.steps(state));
        let steps = steps.map_err(|violation| {
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
    Ok(seen.len())
}

/// Prints a row of the table in `docs/testing.md`, and holds the table to it.
fn record(row: &str) {
    println!("redemption: {row}");
    assert!(
        include_str!("../../../docs/testing.md").contains(&format!("\n| {row} |\n")),
        "docs/testing.md lacks: {row}"
    );
}

#[test]
fn one_credential_is_one_session_whatever_the_order() {
    for kind in [Kind::Code, Kind::IdToken] {
        let states = search(&Model::new(Rules::Ours, kind));
        let states = states.unwrap_or_else(|(violation, way)| panic!("{kind:?}: {violation:?}:\n{way:#?}"));
        record(&format!("ours | {kind:?} | {states} states, all six promises hold"));
        assert!(states > 10_000, "{kind:?}: {states} states");
    }
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    for (rules, kind, violation) in [
        (Rules::CancelWithoutCondition, Kind::IdToken, Violation::SecondSession),
        (Rules::CompleteWithoutCondition, Kind::IdToken, Violation::SecondSession),
        (Rules::TakeOverWithoutCondition, Kind::IdToken, Violation::SecondSession),
        (Rules::SessionThenComplete, Kind::Code, Violation::Resurrected),
        (Rules::CompleteThenSession, Kind::Code, Violation::Stuck),
        (Rules::NoAlivenessCheck, Kind::Code, Violation::LoggedInAfterLogout),
        (Rules::NoTakeOver, Kind::Code, Violation::Stuck),
        (Rules::TakeOverAtOnce, Kind::Code, Violation::FalseRefusal),
        (Rules::NoProof, Kind::Code, Violation::StrangerIn),
        (Rules::TakeOverByAnybody, Kind::IdToken, Violation::StrangerIn),
    ] {
        let found = search(&Model::new(rules, kind));
        let found = found.expect_err(&format!("{rules:?}"));
        record(&format!("weaker, {rules:?} | {kind:?} | found: {:?} in {} steps", found.0, found.1.len() - 1));
        assert_eq!(found.0, violation, "{rules:?}: {:#?}", found.1);
    }
}
