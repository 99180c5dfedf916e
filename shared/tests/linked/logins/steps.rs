//! Every step that can come next.

use std::array;

use shared::session::{LinkedVerdict, PresentedLinks, RefreshToken, UnusableLinks};

use super::{
    Answer, Bounds, Login, Rules, SESSIONS, Stage, State, Tab, Tried, Violation,
    entries::{Entries, Entry},
};
use crate::{
    server::{self, judge},
    state::{HEAD, Item, Request},
};

/// A token for each session, and what is presented beside it.
pub(crate) struct Model {
    bounds: Bounds,
    /// Whether the record of a session is accepted beside the token of another one.
    fits: [[bool; SESSIONS as usize]; SESSIONS as usize],
}

impl Model {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let keys = server::keys();
        let tokens: [RefreshToken; SESSIONS as usize] = array::from_fn(|_| server::token(&keys));
        let fits = array::from_fn(|token| {
            array::from_fn(|record| {
                let prev = server::confirmed_text(&keys, &tokens[record], 0, 0);
                let read = PresentedLinks::read(&keys, tokens[token].session, Some(&prev), &server::text(1));
                !matches!(read, Err(UnusableLinks::UnknownPrev))
            })
        });
        Self { bounds, fits }
    }

    /// What the function responds to this entry with the cookie of this session, and the session's stage after it.
    fn serve(&self, state: State, entry: Entry, cookie: Option<u8>) -> (Answer, Option<Stage>) {
        let Some(session) = cookie else { return (Answer::Over, None) };
        let required = (Answer::LinkRequired(session), None);
        match entry {
            Entry::Record(record) if !self.fits[usize::from(session)][usize::from(record)] => required,
            _ if !state.is_alive(session) => (Answer::Over, None),
            // The records of a living session are up to date: the other search shows it.
            Entry::Record(_) => {
                let grown = if state.stage(session) == Stage::New { Stage::GrownOnce } else { Stage::Grown };
                (Answer::Token(true), Some(grown))
            }
            Entry::Pending(login) => {
                let (links, age) = match state.stage(session) {
                    Stage::New => ([Some(session), None, None], 1),
                    Stage::GrownOnce => ([Some(8), Some(session), None], 0),
                    _ => ([Some(9), Some(8), Some(session)], 1),
                };
                let request = Request { prev: None, next: login };
                match judge(Some(Item { number: HEAD, links, age, stolen_growths: 0 }), request, 1).0 {
                    LinkedVerdict::Repeat(_) => (Answer::Token(true), None),
                    LinkedVerdict::Stay | LinkedVerdict::Late => (Answer::Token(false), None),
                    _ => required,
                }
            }
        }
    }

    /// Whether anything that is stored would renew this session at this moment.
    fn can_be_renewed(&self, state: State, session: Option<u8>) -> bool {
        let mut entries = state.storage.iter();
        entries.any(|entry| matches!(self.serve(state, entry, session).0, Answer::Token(_)))
    }

    /// Every step that can come next.
    pub(crate) fn steps(&self, state: State) -> Result<Vec<State>, Violation> {
        let mut next = Vec::new();
        if state.cookie.is_some_and(|session| state.is_alive(session)) && !self.can_be_renewed(state, state.cookie) {
            return Err(Violation::LinkLost);
        }
        for session in 1..SESSIONS {
            self.log_in(state, session, &mut next);
            if let Some(cookie) = state.late[usize::from(session - 1)]
                && state.stage(session) != Stage::Ended
            {
                next.extend(state.with_late(session, None).begun(session, Some(cookie)));
            }
        }
        self.refresh(state, &mut next)?;
        for session in 0..SESSIONS {
            if state.stage(session) == Stage::GrownOnce {
                next.push(state.with_stage(session, Stage::Grown));
            }
        }
        // Browsers write cookies to disk late.
        if !state.has_crashed && state.cookie != Some(0) {
            let logins = state.logins.map(|login| match login {
                Login::NotYet => Login::NotYet,
                _ => Login::Done,
            });
            next.push(State { cookie: Some(0), logins, tab: Tab::Idle, has_crashed: true, ..state });
        }
        Ok(next)
    }

    fn log_in(&self, state: State, session: u8, next: &mut Vec<State>) {
        let with = |state: State, login| state.with_login(session, login);
        let is_free = !(self.bounds.with_locks && state.is_locked());
        match state.logins[usize::from(session - 1)] {
            Login::NotYet if is_free => {
                let mut state = state;
                match self.bounds.rules {
                    Rules::OneRecord => state.storage = Entries::default(),
                    Rules::OnePending => state.storage.forget_pending(),
                    _ => {}
                }
                state.storage.add_pending(session);
                next.push(with(state, Login::Sent(state.cookie, false)));
            }
            Login::Failed => {
                next.push(with(state, Login::Done));
                if is_free {
                    next.push(with(state, Login::Sent(state.cookie, true)));
                }
            }
            Login::Sent(cookie, is_repeated) => {
                next.push(with(state, Login::Failed));
                if self.bounds.with_late {
                    next.push(with(state.with_late(session, Some(cookie.unwrap_or(session))), Login::Failed));
                }
                let refused = with(state, Login::Responded(false, is_repeated));
                match state.stage(session) {
                    Stage::Ended => return next.push(refused),
                    Stage::Future => {}
                    _ if is_repeated => {}
                    _ => return,
                }
                next.push(refused);
                next.extend(state.begun(session, cookie).map(|begun| with(begun, Login::Responded(true, is_repeated))));
            }
            Login::Responded(is_accepted, is_repeated) => {
                next.push(with(state, Login::Failed));
                if is_accepted {
                    next.push(with(State { cookie: Some(session), ..state }, Login::CookieSet));
                } else {
                    let mut state = state;
                    // After a lost response nobody knows whether the session has begun.
                    if !is_repeated || self.bounds.rules == Rules::RefusedRemoves {
                        state.storage.remove_pending(session);
                    }
                    next.push(with(state, Login::Done));
                }
            }
            Login::CookieSet => {
                next.push(with(state, Login::Failed));
                let mut state = state;
                if self.bounds.rules == Rules::NoFallback {
                    state.storage.forget_records();
                }
                state.storage.commit(session);
                next.push(with(state, Login::Done));
            }
            Login::NotYet | Login::Done => {}
        }
    }

    fn refresh(&self, state: State, next: &mut Vec<State>) -> Result<(), Violation> {
        let with = |state: State, tab| State { tab, ..state };
        match state.tab {
            Tab::Idle if self.bounds.with_locks && state.is_locked() => {}
            Tab::Idle => next.push(with(state, Tab::Trying(Tried::default()))),
            Tab::Trying(tried) => {
                // It reads the storage again each time.
                match state.storage.next_to_try(tried.named, tried.entries) {
                    Some(entry) => next.push(with(state, Tab::Asked(entry, state.cookie, tried))),
                    None if self.can_be_renewed(state, tried.named) => return Err(Violation::ExpiredTooEarly),
                    None => next.push(with(state, Tab::Idle)),
                }
            }
            Tab::Asked(entry, cookie, tried) => {
                next.push(with(state, Tab::Idle));
                let (answer, grown) = self.serve(state, entry, cookie);
                let served = match (grown, cookie) {
                    (Some(grown), Some(session)) => state.with_stage(session, grown),
                    _ => state,
                };
                next.push(with(served, Tab::Responded(entry, answer, tried)));
            }
            Tab::Responded(entry, answer, tried) => {
                let mut state = with(state, Tab::Idle);
                next.push(state);
                match (answer, entry) {
                    (Answer::Token(true), entry) => state.storage.commit(entry.session()),
                    (Answer::Over, Entry::Record(session)) => state.storage.remove_record(session),
                    // Nobody knows whether it was the pending login's session that has ended.
                    (Answer::Over, Entry::Pending(_)) | (Answer::Token(false), _) => {}
                    (Answer::LinkRequired(named), entry) => {
                        let rules = self.bounds.rules;
                        let known =
                            if tried.named == Some(named) || rules == Rules::EachEntryOnce { tried.entries } else { 0 };
                        let entries = if rules == Rules::NoOtherTried { u8::MAX } else { known | entry.bit() };
                        state.tab = Tab::Trying(Tried { named: Some(named), entries });
                    }
                }
                next.push(state);
            }
        }
        Ok(())
    }
}
