//! The table, the clients and what each of them can do next.

use std::time::Duration;

use shared::{
    clock::Timestamp,
    id::UserId,
    session::{
        Carried, CarriedVerdict, Kind, RefreshToken, RefreshTokenKeys, Session, Transport, Verdict, Version, judge,
        judge_carried,
    },
};

use super::{Ending, Rules, Violation};

/// The owner's two tabs and the thief.
pub(super) const CLIENTS: usize = 3;
const THIEF: usize = 2;
/// After so many rotations a session does not rotate any more: further ones change nothing.
const LAST: u8 = 2;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_900_000_000);
const WINDOW: Duration = Duration::from_secs(30);

/// The item of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    None,
    /// It names no session.
    Spent,
    /// It names the session.
    Session,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Never,
    /// With the token of this generation.
    Alive(u8),
    Gone,
}

/// What a client has: the token from Django, and a token of the session by its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Jar {
    django: bool,
    ours: Option<u8>,
}

/// What the function does next for a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Idle,
    /// It writes the item and the session.
    Exchange,
    /// Only in a weaker rule: it has written the item, and writes the session.
    SecondWrite,
    /// Its write was refused by this item: it gives out the session's first token again.
    Repeat(Item),
    /// It ends the session, which two parties use.
    End,
    /// Its response is on the way: the session's first token, or a 401.
    Answered(bool),
}

/// How far the ending is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    NotBegun,
    /// It makes sure that the token starts nothing any more: it spends it, closes the user, or marks the user as deleted.
    Shut,
    /// It looks for sessions.
    Find,
    /// It ends the session, if it has found one.
    Delete(bool),
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    item: Item,
    life: Life,
    /// The session has rotated, or begun, within the window.
    is_young: bool,
    /// The user was deleted, or closed by a logout everywhere.
    is_shut: bool,
    phase: Phase,
    jar: Jar,
    thief: Option<Jar>,
    steps: [Step; CLIENTS],
    /// A copy of the write of an exchange, which may arrive at any time.
    copy: bool,
}

pub(super) struct Model {
    pub(super) rules: Rules,
    pub(super) ending: Ending,
    pub(super) with_thief: bool,
    /// Django's cookie is one of the whole domain, which no response clears.
    pub(super) is_of_domain: bool,
    keys: RefreshTokenKeys,
    /// The session's tokens, by generation.
    tokens: Vec<RefreshToken>,
}

impl Model {
    pub(super) fn new(rules: Rules, ending: Ending, with_thief: bool, is_of_domain: bool) -> Self {
        let secret = serde_json::json!({"secret": "A".repeat(43), "mints_from": 0});
        let keys = RefreshTokenKeys::new(&[serde_json::from_value(secret).unwrap()]).unwrap();
        let version = Version::issued(Kind::Rotating, Transport::Cookie);
        let user = UserId::from_number(17).unwrap();
        let mut tokens = vec![keys.issue(version, user, keys.new_session(None, NOW), LATER, NOW)];
        for generation in 0..LAST {
            tokens.push(keys.successor(&tokens[usize::from(generation)], NOW));
        }
        Self { rules, ending, with_thief, is_of_domain, keys, tokens }
    }

    fn session(&self, state: State) -> Option<Session> {
        let Life::Alive(generation) = state.life else { return None };
        let token = &self.tokens[usize::from(generation)];
        Some(Session {
            token_hash: token.hash(),
            generation: token.generation,
            rotated_at: if state.is_young { NOW } else { NOW - WINDOW },
            expires_at: LATER,
            logged_in_at: NOW,
        })
    }

    /// What DynamoDB makes of the write of an exchange: the state after it, and the item that refuses it.
    fn exchange(&self, state: State) -> Result<(State, Result<(), Item>), Violation> {
        let is_open = !state.is_shut || self.rules == Rules::NoUserCheck;
        if self.rules != Rules::PlainPut && state.item != Item::None || !is_open {
            return Ok((state, Err(state.item)));
        }
        let named = State { item: Item::Session, ..state };
        if self.rules == Rules::TwoWrites {
            return Ok((named, Ok(())));
        }
        Ok((Self::start_session(named)?, Ok(())))
    }

