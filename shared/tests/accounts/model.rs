//! What each write, login and request does, by the functions that production runs.

use shared::{
    account::{self, Identity, MarkedBy, ProvenAt},
    clock::Timestamp,
    id::UserId,
};

use crate::{
    Rules, Violation,
    state::{Attempt, Item, Late, Profile, Row, Session, State, StoredIdentity, Time, User, Wanted, Work},
};

/// The moment with rank 0.
const DAWN: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
/// Of a person's access token that is never too old.
const ALWAYS: Time = 250;

pub(super) struct Model {
    pub(super) rules: Rules,
    users: [UserId; 4],
}

pub(super) type Steps = Result<Vec<State>, Violation>;

pub(super) fn moment(time: Time) -> Timestamp {
    DAWN + std::time::Duration::from_secs(time.into())
}

fn rank(moment: Timestamp) -> Time {
    u8::try_from(moment.seconds_since(DAWN)).unwrap_or(u8::MAX)
}

impl Model {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, users: [(); 4].map(|()| UserId::generate()) }
    }

    pub(super) fn id(&self, user: User) -> UserId {
        self.users[usize::from(user)]
    }

    pub(super) fn number(&self, id: UserId) -> User {
        (0..4).find(|user| self.id(*user) == id).unwrap_or(u8::MAX)
    }

    pub(super) fn identity(&self, state: &State) -> Identity {
        let stored = state.table.identity;
        Identity {
            user: stored.user.map(|user| self.id(user)),
            deleting_at: stored.deleting_at.map(moment),
            unlinked_at: stored.unlinked_at.map(moment),
            disabled_at: stored.is_disabled.then_some(DAWN),
            expires_at: stored.expires.then_some(DAWN),
        }
    }

    pub(super) fn with_identity(&self, mut state: State, identity: Identity) -> Result<State, Violation> {
        state.table.identity = StoredIdentity {
            user: identity.user.map(|user| self.number(user)),
            deleting_at: identity.deleting_at.map(rank),
            unlinked_at: identity.unlinked_at.map(rank),
            is_disabled: identity.disabled_at.is_some(),
            expires: identity.expires_at.is_some(),
        };
        if (identity.user.is_some() || identity.disabled_at.is_some()) && identity.expires_at.is_some() {
            return Err(Violation::LivingIdentityExpires);
        }
        Ok(state)
    }

    /// Whether the person has joined here by what has just been written.
    pub(super) fn joined(state: State, user: User) -> State {
        let identity = state.table.identity;
        let is_member = state.is_linked && identity.user == Some(user) && identity.deleting_at.is_none();
        State { member: if is_member { Some(user) } else { state.member }, ..state }
    }

    pub(super) fn proven_at(&self, time: Time) -> ProvenAt {
        ProvenAt::by_request(moment(if self.rules == Rules::ProofNotCompared { ALWAYS } else { time }))
    }

    pub(super) fn create(&self, state: State, user: User, proof: Time) -> Result<Option<State>, Violation> {
        let Some(identity) = self.identity(&state).with_new_user(self.id(user), self.proven_at(proof)) else {
            return Ok(None);
        };
        if state.row_of(user).profile == Profile::Deleted {
            return Err(Violation::DeletedUserReturns);
        }
        if state.wanted == Wanted::Out {
            return Err(Violation::DisabledReturns);
        }
        Ok(Some(Self::joined(self.with_identity(state, identity)?, user)))
    }

    pub(super) fn profile(Row { profile, is_disabled, .. }: Row) -> account::Profile {
        let none = account::Profile::default();
        match profile {
            Profile::Absent => none,
            Profile::Living(logins) => {
                account::Profile { is_created: true, is_deleted: false, is_disabled, logins: logins.into() }
            }
            Profile::Deleted => account::Profile { is_deleted: true, ..none },
        }
    }

    fn stored(profile: account::Profile) -> Profile {
        match profile {
            account::Profile { is_deleted: true, .. } => Profile::Deleted,
            account::Profile { is_created: true, logins, .. } => {
                Profile::Living(u8::try_from(logins).unwrap_or(u8::MAX))
            }
            account::Profile { .. } => Profile::Absent,
        }
    }

    /// The profile as a write without its condition would find it.
    fn without_condition(&self, stored: account::Profile) -> account::Profile {
        match self.rules {
            Rules::LoginWithoutCondition => account::Profile { is_deleted: false, ..stored },
            Rules::ChangeWithoutCondition => {
                account::Profile { is_deleted: false, is_created: true, is_disabled: false, logins: 1 }
            }
            Rules::DisabledLoginCounts => account::Profile { is_disabled: false, ..stored },
            _ => stored,
        }
    }

    fn write_profile(mut state: State, user: User, written: Option<account::Profile>) -> Result<State, Violation> {
        let Some(written) = written else { return Ok(state) };
        if state.row_of(user).work != Work::None {
            return Err(Violation::DataComesBack);
        }
        let row = state.row(user);
        (row.profile, row.is_disabled) = (Self::stored(written), written.is_disabled);
        Ok(state)
    }

    /// Whether the login may go on, too.
    pub(super) fn count_login(&self, state: State, user: User) -> Result<(State, bool), Violation> {
        let stored = Self::profile(state.row_of(user));
        let is_weaker = matches!(self.rules, Rules::LoginWithoutCondition | Rules::DisabledLoginCounts);
        let written = if is_weaker { self.without_condition(stored) } else { stored }.with_login();
        if written.is_some() && state.wanted == Wanted::Out {
            return Err(Violation::DisabledLogsIn);
        }
        let after = Self::write_profile(state, user, written)?;
        Ok((if written.is_some() { Self::joined(after, user) } else { after }, written.is_some()))
    }

    /// The person changes the profile.
    pub(super) fn change(&self, state: State, user: User) -> Result<State, Violation> {
        let stored = Self::profile(state.row_of(user));
        let is_weaker = self.rules == Rules::ChangeWithoutCondition;
        let written = if is_weaker { self.without_condition(stored) } else { stored }.with_change();
        Self::write_profile(state, user, written)
    }

    pub(super) fn write_session(mut state: State, user: User, is_late: bool) -> State {
        let row = state.row(user);
        let is_late = is_late || matches!(row.work, Work::Deletion { is_late: true, .. });
        if row.session != Session::InTime {
            row.session = if is_late { Session::Late } else { Session::InTime };
        }
        state
    }

    /// `logins` is what an inquiry has read.
    pub(super) fn mark(
        &self,
        mut state: State,
        user: User,
        logins: Option<u8>,
        at: Time,
        is_late: bool,
    ) -> Result<Option<State>, Violation> {
        let by = logins.filter(|_| self.rules != Rules::NoCounter);
        let by = by.map_or(MarkedBy::Person, |logins| MarkedBy::Kakao { logins: logins.into() });
        let identity = self.identity(&state);
        let row = state.row_of(user);
        let (Some(marked), Some(profile), Work::None) =
            (identity.marked(self.id(user), moment(at)), Self::profile(row).marked(by), row.work)
        else {
            return Ok(None);
        };
        if logins.is_some() && state.is_linked && state.member == Some(user) {
            return Err(Violation::MemberDeleted);
        }
        let is_due = is_late || self.rules == Rules::NoDelay;
        let work = Work::Deletion { is_due, attempt: Attempt::None, is_late };
        let is_absent = row.profile == Profile::Absent && self.rules == Rules::NoProfileTombstone;
        let profile = if is_absent { row.profile } else { Self::stored(profile) };
        let work = if self.rules == Rules::OutboxApart && logins.is_none() { Work::None } else { work };
        *state.row(user) = Row { profile, work, is_disabled: false, ..row };
        state.is_newer[usize::from(user)] = false;
        state.member = state.member.filter(|member| *member != user);
        let unmarked = Identity { deleting_at: None, ..marked };
        let marked = if self.rules == Rules::NoMarkOnIdentity { unmarked } else { marked };
        self.with_identity(state, marked).map(Some)
    }

    pub(super) fn stamp(&self, state: State, at: Time) -> Result<State, Violation> {
        let identity = self.identity(&state);
        let stamped = identity.stamped(moment(at)).unwrap_or(identity);
        match self.rules {
            Rules::NoTombstone if identity.user.is_none() => Ok(state),
            Rules::StampGoesBack => {
                let without = Identity { unlinked_at: None, ..identity };
                self.with_identity(state, without.stamped(moment(at)).unwrap_or(identity))
            }
            Rules::ExpiryWhateverTheState => self.with_identity(state, Identity { expires_at: Some(DAWN), ..stamped }),
            _ => self.with_identity(state, stamped),
        }
    }

    /// The transaction that closes a deletion. `is_current`: no other run has taken the item since.
    pub(super) fn close(&self, mut state: State, user: User, is_current: bool) -> Result<State, Violation> {
        let is_open = matches!(state.row_of(user).work, Work::Deletion { .. });
        let is_ours = is_current || self.rules == Rules::CloseWithoutLease;
        let mut identity = self.identity(&state);
        let marked_at = identity.deleting_at.unwrap_or(DAWN);
        if self.rules == Rules::NoMarkOnIdentity {
            identity.deleting_at = Some(marked_at);
        }
        if self.rules == Rules::CloseForgetsDisabled {
            identity.disabled_at = None;
        }
        match identity.closed(self.id(user), marked_at, moment(state.now)) {
            Some(closed) if is_open && is_ours => {
                if state.row_of(user).session == Session::InTime {
                    return Err(Violation::SessionOutlivesDeletion);
                }
                self.leave_final_sweep(&mut state, user);
                self.with_identity(state, closed)
            }
            _ => Ok(state),
        }
    }

    pub(super) fn leave_final_sweep(&self, state: &mut State, user: User) {
        if self.rules == Rules::NoFinalSweep {
            *state.row(user) = Row { settling: state.row_of(user).settling, ..Row::default() };
        } else {
            state.row(user).work = Work::FinalSweep { is_due: false };
        }
    }

    pub(super) fn link(mut state: State) -> State {
        if !state.is_linked {
            for at in 0..state.is_newer.len() {
                state.is_newer[at] = match state.table.rows[at].work {
                    Work::Deletion { is_due, .. } => is_due,
                    Work::FinalSweep { .. } => true,
                    Work::None => state.receipts[at],
                };
            }
        }
        State { is_linked: true, is_silent: false, ..state }
    }

    pub(super) fn unlink(state: State) -> Result<State, Violation> {
        if state.is_linked && state.member.is_some() {
            return Err(Violation::MemberUnlinked);
        }
        Ok(State { is_linked: false, ..state })
    }

    /// Every step that can come next.
    pub(super) fn steps(&self, state: State) -> Steps {
        let mut next = vec![state.later(), state.much_later()];
        for at in 0..state.logins.len() {
            self.log_in(state, at, &mut next)?;
        }
        self.ask_to_be_deleted(state, &mut next)?;
        if let Some(user) = state.table.identity.user
            && state.row_of(user).session != Session::Absent
            && let Profile::Living(_) = state.row_of(user).profile
        {
            Self::sent(state, self.change(state, user)?, state, Late::Change(user), &mut next);
        }
        next.extend(self.remove(state)?);
        next.extend(self.inquire(state)?);
        next.extend(Self::sweep(state));
        self.operate(state, &mut next)?;
        next.extend(self.settle_changes(state));
        if let Some(late) = state.late {
            next.push(self.arrive_late(state, late)?);
        }
        if state.unlink_on_its_way {
            next.push(State { unlink_on_its_way: false, ..Self::unlink(state)? });
        }
        if state.is_linked && state.leavings_left > 0 {
            let (leavings_left, webhooks) = (state.leavings_left - 1, state.webhooks + 1);
            next.push(State { is_linked: false, member: None, leavings_left, webhooks, ..state });
        }
        if let Some(webhooks) = state.webhooks.checked_sub(1) {
            let is_silent = state.is_silent || !state.is_linked && webhooks == 0;
            next.push(State { webhooks, is_silent, ..state });
            next.extend(Self::deliver(state));
        }
        self.restore(state, &mut next)?;
        Ok(next)
    }

    pub(super) fn deliver(state: State) -> Option<State> {
        let mut after = State { webhooks: state.webhooks.checked_sub(1)?, ..state };
        *after.table.items.iter_mut().find(|item| **item == Item::Absent)? = Item::New;
        Some(after)
    }
}
