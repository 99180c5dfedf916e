//! Sessions and their refresh tokens. [`judge`] has the rules of rotation and of reuse detection, as a pure function;
//! [`judge_links`] has the rules of linked sessions, whose token stays while a chain of links grows, [`judge_carried`] the rule for
//! tokens from Django, and [`Answered`] the limit of refreshes that do not renew a session.
//!
//! Two rules of rotation matter most. A second refresh inside the rotation window neither rotates nor sets a cookie, so responses
//! that arrive out of order cannot put an older token back into the browser. The parent of the current token is accepted inside the
//! window only, so a thief who stays one step behind the owner is detected (RFC 9700 §4.14.2).

mod answers;
mod carried;
mod limit;
mod linked;
mod standing;
mod token;

use std::{ops::RangeInclusive, time::Duration};

pub use self::{
    answers::{ANSWERS_AT_MOST, Answered, REMEMBERED_FOR, Step},
    carried::{Carried, CarriedVerdict, NO_LOGIN_HERE, judge_carried},
    limit::{KEPT_SESSIONS, SETTLED_AFTER, UsedSession, is_count_due, surplus},
    linked::{LINK_PACE, LinkedSession, LinkedVerdict, judge_links},
    standing::Standing,
    token::{
        ConfirmedLink, Kind, Link, LinkHash, MalformedToken, NewSession, Presented, PresentedLinks, Proof,
        RefreshToken, RefreshTokenHash, RefreshTokenKey, RefreshTokenKeys, Transport, UnusableLinks, Version,
        newest_of_each_session,
    },
};
use crate::{clock::Timestamp, roles::Roles};

/// A session, as far as rotation and access tokens depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The hash of the current token.
    pub token_hash: RefreshTokenHash,
    /// How many rotations came before the current token.
    pub generation: u32,
    /// When the current token became current.
    pub rotated_at: Timestamp,
    /// When the session ends unless it is renewed.
    pub expires_at: Timestamp,
    /// The time of the login that started it.
    pub logged_in_at: Timestamp,
}

/// What an access token says of its session, besides its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The time of the login that started it.
    pub logged_in_at: Timestamp,
    /// The user's roles, as they were copied last.
    pub roles: Roles,
}

/// How long sessions last, and how often their refresh tokens are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// How long a refresh token is current before it is rotated, and how long its parent is accepted afterwards.
    pub rotation_window: Duration,
    /// How long a session lasts without being renewed.
    pub idle_ttl: Duration,
    /// How long a session lasts at most.
    pub max_ttl: Duration,
}

/// Which clients that send a link get a linked session. Other sessions rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedSessions {
    /// Those that keep their token in a cookie.
    pub by_cookie: bool,
    /// Apps, which keep token and links in one place.
    pub by_body: bool,
}

impl LinkedSessions {
    /// Whether clients of this transport do. Pages in compatibility mode send no link.
    #[must_use]
    pub const fn by(self, transport: Transport) -> bool {
        match transport {
            Transport::Cookie => self.by_cookie,
            Transport::App => self.by_body,
            Transport::Page => false,
        }
    }
}

impl SessionPolicy {
    /// `ROTATION_WINDOW` in seconds. The template's parameters have narrower ranges; tests use these.
    pub const ROTATION_WINDOW: RangeInclusive<u64> = 1..=600;
    /// `SESSION_IDLE_TTL` and `SESSION_MAX_TTL` in seconds.
    pub const TTL: RangeInclusive<u64> = 60..=31_536_000;

    /// When a session that is renewed now expires: after the idle time, but never later than the end that its login fixed.
    #[must_use]
    pub fn expires_at(&self, session_ends_at: Timestamp, now: Timestamp) -> Timestamp {
        session_ends_at.min(now + self.idle_ttl)
    }
}

/// What to do with a presented token.
#[derive(Debug)]
pub enum Verdict {
    /// The current token, current for at least the window: replace it with its successor.
    Rotate,
    /// The current token, current for less than the window: another tab or a second call presents it. Leave the cookie alone.
    Current,
    /// The parent of a token that became current within the window: a slower tab, a lost response, or our own retry of a write that
    /// had succeeded. Send the same successor again.
    Repeat(RefreshToken),
    /// An older token, or the parent after the window: two parties hold tokens of this session. End it for both.
    Reuse,
    /// The session was logged out or has expired.
    Ended,
    /// The token is newer than the session: the table was restored from a backup. Delete nothing.
    Ahead,
}

/// Judges a presented token by the stored session.
///
/// `window` must exceed (2 + L) × D. D is the client's request timeout, and L is the number of responses in a row that may be lost
/// without logging out an honest client.
#[must_use]
pub fn judge(
    presented: &RefreshToken,
    session: Option<&Session>,
    keys: &RefreshTokenKeys,
    now: Timestamp,
    window: Duration,
) -> Verdict {
    let Some(session) = session.filter(|session| session.expires_at > now && presented.session_ends_at > now) else {
        return Verdict::Ended;
    };
    let in_window = session.rotated_at > now - window;
    if session.token_hash == presented.hash() {
        return if in_window { Verdict::Current } else { Verdict::Rotate };
    }
    if session.generation == presented.generation.saturating_add(1) {
        return match keys.successor_with_hash(presented, session.token_hash, now) {
            Some(successor) if in_window => Verdict::Repeat(successor),
            Some(_) => Verdict::Reuse,
            None => Verdict::Ahead,
        };
    }
    if session.generation > presented.generation { Verdict::Reuse } else { Verdict::Ahead }
}
