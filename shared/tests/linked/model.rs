//! Every step that can come next, and the promises.

use shared::session::{LinkedVerdict, Standing};

use crate::{
    bounds::{Bounds, Rules, Trouble, Violation},
    server::judge,
    state::{Asked, Confirmed, Flight, Item, Life, Request, Response, State},
};

/// What becomes of a request.
#[derive(Clone, Copy)]
pub(super) struct Served {
    pub(super) after: State,
    pub(super) response: Response,
    pub(super) is_late: bool,
    /// Whether a logout with these links would end all sessions of the user.
    pub(super) may_end_all: bool,
}

impl Served {
    pub(super) fn has_token(&self) -> bool {
        matches!(self.response, Response::Linked(_) | Response::Kept)
    }
}

impl Bounds {
    pub(super) fn serve(self, state: State, asked: Asked) -> Result<Served, Violation> {
        let item = (state.life == Life::Living).then_some(state.item);
        let request = match asked {
            Asked::Refresh(request) => request,
            // The repeated login finds its session by its proof, and confirms its link if the session lives.
            Asked::LogIn(first) => {
                let response = if item.is_some() { Response::Linked(first) } else { Response::Over };
                return Ok(Served { after: state, response, is_late: false, may_end_all: item.is_some() });
            }
        };
        let (verdict, grown) = self.weaken(item, request, judge(item, request, self.pace));
        let confirmed = |item: Item| Confirmed { number: item.number, link: request.next };
        let after = match (verdict, grown) {
            (LinkedVerdict::Grow(_), Some(item)) => State { item, ..state },
            (LinkedVerdict::Fork, _) => State { life: Life::Ended, ..state },
            _ => state,
        };
        let response = match verdict {
            LinkedVerdict::Grow(_) | LinkedVerdict::Repeat(_) => Response::Linked(confirmed(after.item)),
            LinkedVerdict::Stay | LinkedVerdict::Late => Response::Kept,
            LinkedVerdict::Overtaken => Response::Stale,
            LinkedVerdict::Unlinked => Response::Required,
            LinkedVerdict::Fork | LinkedVerdict::Ended | LinkedVerdict::Ahead => Response::Over,
        };
        if let LinkedVerdict::Grow(number) | LinkedVerdict::Repeat(number) = verdict
            && (number != u32::from(after.item.number) || after.item.links[0] != Some(request.next))
            && self.rules != Rules::NoNumberInCondition
        {
            return Err(Violation::SecondLineage);
        }
        if verdict == LinkedVerdict::Fork && state.is_restored && state.thief.is_none() {
            return Err(Violation::EndedByRestore);
        }
        let [head, parent, _] = state.item.links;
        let follows_parent = |prev: Confirmed| prev.number + 1 == state.item.number && Some(prev.link) == parent;
        if request.prev.is_some_and(follows_parent) && Some(request.next) != head && after.life == Life::Living {
            return Err(Violation::ForkUnnoticed);
        }
        let is_late = verdict == LinkedVerdict::Late;
        let may_end_all = Standing::from(verdict) == Standing::Alive || is_late && self.rules == Rules::LateEndsAll;
        let served = Served { after, response, is_late, may_end_all };
        if (served.has_token() || may_end_all) && state.life != Life::Living {
            return Err(Violation::Undead);
        }
        Ok(served)
    }

    fn weaken(
        self,
        item: Option<Item>,
        request: Request,
        (verdict, grown): (LinkedVerdict, Option<Item>),
    ) -> (LinkedVerdict, Option<Item>) {
        let Some(item) = item else { return (verdict, grown) };
        let is_young = item.age < self.pace;
        let weaker = match (self.rules, verdict) {
            (Rules::OvertakenEnds, LinkedVerdict::Overtaken)
            | (Rules::UnlinkedEnds, LinkedVerdict::Unlinked)
            | (Rules::AheadEnds, LinkedVerdict::Ahead) => LinkedVerdict::Fork,
            (Rules::ForkIgnored, LinkedVerdict::Fork) | (Rules::NothingIsLate, LinkedVerdict::Late) => {
                LinkedVerdict::Overtaken
            }
            (Rules::LateForEver, LinkedVerdict::Overtaken) => judge(Some(Item { age: 0, ..item }), request, 1).0,
            (Rules::OvertakenServed, LinkedVerdict::Overtaken) => LinkedVerdict::Late,
            (Rules::RepeatWithinPace, LinkedVerdict::Repeat(_)) if !is_young && request.prev.is_some() => {
                LinkedVerdict::Fork
            }
            (Rules::LoginRepeatWithinPace, LinkedVerdict::Repeat(_)) if !is_young && request.prev.is_none() => {
                LinkedVerdict::Unlinked
            }
            (Rules::OnlyNumbers, _) => {
                let prev = request.prev.map(|prev| {
                    let behind = usize::from(item.number.saturating_sub(prev.number));
                    let stored = item.links.get(behind).copied().flatten().filter(|link| *link != request.next);
                    Confirmed { link: stored.unwrap_or(prev.link), ..prev }
                });
                return judge(Some(item), Request { prev, ..request }, self.pace);
            }
            (Rules::GrowAlways, _) => return judge(Some(item), request, 0),
            (Rules::NoNumberInCondition, _) => {
                let prev = request.prev.filter(|prev| item.links[0] == Some(prev.link) && !is_young);
                let Some(prev) = prev else { return (verdict, grown) };
                let presented = Request { prev: Some(Confirmed { number: item.number, ..prev }), ..request };
                let grown = judge(Some(item), presented, self.pace).1;
                let grown = grown.map(|grown| Item { number: prev.number + 1, ..grown });
                return (LinkedVerdict::Grow(0), grown);
            }
            _ => verdict,
        };
        (weaker, grown)
    }

