//! What a credential, the requests that present it and its session can be in, and every step from there.

use std::time::Duration;

use shared::{
    clock::Timestamp,
    id::{SessionId, UserId},
    redemption::{ABANDONED_AFTER, Attempt, Redemption, Verdict, judge},
};

use crate::{Kind, Rules, Violation};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const STEP: Duration = Duration::from_secs(5);
pub(super) const WINDOW: u8 = 6;
/// Which request is the stranger's, and which the client's that asks again in the end.
const STRANGER: u8 = 2;
pub(super) const LAST: u8 = 3;
/// The attempt of a redemption that was cancelled.
const NOBODY: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    attempt: u8,
    by_stranger: bool,
    pub(super) age: u8,
    pub(super) is_completed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Never,
    Alive,
    LoggedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Write {
    Redeem,
    TakeOver(u8),
    Complete,
    /// The second write, where completing takes two.
    SecondHalf,
    Cancel,
}

/// What a request does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    Begin,
    Write(Write),
    Exchange,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    next: Next,
    /// Dead or frozen: its client has stopped waiting.
    is_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) stored: Option<Stored>,
    pub(super) life: Life,
    requests: [Request; 4],
    /// A write that was done and arrives once more.
    copy: Option<(u8, Write)>,
    /// Who exchanged the code at Kakao.
    pub(super) spent_by: Option<u8>,
}

pub(super) struct Model {
    rules: Rules,
    kind: Kind,
    client: SessionId,
    stranger: SessionId,
    attempts: Vec<Attempt>,
    user: UserId,
}

/// The result of a write or a read: the state after it, and the request's next step or response.
pub(super) type Outcome = Result<(State, Result<Next, Response>), Violation>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    LoggedIn,
    Refused,
    Again,
}

impl Model {
    pub(super) fn new(rules: Rules, kind: Kind) -> Self {
        let attempts = (0..=NOBODY).map(|_| Attempt::generate()).collect();
        let (client, stranger, user) = (SessionId::generate(), SessionId::generate(), UserId::generate());
        Self { rules, kind, client, stranger, attempts, user }
    }

    fn judge(&self, state: State, by: u8) -> Verdict {
        let stored = state.stored.map(|stored| Redemption {
            attempt: self.attempts[usize::from(stored.attempt)].clone(),
            session: if stored.by_stranger { self.stranger } else { self.client },
            redeemed_at: NOW - STEP * stored.age.into(),
            is_bound: Some(!stored.by_stranger || self.kind == Kind::Code),
            user: stored.is_completed.then_some(self.user),
        });
        let presented = match (by, self.kind) {
            _ if self.rules == Rules::NoProof => stored.as_ref().map(|stored| stored.session),
            // Anybody can make a verifier up.
            (STRANGER, Kind::Code) => Some(self.stranger),
            (STRANGER, Kind::IdToken) => None,
            _ => Some(self.client),
        };
        let is_alive = state.life == Life::Alive || self.rules == Rules::NoAlivenessCheck;
        let window = STEP * WINDOW.into();
        match (self.rules, judge(stored.as_ref(), presented, is_alive, NOW, window), state.stored) {
            (Rules::NoTakeOver, Verdict::TakeOver, _) => Verdict::UsedBefore,
            (Rules::TakeOverAtOnce, Verdict::WaitForFirst, _) => Verdict::TakeOver,
            (Rules::TakeOverByAnybody, Verdict::UsedBefore, Some(stored))
                if !stored.is_completed && NOW - STEP * stored.age.into() + ABANDONED_AFTER <= NOW =>
            {
                Verdict::TakeOver
            }
            (_, verdict, _) => verdict,
        }
    }

    fn start_session(&self, state: State) -> Result<State, Violation> {
        match state.life {
            Life::Never => Ok(State { life: Life::Alive, ..state }),
            // The second put of a session finds the first one.
            Life::Alive if matches!(self.rules, Rules::SessionThenComplete | Rules::CompleteThenSession) => Ok(state),
            Life::Alive => Err(Violation::SecondSession),
            Life::LoggedOut => Err(Violation::Resurrected),
        }
    }

