//! What the table and everything that is under way can be in, and what becomes of it by itself.

use std::time::Duration;

use shared::{
    account::{Counter, Identity, MarkedBy, Profile},
    clock::Timestamp,
    id::UserId,
};

use crate::{Rules, Violation, import::Import, login::Login};

/// The moment with rank 0.
const DAWN: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// The rank of a moment: a deletion is stamped with an even one, later than every login's before it.
pub(super) type Time = u8;
/// Which person: has the number `person + 1` in Django.
pub(super) type Person = usize;
pub(super) const PEOPLE: usize = 2;
/// More than can be given in a search.
const NUMBERS: usize = 9;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct StoredIdentity {
    pub(super) user: Option<u64>,
    pub(super) is_deleting: bool,
    unlinked_at: Option<Time>,
}

/// What is stored of one number, and what has become of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) profile: Profile,
    pub(super) is_marked: bool,
    /// Whether it was given to a new user.
    pub(super) is_given: bool,
    /// The person whose user had this id first.
    owner: Option<Person>,
    was_deleted: bool,
}

/// A write that arrives later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Late {
    Count,
    Create(Person, u64, Time),
    Profile(u64),
    Reserve(Counter, Counter),
    Import(Person),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) counter: Counter,
    pub(super) identities: [Option<StoredIdentity>; PEOPLE],
    pub(super) rows: [Row; NUMBERS],
    pub(super) now: Time,
    /// Whether a number was given to a new user.
    pub(super) has_given: bool,
    /// Whether the person was ever deleted here.
    pub(super) has_left: [bool; PEOPLE],
    pub(super) logins: [Login; 2],
    pub(super) import: Import,
    pub(super) late: Option<Late>,
    // What can still happen.
    pub(super) logins_left: u8,
    pub(super) imports_left: u8,
    pub(super) deletions_left: u8,
    pub(super) late_writes_left: u8,
}

pub(super) fn moment(time: Time) -> Timestamp {
    DAWN + Duration::from_secs(time.into())
}

pub(super) fn id(number: u64) -> UserId {
    UserId::from_number(number).expect("a search gives few numbers")
}

impl State {
    pub(super) fn row(&self, number: u64) -> Row {
        self.rows[usize::try_from(number).expect("a search gives few numbers")]
    }

    pub(super) fn row_mut(&mut self, number: u64) -> &mut Row {
        &mut self.rows[usize::try_from(number).expect("a search gives few numbers")]
    }

    pub(super) fn identity(&self, person: Person) -> Option<Identity> {
        self.identities[person].map(|stored| Identity {
            user: stored.user.map(id),
            deleting_at: stored.is_deleting.then_some(DAWN),
            unlinked_at: stored.unlinked_at.map(moment),
            disabled_at: None,
            expires_at: stored.user.is_none().then_some(DAWN),
        })
    }

    pub(super) fn with_identity(mut self, person: Person, identity: Identity) -> Self {
        let rank = |moment: Timestamp| u8::try_from(moment.seconds_since(DAWN)).unwrap_or(u8::MAX);
        self.identities[person] = Some(StoredIdentity {
            user: identity.user.and_then(|user| user.number()),
            is_deleting: identity.deleting_at.is_some(),
            unlinked_at: identity.unlinked_at.map(rank),
        });
        self
    }

    /// The identity of this person now names this user.
    pub(super) fn named(mut self, person: Person, number: u64, before: Option<Identity>) -> Result<Self, Violation> {
        let row = self.row(number);
        if row.owner.is_some_and(|owner| owner != person) {
            return Err(Violation::NumberShared);
        }
        if row.was_deleted {
            return Err(Violation::DeletedUserReturns);
        }
        if before.and_then(|before| before.user).is_some_and(|user| user != id(number)) {
            return Err(Violation::UserReplaced);
        }
        self.row_mut(number).owner = Some(person);
        Ok(self)
    }

    /// A write is sent: it arrives, its process dies before or after that, or it arrives later, or once more.
    pub(super) fn sent(self, arrived: Self, died: impl Fn(Self) -> Self, late: Late, next: &mut Vec<Self>) {
        next.extend([arrived, died(arrived), died(self)]);
        if self.late.is_none()
            && let Some(late_writes_left) = self.late_writes_left.checked_sub(1)
        {
            for state in [arrived, died(self)] {
                next.push(Self { late: Some(late), late_writes_left, ..state });
            }
        }
    }

