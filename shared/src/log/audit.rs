//! The audit trail: what happened to sessions and accounts. `docs/audit.md` has each event and its reasons.
//!
//! Most requests do one thing, which their outcome tells: it is in the request's own line, so that the trail costs no second line.
//! What a request does besides, such as to end the browser's previous session, has a line of its own.

use serde_json::{Map, Value};

use super::Notes;

/// What happened to a session or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// A login, or a token from Django, has started a session.
    SessionStarted,
    /// The same login, or token from Django, came again and got the same session.
    SessionResumed,
    /// A refresh has renewed a session.
    SessionRenewed,
    /// A session has ended. For several there is a count.
    SessionEnded(Ending),
    /// A refresh or a logout was refused, and the session goes on.
    SessionKept(&'static str),
    /// A person was not logged in.
    LoginRefused(&'static str),
    /// A first login has created a user.
    AccountCreated,
    /// A user has changed their names.
    AccountChanged,
    /// A user has downloaded what is stored about them.
    AccountExported,
    /// A user is marked as deleted, and all sessions end.
    AccountDeleted(By),
    /// A deletion is finished: Kakao links the person no more.
    DeletionClosed,
    /// A user's roles were copied to sessions that had others.
    RolesChanged {
        /// How many sessions.
        count: usize,
    },
}

/// Why a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its user has logged out.
    Logout,
    /// Its user has logged out everywhere.
    LogoutEverywhere,
    /// Its user has logged out everywhere else.
    LogoutOthers,
    /// Its user has ended it from the list of devices.
    DeviceList,
    /// Its spent token came back: two parties had it.
    Reuse,
    /// Somebody has logged in with the same browser.
    Replaced,
    /// Its login was refused while the session was being written. No client had its token.
    RefusedLogin,
    /// The user had more sessions than are kept, and used these least recently.
    Surplus {
        /// How many.
        count: usize,
    },
    /// An operator has disabled the account.
    Disabled {
        /// How many.
        count: usize,
    },
}

/// Who, or what, has done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user.
    User,
    /// Kakao, which has unlinked the user.
    Kakao,
    /// An operator.
    Operator,
    /// A rule of this service.
    System,
}

/// An event that is not told by the outcome, with the pseudonyms at that time.
#[derive(Debug)]
pub(super) struct Noted {
    audit: Audit,
    user: String,
    session: String,
}

/// Adds an event to the audit trail. What the outcome of the request tells needs no other event.
pub fn audit(audit: Audit) {
    super::change(|notes| {
        let noted = Noted { audit, user: notes.user.clone(), session: notes.session.clone() };
        notes.audit.push(noted);
    });
}

