//! Two logins at once in one browser that is logged in, and a tab that refreshes: which session's record does the cookie need?
//!
//! Session 0 is the browser's previous one, 1 and 2 are those of the logins. Each login takes one tab, a third one refreshes. The
//! responses to the logins set the cookie in any order; each is lost, or only its cookie arrives, and the login is then repeated or
//! given up. Logins are refused, also after an earlier try has begun the session; a login ends the session whose cookie it presents,
//! or fails to; a crash takes the cookie back. From every state, the browser's next refresh must find the record of a living session.

mod entries;
mod steps;

use self::entries::{Entries, Entry};
pub(crate) use self::steps::Model;

const SESSIONS: u8 = 3;

/// Rules that are weaker than ours, each in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    Ours,
    /// The link of a login replaces the present record.
    OneRecord,
    /// All logins share one pending entry.
    OnePending,
    /// The response to a login replaces the records of other sessions.
    NoFallback,
    /// A login that is refused removes its entry, also if an earlier try may have begun the session.
    RefusedRemoves,
    /// After a 403 each entry is tried once, whichever session the cookie had.
    EachEntryOnce,
    /// A 403 ends the search.
    NoOtherTried,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// The cookie's session lives, and nothing that is stored renews it.
    LinkLost,
    /// A page gave up although something that is stored would renew the session that its last 403 was about.
    ExpiredTooEarly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Not begun.
    Future,
    New,
    /// Its chain has grown once, within the pace.
    GrownOnce,
    Grown,
    Ended,
}

/// A login, its tab and its request. At most one of its requests is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Login {
    NotYet,
    /// With the cookie of this session. The flag is whether a try before it got no response.
    Sent(Option<u8>, bool),
    /// The flag is whether it was accepted.
    Responded(bool, bool),
    /// Without a response.
    Failed,
    /// Its cookie is set, its body is not yet stored.
    CookieSet,
    Done,
}

/// The tab that refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tab {
    Idle,
    /// It has this entry to try, and with the cookie of the named session those entries were tried before.
    Trying(Tried),
    Asked(Entry, Option<u8>, Tried),
    Responded(Entry, Answer, Tried),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Tried {
    named: Option<u8>,
    /// A bit for each entry.
    entries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    /// 200; whether it confirms a link.
    Token(bool),
    /// 403, which names the cookie's session.
    LinkRequired(u8),
    /// 401.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    cookie: Option<u8>,
    sessions: [Stage; SESSIONS as usize],
    storage: Entries,
    logins: [Login; 2],
    /// A request of each login that was given up and may still arrive, with its cookie: its own session's if it ends no other.
    late: [Option<u8>; 2],
    tab: Tab,
    has_crashed: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) rules: Rules,
    /// One tab at a time logs in or refreshes.
    pub(super) with_locks: bool,
    /// A login's request that was given up may still arrive.
    pub(super) with_late: bool,
    /// Whether the browser has a session before the logins.
    pub(super) is_logged_in: bool,
}

impl Bounds {
    pub(super) fn columns(self) -> String {
        let Self { rules, with_locks, with_late, is_logged_in } = self;
        let rules = if rules == Rules::Ours { "ours".to_owned() } else { format!("weaker, {rules:?}") };
        let yes = |is: bool| if is { "yes" } else { "no" };
        format!("{rules} | {} | {} | {}", yes(with_locks), yes(with_late), yes(is_logged_in))
    }
}

impl State {
    pub(super) fn start(is_logged_in: bool) -> Self {
        let mut storage = Entries::default();
        let mut sessions = [Stage::Future; SESSIONS as usize];
        sessions[0] = Stage::Ended;
        if is_logged_in {
            storage.commit(0);
            sessions[0] = Stage::Grown;
        }
        let logins = [Login::NotYet; 2];
        Self {
            cookie: is_logged_in.then_some(0),
            sessions,
            storage,
            logins,
            late: [None; 2],
            tab: Tab::Idle,
            has_crashed: false,
        }
    }

    fn stage(&self, session: u8) -> Stage {
        self.sessions[usize::from(session)]
    }

    fn is_alive(&self, session: u8) -> bool {
        !matches!(self.stage(session), Stage::Future | Stage::Ended)
    }

    fn with_stage(mut self, session: u8, stage: Stage) -> Self {
        self.sessions[usize::from(session)] = stage;
        self
    }

    fn with_login(mut self, session: u8, login: Login) -> Self {
        self.logins[usize::from(session - 1)] = login;
        self
    }

    /// What the login's request leaves that came with this cookie: the session, and the previous one ended, or not if that failed.
    fn begun(self, session: u8, cookie: Option<u8>) -> impl Iterator<Item = Self> {
        let stage = if self.stage(session) == Stage::Future { Stage::New } else { self.stage(session) };
        let begun = self.with_stage(session, stage);
        let previous = cookie.filter(|previous| *previous != session);
        [Some(begun), previous.map(|previous| begun.with_stage(previous, Stage::Ended))].into_iter().flatten()
    }

    fn with_late(mut self, session: u8, cookie: Option<u8>) -> Self {
        self.late[usize::from(session - 1)] = cookie;
        self
    }

    /// The same state without what no longer matters.
    pub(super) fn normal(mut self) -> Self {
        for session in 1..SESSIONS {
            let at = usize::from(session - 1);
            let ends_nothing = |other: u8| other == session || !self.is_alive(other);
            let is_over = match self.stage(session) {
                Stage::Future => false,
                Stage::Ended => true,
                _ => self.late[at].is_some_and(ends_nothing),
            };
            if is_over {
                self.late[at] = None;
            } else if self.late[at].is_some_and(ends_nothing) {
                self.late[at] = Some(session);
            }
        }
        let stored = self.storage.iter().fold(0, |bits, entry| bits | entry.bit());
        if let Tab::Trying(tried) | Tab::Asked(_, _, tried) | Tab::Responded(_, _, tried) = &mut self.tab {
            tried.entries &= stored;
        }
        self
    }

    /// Whether a tab is at work and holds the lock.
    fn is_locked(&self) -> bool {
        let works = |login: &Login| matches!(login, Login::Sent(..) | Login::Responded(..) | Login::CookieSet);
        self.tab != Tab::Idle || self.logins.iter().any(works)
    }
}
