//! States that differ in nothing that matters, as one.

use crate::state::{Inquirer, Late, Login, Profile, Remover, Request, Restore, Row, State, Time, USERS, User, Work};

impl State {
    /// A user that has left no trace.
    pub(super) fn unused(mut self) -> Option<User> {
        let mut is_used = [false; USERS];
        for (used, row) in is_used.iter_mut().zip(&self.table.rows) {
            *used = *row != Row::default();
        }
        if let Some(backup) = &self.backup {
            for (used, row) in is_used.iter_mut().zip(&backup.rows) {
                *used |= *row != Row::default();
            }
        }
        for (used, has_receipt) in is_used.iter_mut().zip(self.receipts) {
            *used |= has_receipt;
        }
        self.each_user(|user| is_used[usize::from(*user)] = true);
        is_used.iter().position(|used| !used).and_then(|user| User::try_from(user).ok())
    }

    /// One representative of all states that behave alike.
    pub(super) fn normal(mut self) -> Self {
        if self.inquirer == Inquirer::Idle {
            self.table.items.sort_unstable();
        }
        self.logins.sort_unstable();
        self.forget_counts();
        let has_restores = self.restore != Restore::Never;
        for user in 0..USERS {
            let is_compared = matches!(self.table.rows[user].work, Work::Deletion { .. });
            self.is_newer[user] &= is_compared || has_restores;
            self.receipts[user] &= has_restores;
        }
        self.rank();
        self.renumber();
        self
    }

    /// Of a count only matters whether it is the one that was read.
    fn forget_counts(&mut self) {
        const ANOTHER: u8 = 9;
        let rows = self.table.rows;
        let compare = |user: User, logins: &mut u8| {
            let now = match rows[usize::from(user)].profile {
                Profile::Absent => 0,
                Profile::Living(now) => now,
                Profile::Deleted => ANOTHER,
            };
            *logins = if *logins == now { now.min(1) } else { ANOTHER };
        };
        match &mut self.inquirer {
            Inquirer::Ask(_, Some(user), logins, _)
            | Inquirer::Stamp(_, Some(user), logins, _)
            | Inquirer::Mark(_, user, logins, _) => compare(*user, logins),
            _ => {}
        }
        if let Some(Late::Mark { user, logins: Some(logins), .. }) = &mut self.late {
            compare(*user, logins);
        }
        for row in &mut self.table.rows {
            if let Profile::Living(logins) = &mut row.profile {
                *logins = 1;
            }
        }
    }

    fn rank(&mut self) {
        // A proof is only ever compared with `unlinked_at`, which grows.
        let newest = self.table.identity.unlinked_at.unwrap_or_default();
        let mut stamps = 0_u64;
        self.each_time(|time, is_stamp| {
            *time = if is_stamp { *time } else { (*time).max(newest) };
            if is_stamp && *time > 0 {
                stamps |= 1 << *time;
            }
        });
        let rank = |time: Time| {
            let before = u8::try_from((stamps & ((1 << time) - 1)).count_ones()).unwrap_or(u8::MAX);
            if stamps & 1 << time == 0 { 2 * before + u8::from(time > 0) } else { 2 * before + 2 }
        };
        self.each_time(|time, _| *time = rank(*time));
        let count = u8::try_from(stamps.count_ones()).unwrap_or(u8::MAX);
        self.now = 2 * count + 1;
    }

    /// The identity's user first, and the others by their rows.
    fn renumber(&mut self) {
        let mut order = [0_usize, 1, 2, 3];
        let mut is_meant = [0_u8; USERS];
        let mut place = 1;
        self.each_user(|user| {
            let meant = &mut is_meant[usize::from(*user)];
            *meant = if *meant == 0 { place } else { *meant };
            place += 1;
        });
        order.sort_by_key(|user| {
            let (meant, row) = (is_meant[*user], self.table.rows[*user]);
            (meant == 0, meant, std::cmp::Reverse((row, self.is_newer[*user], self.receipts[*user])))
        });
        let mut number = [0_u8; USERS];
        for (to, from) in order.into_iter().enumerate() {
            number[from] = u8::try_from(to).unwrap_or_default();
        }
        self.table.rows = order.map(|user| self.table.rows[user]);
        self.is_newer = order.map(|user| self.is_newer[user]);
        self.receipts = order.map(|user| self.receipts[user]);
        if let Some(backup) = &mut self.backup {
            backup.rows = order.map(|user| backup.rows[user]);
        }
        self.each_user(|user| *user = number[usize::from(*user)]);
    }

    fn each_user(&mut self, mut change: impl FnMut(&mut User)) {
        self.table.identity.user.iter_mut().for_each(&mut change);
        self.member.iter_mut().for_each(&mut change);
        self.operator.iter_mut().for_each(&mut change);
        for login in &mut self.logins {
            if let Login::ProfileThenSession(user) | Login::Write { user, .. } = login {
                change(user);
            }
        }
        if let Request::Mark(user, _) | Request::PutWork(user) | Request::EndSessions(user) = &mut self.request {
            change(user);
        }
        match &mut self.remover {
            Remover::Idle => {}
            Remover::Ask(user, _)
            | Remover::WriteAttempt(user, _)
            | Remover::Unlink(user, ..)
            | Remover::Stamp(user, _)
            | Remover::Close(user)
            | Remover::CloseIdentity(user) => change(user),
        }
        match &mut self.inquirer {
            Inquirer::Ask(_, user, ..) | Inquirer::Stamp(_, user, ..) => user.iter_mut().for_each(&mut change),
            Inquirer::Mark(_, user, ..) => change(user),
            Inquirer::Idle | Inquirer::Remove(_) => {}
        }
        match &mut self.late {
            Some(
                Late::Create(user, _)
                | Late::Login(user)
                | Late::Change(user)
                | Late::Session(user)
                | Late::Disable(user)
                | Late::Close(user, _),
            ) => {
                change(user);
            }
            Some(Late::Mark { user, .. }) => change(user),
            Some(Late::Stamp(_)) | None => {}
        }
        self.backup.iter_mut().flat_map(|backup| &mut backup.identity.user).for_each(change);
    }

    /// Every moment, and whether an identity is or may be stamped with it.
    fn each_time(&mut self, mut change: impl FnMut(&mut Time, bool)) {
        let mut stamp = |time: &mut Time| change(time, true);
        let backup = self.backup.iter_mut().map(|backup| &mut backup.identity);
        for identity in backup.chain([&mut self.table.identity]) {
            identity.unlinked_at.iter_mut().for_each(&mut stamp);
            identity.deleting_at.iter_mut().for_each(&mut stamp);
        }
        if let Request::Mark(_, time) = &mut self.request {
            stamp(time);
        }
        if let Remover::Ask(_, time)
        | Remover::WriteAttempt(_, time)
        | Remover::Unlink(_, _, time)
        | Remover::Stamp(_, time) = &mut self.remover
        {
            stamp(time);
        }
        if let Inquirer::Ask(.., time) | Inquirer::Stamp(.., time) | Inquirer::Mark(.., time) = &mut self.inquirer {
            stamp(time);
        }
        if let Some(Late::Stamp(time) | Late::Mark { at: time, .. }) = &mut self.late {
            stamp(time);
        }
        for login in &mut self.logins {
            if let Login::Read(time) | Login::Create(time) = login {
                change(time, false);
            }
        }
        if let Some(Late::Create(_, time)) = &mut self.late {
            change(time, false);
        }
    }
}
