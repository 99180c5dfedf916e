//! Numeric user ids: which number a new user gets, and which numbers an import may use.
//!
//! Users who are imported keep the numbers that they had in Django. These numbers are reserved before the first of them is
//! written, so that a first login at the same time gets a number above them.

use std::str::FromStr;

use super::{Identity, Profile};
use crate::id::UserId;

/// Which ids new users get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserIds {
    /// 128 random bits.
    Random,
    /// The next number of the [`Counter`].
    Numbers,
}

/// The counter of numeric ids (`COUNTER`, `USERS`). One that is not in the table is the default. Each change raises `last`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counter {
    /// The last number that was given to a new user, or reserved. No number is given twice.
    pub last: u64,
    /// The numbers of imported users.
    pub reserved: Option<Reserved>,
}

/// A range of numbers for imported users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reserved {
    /// Numbers up to this one were given to new users before anybody was imported.
    pub after: u64,
    /// The last one of the range.
    pub to: u64,
}

/// What is stored under the three keys of a person who is to be imported, read together or one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The person's identity.
    pub identity: Option<Identity>,
    /// The profile of the person's number.
    pub profile: Profile,
    /// Whether the number was imported before (`IMPORTED#<number>`). This item is never deleted.
    pub is_marked: bool,
}

/// What an import does about one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportVerdict {
    /// Write all three items, each on the condition that it is not there.
    Import,
    /// The person is this user already.
    Unchanged,
    /// The person has logged in here before the import, and is this user.
    OtherUser(UserId),
    /// The person was deleted here, or Kakao has unlinked them.
    Deleted,
    /// The number is another person's.
    NumberTaken,
    /// The number is not reserved, so a new user may have got it.
    NotReserved,
}

impl FromStr for UserIds {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "random" => Ok(Self::Random),
            "numbers" => Ok(Self::Numbers),
            _ => Err("must be random or numbers".to_owned()),
        }
    }
}

impl Counter {
    /// A new user's number is `last` of this counter. If the login fails then, nobody gets the number.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { last: self.last + 1, ..self }
    }

    /// Reserves the numbers up to `highest`, the highest that Django has ever given. `None` if nothing changes: they are reserved,
    /// or new users have got numbers up to there, or have got numbers since an earlier import.
    #[must_use]
    pub fn reserve(self, highest: u64) -> Option<Self> {
        let may = self.last < highest && highest < UserId::MAX_NUMBER;
        let after = match self.reserved {
            None => self.last,
            Some(Reserved { after, to }) if to == self.last => after,
            Some(_) => return None,
        };
        may.then_some(Self { last: highest, reserved: Some(Reserved { after, to: highest }) })
    }

    /// Whether no new user has this number or will get it.
    #[must_use]
    pub fn may_import(self, number: u64) -> bool {
        self.reserved.is_some_and(|reserved| reserved.after < number && number <= reserved.to)
    }
}

impl Found {
    /// Judges a person who had this id in Django.
    #[must_use]
    pub fn judge_import(&self, id: UserId, counter: Counter) -> ImportVerdict {
        match self.identity {
            Some(Identity { deleting_at: Some(_), .. } | Identity { user: None, .. }) => ImportVerdict::Deleted,
            Some(Identity { user: Some(user), .. }) if user == id => ImportVerdict::Unchanged,
            Some(Identity { user: Some(user), .. }) => ImportVerdict::OtherUser(user),
            None if !id.number().is_some_and(|number| counter.may_import(number)) => ImportVerdict::NotReserved,
            // The tombstone of the identity is kept for two days, this for ever.
            None if self.is_marked && !self.profile.is_created => ImportVerdict::Deleted,
            None if self.is_marked || self.profile != Profile::default() => ImportVerdict::NumberTaken,
            None => ImportVerdict::Import,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn reserved(last: u64, after: u64, to: u64) -> Counter {
        Counter { last, reserved: Some(Reserved { after, to }) }
    }

    #[test]
    fn numbers_go_on_above_those_that_are_reserved() {
        let counter = Counter::default();
        assert_eq!((counter.next().last, counter.next().next().last), (1, 2));
        let fresh = counter.reserve(1_000).unwrap();
        assert_eq!((fresh.next().last, fresh.next().reserved), (1_001, fresh.reserved));
        let reserved_after_two = reserved(1_000, 2, 1_000);
        assert_eq!(counter.next().next().reserve(1_000), Some(reserved_after_two));
    }

    #[test]
    fn a_later_export_reserves_more_until_somebody_got_a_number_here() {
        let first = Counter::default().reserve(10).unwrap();
        assert_eq!(first, reserved(10, 0, 10));
        assert_eq!((first.reserve(10), first.reserve(9)), (None, None), "they are reserved");
        assert_eq!(first.reserve(12), Some(reserved(12, 0, 12)));
        assert_eq!(first.next().reserve(12), None);
        assert_eq!(Counter { last: 10, reserved: None }.reserve(10), None, "all were given here");
        for highest in [0, UserId::MAX_NUMBER, u64::MAX] {
            assert_eq!(Counter::default().reserve(highest), None, "{highest}");
        }
    }

    #[test]
    fn only_reserved_numbers_are_imported() {
        for (counter, number, expected) in [
            (Counter::default(), 1, false),
            (Counter { last: 10, reserved: None }, 1, false),
            (reserved(20, 2, 10), 2, false),
            (reserved(20, 2, 10), 3, true),
            (reserved(20, 2, 10), 10, true),
            (reserved(20, 2, 10), 11, false),
        ] {
            assert_eq!(counter.may_import(number), expected, "{counter:?} {number}");
        }
    }

    #[test]
    fn a_person_is_imported_where_nothing_is_stored() {
        let (counter, id, other) = (reserved(10, 0, 10), UserId::from_number(7).unwrap(), UserId::generate());
        let names = |user| Some(Identity { user: Some(user), ..Identity::default() });
        let living = Profile::default().with_login().unwrap();
        let deleted = living.marked(super::super::MarkedBy::Person).unwrap();
        let nothing = Found::default();
        for (found, expected) in [
            (nothing, ImportVerdict::Import),
            (Found { identity: names(id), profile: living, is_marked: true }, ImportVerdict::Unchanged),
            (Found { identity: names(other), ..nothing }, ImportVerdict::OtherUser(other)),
            (Found { identity: names(id).unwrap().marked(id, NOW), ..nothing }, ImportVerdict::Deleted),
            (Found { identity: Identity::default().stamped(NOW), ..nothing }, ImportVerdict::Deleted),
            (Found { is_marked: true, ..nothing }, ImportVerdict::Deleted),
            (Found { profile: deleted, is_marked: true, ..nothing }, ImportVerdict::Deleted),
            (Found { profile: living, is_marked: true, ..nothing }, ImportVerdict::NumberTaken),
            (Found { profile: living, ..nothing }, ImportVerdict::NumberTaken),
        ] {
            assert_eq!(found.judge_import(id, counter), expected, "{found:?}");
        }
        let above = UserId::from_number(11).unwrap();
        assert_eq!(nothing.judge_import(above, counter), ImportVerdict::NotReserved);
        assert_eq!(nothing.judge_import(other, counter), ImportVerdict::NotReserved, "a random id");
        let known = Found { identity: names(above), ..nothing };
        assert_eq!(known.judge_import(above, counter), ImportVerdict::Unchanged, "nothing is written");
    }
}