impl Audit {
    /// What an outcome of this function tells.
    fn of(function: &str, outcome: &'static str) -> Option<Self> {
        Some(match (function, outcome) {
            ("kakao-login", "logged_in") | ("refresh", "exchanged") => Self::SessionStarted,
            ("kakao-login", "logged_in_again") | ("refresh", "exchanged_again") => Self::SessionResumed,
            ("refresh", "rotated" | "repeated" | "current" | "late" | "grown" | "fixed") => Self::SessionRenewed,
            ("refresh", "stale" | "unlinked" | "ahead" | "too_many_refreshes")
            | ("logout", "link_stale" | "link_required") => Self::SessionKept(outcome),
            (
                "kakao-login",
                "kakao_rejected"
                | "kakao_wrong_app"
                | "kakao_underage"
                | "account_being_deleted"
                | "account_disabled"
                | "too_many_logins",
            ) => Self::LoginRefused(outcome),
            ("logout", "logged_out") => Self::SessionEnded(Ending::Logout),
            ("logout", "logged_out_everywhere") => Self::SessionEnded(Ending::LogoutEverywhere),
            ("logout", "logged_out_others") => Self::SessionEnded(Ending::LogoutOthers),
            ("sessions", "session_ended") => Self::SessionEnded(Ending::DeviceList),
            ("profile", "profile_changed") => Self::AccountChanged,
            ("account", "account_deleted") => Self::AccountDeleted(By::User),
            ("account", "account_exported") => Self::AccountExported,
            ("finish-deletions", "deleted") => Self::AccountDeleted(By::Kakao),
            ("finish-deletions", "closed") => Self::DeletionClosed,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SessionStarted => "session_started",
            Self::SessionResumed => "session_resumed",
            Self::SessionRenewed => "session_renewed",
            Self::SessionEnded(_) => "session_ended",
            Self::SessionKept(_) => "session_kept",
            Self::LoginRefused(_) => "login_refused",
            Self::AccountCreated => "account_created",
            Self::AccountChanged => "account_changed",
            Self::AccountExported => "account_exported",
            Self::AccountDeleted(_) => "account_deleted",
            Self::DeletionClosed => "deletion_closed",
            Self::RolesChanged { .. } => "roles_changed",
        }
    }

    const fn by(self) -> By {
        match self {
            Self::SessionEnded(Ending::Reuse | Ending::RefusedLogin | Ending::Surplus { .. })
            | Self::SessionKept(_)
            | Self::LoginRefused(_)
            | Self::DeletionClosed => By::System,
            Self::SessionEnded(Ending::Disabled { .. }) | Self::RolesChanged { .. } => By::Operator,
            Self::AccountDeleted(by) => by,
            _ => By::User,
        }
    }

    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::SessionEnded(ending) => Some(match ending {
                Ending::Logout => "logout",
                Ending::LogoutEverywhere => "logout_everywhere",
                Ending::LogoutOthers => "logout_others",
                Ending::DeviceList => "device_list",
                Ending::Reuse => "reuse",
                Ending::Replaced => "replaced",
                Ending::RefusedLogin => "refused_login",
                Ending::Surplus { .. } => "surplus",
                Ending::Disabled { .. } => "disabled",
            }),
            Self::SessionKept(reason) | Self::LoginRefused(reason) => Some(reason),
            _ => None,
        }
    }

    const fn count(self) -> Option<usize> {
        match self {
            Self::SessionEnded(Ending::Surplus { count } | Ending::Disabled { count })
            | Self::RolesChanged { count } => Some(count),
            _ => None,
        }
    }

    fn write(self, line: &mut Map<String, Value>) {
        let by = match self.by() {
            By::User => "user",
            By::Kakao => "kakao",
            By::Operator => "operator",
            By::System => "system",
        };
        line.insert("audit".to_owned(), self.name().into());
        line.insert("by".to_owned(), by.into());
        if let Some(reason) = self.reason() {
            line.insert("reason".to_owned(), reason.into());
        }
        if let Some(count) = self.count() {
            line.insert("count".to_owned(), count.into());
        }
    }
}

impl Notes {
    /// Writes what happened into the line of a request, and returns lines for what happened besides.
    pub(super) fn audit_lines(
        &mut self,
        function: &str,
        outcome: &'static str,
        line: &mut Map<String, Value>,
    ) -> Vec<Map<String, Value>> {
        let mut others = std::mem::take(&mut self.audit);
        if let Some(audit) = Audit::of(function, outcome) {
            audit.write(line);
        } else if !others.is_empty() {
            let Noted { audit, user, session } = others.remove(0);
            (self.user, self.session) = (user, session);
            audit.write(line);
        }
        let request_id = line.get("request_id").cloned();
        others.into_iter().map(|noted| noted.line(function, request_id.clone())).collect()
    }
}

impl Noted {
    fn line(self, function: &str, request_id: Option<Value>) -> Map<String, Value> {
        let mut line = Map::new();
        let name = self.audit.name();
        let reason = self.audit.reason().map_or_else(String::new, |reason| format!(": {reason}"));
        line.insert("message".to_owned(), format!("{name}{reason}").into());
        line.insert("function".to_owned(), function.into());
        if let Some(request_id) = request_id {
            line.insert("request_id".to_owned(), request_id);
        }
        line.insert("user".to_owned(), self.user.into());
        line.insert("session".to_owned(), self.session.into());
        self.audit.write(&mut line);
        line
    }
}
