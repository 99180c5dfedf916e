//! Writes that arrive later, or once more.

use crate::{
    Violation,
    model::Model,
    state::{Late, State},
};

impl Model {
    /// A write that is sent from `state` and leaves `after`: it arrives, it arrives and does so once more later, or only later.
    /// Its process may have died in between.
    pub(super) fn sent(state: State, after: State, died: State, late: Late, next: &mut Vec<State>) {
        next.push(after);
        if let Some(late_writes_left) = state.late_writes_left.checked_sub(1)
            && state.late.is_none()
        {
            next.extend([after, died].map(|state| State { late: Some(late), late_writes_left, ..state }));
        }
    }

    pub(super) fn arrive_late(&self, state: State, late: Late) -> Result<State, Violation> {
        let state = State { late: None, ..state };
        match late {
            Late::Create(user, proof) => Ok(self.create(state, user, proof)?.unwrap_or(state)),
            Late::Login(user) => Ok(self.count_login(state, user)?.0),
            Late::Change(user) => self.change(state, user),
            Late::Session(user) => Ok(Self::write_session(state, user, true)),
            Late::Mark { user, logins, at, is_old } => Ok(self.mark(state, user, logins, at, is_old)?.unwrap_or(state)),
            Late::Stamp(at) => self.stamp(state, at),
            Late::Disable(user) => Ok(self.disable(state, user)?.unwrap_or(state)),
            Late::Close(user, is_current) => self.close(state, user, is_current),
        }
    }
}
