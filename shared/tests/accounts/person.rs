//! What the person does here, and a restore.

use shared::account::{Identity, LoginVerdict};

use crate::{
    Rules, Violation,
    model::Model,
    state::{Attempt, Late, Login, Profile, Request, Restore, Row, Session, State, Work},
};

impl Model {
    pub(super) fn log_in(&self, state: State, at: usize, next: &mut Vec<State>) -> Result<(), Violation> {
        let goes_on = |state: State, login| {
            let mut logins = state.logins;
            logins[at] = login;
            State { logins, ..state }
        };
        let died = goes_on(state, Login::Idle);
        let by = |identity: Identity, proof| match identity.judge_login(self.proven_at(proof)) {
            LoginVerdict::Known(user) => Login::Write { user: self.number(user), profile: true, session: true },
            LoginVerdict::New => Login::Create(proof),
            LoginVerdict::BeingDeleted | LoginVerdict::Disabled | LoginVerdict::ProofTooOld => Login::Idle,
        };
        match state.logins[at] {
            Login::Idle if state.logins_left > 0 => {
                let linked = goes_on(Self::link(state), Login::Read(state.now));
                next.push(State { logins_left: state.logins_left - 1, ..linked });
            }
            Login::Idle => {}
            Login::Read(proof) => next.push(goes_on(state, by(self.identity(&state), proof))),
            Login::Create(proof) => {
                let Some(user) = state.unused() else { return Ok(()) };
                let after = match self.create(state, user, proof)? {
                    Some(created) => goes_on(created, Login::ProfileThenSession(user)),
                    // The failed condition returns the identity.
                    None => goes_on(state, by(self.identity(&state), proof)),
                };
                Self::sent(state, after, died, Late::Create(user, proof), next);
            }
            Login::ProfileThenSession(user) => {
                let written = Login::Write { user, profile: false, session: true };
                let (after, is_counted) = self.count_login(state, user)?;
                let after = goes_on(after, if is_counted { written } else { Login::Idle });
                Self::sent(state, after, died, Late::Login(user), next);
            }
            Login::Write { user, profile, session } => {
                let left = |profile, session| {
                    if profile || session { Login::Write { user, profile, session } } else { Login::Idle }
                };
                // Both are under way, so that one is written though the other is refused.
                if profile {
                    let after = goes_on(self.count_login(state, user)?.0, left(false, session));
                    Self::sent(state, after, goes_on(state, left(false, session)), Late::Login(user), next);
                }
                if session {
                    let after = goes_on(Self::write_session(state, user, false), left(profile, false));
                    Self::sent(state, after, goes_on(state, left(profile, false)), Late::Session(user), next);
                }
            }
        }
        Ok(())
    }

    pub(super) fn ask_to_be_deleted(&self, state: State, next: &mut Vec<State>) -> Result<(), Violation> {
        let died = State { request: Request::Idle, ..state };
        match (state.request, state.table.identity.user) {
            (Request::Idle, Some(user)) => {
                let Row { profile, session, .. } = state.row_of(user);
                if matches!(profile, Profile::Living(_)) && session != Session::Absent {
                    next.push(State { request: Request::Mark(user, state.stamp_time()), ..state });
                }
            }
            (Request::Idle, None) => {}
            (Request::Mark(user, at), _) => {
                let late = Late::Mark { user, logins: None, at, is_old: false };
                let then =
                    if self.rules == Rules::OutboxApart { Request::PutWork(user) } else { Request::EndSessions(user) };
                let marked = self.mark(state, user, None, at, false)?;
                let after = marked.map_or(died, |after| State { request: then, ..after });
                Self::sent(state, after, died, late, next);
            }
            (Request::PutWork(user), _) => {
                let mut after = State { request: Request::EndSessions(user), ..state };
                after.row(user).work = Work::Deletion { is_due: false, attempt: Attempt::None, is_late: false };
                next.push(after);
            }
            (Request::EndSessions(user), _) => {
                let mut after = died;
                after.row(user).session = Session::Absent;
                after.receipts[usize::from(user)] = true;
                next.push(after);
            }
        }
        Ok(())
    }

    /// Backups and restores: all processes are dead, and the receipts are replayed before the routes open again.
    pub(super) fn restore(&self, state: State, next: &mut Vec<State>) -> Result<(), Violation> {
        let Some(backup) = state.backup else {
            // One that names nobody has nothing to bring back.
            let is_named = state.table.identity.user.is_some();
            if state.restore == Restore::Possible
                && is_named
                && state == state.without_processes()
                && state.late.is_none()
            {
                next.push(State { backup: Some(state.table), ..state });
            }
            return Ok(());
        };
        let state = State { table: backup, backup: None, late: None, restore: Restore::Done, ..state };
        let mut state = State { logins: [Login::Idle; 2], ..state.much_later() };
        if let Some(user) = state.table.identity.user
            && state.receipts[usize::from(user)]
            && self.rules != Rules::NoReplay
        {
            let is_newer = state.is_newer;
            state = self.mark(state, user, None, 0, true)?.unwrap_or(state);
            state.is_newer = is_newer;
        }
        // An operator compares with Kakao's list of users.
        next.push(State { is_silent: !state.is_linked, ..state });
        Ok(())
    }
}