    /// What a request does that finds a redemption.
    pub(super) fn look(&self, state: State, by: u8) -> Outcome {
        let response = match self.judge(state, by) {
            Verdict::Redeem => return Ok((state, Ok(Next::Write(Write::Redeem)))),
            Verdict::TakeOver => {
                let abandoned = state.stored.map_or(NOBODY, |stored| stored.attempt);
                return Ok((state, Ok(Next::Write(Write::TakeOver(abandoned)))));
            }
            // It looks again, or gives up.
            Verdict::WaitForFirst => Response::Again,
            Verdict::Repeat(_) if by == STRANGER => return Err(Violation::StrangerIn),
            Verdict::Repeat(_) if state.life == Life::LoggedOut => return Err(Violation::LoggedInAfterLogout),
            Verdict::Repeat(_) => Response::LoggedIn,
            Verdict::UsedBefore | Verdict::Ended => Response::Refused,
        };
        Ok((state, Err(response)))
    }

    /// What DynamoDB makes of a write.
    pub(super) fn write(&self, state: State, by: u8, write: Write) -> Outcome {
        let stored = Some(Stored { attempt: by, by_stranger: by == STRANGER, age: 0, is_completed: false });
        let is_open = |attempt| state.stored.is_some_and(|stored| stored.attempt == attempt && !stored.is_completed);
        let after_redeeming = Next::Write(Write::Complete);
        let after_redeeming = if self.kind == Kind::Code { Next::Exchange } else { after_redeeming };
        let completed = |state: State| {
            let stored = state.stored.map(|stored| Stored { is_completed: true, ..stored });
            State { stored, ..state }
        };
        match write {
            Write::Redeem if state.stored.is_none() => Ok((State { stored, ..state }, Ok(after_redeeming))),
            Write::TakeOver(attempt) if is_open(attempt) || self.rules == Rules::TakeOverWithoutCondition => {
                Ok((State { stored, ..state }, Ok(after_redeeming)))
            }
            Write::Redeem | Write::TakeOver(_) if state.stored.is_some_and(|stored| stored.attempt == by) => {
                Ok((state, Ok(after_redeeming)))
            }
            Write::Redeem | Write::TakeOver(_) => self.look(state, by),
            Write::Complete if is_open(by) || self.rules == Rules::CompleteWithoutCondition => match self.rules {
                _ if by == STRANGER => Err(Violation::StrangerIn),
                Rules::SessionThenComplete => Ok((self.start_session(state)?, Ok(Next::Write(Write::SecondHalf)))),
                Rules::CompleteThenSession => Ok((completed(state), Ok(Next::Write(Write::SecondHalf)))),
                _ => Ok((completed(self.start_session(state)?), Err(Response::LoggedIn))),
            },
            Write::Complete => Ok((state, Ok(Next::Write(Write::Cancel)))),
            Write::SecondHalf if self.rules == Rules::SessionThenComplete => {
                Ok((completed(state), Err(Response::LoggedIn)))
            }
            Write::SecondHalf => Ok((self.start_session(state)?, Err(Response::LoggedIn))),
            Write::Cancel if is_open(by) || self.rules == Rules::CancelWithoutCondition => {
                let given_back = |stored| Stored { attempt: NOBODY, age: WINDOW, is_completed: false, ..stored };
                Ok((State { stored: state.stored.map(given_back), ..state }, Err(Response::Again)))
            }
            Write::Cancel => Ok((state, Err(Response::Again))),
        }
    }

