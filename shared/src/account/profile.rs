//! The writes to a profile.

/// What the rules read of a profile (`USER#<user id>`, `PROFILE`). One that is not in the table is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Whether a login has written it (`created_at`).
    pub is_created: bool,
    /// Whether its user was deleted (`deleted_at`). Nothing personal is left of it then.
    pub is_deleted: bool,
    /// Whether an operator lets the person log in no more (`disabled_at`).
    pub is_disabled: bool,
    /// All logins. A missing attribute counts as 0.
    pub logins: u64,
}

/// Why a user is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkedBy {
    /// The person asked for it here.
    Person,
    /// An operator did.
    Operator,
    /// Kakao does not link the person any more.
    Kakao {
        /// The logins that were counted before Kakao was asked.
        logins: u64,
    },
}

impl Profile {
    /// A login: counts itself, and writes the profile if it is the first. Not if the person was disabled since the identity was read.
    #[must_use]
    pub fn with_login(self) -> Option<Self> {
        let may = !self.is_deleted && !self.is_disabled;
        may.then_some(Self { is_created: true, logins: self.logins.saturating_add(1), ..self })
    }

    /// Lets the person log in no more.
    #[must_use]
    pub fn disabled(self) -> Option<Self> {
        self.with_change().map(|living| Self { is_disabled: true, ..living })
    }

    /// Lets the person log in again.
    #[must_use]
    pub fn enabled(self) -> Option<Self> {
        self.with_change().map(|living| Self { is_disabled: false, ..living })
    }

    /// Any other change: never creates a profile.
    #[must_use]
    pub fn with_change(self) -> Option<Self> {
        (self.is_created && !self.is_deleted).then_some(self)
    }

    /// The mark of a deletion: nothing but itself is left. Because of Kakao only if nobody has logged in since Kakao was asked. Where a login has died before
    /// it wrote the profile, this writes one, so that no late write can.
    #[must_use]
    pub fn marked(self, by: MarkedBy) -> Option<Self> {
        let is_due = match by {
            MarkedBy::Person | MarkedBy::Operator => true,
            MarkedBy::Kakao { logins } => self.logins == logins,
        };
        (is_due && !self.is_deleted).then_some(Self { is_deleted: true, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_profile_refuses_every_write_and_only_a_login_creates_one() {
        let absent = Profile::default();
        let living = absent.with_login().unwrap();
        assert_eq!((living.with_login().unwrap().logins, living.with_change()), (2, Some(living)));
        assert_eq!(absent.with_change(), None);
        for profile in [absent, living] {
            let deleted = profile.marked(MarkedBy::Person).unwrap();
            let writes = [deleted.with_login(), deleted.with_change(), deleted.marked(MarkedBy::Person)];
            assert_eq!(writes, [None; 3], "{deleted:?}");
        }
    }

    #[test]
    fn a_disabled_profile_counts_no_login_until_it_is_enabled() {
        let living = Profile::default().with_login().unwrap();
        let disabled = living.disabled().unwrap();
        assert_eq!((disabled.with_login(), disabled.with_change()), (None, Some(disabled)));
        assert_eq!(disabled.enabled(), Some(living));
        assert_eq!(Profile::default().disabled(), None);
        let deleted = disabled.marked(MarkedBy::Person).unwrap();
        assert_eq!((deleted.is_disabled, deleted.disabled(), deleted.enabled()), (false, None, None));
    }

    #[test]
    fn kakaos_word_is_outdated_by_a_login() {
        let profile = Profile::default().with_login().unwrap();
        assert!(profile.marked(MarkedBy::Kakao { logins: 1 }).is_some());
        for logins in [0, 2] {
            assert_eq!(profile.marked(MarkedBy::Kakao { logins }), None);
        }
    }
}
