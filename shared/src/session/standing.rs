//! What a presented token may do to other sessions of its user.

use super::{LinkedVerdict, Verdict};

/// What a presented token proves about the client that presents it.
///
/// Only a token with which the session could be renewed at this moment may log out all of its user's devices. A thief may hold a spent
/// token or one of an ended session, a token that is ahead may be spent too, and that of a linked session proves nothing without its
/// links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its session could be renewed with it: it may end all sessions.
    Alive,
    /// Its session has ended.
    Ended,
    /// Two parties hold it. It may end its own session.
    Spent,
    /// It is newer than its session.
    Ahead,
    /// Its links are older than those of another tab or a copy: ask again with the latest. Nothing may be touched.
    Stale,
    /// It belongs to a linked session and came without its links. Nothing may be touched.
    Unlinked,
}

impl From<&Verdict> for Standing {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Rotate | Verdict::Current | Verdict::Repeat(_) => Self::Alive,
            Verdict::Ended => Self::Ended,
            Verdict::Reuse => Self::Spent,
            Verdict::Ahead => Self::Ahead,
        }
    }
}

impl From<LinkedVerdict> for Standing {
    fn from(verdict: LinkedVerdict) -> Self {
        match verdict {
            LinkedVerdict::Grow(_) | LinkedVerdict::Repeat(_) | LinkedVerdict::Stay => Self::Alive,
            LinkedVerdict::Ended => Self::Ended,
            LinkedVerdict::Fork => Self::Spent,
            LinkedVerdict::Ahead => Self::Ahead,
            // A late request may be a recording of an earlier one.
            LinkedVerdict::Late | LinkedVerdict::Overtaken => Self::Stale,
            LinkedVerdict::Unlinked => Self::Unlinked,
        }
    }
}
