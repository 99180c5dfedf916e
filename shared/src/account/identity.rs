//! What a login may do, and the writes to an identity.

use super::{LEEWAY, TOMBSTONE_TTL};
use crate::{clock::Timestamp, id::UserId};

/// The identity of a person at Kakao (`KAKAO#<Kakao id>`, `IDENTITY`). One that is not in the table is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The person's user. `None` before the first login and after a deletion.
    pub user: Option<UserId>,
    /// When the deletion began that is under way.
    pub deleting_at: Option<Timestamp>,
    /// When Kakao last said that it does not link this person: the response's time. It only grows.
    pub unlinked_at: Option<Timestamp>,
    /// Since when an operator lets the person log in no more. A deletion keeps it, so the person does not come back as a new user.
    pub disabled_at: Option<Timestamp>,
    /// TTL. Only an identity that says nothing lasting has one: it names nobody, and its person may log in.
    pub expires_at: Option<Timestamp>,
}

/// A time at which Kakao still linked the person who logs in: not later than Kakao's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProvenAt(Timestamp);

/// What a login may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginVerdict {
    /// Log this user in.
    Known(UserId),
    /// Create a user.
    New,
    /// 409 `account_being_deleted`.
    BeingDeleted,
    /// 403 `account_disabled`.
    Disabled,
    /// Kakao has unlinked the person since: log in at Kakao again.
    ProofTooOld,
}

impl ProvenAt {
    /// Of an access token or a code, about which this request asks Kakao: the request's start.
    #[must_use]
    pub const fn by_request(started_at: Timestamp) -> Self {
        Self(started_at)
    }

    /// Of an ID token: its `iat`, which is from Kakao's clock.
    #[must_use]
    pub fn by_id_token(issued_at: Timestamp) -> Self {
        Self(issued_at - LEEWAY)
    }

    /// The time.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.0
    }
}

impl Identity {
    fn is_proven(&self, proven_at: ProvenAt) -> bool {
        self.unlinked_at.is_none_or(|unlinked_at| unlinked_at < proven_at.0)
    }

    /// Judges a login by a consistent read of the identity.
    #[must_use]
    pub fn judge_login(&self, proven_at: ProvenAt) -> LoginVerdict {
        match self.user {
            _ if self.deleting_at.is_some() => LoginVerdict::BeingDeleted,
            _ if self.disabled_at.is_some() => LoginVerdict::Disabled,
            _ if !self.is_proven(proven_at) => LoginVerdict::ProofTooOld,
            Some(user) => LoginVerdict::Known(user),
            None => LoginVerdict::New,
        }
    }

    /// A new user: if there is none, the person may log in, and Kakao has not unlinked the person since. `unlinked_at` stays, the TTL
    /// goes.
    #[must_use]
    pub fn with_new_user(self, user: UserId, proven_at: ProvenAt) -> Option<Self> {
        let may = self.user.is_none() && self.disabled_at.is_none() && self.is_proven(proven_at);
        may.then_some(Self { user: Some(user), expires_at: None, ..self })
    }

    /// The mark of a deletion: if the identity still names this user and is not marked.
    #[must_use]
    pub fn marked(self, user: UserId, now: Timestamp) -> Option<Self> {
        let may = self.user == Some(user) && self.deleting_at.is_none();
        may.then_some(Self { deleting_at: Some(now), ..self })
    }

    /// Kakao said at that time that it does not link this person: whatever the state of the identity, and a tombstone if there
    /// is none. `None` if a later answer is stored.
    #[must_use]
    pub fn stamped(self, unlinked_at: Timestamp) -> Option<Self> {
        let may = self.unlinked_at.is_none_or(|stored| stored < unlinked_at);
        let expires_at = self.is_a_tombstone().then(|| unlinked_at + TOMBSTONE_TTL);
        may.then_some(Self { unlinked_at: Some(unlinked_at), expires_at, ..self })
    }

    /// The close of a deletion: if it is still this one. A person who may log in may join again.
    #[must_use]
    pub fn closed(self, user: UserId, deleting_at: Timestamp, now: Timestamp) -> Option<Self> {
        let may = self.user == Some(user) && self.deleting_at == Some(deleting_at);
        let closed = Self { user: None, deleting_at: None, ..self };
        let expires_at = closed.is_a_tombstone().then(|| now + TOMBSTONE_TTL);
        may.then_some(Self { expires_at, ..closed })
    }

    /// Lets the person log in no more: if the identity still names this user and is not marked.
    #[must_use]
    pub fn disabled(self, user: UserId, now: Timestamp) -> Option<Self> {
        let may = self.user == Some(user) && self.deleting_at.is_none();
        may.then_some(Self { disabled_at: self.disabled_at.or(Some(now)), ..self })
    }

