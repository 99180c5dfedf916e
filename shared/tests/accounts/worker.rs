//! What the worker does. Of the outcomes of a step, the first is the one in which nothing fails.

use std::time::Duration;

use shared::{
    account::{
        AfterAnswer, AfterAsking, AfterStamp, AfterUnlinking, Deletion, Inquiry, LEEWAY, LinkAnswer, STALE_ANSWER,
        UNSETTLED, UnlinkAnswer,
    },
    clock::Timestamp,
};

use crate::{
    Rules, Violation,
    model::{Model, Steps},
    state::{Attempt, Inquirer, Item, Late, Profile, Remover, Row, Session, Settling, State, Time, User, Wanted, Work},
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn deletion(attempt: Attempt) -> Deletion {
    let attempted_at = match attempt {
        Attempt::None => None,
        Attempt::Fresh => Some(NOW - UNSETTLED + SECOND),
        Attempt::Settled => Some(NOW - UNSETTLED),
    };
    Deletion { attempted_at, ..Deletion::new(NOW - Duration::from_hours(1)) }
}

impl Model {
    /// When an answer is taken to have been given.
    fn answered_at(&self, state: &State, asked_at: Time) -> Time {
        if self.rules == Rules::StampedWithAskingTime { asked_at } else { state.stamp_time() }
    }

    fn asked_at(&self, state: &State) -> Time {
        if self.rules == Rules::StampedWithAskingTime { state.stamp_time() } else { 0 }
    }

    /// Kakao's answers: the truth, and an old one.
    fn answers(state: State, user: Option<User>) -> Vec<(State, LinkAnswer)> {
        let marked_at = deletion(Attempt::None).marked_at;
        let is_newer = user.is_some_and(|user| state.is_newer[usize::from(user)]);
        let before = LinkAnswer::Linked { connected_at: Some(marked_at + LEEWAY) };
        let after = LinkAnswer::Linked { connected_at: Some(marked_at + LEEWAY + SECOND) };
        let truth = match (state.is_linked, is_newer) {
            (false, _) => LinkAnswer::NotLinked,
            (true, false) => before,
            (true, true) => after,
        };
        let mut answers = vec![(state, truth)];
        if let Some(stale_answers_left) = state.stale_answers_left.checked_sub(1)
            && truth != before
        {
            answers.push((State { stale_answers_left, ..state }, before));
        }
        answers
    }

    /// A step of the deletion that is under way.
    pub(super) fn remove(&self, state: State) -> Steps {
        let died = State { remover: Remover::Idle, ..state };
        let goes_on = |state: State, remover| State { remover, ..state };
        let work_of = |user: User| match state.row_of(user).work {
            Work::Deletion { attempt, .. } => Some(attempt),
            _ => None,
        };
        let mut next = Vec::new();
        match state.remover {
            Remover::Idle => {
                let due = (0..4).filter(|user| matches!(state.row_of(*user).work, Work::Deletion { is_due: true, .. }));
                next.extend(due.map(|user| self.begin(state, user)));
                return Ok(next);
            }
            Remover::Ask(user, asked_at) => {
                let attempt = work_of(user).unwrap_or_default();
                let attempt = if self.rules == Rules::CloseAtOnce { Attempt::None } else { attempt };
                for (state, answer) in Self::answers(state, Some(user)) {
                    let answered_at = self.answered_at(&state, asked_at);
                    let remover = match deletion(attempt).after_asking(answer, NOW) {
                        AfterAsking::Unlink => Remover::WriteAttempt(user, asked_at),
                        AfterAsking::StampAndClose if self.rules == Rules::NoStamp => Remover::Close(user),
                        AfterAsking::KeepLink { .. } if self.rules == Rules::NoStampWhereLinked => Remover::Close(user),
                        AfterAsking::KeepLink { unlinked_at } => {
                            assert_eq!(unlinked_at, deletion(attempt).marked_at);
                            Remover::Stamp(user, state.table.identity.deleting_at.unwrap_or_default())
                        }
                        AfterAsking::StampAndClose => Remover::Stamp(user, answered_at),
                        AfterAsking::Wait { .. } if self.rules == Rules::CloseByEarlierAnswer => {
                            next.push(goes_on(self.stamp(state, answered_at)?, Remover::Idle));
                            continue;
                        }
                        AfterAsking::Wait { .. } => Remover::Idle,
                    };
                    next.push(goes_on(state, remover));
                }
            }
            Remover::WriteAttempt(user, asked_at) => {
                let mut after = state;
                let earlier = work_of(user).unwrap_or_default();
                if let Work::Deletion { attempt, .. } = &mut after.row(user).work
                    && self.rules != Rules::AttemptNotWritten
                {
                    *attempt = Attempt::Fresh;
                }
                next.push(goes_on(after, Remover::Unlink(user, earlier, asked_at)));
            }
            Remover::Unlink(user, earlier, asked_at) => {
                let earlier = if self.rules == Rules::CloseAtOnce { Attempt::None } else { earlier };
                let unlinked = Self::unlink(state)?;
                let remover = match deletion(earlier).after_unlinking(UnlinkAnswer::Done, NOW) {
                    AfterUnlinking::StampAndClose if self.rules == Rules::NoStamp => Remover::Close(user),
                    AfterUnlinking::StampAndClose => Remover::Stamp(user, self.answered_at(&state, asked_at)),
                    AfterUnlinking::Wait { .. } => Remover::Idle,
                };
                next.push(goes_on(unlinked, remover));
                // Its response is lost, or it takes effect later, if ever.
                next.push(goes_on(unlinked, Remover::Idle));
                next.push(State { unlink_on_its_way: true, ..died });
            }
            Remover::Stamp(user, at) => {
                let after = goes_on(self.stamp(state, at)?, Remover::Close(user));
                Self::sent(state, after, died, Late::Stamp(at), &mut next);
            }
            Remover::Close(user) if self.rules == Rules::OutboxClosedApart => {
                let mut after = goes_on(state, Remover::CloseIdentity(user));
                self.leave_final_sweep(&mut after, user);
                next.push(after);
            }
            Remover::CloseIdentity(user) => {
                let mut opened = state;
                opened.row(user).work = Work::Deletion { is_due: true, attempt: Attempt::None, is_late: false };
                next.push(goes_on(self.close(opened, user, true)?, Remover::Idle));
            }
            Remover::Close(user) => {
                let after = goes_on(self.close(state, user, true)?, Remover::Idle);
                Self::sent(state, after, died, Late::Close(user, true), &mut next);
            }
        }
        next.push(died);
        Ok(next)
    }

    /// Takes the item, sweeps, and writes the receipt.
    fn begin(&self, mut state: State, user: User) -> State {
        state.row(user).session = Session::Absent;
        state.receipts[usize::from(user)] = true;
        if let Some(Late::Close(_, is_current)) = &mut state.late {
            *is_current = false;
        }
        let identity = state.table.identity;
        let is_stamped = identity.unlinked_at.is_some() && identity.unlinked_at >= identity.deleting_at;
        let is_settled = matches!(state.row_of(user).work, Work::Deletion { attempt: Attempt::Settled, .. });
        let asked_at = self.asked_at(&state);
        let remover = match self.rules {
            Rules::UnlinkWithoutAsking => Remover::WriteAttempt(user, asked_at),
            Rules::CloseByEarlierAnswer if is_stamped && is_settled => Remover::Close(user),
            _ => Remover::Ask(user, asked_at),
        };
        State { remover, ..state }
    }

    /// The last sweeps of closed deletions.
    pub(super) fn sweep(state: State) -> Vec<State> {
        let is_due = |user: &User| matches!(state.row_of(*user).work, Work::FinalSweep { is_due: true });
        let swept = |user| {
            let mut after = state;
            *after.row(user) = Row { settling: state.row_of(user).settling, ..Row::default() };
            after
        };
        (0..4).filter(is_due).map(swept).collect()
    }

    /// What an inquiry reads before it asks.
    fn read(state: &State) -> (Option<User>, u8) {
        let user = state.table.identity.user;
        let logins = |user| if let Profile::Living(logins) = state.row_of(user).profile { logins } else { 0 };
        (user, user.map_or(0, logins))
    }

    /// A step of what follows from a webhook.
    pub(super) fn inquire(&self, state: State) -> Steps {
        let died = State { inquirer: Inquirer::Idle, ..state };
        let goes_on = |state: State, inquirer| State { inquirer, ..state };
        let leaves = |state: State, at: usize, item| {
            let mut after = goes_on(state, Inquirer::Idle);
            after.table.items[at] = item;
            after
        };
        let mut next = Vec::new();
        match state.inquirer {
            Inquirer::Idle => {
                for (at, item) in state.table.items.into_iter().enumerate() {
                    if !matches!(item, Item::New | Item::LinkedBefore) {
                        continue;
                    }
                    let (user, logins) = Self::read(&state);
                    next.push(goes_on(
                        state,
                        match self.rules {
                            Rules::WebhookObeyed => Inquirer::Stamp(at, user, logins, state.stamp_time()),
                            Rules::DoneWhereMarked if state.table.identity.deleting_at.is_some() => {
                                Inquirer::Remove(at)
                            }
                            _ => Inquirer::Ask(at, user, logins, self.asked_at(&state)),
                        },
                    ));
                }
                return Ok(next);
            }
            Inquirer::Ask(at, user, logins, asked_at) => {
                let linked_at = (state.table.items[at] == Item::LinkedBefore).then(|| NOW - STALE_ANSWER);
                for (state, answer) in Self::answers(state, None) {
                    next.push(match (Inquiry { linked_at, failures: 0 }).after_answer(answer, NOW) {
                        AfterAnswer::Stamp => {
                            goes_on(state, Inquirer::Stamp(at, user, logins, self.answered_at(&state, asked_at)))
                        }
                        AfterAnswer::AskAgain { .. } if self.rules == Rules::LinkedIsBelieved => {
                            leaves(state, at, Item::Absent)
                        }
                        AfterAnswer::AskAgain { .. } => leaves(state, at, Item::LinkedNow),
                        AfterAnswer::Done => leaves(state, at, Item::Absent),
                        AfterAnswer::Wait { .. } => died,
                    });
                }
            }
            Inquirer::Stamp(at, user, logins, answered_at) => {
                let after = self.stamp(state, answered_at)?;
                let (user, logins) =
                    if self.rules == Rules::ReadAfterAsking { Self::read(&state) } else { (user, logins) };
                let read = user.map(|user| self.id(user));
                let after = match AfterStamp::judge(read, &self.identity(&after)) {
                    AfterStamp::Mark(user) => {
                        goes_on(after, Inquirer::Mark(at, self.number(user), logins, state.stamp_time()))
                    }
                    AfterStamp::StartOver if self.rules != Rules::DoneWhoeverIsNamed => leaves(after, at, Item::New),
                    AfterStamp::StartOver | AfterStamp::Done => goes_on(after, Inquirer::Remove(at)),
                };
                Self::sent(state, after, died, Late::Stamp(answered_at), &mut next);
            }
            Inquirer::Mark(at, user, logins, marked_at) => {
                let after = match self.mark(state, user, Some(logins), marked_at, false)? {
                    Some(marked) => goes_on(marked, Inquirer::Remove(at)),
                    None if self.rules == Rules::DoneWhenRefused => goes_on(state, Inquirer::Remove(at)),
                    None => leaves(state, at, Item::New),
                };
                let late = Late::Mark { user, logins: Some(logins), at: marked_at, is_old: false };
                Self::sent(state, after, died, late, &mut next);
            }
            Inquirer::Remove(at) => next.push(leaves(state, at, Item::Absent)),
        }
        next.push(died);
        Ok(next)
    }

    /// Nothing fails any more, and nobody does anything: what is left has an end, and the end is right.
    pub(super) fn settle(&self, state: State) -> Result<(), Violation> {
        let mut state = State { late: None, ..state };
        for _ in 0..6 {
            state = state.much_later();
            while let Some(delivered) = Self::deliver(state) {
                state = delivered;
            }
            for _ in 0..30 {
                let step = self.remove(state)?.first().copied();
                let step = if step.is_some() { step } else { self.inquire(state)?.first().copied() };
                let step = step.or_else(|| Self::sweep(state).first().copied());
                match step.or_else(|| self.settle_changes(state).first().copied()) {
                    Some(next) => state = next,
                    None => break,
                }
            }
        }
        let identity = state.table.identity;
        let is_left = |row: &Row| row.work != Work::None || row.settling != Settling::None;
        if state.table.rows.iter().any(is_left)
            || state.table.items != [Item::Absent; 2]
            || identity.deleting_at.is_some()
        {
            return Err(Violation::Stuck);
        }
        for user in 0..4 {
            let Row { profile, session, is_disabled, .. } = state.row_of(user);
            if state.wanted == Wanted::Out
                && (session != Session::Absent || matches!(profile, Profile::Living(_)) && !is_disabled)
            {
                return Err(Violation::DisabledStays);
            }
            if identity.user == Some(user) && profile == Profile::Deleted {
                return Err(Violation::Stuck);
            }
            if identity.user == Some(user) && state.receipts[usize::from(user)] {
                return Err(Violation::DeletedUserReturns);
            }
            if identity.user != Some(user) && (profile != Profile::Absent || session != Session::Absent) {
                return Err(Violation::LivesOn);
            }
        }
        if identity.user.is_some() && !state.is_linked && !state.is_silent {
            return Err(Violation::UserNotLinked);
        }
        Ok(())
    }
}
