//! The rule for refresh tokens from Django, as a pure function. `tests/carried` searches what can happen with it.
//!
//! The first time that such a token is presented here, it is **exchanged**: it starts a session, and its item names that session.
//! Both are written by one transaction, so one token never starts two sessions. The session and its first token are derived from
//! the token from Django, so a client whose response was lost asks again and gets the same.
//!
//! | the item of the token | and its session | verdict |
//! |---|---|---|
//! | absent | | [`Start`](CarriedVerdict::Start) |
//! | names no session: logged out here, or revoked at Django | | [`Ended`](CarriedVerdict::Ended) |
//! | names another session than the one derived | | [`Ended`](CarriedVerdict::Ended): of another transport |
//! | names the session derived | still has its first token | [`Repeat`](CarriedVerdict::Repeat), at any time: the token counts as new again |
//! | | has a later token | [`Reuse`](CarriedVerdict::Reuse) |
//! | | has ended | [`Ended`](CarriedVerdict::Ended) |
//!
//! A first token that was given out again does not rotate within the window, as if it had just been issued. So other tabs' requests
//! with the token from Django, and their responses, are over before it is replaced.
//!
//! A fixed session keeps its first token, so such a client may go on with its token from Django until that expires.

use super::{RefreshToken, Session};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
};

/// The time of the login of a session that began with a token from Django. Nobody knows how old the login there is, so it counts as
/// the oldest: no service takes it for a recent one.
pub const NO_LOGIN_HERE: Timestamp = Timestamp::from_unix_seconds(0);

/// A token from Django that was presented here before, or that Django had revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The session that it has started. `None` if it was logged out before it started one.
    pub session: Option<(UserId, SessionId)>,
    /// When that was.
    pub at: Timestamp,
}

/// What to do with a presented token from Django.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarriedVerdict {
    /// It is presented for the first time: start its session.
    Start,
    /// It has started this session, which still has its first token: respond with that token again, and let it count as new.
    Repeat,
    /// Its session has gone on: two parties hold the token. End the session for both (RFC 9700 §4.14.2).
    Reuse,
    /// It starts no session any more, and its session has ended.
    Ended,
}

/// Judges a token from Django by its stored item and that item's session.
///
/// `first` is the first token of the session that is derived from it.
#[must_use]
pub fn judge_carried(
    stored: Option<&Carried>,
    session: Option<&Session>,
    first: &RefreshToken,
    now: Timestamp,
) -> CarriedVerdict {
    let Some(stored) = stored else { return CarriedVerdict::Start };
    if stored.session != Some((first.user, first.session)) {
        return CarriedVerdict::Ended;
    }
    match session.filter(|session| session.expires_at > now && first.session_ends_at > now) {
        Some(session) if session.token_hash == first.hash() => CarriedVerdict::Repeat,
        Some(session) if session.generation > first.generation => CarriedVerdict::Reuse,
        _ => CarriedVerdict::Ended,
    }
}
