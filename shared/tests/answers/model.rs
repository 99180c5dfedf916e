//! The steps, and what must hold after each.

use std::time::Duration;

use shared::{
    clock::Timestamp,
    per_minute::{Count, Counted},
    session::{Answered, REMEMBERED_FOR, Step},
};

const AT_MOST: i64 = 2;
const ASKED_TOO_OFTEN: u8 = 3;
const TICK: u64 = 20;
const TICKS_OF_A_MINUTE: u8 = 3;
const LAST_TICK: u8 = 5;
const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    Ours,
    /// A process forgets at once what it has answered.
    RememberNothing,
    /// Each process counts for itself.
    CountInMemory,
    /// A count is written whatever the item has counted meanwhile.
    CountWithoutCondition,
    /// The count does not start again in a new minute.
    CountForEver,
    /// An answer is refused if the limit is reached with it.
    RefuseTheLast,
    /// What was answered is remembered until the minute is over, although the session can be renewed before.
    RememberTheMinute,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rotating,
    Linked,
    Fixed,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Violation {
    /// A refresh was refused in a minute with no more refreshes than are allowed.
    HonestRefused,
    /// A refresh was refused although it could have renewed the session.
    RenewalRefused,
    /// More refreshes were answered in a minute than are counted, and the few that a process cannot count.
    TooManyAnswers,
    /// A client that waited as it was told was refused again by the same process, and nothing else had happened.
    RefusedAgain,
}

/// What a client presents: the current token or links, or the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Presented {
    Current,
    Former,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flight {
    presented: Presented,
    count: Option<Count>,
    now: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Process {
    /// What it remembers of the current token or links, and of the ones before.
    current: Option<Answered>,
    former: Option<Answered>,
    flight: Option<Flight>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    tick: u8,
    /// When the session was renewed last.
    renewed_at: Timestamp,
    /// Whether there is a former token.
    has_former: bool,
    counted: Option<Counted>,
    processes: [Process; 2],
    /// Refreshes in this minute and in the two before.
    asked: [u8; 3],
    /// Those of this minute and the one before that were answered without renewing the session.
    answered: [u8; 2],
}

/// The bounds of a search.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub rules: Rules,
    pub kind: Kind,
    /// The ticks until a session can be renewed again.
    pub window: u8,
    /// The ticks by which the clock of the second process is ahead.
    pub ahead: u8,
    /// Whether processes are replaced.
    pub with_new_processes: bool,
    /// How many answers of a minute the processes may give without counting them. `None` if that is not searched.
    pub uncounted: Option<u8>,
}

fn ticks(ticks: u8) -> Duration {
    Duration::from_secs(TICK * u64::from(ticks))
}

fn minute_of(tick: u8) -> u8 {
    tick / TICKS_OF_A_MINUTE
}

/// A count that goes on in this minute.
fn of_minute(counted: Option<Counted>, now: Timestamp) -> Option<Counted> {
    counted.map(|counted| Counted { minute: now.unix_seconds() / 60, ..counted })
}

impl State {
    pub fn start() -> Self {
        Self {
            tick: 0,
            renewed_at: BEGIN,
            has_former: false,
            counted: None,
            processes: [Process::default(); 2],
            asked: [0; 3],
            answered: [0; 2],
        }
    }

    /// 0 for this minute, 1 for the one before.
    fn age_of_minute(self, moment: Timestamp) -> usize {
        let begin = BEGIN + ticks(minute_of(self.tick) * TICKS_OF_A_MINUTE);
        usize::from(moment < begin)
    }

    fn later(self) -> Self {
        let tick = self.tick + 1;
        if minute_of(tick) == minute_of(self.tick) {
            return Self { tick, ..self };
        }
        Self { tick, asked: [0, self.asked[0], self.asked[1]], answered: [0, self.answered[0]], ..self }
    }

    fn with(self, index: usize, process: Process) -> Self {
        let mut processes = self.processes;
        processes[index] = process;
        Self { processes, ..self }
    }

    /// Every client and process that holds the current token or links holds the former ones now.
    fn renewed(self, now: Timestamp) -> Self {
        let processes = self.processes.map(|process| Process {
            current: None,
            former: process.current,
            flight: process.flight.map(|flight| Flight { presented: Presented::Former, ..flight }),
        });
        Self { renewed_at: now, has_former: true, processes, ..self }
    }
}

impl Process {
    fn known(&mut self, presented: Presented) -> &mut Option<Answered> {
        match presented {
            Presented::Current => &mut self.current,
            Presented::Former => &mut self.former,
        }
    }
}

impl Bounds {
    fn now(self, state: &State, index: usize) -> Timestamp {
        BEGIN + ticks(state.tick) + if index == 1 { ticks(self.ahead) } else { Duration::ZERO }
    }

    fn is_due(self, state: &State, now: Timestamp) -> bool {
        state.renewed_at <= now - ticks(self.window)
    }

    /// The state without what makes no difference any more.
    fn normal(self, mut state: State) -> State {
        let earliest = BEGIN + ticks(state.tick);
        state.renewed_at = state.renewed_at.max(earliest - ticks(self.window));
        for known in state.processes.iter_mut().flat_map(|process| [&mut process.current, &mut process.former]) {
            *known = known.filter(|known| known.until > earliest).map(|known| Answered { is_settled: false, ..known });
        }
        let mut flights = state.processes.iter().filter_map(|process| process.flight);
        if self.ahead == 0 && !flights.any(|flight| state.age_of_minute(flight.now) == 1) {
            (state.asked, state.answered[1]) = ([state.asked[0], 0, 0], 0);
        }
        state
    }

