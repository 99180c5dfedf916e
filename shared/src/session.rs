//! What a presented refresh token means: the rules of rotation and reuse, as a pure function.
//!
//! Two rules carry the rest. A second refresh inside the rotation window neither rotates nor sets a cookie, so responses
//! that arrive out of order cannot put an older token back into the browser. And a parent is accepted inside the window
//! only, so a thief who stays one step behind the owner is found out (RFC 9700 §4.14.2).

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    clock::Timestamp,
    token::{RefreshToken, RefreshTokenHash, RefreshTokenKeys},
};

/// A session, as far as rotation and access tokens depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Of the current token.
    pub token_hash: RefreshTokenHash,
    /// The number of the current token.
    pub generation: u32,
    /// When the current token became current.
    pub rotated_at: Timestamp,
    /// When the session ends unless it is renewed.
    pub expires_at: Timestamp,
    /// When the login was that began it.
    pub logged_in_at: Timestamp,
}

/// How long sessions last, and how often their refresh tokens are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// How long a refresh token is current before it is rotated, and how long its parent is accepted afterwards.
    pub rotation_window: Duration,
    /// How long a session lasts that is not renewed.
    pub idle_ttl: Duration,
    /// How long a session lasts at most.
    pub max_ttl: Duration,
}

impl SessionPolicy {
    /// `ROTATION_WINDOW` in seconds. The template's parameters allow less than these ranges, which tests need.
    pub const ROTATION_WINDOW: RangeInclusive<u64> = 1..=600;
    /// `SESSION_IDLE_TTL` and `SESSION_MAX_TTL` in seconds.
    pub const TTL: RangeInclusive<u64> = 60..=31_536_000;

    /// When a session expires that is renewed now: the end of its idle time, but not after the end that it was begun with.
    #[must_use]
    pub fn expires_at(&self, session_ends_at: Timestamp, now: Timestamp) -> Timestamp {
        session_ends_at.min(now + self.idle_ttl)
    }
}

/// What to do with a token whose tag is good.
#[derive(Debug)]
pub enum Verdict {
    /// Current, and old enough to be followed by its successor.
    Rotate,
    /// Current, but so young that another tab or a second call is the likely presenter. The cookie is left alone.
    Current,
    /// The parent of the current token, which came about within the window: a tab that was slower, a response that was
    /// lost, or our own retry of a write that had succeeded. The same successor is given again.
    Repeat(RefreshToken),
    /// An ancestor out of the window: two parties hold the lineage, and the session has to end for both.
    Reuse,
    /// Logged out or expired.
    Ended,
    /// A token that this session has not reached: the table was restored from a backup. Nothing is deleted.
    Ahead,
}

impl Verdict {
    /// Whether the token may log out all of its user's devices: only if it could be renewed at this moment. A spent one may be a
    /// thief's, one of an ended session is too old to count, and of one that is ahead nobody can say whether it is spent.
    #[must_use]
    pub const fn may_end_all_sessions(&self) -> bool {
        matches!(self, Self::Rotate | Self::Current | Self::Repeat(_))
    }
}

/// Judges a presented token by the session's item.
///
/// `window` has to exceed (2 + L) × D, where D is the client's request time-out and L the number of responses lost in
/// a row that an honest client has to survive.
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