    /// Every step that can come next.
    pub(super) fn steps(self, state: State) -> Result<Vec<State>, Violation> {
        let mut next = Vec::new();
        self.pass_time(state, &mut next);
        if state.life == Life::Living && self.trouble == Trouble::None {
            next.push(State { life: Life::Over, ..state });
        }
        self.ask(state, &mut next);
        for index in 0..self.flights {
            let with = |state: State, flight| {
                let mut flights = state.flights;
                flights[index] = flight;
                State { flights, ..state }
            };
            match state.flights[index] {
                Flight::Idle => {}
                Flight::Asked(asked, age) => {
                    let served = self.serve(state, asked)?;
                    let Served { after, response, .. } = served;
                    Self::check_service_of_the_owner(state, asked, served)?;
                    next.push(with(after, Flight::Responded(asked, response, age)));
                    // It is served and arrives once more, or the function did not get the response to its write and asks again.
                    next.push(after);
                    // It never arrives.
                    next.push(with(state, Flight::Idle));
                }
                Flight::Responded(asked, response, _) => {
                    let idle = with(state, Flight::Idle);
                    next.push(idle);
                    next.push(self.receive(idle, asked, response)?);
                }
            }
        }
        self.go_wrong(state, &mut next)?;
        Ok(next)
    }

    fn pass_time(self, state: State, next: &mut Vec<State>) {
        let mut after = State { item: Item { age: (state.item.age + 1).min(self.pace), ..state.item }, ..state };
        if let Some(delay) = self.delay {
            for flight in &mut after.flights {
                if let Flight::Asked(_, age) | Flight::Responded(_, _, age) = flight {
                    if *age >= delay {
                        return;
                    }
                    *age += 1;
                }
            }
        }
        next.push(after);
    }

    /// As soon as the chain has grown by a link of the thief, the owner's refreshes find it out. Only one that is late is served.
    fn check_service_of_the_owner(state: State, asked: Asked, served: Served) -> Result<(), Violation> {
        let is_unnoticed = match state.item.stolen_growths {
            0 => false,
            1 => !served.is_late,
            _ => true,
        };
        let is_refresh = matches!(asked, Asked::Refresh(_));
        if served.has_token() && is_refresh && is_unnoticed { Err(Violation::TheftUnnoticed) } else { Ok(()) }
    }

    /// From here on the browser alone asks, and every request is answered: it gets a link, or has to log in for a reason.
    pub(super) fn settle(self, quiet: State) -> Result<(), Violation> {
        let mut state = quiet;
        for _ in 0..4 {
            if state.browser.is_out {
                break;
            }
            state.item.age = self.pace;
            let mut asks = Vec::new();
            self.ask(state, &mut asks);
            let asked =
                asks.first().and_then(|state| Some((*state, state.flights.into_iter().find_map(Flight::asked)?)));
            let Some((asking, asked)) = asked else { return Err(Violation::Stuck) };
            let served = self.serve(State { flights: state.flights, ..asking }, asked)?;
            Self::check_service_of_the_owner(state, asked, served)?;
            state = self.receive(served.after, asked, served.response)?;
            if let Response::Linked(_) = served.response {
                return if served.may_end_all { Ok(()) } else { Err(Violation::OthersNotLoggedOut) };
            }
        }
        let copy_lives = state.item.stolen_growths > 0 && state.life == Life::Living;
        match (state.browser.is_out, copy_lives) {
            (true, false) => Ok(()),
            (true, true) => Err(Violation::CopyLivesOn),
            (false, _) => Err(Violation::Stuck),
        }
    }
}

impl Flight {
    fn asked(self) -> Option<Asked> {
        if let Self::Asked(asked, _) = self { Some(asked) } else { None }
    }
}

impl State {
    /// The same without anything on its way, and without what can still go wrong.
    pub(super) fn quiet(self) -> Self {
        let flights = [Flight::Idle; 3];
        Self { flights, recorded: None, saved_item: None, saved_record: None, ..self }.normal()
    }

    /// Whether the browser may have to log in again.
    pub(super) fn is_excused(&self) -> bool {
        let stolen = self.thief.is_some_and(|thief| thief.is_dangerous);
        self.life == Life::Over || stolen || self.is_put_back || self.is_restored
    }
}
