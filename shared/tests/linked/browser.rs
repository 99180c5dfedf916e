//! The client in a browser, whose tabs share its storage.

use crate::{
    bounds::{Bounds, Rules, Violation},
    state::{Asked, Browser, Flight, Life, Record, Request, Response, State, Thief},
};

impl Bounds {
    /// A tab sends a request: a refresh with what is stored, or a login that it repeats.
    pub(super) fn ask(self, state: State, next: &mut Vec<State>) {
        let Some(index) = state.flights[..self.flights].iter().position(|flight| *flight == Flight::Idle) else {
            return;
        };
        let mut send = |state: State, asked| {
            let mut flights = state.flights;
            flights[index] = Flight::Asked(asked, 0);
            next.push(State { flights, ..state });
        };
        let Browser { record, pending, is_out } = state.browser;
        match (record, pending) {
            _ if is_out => {}
            (Some(record), _) => {
                let link = record.next.unwrap_or_else(|| state.fresh());
                let stored = (self.rules != Rules::NextNotStored).then_some(link);
                let browser = Browser { record: Some(Record { next: stored, ..record }), ..state.browser };
                let request = Request { prev: Some(record.prev), next: link };
                send(State { browser, ..state }, Asked::Refresh(request));
            }
            (None, Some(first)) => {
                send(state, Asked::Refresh(Request { prev: None, next: first.link }));
                send(state, Asked::LogIn(first));
            }
            (None, None) => {}
        }
    }

    /// The client handles a response.
    pub(super) fn receive(self, state: State, asked: Asked, response: Response) -> Result<State, Violation> {
        let Browser { record, is_out, .. } = state.browser;
        if is_out {
            return Ok(state);
        }
        let out = |life| {
            let browser = Browser { record: None, pending: None, is_out: true };
            if state.is_excused() { Ok(State { life, browser, ..state }) } else { Err(Violation::FalseLogout) }
        };
        let is_in_time = self.delay.is_some_and(|delay| delay < self.pace);
        match response {
            Response::Stale | Response::Required if is_in_time && !state.is_excused() => Err(Violation::AskedInVain),
            Response::Linked(confirmed) => {
                let is_newer = |record: Record| {
                    confirmed.number > record.prev.number
                        || self.rules == Rules::NumbersFall && confirmed.number < record.prev.number
                };
                if !record.is_none_or(is_newer) {
                    return Ok(state);
                }
                let browser = Browser { record: Some(Record { prev: confirmed, next: None }), pending: None, is_out };
                let grown = |thief: Thief| Thief { owner_growths: (thief.owner_growths + 1).min(3), ..thief };
                Ok(State { browser, thief: state.thief.map(grown), ..state })
            }
            Response::Kept => {
                let record = record.map(|record| match self.rules {
                    Rules::NextDropped => Record { next: None, ..record },
                    _ => record,
                });
                Ok(State { browser: Browser { record, ..state.browser }, ..state })
            }
            Response::Stale => {
                let sent = |record: Record| {
                    asked == Asked::Refresh(Request { prev: Some(record.prev), next: record.next.unwrap_or(u8::MAX) })
                };
                match self.rules {
                    Rules::StaleIgnored => Ok(state),
                    // It logs out, so that the copy is out too.
                    _ if record.is_some_and(sent) || self.rules == Rules::StaleEnds => out(match state.life {
                        Life::Living => Life::Ended,
                        life => life,
                    }),
                    _ => Ok(state),
                }
            }
            // Another tab has stored the response to the login meanwhile, or nothing is left to try.
            Response::Required if record.is_some() => Ok(state),
            // The cookie stays, so that the next login ends a session that lives on, and a copy with it.
            Response::Required | Response::Over => out(match state.life {
                Life::Living => Life::Ended,
                life => life,
            }),
        }
    }
}