    /// The request continues as decided, or responds. A refusal must have a reason.
    fn follow((state, next): (State, Result<Next, Response>), by: u8) -> Result<State, Violation> {
        let is_late = state.requests[usize::from(by)].is_late;
        let is_excused = || {
            let is_over = state.stored.is_some_and(|stored| stored.is_completed && stored.age >= WINDOW);
            is_late || by == STRANGER || state.life == Life::LoggedOut || state.is_wasted() || is_over
        };
        match next {
            Ok(next) => Ok(state.with(by, next)),
            Err(Response::Refused) if !is_excused() => Err(Violation::FalseRefusal),
            Err(_) => Ok(state.with(by, Next::Nothing)),
        }
    }

    /// Every step that a request can take.
    fn steps_of(&self, state: State, by: u8, next: &mut Vec<State>) -> Result<(), Violation> {
        let cancel = Next::Write(Write::Cancel);
        match state.requests[usize::from(by)].next {
            Next::Nothing => {}
            Next::Begin => {
                // Whoever has an ID token whose nonce is not secret may be the first to present it.
                if by != STRANGER || self.kind == Kind::Code || state.stored.is_some() {
                    next.push(Self::follow(self.look(state, by)?, by)?);
                }
            }
            Next::Exchange if by == STRANGER => {
                next.push(state.with(by, cancel));
                next.push(State { spent_by: state.spent_by.or(Some(by)), ..state.with(by, cancel) });
            }
            Next::Exchange => {
                next.push(state.with(by, cancel));
                if state.spent_by.is_some() {
                    next.push(Self::follow((state, Err(Response::Refused)), by)?.with(by, cancel));
                } else {
                    let spent = State { spent_by: Some(by), ..state };
                    next.push(spent.with(by, Next::Write(Write::Complete)));
                    next.push(spent.with(by, cancel));
                }
            }
            Next::Write(write) => {
                let (after, told) = self.write(state, by, write)?;
                let arrived = Self::follow((after, told), by)?;
                next.push(arrived);
                if state.copy.is_none() {
                    next.push(State { copy: Some((by, write)), ..arrived });
                }
                // Its response is lost, or it never arrives: the request fails, and gives back what it holds.
                let gives_up =
                    if matches!(write, Write::Complete | Write::SecondHalf) { cancel } else { Next::Nothing };
                for failed in [after, state] {
                    next.push(failed.with(by, gives_up));
                }
            }
        }
        Ok(())
    }

    /// Every step that can come next.
    pub(super) fn steps(&self, state: State) -> Result<Vec<State>, Violation> {
        let mut next = vec![state.older()];
        if state.life == Life::Alive {
            next.push(State { life: Life::LoggedOut, ..state });
        }
        if let Some((by, write)) = state.copy {
            let (after, _) = self.write(state, by, write)?;
            next.push(State { copy: None, ..after });
        }
        for by in 0..=STRANGER {
            self.steps_of(state, by, &mut next)?;
        }
        Ok(next)
    }
}

impl State {
    pub(super) fn start() -> Self {
        let requests = [Request { next: Next::Begin, is_late: false }; 4];
        Self { stored: None, life: Life::Never, requests, copy: None, spent_by: None }
    }

    fn with(self, by: u8, next: Next) -> Self {
        let mut requests = self.requests;
        requests[usize::from(by)].next = next;
        Self { requests, ..self }
    }

    /// The client gives up every request that has not been answered.
    pub(super) fn older(self) -> Self {
        let stored = self.stored.map(|stored| Stored { age: (stored.age + 1).min(WINDOW), ..stored });
        let requests = self.requests.map(|request| {
            let is_late = request.is_late || !matches!(request.next, Next::Begin | Next::Nothing);
            Request { is_late, ..request }
        });
        Self { stored, requests, ..self }
    }

    /// Kakao has seen the code, from a request that will not log in with it in time.
    fn is_wasted(self) -> bool {
        self.spent_by.is_some_and(|by| {
            let request = self.requests[usize::from(by)];
            let goes_on = matches!(request.next, Next::Write(Write::Complete | Write::SecondHalf));
            by == STRANGER || request.is_late || !goes_on
        }) && !self.stored.is_some_and(|stored| stored.is_completed)
    }
}
