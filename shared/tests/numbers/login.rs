//! A first login or a later one.

use shared::account::{Identity, LoginVerdict, ProvenAt};

use crate::{
    Rules, Violation,
    state::{Late, PEOPLE, Person, State, Time, id, moment},
};

/// A login, by what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Login {
    #[default]
    Idle,
    /// Has Kakao's word, as of that time.
    Read(Person, Time),
    Count(Person, Time),
    /// Where counting takes two steps: writes what follows the number that it has read.
    WriteCount(Person, Time, u64),
    Create(Person, u64, Time),
    Profile(u64),
}

impl State {
    fn then(mut self, at: usize, login: Login) -> Self {
        self.logins[at] = login;
        self
    }

    fn judge(&self, person: Person, proof: Time) -> Login {
        match self.identity(person).unwrap_or_default().judge_login(ProvenAt::by_request(moment(proof))) {
            LoginVerdict::Known(user) => Login::Profile(user.number().unwrap_or_default()),
            LoginVerdict::New => Login::Count(person, proof),
            LoginVerdict::BeingDeleted | LoginVerdict::Disabled | LoginVerdict::ProofTooOld => Login::Idle,
        }
    }

    /// Every step that this login can take. The first one is without faults.
    pub(super) fn log_in(self, at: usize, rules: Rules, next: &mut Vec<Self>) -> Result<(), Violation> {
        let died = |state: Self| state.then(at, Login::Idle);
        match self.logins[at] {
            Login::Idle => {
                if let Some(logins_left) = self.logins_left.checked_sub(1) {
                    for person in 0..PEOPLE {
                        next.push(Self { logins_left, ..self }.then(at, Login::Read(person, self.now)));
                    }
                }
            }
            Login::Read(person, proof) => next.push(self.then(at, self.judge(person, proof))),
            Login::Count(person, proof) if rules == Rules::CountedInTwoSteps => {
                next.push(self.then(at, Login::WriteCount(person, proof, self.counter.last)));
            }
            Login::WriteCount(person, proof, last) => {
                let mut counted = Self { has_given: true, ..self };
                counted.counter.last = last + 1;
                next.push(counted.then(at, Login::Create(person, last + 1, proof)));
            }
            Login::Count(person, proof) => {
                let counted = Self { counter: self.counter.next(), has_given: true, ..self };
                let counted = counted.then(at, Login::Create(person, counted.counter.last, proof));
                self.sent(counted, died, Late::Count, next);
            }
            Login::Create(person, number, proof) => {
                let after = match self.create(person, number, proof)? {
                    Some(created) => created.then(at, Login::Profile(number)),
                    // The failed condition returns the identity.
                    None => self.then(at, self.judge(person, proof)),
                };
                self.sent(after, died, Late::Create(person, number, proof), next);
            }
            Login::Profile(number) => {
                let counted = died(self.count_login(number).unwrap_or(self));
                self.sent(counted, died, Late::Profile(number), next);
            }
        }
        Ok(())
    }

    /// `None` if the condition fails.
    pub(super) fn create(self, person: Person, number: u64, proof: Time) -> Result<Option<Self>, Violation> {
        let before = self.identity(person);
        let created = before.unwrap_or_default().with_new_user(id(number), ProvenAt::by_request(moment(proof)));
        let name = |identity: Identity| {
            let mut named = self.with_identity(person, identity).named(person, number, before)?;
            named.row_mut(number).is_given = true;
            Ok(named)
        };
        created.map(name).transpose()
    }

    pub(super) fn count_login(mut self, number: u64) -> Option<Self> {
        // Of the logins, only whether there was one is read here.
        let profile = self.row(number).profile.with_login()?;
        self.row_mut(number).profile = shared::account::Profile { logins: 1, ..profile };
        Some(self)
    }
}
