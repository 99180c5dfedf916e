//! Searches what can happen to a session that is refreshed again and again, with the rules of [`shared::session::Answered`] and of
//! [`shared::per_minute`] that production runs.
//!
//! Time goes in steps of 20 s over two minutes, and two answers a minute are allowed instead of 120. Two processes serve one
//! request each, in every order: what they know, what they send and what they find may lie in different minutes. They may be replaced by
//! new ones that know nothing, and one clock may be ahead by 20 s.

mod model;

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use model::{Bounds, Kind, Rules, State, Violation};

impl Bounds {
    /// Visits every state that can be reached, and counts them.
    fn search(self) -> Result<usize, (Violation, Vec<State>)> {
        let start = State::start();
        // Each state with the one that it was first reached from.
        let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
        while let Some(state) = queue.pop_front() {
            let steps = self.steps(&state).map_err(|violation| {
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

    fn hold(self, what: &str) {
        let Self { kind, window, .. } = self;
        let states = self.search().unwrap_or_else(|(violation, way)| panic!("{violation:?}:\n{way:#?}"));
        record(&format!("ours | {kind:?} | {} s | {what}: {states} states", u16::from(window) * 20));
    }
}

const OURS: Bounds = Bounds {
    rules: Rules::Ours,
    kind: Kind::Rotating,
    window: 2,
    ahead: 0,
    with_new_processes: false,
    uncounted: None,
};

/// Prints a row of the table in `docs/limits.md`, and holds the table to it.
fn record(row: &str) {
    println!("model: {row}");
    assert!(include_str!("../../../docs/limits.md").contains(&format!("\n| {row} |\n")), "docs/limits.md lacks: {row}");
}

/// Each process gives one answer in each window that it does not count, and another one if both count the minute's first at once.
#[test]
fn a_session_gets_few_more_answers_than_are_counted() {
    for (kind, window, uncounted) in
        [(Kind::Rotating, 2, 7), (Kind::Rotating, 5, 5), (Kind::Linked, 5, 9), (Kind::Fixed, 3, 4)]
    {
        let bounds = Bounds { kind, window, uncounted: Some(uncounted), ..OURS };
        bounds.hold(&format!("{uncounted} uncounted at most"));
        let fewer = Bounds { uncounted: Some(uncounted - 1), ..bounds }.search();
        assert_eq!(fewer.unwrap_err().0, Violation::TooManyAnswers, "{kind:?}, {window}");
    }
}

#[test]
fn nobody_is_refused_who_asks_no_more_often_than_allowed_or_can_renew_the_session() {
    for (kind, window) in [(Kind::Rotating, 2), (Kind::Fixed, 3)] {
        let bounds = Bounds { kind, window, ..OURS };
        bounds.hold("both promises");
        Bounds { with_new_processes: true, ..bounds }.hold("with new processes");
        Bounds { ahead: 1, ..bounds }.hold("one clock 20 s ahead");
    }
    Bounds { window: 5, ..OURS }.hold("both promises");
    Bounds { kind: Kind::Linked, ..OURS }.hold("both promises");
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    for (rules, kind, window, violation) in [
        (Rules::RememberNothing, Kind::Rotating, 2, Violation::TooManyAnswers),
        (Rules::RememberNothing, Kind::Fixed, 3, Violation::TooManyAnswers),
        (Rules::CountInMemory, Kind::Rotating, 2, Violation::TooManyAnswers),
        (Rules::CountWithoutCondition, Kind::Rotating, 2, Violation::TooManyAnswers),
        (Rules::CountForEver, Kind::Rotating, 2, Violation::HonestRefused),
        (Rules::CountForEver, Kind::Fixed, 3, Violation::HonestRefused),
        (Rules::RefuseTheLast, Kind::Rotating, 2, Violation::HonestRefused),
        (Rules::RememberTheMinute, Kind::Rotating, 2, Violation::RenewalRefused),
        (Rules::RememberTheMinute, Kind::Linked, 2, Violation::RenewalRefused),
    ] {
        let uncounted = if kind == Kind::Fixed { 4 } else { 7 };
        let found = Bounds { rules, kind, window, uncounted: Some(uncounted), ..OURS }.search();
        let (found, way) = found.expect_err(&format!("{rules:?} of {kind:?}"));
        assert_eq!(found, violation, "{rules:?} of {kind:?}");
        record(&format!(
            "weaker, {rules:?} | {kind:?} | {} s | found: {found:?} in {} steps",
            u16::from(window) * 20,
            way.len()
        ));
    }
}
