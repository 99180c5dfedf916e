//! Searches what can happen to linked sessions, with the rules that production runs ([`shared::session::judge_links`]).
//!
//! A login begins a session; its response may be lost. Then tabs refresh whenever they like. Requests and responses take any time,
//! arrive twice, in any order or never, and the browser may be silent for any time in between. Links and numbers have names that are
//! relative to the head of the chain, so that the search ends although chains grow for ever. From every state that is reached, the
//! browser alone has to get on: it is served, or it has to log in for a reason. `logins` does the same for two logins at once.

mod bounds;
mod browser;
mod logins;
mod model;
mod normal;
mod server;
mod state;
mod trouble;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    fmt::Debug,
    hash::Hash,
};

use self::{
    bounds::{Bounds, Rules, Trouble, Violation},
    state::State,
};

/// A violation, and the states on the shortest way to it.
type Found<S, V> = (V, Vec<S>);

/// Visits every state that can be reached, and counts them.
fn search<S: Copy + Eq + Hash, V>(start: S, steps: impl Fn(S) -> Result<Vec<S>, V>) -> Result<usize, Found<S, V>> {
    // Each state with the one that it was first reached from.
    let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
    while let Some(state) = queue.pop_front() {
        let steps = steps(state).map_err(|violation| {
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

/// Prints a row of a table in `docs/testing-sessions.md`, and holds the table to it.
fn record(row: &str) {
    println!("linked: {row}");
    assert!(
        include_str!("../../../docs/testing-sessions.md").contains(&format!("\n| {row} |\n")),
        "docs/testing-sessions.md lacks: {row}"
    );
}

/// The number of states, or the way to the violation in a panic.
fn states<S: Debug, V: Debug>(found: Result<usize, Found<S, V>>, columns: &str) -> usize {
    found.unwrap_or_else(|(violation, way)| panic!("{violation:?} in {} steps at {columns}:\n{way:#?}", way.len() - 1))
}

impl Bounds {
    fn search(self) -> Result<usize, Found<State, Violation>> {
        let settled = RefCell::new(HashSet::new());
        search(State::start().normal(), |state| {
            let quiet = state.quiet();
            if settled.borrow_mut().insert(quiet) {
                self.settle(quiet)?;
            }
            Ok(self.steps(state)?.into_iter().map(State::normal).collect())
        })
    }

    fn hold(self) {
        let columns = self.columns();
        record(&format!("{columns} | {} states, all promises hold", states(self.search(), &columns)));
    }

    fn find(self, violation: &Violation) {
        let columns = self.columns();
        let (found, way) = self.search().expect_err(&columns);
        assert_eq!(found, *violation, "{columns}: {way:#?}");
        record(&format!("{columns} | found: {found:?} in {} steps", way.len() - 1));
    }
}

impl logins::Bounds {
    fn search(self) -> Result<usize, Found<logins::State, logins::Violation>> {
        let model = logins::Model::new(self);
        let normal = |steps: Vec<logins::State>| steps.into_iter().map(logins::State::normal).collect();
        search(logins::State::start(self.is_logged_in), |state| model.steps(state).map(normal))
    }

    fn hold(self) {
        let columns = self.columns();
        record(&format!("{columns} | {} states, all promises hold", states(self.search(), &columns)));
    }
}

/// Minutes without optimization: `SEARCH=deep cargo test --release -p shared --test linked`.
fn is_deep() -> bool {
    std::env::var("SEARCH").is_ok_and(|depth| depth == "deep")
}

const HONEST: Bounds =
    Bounds { rules: Rules::Ours, pace: 2, delay: None, flights: 2, trouble: Trouble::None, worthless_after: 3 };

const LOGINS: logins::Bounds =
    logins::Bounds { rules: logins::Rules::Ours, with_locks: true, with_late: true, is_logged_in: true };

#[test]
fn nobody_honest_is_logged_out_whatever_is_lost_late_or_repeated() {
    for (pace, delay) in [(2, 1), (1, 1), (1, 2), (1, 4), (2, 3), (3, 5)] {
        Bounds { pace, delay: Some(delay), ..HONEST }.hold();
    }
    for pace in 0..=3 {
        Bounds { pace, ..HONEST }.hold();
    }
}

#[test]
fn nobody_honest_is_logged_out_with_three_requests_at_once() {
    for (pace, delay) in [(2, Some(1)), (1, Some(2)), (2, None)] {
        Bounds { pace, delay, flights: 3, ..HONEST }.hold();
    }
}

#[test]
fn an_old_request_does_no_harm_and_is_good_for_nothing() {
    for flights in [1, 2] {
        Bounds { flights, trouble: Trouble::Replay, ..HONEST }.hold();
        Bounds { flights, trouble: Trouble::OldRequest, ..HONEST }.hold();
    }
    Bounds { trouble: Trouble::Cookie, ..HONEST }.hold();
}

#[test]
fn a_copy_is_found_and_never_served_for_long() {
    let one = Bounds { flights: 1, ..HONEST };
    for trouble in [Trouble::AtRest, Trouble::AnyMoment] {
        Bounds { trouble, ..one }.hold();
        Bounds { trouble, rules: Rules::LinkAfterItself, ..one }.hold();
        if trouble == Trouble::AtRest || is_deep() {
            Bounds { trouble, ..HONEST }.hold();
        }
    }
    Bounds { trouble: Trouble::AnyMoment, worthless_after: 2, ..one }.find(&Violation::ServedForEver);
}

#[test]
fn what_is_put_back_costs_one_login_at_most() {
    for flights in [1, 2] {
        Bounds { flights, trouble: Trouble::StoragePutBack, ..HONEST }.hold();
        Bounds { flights, trouble: Trouble::TableRestored, ..HONEST }.hold();
    }
    if is_deep() {
        Bounds { flights: 1, trouble: Trouble::RestoredAfterTheft, ..HONEST }.hold();
    }
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    for (rules, delay, trouble, violation) in [
        (Rules::OvertakenEnds, None, Trouble::None, Violation::FalseLogout),
        (Rules::GrowAlways, Some(1), Trouble::None, Violation::AskedInVain),
        (Rules::NextNotStored, None, Trouble::None, Violation::FalseLogout),
        (Rules::RepeatWithinPace, None, Trouble::None, Violation::FalseLogout),
        (Rules::LoginRepeatWithinPace, None, Trouble::None, Violation::FalseLogout),
        (Rules::NoNumberInCondition, None, Trouble::AtRest, Violation::TheftUnnoticed),
        (Rules::OnlyNumbers, None, Trouble::RestoredAfterTheft, Violation::TheftUnnoticed),
        (Rules::UnlinkedEnds, None, Trouble::None, Violation::FalseLogout),
        (Rules::UnlinkedEnds, None, Trouble::Cookie, Violation::WorthlessServed),
        (Rules::AheadEnds, None, Trouble::TableRestored, Violation::EndedByRestore),
        (Rules::ForkIgnored, None, Trouble::AtRest, Violation::ForkUnnoticed),
        (Rules::NothingIsLate, Some(1), Trouble::None, Violation::AskedInVain),
        (Rules::LateForEver, None, Trouble::OldRequest, Violation::WorthlessServed),
        (Rules::OvertakenServed, None, Trouble::OldRequest, Violation::WorthlessServed),
        (Rules::OvertakenServed, None, Trouble::AnyMoment, Violation::Stuck),
        (Rules::LateEndsAll, None, Trouble::OldRequest, Violation::OthersLoggedOut),
        (Rules::NextDropped, None, Trouble::None, Violation::FalseLogout),
        (Rules::NumbersFall, None, Trouble::None, Violation::FalseLogout),
        (Rules::StaleIgnored, None, Trouble::AtRest, Violation::Stuck),
        (Rules::StaleIgnored, None, Trouble::StoragePutBack, Violation::Stuck),
        (Rules::StaleEnds, None, Trouble::None, Violation::FalseLogout),
    ] {
        let flights = if trouble == Trouble::None { 3 } else { 2 };
        Bounds { rules, delay, flights, trouble, ..HONEST }.find(&violation);
    }
}

#[test]
fn two_logins_at_once_lose_no_link() {
    for is_logged_in in [true, false] {
        logins::Bounds { is_logged_in, ..LOGINS }.hold();
    }
    let without_locks = logins::Bounds { with_locks: false, ..LOGINS };
    logins::Bounds { with_late: false, is_logged_in: false, ..without_locks }.hold();
    if is_deep() {
        logins::Bounds { with_late: false, ..without_locks }.hold();
        for is_logged_in in [true, false] {
            logins::Bounds { is_logged_in, ..without_locks }.hold();
        }
    }
}

#[test]
fn each_weaker_rule_of_logins_breaks_a_promise() {
    use logins::{Rules, Violation};
    for (rules, with_locks, violation) in [
        (Rules::OneRecord, true, Violation::LinkLost),
        (Rules::OnePending, true, Violation::LinkLost),
        (Rules::NoFallback, true, Violation::LinkLost),
        (Rules::RefusedRemoves, true, Violation::LinkLost),
        (Rules::NoOtherTried, true, Violation::ExpiredTooEarly),
        (Rules::EachEntryOnce, false, Violation::ExpiredTooEarly),
    ] {
        let bounds = logins::Bounds { rules, with_locks, ..LOGINS };
        let columns = bounds.columns();
        let (found, way) = bounds.search().expect_err(&columns);
        assert_eq!(found, violation, "{columns}: {way:#?}");
        record(&format!("{columns} | found: {found:?} in {} steps", way.len() - 1));
    }
}
