//! Searches all that can happen to one session, with the rules that production runs ([`shared::session::judge`]).
//!
//! A state holds ages and distances instead of times and generations, so that the search ends although runs do not: how long ago the
//! session rotated, and by how many generations each token in a cookie jar, on the network or in a thief's hand is behind. Every
//! order of every step is tried: tabs that send, requests and responses that take up to D, responses that are lost (up to L in a row),
//! functions that crash before or after the write, writes that are made again because their response was lost, the session's end, a thief.
//! Each token that is sent is also asked whether it may log its user out everywhere: a spent one ends its own session only.
//! A logout, one everywhere and expiry are one step to a session: from one moment on it is no longer there, whatever the jar holds.
//! A browser that got no response asks again at once: who is away for longer than W after a response was lost is logged out, which is the price of
//! finding a thief who stays one step behind.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

use shared::{
    clock::Timestamp,
    id::UserId,
    session::{Kind, RefreshToken, RefreshTokenKeys, Session, Standing, Transport, Verdict, Version, judge},
};

/// Requests on their way at once: two tabs, or one tab and a request that it has given up on.
const FLIGHTS: usize = 2;
/// Further behind is all the same.
const FAR_BEHIND: u8 = 3;

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Ours,
    /// A parent is never accepted: strict single use.
    NoParent,
    /// Every refresh rotates.
    RotateAlways,
    /// A refresh inside the window sets the cookie that it was given.
    CookieInsideWindow,
    /// A parent is accepted until its successor is used.
    ParentForEver,
    /// Any token of a session that lives may end all of its user's.
    AnyTokenEndsAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Life {
    Living,
    /// By a logout or its age: a 401 is right.
    Over,
    /// By a reuse.
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Response {
    /// 200 with a cookie this many generations behind.
    Cookie(u8),
    /// 200 that leaves the cookie alone.
    Keep,
    /// 401, which clears the cookie.
    Clear,
    /// 503.
    Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flight {
    Idle,
    Asked {
        behind: u8,
        age: u8,
    },
    Responded {
        response: Response,
        age: u8,
    },
    /// Without a response: the browser asks again at once.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    life: Life,
    /// How long ago the session rotated, up to the window.
    since: u8,
    jar: Option<u8>,
    flights: [Flight; FLIGHTS],
    lost_in_a_row: u8,
    thief: Option<u8>,
}

/// The bounds of a search.
#[derive(Clone, Copy)]
struct Bounds {
    rules: Rules,
    window: u8,
    /// The longest time from sending to receiving (D).
    delay: u8,
    /// Responses lost in a row (L).
    losses: u8,
    with_thief: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Violation {
    /// An honest browser was logged out, and nobody had ended the session.
    FalseLogout,
    /// A token was accepted that somebody else had replaced a window ago or longer.
    TheftUnnoticed,
    /// A session that had ended gave out an access token.
    Undead,
    /// A successor that is not the successor.
    SecondLineage,
    /// A spent token, or one of an ended session, could log out the user's other devices.
    OthersLoggedOut,
    /// A token that could be renewed could not.
    OthersNotLoggedOut,
}

fn further(behind: u8) -> u8 {
    (behind + 1).min(FAR_BEHIND)
}

/// A lineage of real tokens, of which the last is current.
struct Lineage {
    keys: RefreshTokenKeys,
    tokens: Vec<RefreshToken>,
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_900_000_000);

impl Lineage {
    fn new() -> Self {
        let secret = serde_json::json!({"secret": "A".repeat(43), "mints_from": 0});
        let secret = serde_json::from_value(secret).expect("it has the shape of one");
        let keys = RefreshTokenKeys::new(&[secret]).expect("it is 32 bytes");
        let mut tokens = vec![keys.issue(
            Version::issued(Kind::Rotating, Transport::Cookie),
            UserId::generate(),
            keys.new_session(None, NOW),
            LATER,
            NOW,
        )];
        for _ in 0..=FAR_BEHIND {
            let next = keys.successor(&tokens[tokens.len() - 1], NOW);
            tokens.push(next);
        }
        Self { keys, tokens }
    }

    /// The token so many generations behind the current one, which is the last but one: its successor is at hand too.
    fn behind(&self, behind: u8) -> &RefreshToken {
        &self.tokens[self.tokens.len() - 2 - usize::from(behind)]
    }
}

impl Bounds {
    /// What the function makes of a token: the state after it, the response, and how far behind the token is then.
    fn serve(self, lineage: &Lineage, state: State, behind: u8) -> Result<(State, Response, u8), Violation> {
        let current = lineage.behind(0);
        let session = Session {
            token_hash: current.hash(),
            generation: current.generation,
            rotated_at: NOW - Duration::from_secs(state.since.into()),
            expires_at: LATER,
            logged_in_at: NOW,
        };
        let living = (state.life == Life::Living).then_some(&session);
        let window = Duration::from_secs(self.window.into());
        let verdict = judge(lineage.behind(behind), living, &lineage.keys, NOW, window);
        let (life, in_window) = (state.life, state.since < self.window);
        let spent = behind > 1 || behind == 1 && !in_window;
        let ends_all =
            Standing::from(&verdict) == Standing::Alive || self.rules == Rules::AnyTokenEndsAll && life == Life::Living;
        let verdict = match (self.rules, verdict) {
            (Rules::NoParent, Verdict::Repeat(_)) => Verdict::Reuse,
            (Rules::RotateAlways, Verdict::Current) => Verdict::Rotate,
            (Rules::ParentForEver, Verdict::Reuse) if behind == 1 => {
                Verdict::Repeat(lineage.keys.successor(lineage.behind(1), NOW))
            }
            (_, verdict) => verdict,
        };
        let accepted = matches!(verdict, Verdict::Rotate | Verdict::Current | Verdict::Repeat(_));
        if accepted && life != Life::Living {
            return Err(Violation::Undead);
        }
        if accepted && spent {
            return Err(Violation::TheftUnnoticed);
        }
        if ends_all && (spent || life != Life::Living) {
            return Err(Violation::OthersLoggedOut);
        }
        if !ends_all && !spent && life == Life::Living {
            return Err(Violation::OthersNotLoggedOut);
        }
        let (after, response) = match verdict {
            Verdict::Rotate => {
                let next = lineage.keys.successor(lineage.behind(behind), NOW);
                if next.hash() != lineage.tokens[lineage.tokens.len() - 1].hash() {
                    return Err(Violation::SecondLineage);
                }
                return Ok((state.rotated(), Response::Cookie(0), further(behind)));
            }
            Verdict::Repeat(next) if next.hash() != current.hash() => return Err(Violation::SecondLineage),
            Verdict::Repeat(_) => (state, Response::Cookie(0)),
            Verdict::Current if self.rules == Rules::CookieInsideWindow => (state, Response::Cookie(0)),
            Verdict::Current => (state, Response::Keep),
            Verdict::Reuse => (State { life: Life::Revoked, ..state }, Response::Clear),
            Verdict::Ended | Verdict::Ahead => (state, Response::Clear),
        };
        Ok((after, response, behind))
    }

    /// Every step that can come next.
    fn steps(self, lineage: &Lineage, state: State) -> Result<Vec<State>, Violation> {
        let mut next = Vec::new();
        let late = state.flights.iter().any(|flight| match flight {
            Flight::Idle => false,
            Flight::Failed => state.jar.is_some(),
            Flight::Asked { age, .. } | Flight::Responded { age, .. } => *age >= self.delay,
        });
        if !late {
            next.push(state.older(self.window));
        }
        if state.life == Life::Living {
            next.push(State { life: Life::Over, ..state });
        }
        if self.with_thief && state.thief.is_none() {
            next.push(State { thief: state.jar, ..state });
        }
        if let Some(behind) = state.thief {
            let (after, response, _) = self.serve(lineage, state, behind)?;
            let thief = if let Response::Cookie(behind) = response { Some(behind) } else { after.thief };
            next.push(State { thief, ..after });
        }
        for index in 0..FLIGHTS {
            let with = |state: State, flight| {
                let mut flights = state.flights;
                flights[index] = flight;
                State { flights, ..state }
            };
            match state.flights[index] {
                Flight::Idle | Flight::Failed => {
                    next.extend(state.jar.map(|behind| with(state, Flight::Asked { behind, age: 0 })));
                }
                Flight::Asked { behind, age } => {
                    let (after, response, behind) = self.serve(lineage, state, behind)?;
                    next.push(with(after, Flight::Responded { response, age }));
                    // The write is done, its response lost: the function asks again.
                    next.push(with(after, Flight::Asked { behind, age }));
                    // It fails or crashes before the write, or after it.
                    next.push(with(state, Flight::Responded { response: Response::Again, age }));
                    next.push(with(after, Flight::Responded { response: Response::Again, age }));
                }
                Flight::Responded { response, .. } => {
                    let lost = State { lost_in_a_row: state.lost_in_a_row + 1, ..with(state, Flight::Failed) };
                    if lost.lost_in_a_row <= self.losses {
                        next.push(lost);
                    }
                    let received = with(state, Flight::Idle);
                    next.push(match response {
                        Response::Cookie(behind) => State { jar: Some(behind), lost_in_a_row: 0, ..received },
                        Response::Keep => received,
                        // A 503 tells the browser as little as no response does, and is counted as one that was lost.
                        Response::Again => continue,
                        Response::Clear if state.life != Life::Over && state.thief.is_none() => {
                            return Err(Violation::FalseLogout);
                        }
                        Response::Clear => State { jar: None, ..received },
                    });
                }
            }
        }
        Ok(next)
    }

    /// Visits every state that can be reached; counts them, and those in which the session was revoked.
    fn search(self) -> Result<(usize, usize), (Violation, Vec<State>)> {
        let lineage = Lineage::new();
        let start = State {
            life: Life::Living,
            since: 0,
            jar: Some(0),
            flights: [Flight::Idle; FLIGHTS],
            lost_in_a_row: 0,
            thief: None,
        };
        // Each state with the one that it was first reached from.
        let (mut seen, mut queue) = (HashMap::from([(start, start)]), VecDeque::from([start]));
        while let Some(state) = queue.pop_front() {
            let steps = self.steps(&lineage, state).map_err(|violation| {
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
        Ok((seen.len(), seen.keys().filter(|state| state.life == Life::Revoked).count()))
    }
}

impl State {
    fn older(self, window: u8) -> Self {
        let flights = self.flights.map(|flight| match flight {
            Flight::Idle | Flight::Failed => flight,
            Flight::Asked { behind, age } => Flight::Asked { behind, age: age + 1 },
            Flight::Responded { response, age } => Flight::Responded { response, age: age + 1 },
        });
        Self { since: (self.since + 1).min(window), flights, ..self }
    }

    /// Every token that somebody has is one generation further behind.
    fn rotated(self) -> Self {
        let flights = self.flights.map(|flight| match flight {
            Flight::Asked { behind, age } => Flight::Asked { behind: further(behind), age },
            Flight::Responded { response: Response::Cookie(behind), age } => {
                Flight::Responded { response: Response::Cookie(further(behind)), age }
            }
            flight => flight,
        });
        Self { since: 0, jar: self.jar.map(further), thief: self.thief.map(further), flights, ..self }
    }
}

const HONEST: Bounds = Bounds { rules: Rules::Ours, window: 5, delay: 2, losses: 0, with_thief: false };

/// Prints a row of the table in `docs/testing.md`, and holds the table to it.
fn record(row: &str) {
    println!("model: {row}");
    assert!(include_str!("../../docs/testing.md").contains(&format!("\n| {row} |\n")), "docs/testing.md lacks: {row}");
}

/// W exceeds (2 + L) × D in the first group, and equals it in the second.
#[test]
fn nobody_honest_is_logged_out_while_the_window_is_long_enough() {
    for (window, delay, losses) in [(3, 1, 0), (4, 1, 1), (5, 2, 0), (7, 2, 1), (9, 2, 2), (10, 3, 1)] {
        let (states, revoked) = Bounds { window, delay, losses, ..HONEST }
            .search()
            .unwrap_or_else(|(violation, way)| panic!("{violation:?} at W {window}, D {delay}, L {losses}:\n{way:#?}"));
        record(&format!("ours | {window} | {delay} | {losses} | no | {states} states, all promises hold"));
        assert!(states > 500 && revoked == 0, "W {window}, D {delay}, L {losses}: {states} states, {revoked} revoked");
    }
    for (window, delay, losses) in [(2, 1, 0), (3, 1, 1), (4, 2, 0), (6, 2, 1), (8, 2, 2), (9, 3, 1)] {
        let found = Bounds { window, delay, losses, ..HONEST }.search();
        assert_eq!(found.unwrap_err().0, Violation::FalseLogout, "W {window}, D {delay}, L {losses}");
        record(&format!(
            "ours, W too short | {window} | {delay} | {losses} | no | found: {:?}",
            Violation::FalseLogout
        ));
    }
}

#[test]
fn a_thief_is_found_whatever_the_order() {
    for (window, delay, losses) in [(3, 1, 0), (7, 2, 1)] {
        let found = Bounds { window, delay, losses, with_thief: true, ..HONEST }.search();
        let (states, revoked) = found.unwrap_or_else(|(violation, way)| panic!("{violation:?}:\n{way:#?}"));
        record(&format!("ours | {window} | {delay} | {losses} | yes | {states} states, all promises hold"));
        assert!(revoked > 0, "a thief's token is never found out");
    }
}

#[test]
fn each_weaker_rule_breaks_a_promise() {
    for (rules, window, violation) in [
        (Rules::NoParent, 30, Violation::FalseLogout),
        (Rules::RotateAlways, 6, Violation::FalseLogout),
        (Rules::CookieInsideWindow, 5, Violation::FalseLogout),
        (Rules::ParentForEver, 5, Violation::TheftUnnoticed),
        (Rules::AnyTokenEndsAll, 5, Violation::OthersLoggedOut),
    ] {
        let with_thief = [Rules::ParentForEver, Rules::AnyTokenEndsAll].contains(&rules);
        let found = Bounds { rules, window, with_thief, ..HONEST }.search();
        assert_eq!(found.unwrap_err().0, violation, "{rules:?}");
        let Bounds { delay, losses, .. } = HONEST;
        let thief = if with_thief { "yes" } else { "no" };
        record(&format!("weaker, {rules:?} | {window} | {delay} | {losses} | {thief} | found: {violation:?}"));
    }
}