    /// Every step that can come next.
    pub fn steps(self, state: &State) -> Result<Vec<State>, Violation> {
        let next = self.all_steps(state)?;
        Ok(next.into_iter().map(|state| self.normal(state)).collect())
    }

    fn all_steps(self, state: &State) -> Result<Vec<State>, Violation> {
        let mut next = Vec::new();
        // A function has ten seconds: its write may fall into the next tick, and no later.
        let is_late =
            |index: usize, process: &Process| process.flight.is_some_and(|flight| flight.now != self.now(state, index));
        if state.tick < LAST_TICK && !state.processes.iter().enumerate().any(|(index, process)| is_late(index, process))
        {
            next.push(state.later());
        }
        for (index, process) in state.processes.into_iter().enumerate() {
            if self.with_new_processes && process != Process::default() {
                next.push(state.with(index, Process::default()));
            }
            if let Some(flight) = process.flight {
                next.push(self.write(state, index, flight)?);
                continue;
            }
            next.push(self.ask(*state, index, Presented::Current)?);
            // The rules of rotation end a session for its former token, or repeat the successor: neither is counted.
            if self.kind == Kind::Linked && state.has_former {
                next.push(self.ask(*state, index, Presented::Former)?);
            }
        }
        Ok(next)
    }

    /// A request arrives at a process.
    fn ask(self, mut state: State, index: usize, presented: Presented) -> Result<State, Violation> {
        // More is all the same.
        state.asked[0] = (state.asked[0] + 1).min(ASKED_TOO_OFTEN);
        let (now, mut process) = (self.now(&state, index), state.processes[index]);
        let known = match (self.rules, *process.known(presented)) {
            (Rules::RememberNothing, _) => None,
            (Rules::CountForEver, Some(known)) => Some(Answered { counted: of_minute(known.counted, now), ..known }),
            (_, known) => known,
        };
        match Answered::step(known, AT_MOST, now) {
            Step::Refuse { retry_after } => {
                self.refused(&state, presented, known, retry_after, now)?;
                Ok(state)
            }
            Step::Renew => {
                process.flight = Some(Flight { presented, count: None, now });
                Ok(state.with(index, process))
            }
            Step::Count(count) => {
                process.flight = Some(Flight { presented, count: Some(count), now });
                Ok(state.with(index, process))
            }
        }
    }

    /// The write of a request arrives at the table, and the process answers.
    fn write(self, state: &State, index: usize, flight: Flight) -> Result<State, Violation> {
        let Flight { presented, count, now } = flight;
        let mut process = Process { flight: None, ..state.processes[index] };
        if count.is_none() && presented == Presented::Current && self.kind != Kind::Fixed && self.is_due(state, now) {
            return Ok(state.with(index, process).renewed(now));
        }
        let mut state = *state;
        let mut counted = state.counted;
        let mut is_settled = false;
        if let Some(count) = count {
            let stored = match self.rules {
                Rules::CountInMemory => process.known(presented).and_then(|known| known.counted),
                Rules::CountForEver => of_minute(state.counted, now),
                _ => state.counted,
            };
            let written = match (self.rules, count) {
                (Rules::CountWithoutCondition, Count::First { minute }) => Some(Counted { minute, times: 1 }),
                _ => count.written(stored, AT_MOST),
            };
            is_settled = written.is_some();
            counted = written.or(stored);
            if self.rules != Rules::CountInMemory {
                state.counted = counted;
            }
        } else if self.rules == Rules::CountInMemory {
            counted = process.known(presented).and_then(|known| known.counted);
        }
        if self.rules == Rules::RefuseTheLast {
            is_settled = false;
        }
        let until = match (self.kind, presented) {
            // The parent of the current token, which is neither counted nor remembered.
            (Kind::Rotating, Presented::Former) => return Ok(state.with(index, process)),
            (Kind::Linked, Presented::Former) => now + REMEMBERED_FOR,
            (Kind::Fixed, _) => {
                is_settled |= count.is_none();
                now + REMEMBERED_FOR
            }
            (_, Presented::Current) => state.renewed_at + ticks(self.window),
        };
        let until = if self.rules == Rules::RememberTheMinute { now + Duration::from_mins(1) } else { until };
        let answered = Answered { counted, until, is_settled };
        *process.known(presented) = Some(answered);
        let state = state.with(index, process);
        if let Some(retry_after) = answered.refused_for(AT_MOST, now) {
            self.refused(&state, presented, Some(answered), retry_after, now)?;
            return Ok(state);
        }
        let (mut state, of) = (state, state.age_of_minute(now));
        state.answered[of] += 1;
        match self.uncounted {
            None => state.answered[of] = 0,
            Some(uncounted) if i64::from(state.answered[of]) > AT_MOST + i64::from(uncounted) => {
                return Err(Violation::TooManyAnswers);
            }
            Some(_) => {}
        }
        Ok(state)
    }

    /// What must hold when a request is refused.
    fn refused(
        self,
        state: &State,
        presented: Presented,
        known: Option<Answered>,
        retry_after: Duration,
        now: Timestamp,
    ) -> Result<(), Violation> {
        if self.kind != Kind::Fixed && presented == Presented::Current && self.is_due(state, now) {
            return Err(Violation::RenewalRefused);
        }
        // A slow request may find that the next minute is full, and one clock may be in the next minute already.
        let minutes = if self.ahead > 0 { 3 } else { 1 + state.age_of_minute(now) };
        let asked: u8 = state.asked[..minutes].iter().sum();
        if i64::from(asked) <= AT_MOST {
            return Err(Violation::HonestRefused);
        }
        if matches!(Answered::step(known, AT_MOST, now + retry_after), Step::Refuse { .. }) {
            return Err(Violation::RefusedAgain);
        }
        Ok(())
    }
}