    fn start_session(state: State) -> Result<State, Violation> {
        match state.life {
            Life::Never if state.phase == Phase::Over => Err(Violation::StartedAfterTheEnd),
            Life::Never => Ok(State { life: Life::Alive(0), is_young: true, ..state }),
            // The put of a session that exists is refused, and with it the transaction.
            Life::Alive(_) => Ok(state),
            Life::Gone => Err(Violation::SecondSession),
        }
    }

    /// What a client with these tokens gets from the refresh function: at once with a token of ours, else in steps.
    fn ask(&self, state: State, client: usize) -> Result<State, Violation> {
        let jar = if client == THIEF { state.thief.unwrap_or(state.jar) } else { state.jar };
        if let Some(generation) = jar.ours {
            let token = &self.tokens[usize::from(generation)];
            let verdict = judge(token, self.session(state).as_ref(), &self.keys, NOW, WINDOW);
            if matches!(verdict, Verdict::Rotate | Verdict::Current | Verdict::Repeat(_)) {
                let is_new = matches!(verdict, Verdict::Rotate) && generation < LAST;
                let next = if matches!(verdict, Verdict::Repeat(_)) || is_new { generation + 1 } else { generation };
                let rotated = State { life: Life::Alive(next), is_young: true, ..state };
                let after = if is_new { rotated } else { state };
                return Ok(after.with_jar(client, Jar { ours: Some(next), ..jar }));
            }
            if matches!(verdict, Verdict::Reuse) {
                return self.refuse(State { life: Life::Gone, ..state }, client);
            }
        }
        if jar.django { Ok(state.with(client, Step::Exchange)) } else { self.refuse(state, client) }
    }

    /// The next step of a request that exchanges the token. A write whose response is lost is made again.
    fn go_on(&self, state: State, client: usize, next: &mut Vec<State>) -> Result<(), Violation> {
        match state.steps[client] {
            Step::Idle => {
                let jar = if client == THIEF { state.thief } else { Some(state.jar) };
                if jar.is_some_and(|jar| jar.django || jar.ours.is_some()) {
                    next.push(self.ask(state, client)?);
                }
            }
            Step::Exchange => {
                let (after, result) = self.exchange(state)?;
                let step = match result {
                    Ok(()) if self.rules == Rules::TwoWrites => Step::SecondWrite,
                    Ok(()) => Step::Answered(true),
                    Err(Item::None) => Step::Answered(false),
                    Err(item) => Step::Repeat(item),
                };
                next.push(after.with(client, step));
                next.push(State { copy: true, ..after.with(client, step) });
                // The function dies, or its response is lost.
                next.push(after.with(client, Step::Idle));
            }
            Step::SecondWrite => {
                next.push(Self::start_session(state)?.with(client, Step::Answered(true)));
                next.push(state.with(client, Step::Idle));
            }
            Step::Repeat(item) => {
                let (after, step) = match self.judge(state, item) {
                    CarriedVerdict::Repeat if matches!(state.life, Life::Alive(1..)) => {
                        return Err(Violation::TheftUnnoticed);
                    }
                    CarriedVerdict::Repeat => {
                        let is_young = state.is_young || self.rules != Rules::RepeatIsOld;
                        (State { is_young, ..state }, Step::Answered(true))
                    }
                    CarriedVerdict::Reuse => (state, Step::End),
                    CarriedVerdict::Start | CarriedVerdict::Ended => (state, Step::Answered(false)),
                };
                next.push(after.with(client, step));
                next.push(after.with(client, Step::Idle));
            }
            Step::End => next.push(state.ended().with(client, Step::Answered(false))),
            Step::Answered(is_renewed) => {
                // The response is lost, and the client asks again.
                next.push(state.with(client, Step::Idle));
                next.push(if is_renewed {
                    let django = client == THIEF || self.is_of_domain;
                    state.with(client, Step::Idle).with_jar(client, Jar { django, ours: Some(0) })
                } else {
                    self.refuse(state, client)?
                });
            }
        }
        Ok(())
    }

    /// A 401, which clears what the client has. The owner must get none before the end has begun, unless there is a thief.
    fn refuse(&self, state: State, client: usize) -> Result<State, Violation> {
        if client != THIEF && state.phase == Phase::NotBegun && state.thief.is_none() {
            return Err(Violation::FalseLogout);
        }
        let django = client != THIEF && self.is_of_domain;
        Ok(state.with(client, Step::Idle).with_jar(client, Jar { django, ours: None }))
    }