    /// Lets the person log in again. If the identity names nobody, nothing lasting is left of it.
    #[must_use]
    pub fn enabled(self, now: Timestamp) -> Option<Self> {
        self.disabled_at?;
        let enabled = Self { disabled_at: None, ..self };
        let expires_at = enabled.is_a_tombstone().then(|| now + TOMBSTONE_TTL);
        Some(Self { expires_at, ..enabled })
    }

    fn is_a_tombstone(&self) -> bool {
        self.user.is_none() && self.disabled_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_login_is_judged_by_the_mark_then_by_its_proof_then_by_the_user() {
        let user = UserId::generate();
        let proven = ProvenAt::by_request(NOW);
        let known = Identity { user: Some(user), ..Identity::default() };
        assert_eq!(Identity::default().judge_login(proven), LoginVerdict::New);
        assert_eq!(known.judge_login(proven), LoginVerdict::Known(user));
        let marked = Identity { deleting_at: Some(NOW), unlinked_at: Some(NOW), ..known };
        assert_eq!(marked.judge_login(proven), LoginVerdict::BeingDeleted);
        for identity in [known, Identity::default()] {
            for (unlinked_at, is_refused) in [(NOW - SECOND, false), (NOW, true), (NOW + SECOND, true)] {
                let stamped = Identity { unlinked_at: Some(unlinked_at), ..identity };
                assert_eq!(stamped.judge_login(proven) == LoginVerdict::ProofTooOld, is_refused, "{stamped:?}");
                let can_be_created = stamped.with_new_user(UserId::generate(), proven).is_some();
                assert_eq!(can_be_created, !is_refused && identity.user.is_none(), "{stamped:?}");
            }
        }
    }

    #[test]
    fn an_id_token_proves_a_link_up_to_a_minute_before_it_was_issued() {
        let stamped = Identity { unlinked_at: Some(NOW), ..Identity::default() };
        assert_eq!(stamped.judge_login(ProvenAt::by_id_token(NOW + LEEWAY)), LoginVerdict::ProofTooOld);
        assert_eq!(stamped.judge_login(ProvenAt::by_id_token(NOW + LEEWAY + SECOND)), LoginVerdict::New);
    }

    #[test]
    fn only_an_identity_that_names_nobody_expires() {
        let (user, proven) = (UserId::generate(), ProvenAt::by_request(NOW + SECOND));
        let tombstone = Identity::default().stamped(NOW).unwrap();
        assert_eq!(tombstone.expires_at, Some(NOW + TOMBSTONE_TTL));
        let living = tombstone.with_new_user(user, proven).unwrap();
        assert_eq!((living.expires_at, living.unlinked_at), (None, Some(NOW)));
        let stamped = living.stamped(NOW + SECOND).unwrap();
        assert_eq!((stamped.expires_at, stamped.stamped(NOW)), (None, None));
        let marked = stamped.marked(user, NOW).unwrap();
        assert_eq!((marked.expires_at, marked.marked(user, NOW)), (None, None));
        let closed = marked.closed(user, NOW, NOW + SECOND).unwrap();
        assert_eq!((closed.user, closed.deleting_at), (None, None));
        assert_eq!((closed.unlinked_at, closed.expires_at), (Some(NOW + SECOND), Some(NOW + SECOND + TOMBSTONE_TTL)));
        assert_eq!(closed.closed(user, NOW, NOW), None);
        assert_eq!(marked.closed(UserId::generate(), NOW, NOW), None);
        assert_eq!(stamped.marked(UserId::generate(), NOW), None);
        assert_eq!(marked.closed(user, NOW + SECOND, NOW), None);
    }

    #[test]
    fn a_disabled_person_does_not_come_back_and_is_never_forgotten() {
        let (user, proven) = (UserId::generate(), ProvenAt::by_request(NOW + SECOND));
        let known = Identity { user: Some(user), ..Identity::default() };
        assert_eq!(known.disabled(UserId::generate(), NOW), None);
        let disabled = known.disabled(user, NOW).unwrap();
        assert_eq!(disabled.disabled(user, NOW + SECOND), Some(disabled), "since the first time");
        assert_eq!(disabled.judge_login(proven), LoginVerdict::Disabled);
        let marked = disabled.marked(user, NOW).unwrap();
        assert_eq!((marked.judge_login(proven), marked.disabled(user, NOW)), (LoginVerdict::BeingDeleted, None));
        let closed = marked.closed(user, NOW, NOW + SECOND).unwrap();
        assert_eq!((closed.user, closed.disabled_at, closed.expires_at), (None, Some(NOW), None));
        let stamped = closed.stamped(NOW).unwrap();
        assert_eq!((stamped.expires_at, stamped.judge_login(proven)), (None, LoginVerdict::Disabled));
        assert_eq!(stamped.with_new_user(user, proven), None);
        let enabled = stamped.enabled(NOW).unwrap();
        assert_eq!((enabled.expires_at, enabled.judge_login(proven)), (Some(NOW + TOMBSTONE_TTL), LoginVerdict::New));
        assert_eq!(enabled.enabled(NOW), None);
    }
}
