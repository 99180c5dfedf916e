//! What an honest browser can do nothing about: thieves, recordings, copies that are put back.

use crate::{
    bounds::{Bounds, Rules, Trouble, Violation},
    state::{Asked, Browser, Confirmed, Flight, Item, LINKS, Life, Request, Response, State, Thief},
};

impl Bounds {
    pub(super) fn go_wrong(self, state: State, next: &mut Vec<State>) -> Result<(), Violation> {
        match self.trouble {
            Trouble::None => {}
            Trouble::Replay | Trouble::OldRequest if state.recorded.is_none() => {
                next.extend(state.refreshes().map(|request| State { recorded: Some(request), ..state }));
            }
            Trouble::Replay => {
                let replayed = state.recorded.map(|request| self.serve(state, Asked::Refresh(request))).transpose()?;
                next.extend(replayed.map(|served| served.after));
            }
            Trouble::OldRequest | Trouble::Cookie | Trouble::AtRest | Trouble::AnyMoment => self.rob(state, next)?,
            Trouble::RestoredAfterTheft => {
                self.rob(state, next)?;
                if state.thief.is_some() {
                    self.restore(state, next);
                }
            }
            Trouble::StoragePutBack => match state.saved_record {
                None if state.is_put_back => {}
                None => next.push(State { saved_record: state.browser.record, ..state }),
                Some(record) => {
                    let browser = Browser { record: Some(record), pending: None, is_out: false };
                    next.push(State { browser, saved_record: None, is_put_back: true, ..state });
                }
            },
            Trouble::TableRestored => self.restore(state, next),
        }
        Ok(())
    }

    fn rob(self, state: State, next: &mut Vec<State>) -> Result<(), Violation> {
        match state.thief {
            None => next.extend(self.steal(state).map(|thief| State { thief: Some(thief), ..state })),
            Some(thief) => self.use_stolen(state, thief, next)?,
        }
        Ok(())
    }

    fn restore(self, state: State, next: &mut Vec<State>) {
        match state.saved_item {
            None if state.is_restored || state.life != Life::Living => {}
            None => next.push(State { saved_item: Some(state.item), ..state }),
            // It takes longer than the pace.
            Some(item) => {
                let item = Item { age: self.pace, ..item };
                // The table forgets growths, so that the thief's copy may be good again.
                let thief = state.thief.map(|thief| Thief { owner_growths: 0, ..thief });
                next.push(State { item, saved_item: None, is_restored: true, thief, ..state });
            }
        }
    }

    /// What a thief knows at this moment, if it can steal anything.
    fn steal(self, state: State) -> Option<Thief> {
        let mut thief = Thief { is_dangerous: true, ..Thief::default() };
        let mut learn_request = |request: Request| {
            request.prev.into_iter().for_each(|prev| thief.learns(prev));
            thief.known |= 1 << request.next;
        };
        match self.trouble {
            Trouble::Cookie => return Some(Thief::default()),
            Trouble::OldRequest => {
                let is_old = |request: &Request| match request.prev {
                    Some(prev) => prev.number + 2 <= state.item.number,
                    None => state.item.links[1].is_some(),
                };
                learn_request(state.recorded.filter(is_old)?);
                return Some(Thief { is_dangerous: false, ..thief });
            }
            Trouble::AtRest | Trouble::RestoredAfterTheft if state.flights != [Flight::Idle; 3] => return None,
            _ => {}
        }
        let requests: Vec<Request> = state.refreshes().collect();
        requests.into_iter().for_each(learn_request);
        for flight in state.flights {
            if let Flight::Responded(_, Response::Linked(confirmed), _) = flight {
                thief.learns(confirmed);
            }
        }
        if let Some(record) = state.browser.record {
            thief.learns(record.prev);
            thief.known |= record.next.map_or(0, |next| 1 << next);
        }
        thief.known |= state.browser.pending.map_or(0, |first| 1 << first.link);
        Some(thief)
    }

    /// The thief sends any request that it can make. When it does so is up to the thief, so its requests take no time.
    fn use_stolen(self, state: State, thief: Thief, next: &mut Vec<State>) -> Result<(), Violation> {
        let fresh = state.fresh();
        let links = (0..LINKS).filter(|link| thief.known & 1 << link != 0).chain([fresh]);
        let prevs = thief.confirmed.iter().flatten().copied().map(Some).chain([None]);
        for (prev, link) in prevs.flat_map(|prev| links.clone().map(move |link| (prev, link))) {
            let follows_itself = prev.is_some_and(|prev: Confirmed| prev.link == link);
            if follows_itself && self.rules != Rules::LinkAfterItself {
                continue;
            }
            let served = self.serve(state, Asked::Refresh(Request { prev, next: link }))?;
            let mut after = served.after;
            let mut thief = thief;
            // Within the pace, an old request is taken for one of a slower tab.
            let may_be_a_tab = served.is_late && state.item.age < self.pace;
            if !thief.is_dangerous && (served.has_token() && !may_be_a_tab || after.life != state.life) {
                return Err(Violation::WorthlessServed);
            }
            if !thief.is_dangerous && served.may_end_all {
                return Err(Violation::OthersLoggedOut);
            }
            if served.has_token() && thief.owner_growths >= self.worthless_after {
                return Err(Violation::ServedForEver);
            }
            if let Response::Linked(confirmed) = served.response {
                thief.learns(confirmed);
            }
            if after.item != state.item && !state.is_known_to_owner(link) {
                after.item.stolen_growths = (state.item.stolen_growths + 1).min(2);
            }
            after.thief = Some(thief);
            next.push(after);
        }
        Ok(())
    }
}

impl State {
    /// The refreshes that are on their way.
    fn refreshes(&self) -> impl Iterator<Item = Request> {
        self.flights.into_iter().filter_map(|flight| match flight {
            Flight::Asked(Asked::Refresh(request), _) | Flight::Responded(Asked::Refresh(request), ..) => Some(request),
            _ => None,
        })
    }

    fn is_known_to_owner(&self, link: u8) -> bool {
        let record = self.browser.record.is_some_and(|record| record.prev.link == link || record.next == Some(link));
        record
            || self.browser.pending.is_some_and(|first| first.link == link)
            || self.refreshes().any(|request| request.next == link)
    }
}
