//! What operators do: they disable the person, and enable the person again.

use crate::{
    Rules, Violation,
    model::{Model, moment},
    state::{Late, Profile, Row, Session, Settling, State, User, Wanted},
};

impl Model {
    /// The transaction that disables the person who is this user.
    pub(super) fn disable(&self, mut state: State, user: User) -> Result<Option<State>, Violation> {
        let (identity, row) = (self.identity(&state), state.row_of(user));
        let (Some(disabled), Some(profile), false) = (
            identity.disabled(self.id(user), moment(state.now)),
            Self::profile(row).disabled(),
            row.is_disabled || identity.disabled_at.is_some(),
        ) else {
            return Ok(None);
        };
        let is_disabled = profile.is_disabled && self.rules != Rules::DisabledOnIdentityOnly;
        let settling = if self.rules == Rules::NoSettling { row.settling } else { Settling::First { is_due: false } };
        *state.row(user) = Row { is_disabled, settling, ..row };
        state.wanted = Wanted::Out;
        state.member = None;
        let identity = if self.rules == Rules::DisabledOnProfileOnly { identity } else { disabled };
        self.with_identity(state, identity).map(Some)
    }

    /// The transaction that enables the person, or the write to the identity alone.
    fn enable(&self, mut state: State) -> Result<Option<State>, Violation> {
        let identity = self.identity(&state);
        let Some(enabled) = identity.enabled(moment(state.now)) else { return Ok(None) };
        if let Some(user) = state.table.identity.user
            && let Some(profile) = Self::profile(state.row_of(user)).enabled()
        {
            state.row(user).is_disabled = profile.is_disabled;
        }
        state.wanted = Wanted::In;
        self.with_identity(state, enabled).map(Some)
    }

    pub(super) fn operate(&self, state: State, next: &mut Vec<State>) -> Result<(), Violation> {
        if let Some(user) = state.operator {
            let died = State { operator: None, ..state };
            let mut after = died;
            after.row(user).session = Session::Absent;
            next.extend([after, died]);
        } else if let Some(changes_left) = state.changes_left.checked_sub(1) {
            let state = State { changes_left, ..state };
            if let Some(user) = state.table.identity.user
                && let Some(disabled) = self.disable(state, user)?
            {
                let after = State { operator: Some(user), ..disabled };
                Self::sent(state, after, state, Late::Disable(user), next);
            }
            next.extend(self.enable(state)?);
        }
        Ok(())
    }

    /// The runs of the worker that settle a change.
    pub(super) fn settle_changes(&self, state: State) -> Vec<State> {
        let settled = |user: User| {
            let Row { profile, is_disabled, settling, .. } = state.row_of(user);
            let (Settling::First { is_due: true } | Settling::Last { is_due: true }) = settling else { return None };
            let mut after = state;
            let row = after.row(user);
            if is_disabled {
                row.session = Session::Absent;
            }
            let again = settling == Settling::First { is_due: true } && matches!(profile, Profile::Living(_));
            row.settling = if again && self.rules != Rules::SettledOnce {
                Settling::Last { is_due: false }
            } else {
                Settling::None
            };
            Some(after)
        };
        (0..4).filter_map(settled).collect()
    }
}