    fn judge(&self, state: State, item: Item) -> CarriedVerdict {
        let first = &self.tokens[0];
        let session = (item == Item::Session).then_some((first.user, first.session));
        let verdict = judge_carried(Some(&Carried { session, at: NOW }), self.session(state).as_ref(), first, NOW);
        match (self.rules, verdict, state.life) {
            (Rules::RepeatAlways, CarriedVerdict::Reuse, _) => CarriedVerdict::Repeat,
            // The session is drawn, and not derived from the token: nobody can give it out again.
            (Rules::NotDerived, CarriedVerdict::Repeat, _) => CarriedVerdict::Ended,
            (_, verdict, _) => verdict,
        }
    }

    /// The next step of the ending: a logout of this browser or of all devices, a deletion, an import of what Django had revoked.
    fn end(&self, state: State, next: &mut Vec<State>) {
        let by_user = matches!(self.ending, Ending::LogoutEverywhere | Ending::Deletion);
        match state.phase {
            _ if self.ending == Ending::None => {}
            Phase::NotBegun if self.rules == Rules::FindBeforeShut => next.push(State { phase: Phase::Find, ..state }),
            Phase::NotBegun => next.push(State { phase: Phase::Shut, ..state }),
            Phase::Shut if by_user => {
                let after = if self.rules == Rules::FindBeforeShut { Phase::Over } else { Phase::Find };
                next.push(State { is_shut: true, ..state }.in_phase(after));
            }
            Phase::Shut => {
                let spent = match state.item {
                    Item::None if self.rules != Rules::NotSpent => State { item: Item::Spent, ..state },
                    _ => state,
                };
                // The logout of a browser ends the session of our cookie as well.
                let is_named = state.item == Item::Session || state.jar.ours.is_some() && self.ending == Ending::Logout;
                next.push(spent.in_phase(Phase::Delete(is_named)));
                // The function dies after the write, and the logout is repeated.
                next.push(spent);
            }
            Phase::Find => next.push(state.in_phase(Phase::Delete(matches!(state.life, Life::Alive(_))))),
            Phase::Delete(is_found) => {
                let after = if is_found { state.ended() } else { state };
                let is_last = !(by_user && self.rules == Rules::FindBeforeShut);
                next.push(after.in_phase(if is_last { Phase::Over } else { Phase::Shut }));
            }
            Phase::Over => {}
        }
    }

    /// Every step that can come next.
    pub(super) fn steps(&self, state: State) -> Result<Vec<State>, Violation> {
        if state.phase == Phase::Over && matches!(state.life, Life::Alive(_)) {
            return Err(Violation::AliveAfterTheEnd);
        }
        let mut next = Vec::new();
        // A client waits for less than a window, and a function lives for less than one.
        if state.steps.iter().all(|step| *step == Step::Idle) {
            next.push(State { is_young: false, ..state });
        }
        // The browser crashes before it has written its cookies to disk.
        if state.life == Life::Alive(0) && state.is_young {
            next.push(State { jar: Jar { django: true, ours: None }, ..state });
        }
        if self.with_thief && state.thief.is_none() && state.jar.django {
            next.push(State { thief: Some(Jar { django: true, ours: None }), ..state });
        }
        if state.copy {
            next.push(State { copy: false, ..self.exchange(state)?.0 });
        }
        self.end(state, &mut next);
        for client in 0..CLIENTS {
            self.go_on(state, client, &mut next)?;
        }
        Ok(next)
    }
}

impl State {
    pub(super) const fn start() -> Self {
        Self {
            item: Item::None,
            life: Life::Never,
            is_young: false,
            is_shut: false,
            phase: Phase::NotBegun,
            jar: Jar { django: true, ours: None },
            thief: None,
            steps: [Step::Idle; CLIENTS],
            copy: false,
        }
    }

    /// Whether a session was ended because two parties used it, or the end came.
    pub(super) const fn has_ended(self) -> bool {
        matches!(self.life, Life::Gone)
    }

    const fn with(mut self, client: usize, step: Step) -> Self {
        self.steps[client] = step;
        self
    }

    const fn with_jar(self, client: usize, jar: Jar) -> Self {
        if client == THIEF { Self { thief: Some(jar), ..self } } else { Self { jar, ..self } }
    }

    const fn in_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    const fn ended(self) -> Self {
        Self { life: if let Life::Alive(_) = self.life { Life::Gone } else { self.life }, ..self }
    }
}
