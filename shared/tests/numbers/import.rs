//! A run of the import.

use shared::account::{Counter, Found, Identity, ImportVerdict, Profile, Reserved};

use crate::{
    Rules, Violation,
    state::{Late, PEOPLE, Person, State, id},
};

/// The last person of an export: the first export has one, the second has both.
type Export = usize;

/// An import, by what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Import {
    #[default]
    Idle,
    Read(Export),
    /// With the counter as it was read, and as it shall be.
    Reserve(Export, Counter, Counter),
    Write(Export, Counter, Person),
    /// Where each item is a write of its own.
    WriteProfile(Export, Counter, Person),
    WriteMark(Export, Counter, Person),
}

/// The number that this person has in Django, and the highest of an export whose last person this is.
fn number(person: Person) -> u64 {
    person as u64 + 1
}

impl State {
    /// Every step that the import can take. The first one is without faults.
    pub(super) fn import(self, rules: Rules, next: &mut Vec<Self>) -> Result<(), Violation> {
        let died = |state: Self| Self { import: Import::Idle, ..state };
        let after = |person, export: Export, counter| {
            if person < export { Import::Write(export, counter, person + 1) } else { Import::Idle }
        };
        match self.import {
            Import::Idle => {
                if let Some(imports_left) = self.imports_left.checked_sub(1) {
                    for export in 0..PEOPLE {
                        next.push(Self { import: Import::Read(export), imports_left, ..self });
                    }
                }
            }
            Import::Read(export) => {
                let import = match self.reserved(export, rules) {
                    Some(reserved) => Import::Reserve(export, self.counter, reserved),
                    None => Import::Write(export, self.counter, 0),
                };
                next.push(Self { import, ..self });
            }
            Import::Reserve(export, before, reserved) => {
                let arrived = match self.reserve(before, reserved, rules) {
                    Some(written) => Self { import: Import::Write(export, reserved, 0), ..written },
                    None => Self { import: Import::Read(export), ..self },
                };
                self.sent(arrived, died, Late::Reserve(before, reserved), next);
            }
            Import::Write(export, counter, person) => {
                self.check(person, counter, rules)?;
                if self.judge_import(person, counter, rules) == ImportVerdict::NotReserved {
                    next.push(Self { import: after(person, export, counter), ..self });
                    return Ok(());
                }
                let written = self.write_import(person, rules)?;
                let import = match written {
                    Some(_) if rules == Rules::ItemsApart => Import::WriteProfile(export, counter, person),
                    _ => after(person, export, counter),
                };
                let arrived = Self { import, ..written.unwrap_or(self) };
                self.sent(arrived, died, Late::Import(person), next);
            }
            Import::WriteProfile(export, counter, person) => {
                let mut written = Self { import: Import::WriteMark(export, counter, person), ..self };
                written.row_mut(number(person)).profile = Profile { is_created: true, ..Profile::default() };
                next.extend([written, died(written), died(self)]);
            }
            Import::WriteMark(export, counter, person) => {
                let mut written = Self { import: after(person, export, counter), ..self };
                written.row_mut(number(person)).is_marked = true;
                next.extend([written, died(written), died(self)]);
            }
        }
        Ok(())
    }

    fn reserved(&self, export: Export, rules: Rules) -> Option<Counter> {
        let (Counter { last, reserved }, highest) = (self.counter, number(export));
        match (rules, reserved) {
            (Rules::NoReservation, _) => None,
            (Rules::MoreReservedAlways, Some(Reserved { after, to })) => {
                let more = Counter { last: last.max(highest), reserved: Some(Reserved { after, to: highest }) };
                (to < highest).then_some(more)
            }
            _ => self.counter.reserve(highest),
        }
    }

    /// `None` if the condition fails: that the counter's last number is the one that was read.
    pub(super) fn reserve(self, before: Counter, reserved: Counter, rules: Rules) -> Option<Self> {
        let may = self.counter.last == before.last || rules == Rules::ReservedWithoutCondition;
        may.then_some(Self { counter: reserved, ..self })
    }

    fn judge_import(&self, person: Person, counter: Counter, rules: Rules) -> ImportVerdict {
        let any = Counter { reserved: Some(Reserved { after: 0, to: u64::MAX }), ..counter };
        let counter = if matches!(rules, Rules::NoReservation | Rules::RangeNotCompared) { any } else { counter };
        self.found(person, rules).judge_import(id(number(person)), counter)
    }

    fn found(&self, person: Person, rules: Rules) -> Found {
        let row = self.row(number(person));
        Found {
            identity: self.identity(person).filter(|_| rules != Rules::IdentityOverwritten),
            profile: row.profile,
            is_marked: row.is_marked && rules != Rules::NoMark,
        }
    }

    /// Writes each item that is not there, all or nothing. `None` if one is there.
    pub(super) fn write_import(self, person: Person, rules: Rules) -> Result<Option<Self>, Violation> {
        if self.found(person, rules) != Found::default() {
            return Ok(None);
        }
        let number = number(person);
        let identity = Identity { user: Some(id(number)), ..Identity::default() };
        let mut written = self.with_identity(person, identity).named(person, number, self.identity(person))?;
        if rules != Rules::ItemsApart {
            let row = written.row_mut(number);
            (row.profile, row.is_marked) = (Profile { is_created: true, ..Profile::default() }, true);
        }
        Ok(Some(written))
    }

    /// Whether there is a reason for what the import reports about this person.
    fn check(&self, person: Person, counter: Counter, rules: Rules) -> Result<(), Violation> {
        let row = self.row(number(person));
        // A new user's number can be, by chance, the one that the person had in Django.
        let is_whole = row.is_given || row.profile.is_created && row.is_marked;
        let has_left = self.has_left[person];
        match self.judge_import(person, counter, rules) {
            ImportVerdict::Unchanged if !is_whole => Err(Violation::HalfImported),
            ImportVerdict::Deleted if !has_left => Err(Violation::LeftOut),
            ImportVerdict::OtherUser(_) | ImportVerdict::NotReserved if !self.has_given => Err(Violation::LeftOut),
            ImportVerdict::NumberTaken => Err(Violation::LeftOut),
            _ => Ok(()),
        }
    }
}
