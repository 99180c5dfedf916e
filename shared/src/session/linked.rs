//! The rules of linked sessions, as pure functions. `tests/linked` searches what can happen with them.
//!
//! The token of a linked session never changes. Beside it, the client keeps a chain of links: random values that it draws. With each
//! renewal it presents the last link that was confirmed to it (`prev`) and the one to follow it (`next`), which it has stored before
//! sending it. The chain grows by `next`, which becomes its head. The table holds the hashes of the last three links.
//!
//! A response may be lost and the client may be silent for any time: it sends the same links again, and they are recognised. Two
//! parties cannot both continue a chain: when they have named different links to follow the same one, the session ends.
//!
//! | the client's `prev` is | and its `next` | verdict |
//! |---|---|---|
//! | the head | | [`Grow`](LinkedVerdict::Grow), or [`Stay`](LinkedVerdict::Stay) while the head is young |
//! | the head's parent | is the head | [`Repeat`](LinkedVerdict::Repeat), at any time |
//! | the head's parent | is another link | [`Fork`](LinkedVerdict::Fork) |
//! | the head's grandparent | is the head's parent | [`Late`](LinkedVerdict::Late) while the head is young |
//! | older | | [`Overtaken`](LinkedVerdict::Overtaken) |
//! | newer, or another link with that number | | [`Ahead`](LinkedVerdict::Ahead) |
//! | absent | is the login's link, the head | [`Repeat`](LinkedVerdict::Repeat) |
//! | absent | is the login's link, the head's parent | [`Late`](LinkedVerdict::Late) while the head is young |
//! | absent | is another link | [`Unlinked`](LinkedVerdict::Unlinked) |

use std::time::Duration;

use super::{Link, LinkHash, PresentedLinks, RefreshToken, RefreshTokenHash};
use crate::clock::Timestamp;

/// How old the head of a chain must be before the chain grows again.
///
/// Tabs that ask at the same time then all get a token. It must exceed the client's time-out (7 s): otherwise an honest tab may be
/// told that its link is stale, and has to ask again. No other promise depends on it.
pub const LINK_PACE: Duration = Duration::from_secs(15);

/// A linked session, as far as renewals and access tokens depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedSession {
    /// The hash of the token, which stays.
    pub token_hash: RefreshTokenHash,
    /// The number of the head: how often the chain has grown.
    pub generation: u32,
    /// The newest link (`l0`).
    pub head: LinkHash,
    /// The link before it (`l1`). `None` until the chain has grown for the first time.
    pub parent: Option<LinkHash>,
    /// The link before that (`l2`). `None` until the chain has grown twice.
    pub grandparent: Option<LinkHash>,
    /// When the head was added (`rotated_at`).
    pub grown_at: Timestamp,
    /// When the session ends unless its chain grows.
    pub expires_at: Timestamp,
    /// The time of the login that started it.
    pub logged_in_at: Timestamp,
}

/// What to do with a token and its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedVerdict {
    /// Add `next` to the chain: [`LinkedSession::grown`]. Confirm it with this number.
    Grow(u32),
    /// The chain has grown by this `next` already: the response was lost, or another tab sent the same links. Confirm it with this
    /// number.
    Repeat(u32),
    /// The chain has just grown. Respond without a link; the client keeps its `next`.
    Stay,
    /// The chain has grown by this `next` already, and by one more link a moment ago: this tab is slower. Respond without a link.
    Late,
    /// Two links were named to follow the same one: two parties hold the chain. End the session for both.
    Fork,
    /// An old request, or a chain that went on without this client. 409, and nothing is touched.
    Overtaken,
    /// The token came without a link of its chain. 403, and nothing is touched.
    Unlinked,
    /// The session was logged out or has expired.
    Ended,
    /// The links are newer than the session: the table was restored from a backup. Delete nothing.
    Ahead,
}

impl LinkedVerdict {
    /// The number with which the response confirms `next`. `None` if it has no link.
    #[must_use]
    pub const fn confirmed(self) -> Option<u32> {
        match self {
            Self::Grow(number) | Self::Repeat(number) => Some(number),
            _ => None,
        }
    }
}

impl LinkedSession {
    /// The session that a login starts with the first link of its client.
    #[must_use]
    pub fn begun(first: &RefreshToken, link: &Link, expires_at: Timestamp, now: Timestamp) -> Self {
        Self {
            token_hash: first.hash(),
            generation: 0,
            head: link.hash(),
            parent: None,
            grandparent: None,
            grown_at: now,
            expires_at,
            logged_in_at: now,
        }
    }

    /// The growth of the chain, a conditional write. `None` if its condition fails; [`judge_links`] then says why.
    ///
    /// `expires_at` is when the session expires if its chain grows now and not again.
    #[must_use]
    pub fn grown(
        self,
        token: &RefreshToken,
        links: &PresentedLinks,
        expires_at: Timestamp,
        now: Timestamp,
        pace: Duration,
    ) -> Option<Self> {
        let prev = links.prev.as_ref()?;
        let may = self.token_hash == token.hash()
            && self.generation == prev.number
            && self.head == prev.link.hash()
            && self.grown_at <= now - pace
            && self.expires_at > now;
        may.then(|| Self {
            generation: prev.number.saturating_add(1),
            head: links.next.hash(),
            parent: Some(self.head),
            grandparent: self.parent,
            grown_at: now,
            expires_at,
            ..self
        })
    }
}

/// Judges a token and its links by the stored session.
///
/// `pace` is [`LINK_PACE`]; the search of all orders of events tries other values.
#[must_use]
pub fn judge_links(
    token: &RefreshToken,
    links: &PresentedLinks,
    session: Option<&LinkedSession>,
    now: Timestamp,
    pace: Duration,
) -> LinkedVerdict {
    let Some(session) = session.filter(|session| session.expires_at > now && token.session_ends_at > now) else {
        return LinkedVerdict::Ended;
    };
    if session.token_hash != token.hash() {
        return LinkedVerdict::Ahead;
    }
    let LinkedSession { generation, head, parent, grandparent, grown_at, .. } = *session;
    let (next, is_young) = (links.next.hash(), grown_at > now - pace);
    let Some(prev) = &links.prev else {
        return match (parent, grandparent) {
            (None, None) if next == head => LinkedVerdict::Repeat(generation),
            (Some(parent), None) if next == parent && is_young => LinkedVerdict::Late,
            _ => LinkedVerdict::Unlinked,
        };
    };
    let (behind, link) = (i64::from(generation) - i64::from(prev.number), prev.link.hash());
    match behind {
        0 if link == head && is_young => LinkedVerdict::Stay,
        0 if link == head => LinkedVerdict::Grow(generation.saturating_add(1)),
        1 if Some(link) == parent && next == head => LinkedVerdict::Repeat(generation),
        1 if Some(link) == parent => LinkedVerdict::Fork,
        2 if Some(link) == grandparent && Some(next) == parent && is_young => LinkedVerdict::Late,
        2.. => LinkedVerdict::Overtaken,
        _ => LinkedVerdict::Ahead,
    }
}

#[cfg(test)]
mod tests;
