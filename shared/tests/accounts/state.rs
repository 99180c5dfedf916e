//! What the table, Kakao, and everything that is under way can be in.

/// The rank of a moment. Those that an identity can be stamped with are even: each is later than all that came before it.
/// Proofs are odd, and equal if no such moment lies between them.
pub(super) type Time = u8;
/// Which user: the rows of those that have left no trace are used again.
pub(super) type User = u8;
pub(super) const USERS: usize = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct StoredIdentity {
    pub(super) user: Option<User>,
    pub(super) deleting_at: Option<Time>,
    pub(super) unlinked_at: Option<Time>,
    pub(super) is_disabled: bool,
    pub(super) expires: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Profile {
    #[default]
    Absent,
    /// With so many logins.
    Living(u8),
    Deleted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Session {
    #[default]
    Absent,
    /// Written by a request that was under way.
    InTime,
    /// By a write that arrived later, or beside a mark that did.
    Late,
}

/// The newest unlink that was written down: whether it may take effect yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Attempt {
    #[default]
    None,
    Fresh,
    Settled,
}

/// A user's item in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Work {
    #[default]
    None,
    Deletion {
        is_due: bool,
        attempt: Attempt,
        /// Whether the mark arrived late.
        is_late: bool,
    },
    FinalSweep {
        is_due: bool,
    },
}

/// An operator's change of a user in the outbox: which of its two runs comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Settling {
    #[default]
    None,
    First {
        is_due: bool,
    },
    Last {
        is_due: bool,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) profile: Profile,
    /// Of a living profile.
    pub(super) is_disabled: bool,
    pub(super) settling: Settling,
    pub(super) session: Session,
    pub(super) work: Work,
}

/// An unlink webhook's item in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Item {
    #[default]
    Absent,
    New,
    /// Kakao has answered "linked", just now or ten minutes ago.
    LinkedNow,
    LinkedBefore,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Table {
    pub(super) identity: StoredIdentity,
    pub(super) rows: [Row; USERS],
    pub(super) items: [Item; 2],
}

/// A login, by what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Login {
    #[default]
    Idle,
    /// Has Kakao's word, as of that time. An ID token can wait here for hours.
    Read(Time),
    Create(Time),
    /// Writes the profile of a new user, and the session after it.
    ProfileThenSession(User),
    /// Writes each that is left, in any order.
    Write {
        user: User,
        profile: bool,
        session: bool,
    },
}

/// A request to delete the account, by what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Request {
    #[default]
    Idle,
    Mark(User, Time),
    /// Where the outbox is a write of its own.
    PutWork(User),
    EndSessions(User),
}

/// The worker at a deletion, by what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Remover {
    #[default]
    Idle,
    Ask(User, Time),
    WriteAttempt(User, Time),
    /// With the attempt that was written down before.
    Unlink(User, Attempt, Time),
    Stamp(User, Time),
    Close(User),
    /// Where closing takes two writes.
    CloseIdentity(User),
}

/// The worker at a webhook's item, by what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Inquirer {
    #[default]
    Idle,
    /// With the user and the logins that were read.
    Ask(usize, Option<User>, u8, Time),
    Stamp(usize, Option<User>, u8, Time),
    Mark(usize, User, u8, Time),
    Remove(usize),
}

/// A write that arrives later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Late {
    Create(User, Time),
    Login(User),
    /// Of the profile, by its person.
    Change(User),
    Session(User),
    /// By a request, or by an inquiry that has read so many logins.
    Mark {
        user: User,
        logins: Option<u8>,
        at: Time,
        /// Whether it is late by more than the delay.
        is_old: bool,
    },
    Stamp(Time),
    /// Whether no other run has taken the item since.
    Close(User, bool),
    Disable(User),
}

/// Where the operators want the person to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    #[default]
    In,
    Out,
}

/// Whether a backup can be restored, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Restore {
    #[default]
    Never,
    Possible,
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: Time,
    pub(super) table: Table,
    pub(super) is_linked: bool,
    /// Whether Kakao's link is newer than the deletion of each user.
    pub(super) is_newer: [bool; USERS],
    /// Webhooks on their way.
    pub(super) webhooks: u8,
    /// Kakao has unlinked the person, and its webhook was lost.
    pub(super) is_silent: bool,
    /// The user as whom the person has joined or logged in here since they last left, here or at Kakao.
    pub(super) member: Option<User>,
    /// Receipts in the log, which no restore takes back.
    pub(super) receipts: [bool; USERS],
    pub(super) logins: [Login; 2],
    pub(super) request: Request,
    pub(super) remover: Remover,
    pub(super) inquirer: Inquirer,
    /// The user whose sessions an operator is about to end.
    pub(super) operator: Option<User>,
    pub(super) wanted: Wanted,
    pub(super) late: Option<Late>,
    /// An unlink that got no response and takes effect yet.
    pub(super) unlink_on_its_way: bool,
    pub(super) backup: Option<Table>,
    // What can still happen.
    pub(super) logins_left: u8,
    pub(super) leavings_left: u8,
    pub(super) stale_answers_left: u8,
    pub(super) late_writes_left: u8,
    pub(super) changes_left: u8,
    pub(super) restore: Restore,
}

impl State {
    pub(super) fn row(&mut self, user: User) -> &mut Row {
        &mut self.table.rows[usize::from(user)]
    }

    pub(super) fn row_of(&self, user: User) -> Row {
        self.table.rows[usize::from(user)]
    }

    /// The present, as a moment that an identity can be stamped with.
    pub(super) const fn stamp_time(&self) -> Time {
        self.now + 1
    }

    /// All requests and runs of the worker have died.
    pub(super) fn without_processes(self) -> Self {
        let (request, remover, inquirer) = (Request::Idle, Remover::Idle, Inquirer::Idle);
        // An ID token that a login has read stays valid.
        let logins = self.logins.map(|login| if matches!(login, Login::Read(_)) { login } else { Login::Idle });
        Self { logins, request, remover, inquirer, operator: None, unlink_on_its_way: false, ..self }
    }

    /// Ten minutes pass. Whatever was under way has ended.
    pub(super) fn later(self) -> Self {
        let mut after = self.without_processes();
        for row in &mut after.table.rows {
            if let Settling::First { is_due } = &mut row.settling {
                *is_due = true;
            }
            if let Work::Deletion { is_due, attempt, .. } = &mut row.work {
                *is_due = true;
                *attempt = if *attempt == Attempt::None { Attempt::None } else { Attempt::Settled };
            }
        }
        for item in &mut after.table.items {
            *item = if *item == Item::LinkedNow { Item::LinkedBefore } else { *item };
        }
        if let Some(Late::Mark { is_old, .. }) = &mut after.late {
            *is_old = true;
        }
        after
    }

    /// An hour passes: no write arrives any more that was sent before.
    pub(super) fn much_later(self) -> Self {
        let mut after = Self { late: None, ..self.later() };
        for row in &mut after.table.rows {
            if let Work::FinalSweep { is_due } = &mut row.work {
                *is_due = true;
            }
            if let Settling::Last { is_due } = &mut row.settling {
                *is_due = true;
            }
        }
        after
    }

    /// The state an hour later, after all requests have ended.
    pub(super) fn quiet(self) -> Self {
        let after = State { backup: None, logins: [Login::Idle; 2], ..self.much_later() };
        Self { logins_left: 0, leavings_left: 0, late_writes_left: 0, changes_left: 0, ..after }.normal()
    }
}