    /// Every step that can come next.
    pub(super) fn steps(self, rules: Rules) -> Result<Vec<Self>, Violation> {
        let mut next = Vec::new();
        for at in 0..self.logins.len() {
            self.log_in(at, rules, &mut next)?;
        }
        self.import(rules, &mut next)?;
        if let Some(late) = self.late {
            next.push(Self { late: None, ..self }.arrive(late, rules)?);
        }
        for person in 0..PEOPLE {
            self.leave(person, &mut next);
        }
        Ok(next)
    }

    /// The person is deleted: the mark, the close, the last sweep, and the end of the tombstone.
    fn leave(self, person: Person, next: &mut Vec<Self>) {
        let Some(identity) = self.identity(person) else { return };
        match identity.user.and_then(|user| user.number()) {
            Some(number) if !self.identities[person].is_some_and(|stored| stored.is_deleting) => {
                let profile = self.row(number).profile.marked(MarkedBy::Person);
                let marked = identity.marked(id(number), DAWN);
                if let (Some(deletions_left), Some(profile), Some(marked)) =
                    (self.deletions_left.checked_sub(1), profile, marked)
                    && self.row(number).profile.is_created
                {
                    let mut after = Self { deletions_left, ..self.with_identity(person, marked) };
                    after.has_left[person] = true;
                    let row = after.row_mut(number);
                    (row.profile, row.was_deleted) = (profile, true);
                    next.push(after);
                }
            }
            // Each login that read the identity before the mark has ended.
            Some(number) => {
                let stamped = identity.stamped(moment(self.now + 1)).unwrap_or(identity);
                if let Some(closed) = stamped.closed(id(number), DAWN, DAWN) {
                    let after = Self { now: self.now + 2, logins: Default::default(), ..self };
                    next.push(after.with_identity(person, closed));
                }
            }
            // Two days later. No write arrives any more that was sent before.
            None => {
                let mut after = Self { late: None, logins: Default::default(), ..self };
                after.identities[person] = None;
                for row in &mut after.rows {
                    row.profile = if row.profile.is_deleted { Profile::default() } else { row.profile };
                }
                next.push(after);
            }
        }
    }

    /// A late write arrives. Nobody waits for it.
    fn arrive(self, late: Late, rules: Rules) -> Result<Self, Violation> {
        match late {
            Late::Count => Ok(Self { counter: self.counter.next(), has_given: true, ..self }),
            Late::Create(person, number, proof) => Ok(self.create(person, number, proof)?.unwrap_or(self)),
            Late::Profile(number) => Ok(self.count_login(number).unwrap_or(self)),
            Late::Reserve(before, after) => Ok(self.reserve(before, after, rules).unwrap_or(self)),
            Late::Import(person) => Ok(self.write_import(person, rules)?.unwrap_or(self)),
        }
    }

    /// Logins are the same in either order.
    pub(super) fn normal(mut self) -> Self {
        self.logins.sort_unstable();
        self
    }

    /// All that was under way has ended, and nothing more happens but what the search tries in the end.
    pub(super) fn quiet(self) -> Self {
        let logins = Default::default();
        let ended = Self { logins, import: Import::Idle, late: None, ..self };
        Self { logins_left: 0, imports_left: 0, deletions_left: 0, late_writes_left: 0, ..ended }
    }

    /// Both exports are imported, and each person logs in, without faults.
    pub(super) fn settle(self, rules: Rules) -> Result<(), Violation> {
        // A run without faults ends after fewer steps.
        const STEPS: usize = 20;
        let mut state = Self { import: Import::Read(1), ..self };
        for _ in 0..STEPS {
            let mut next = Vec::new();
            state.import(rules, &mut next)?;
            state = next.first().copied().unwrap_or(state);
        }
        if state.import != Import::Idle {
            return Err(Violation::Stuck);
        }
        for person in 0..PEOPLE {
            state.logins[0] = Login::Read(person, state.now);
            for _ in 0..STEPS {
                let mut next = Vec::new();
                state.log_in(0, rules, &mut next)?;
                state = next.first().copied().unwrap_or(state);
            }
            let stored = state.identities[person];
            let is_user = stored.and_then(|stored| stored.user).is_some_and(|user| state.row(user).profile.is_created);
            if !is_user && !stored.is_some_and(|stored| stored.is_deleting) {
                return Err(Violation::Stuck);
            }
        }
        Ok(())
    }
}
