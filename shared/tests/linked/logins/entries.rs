//! What the browser has stored: records of sessions, and links of logins whose responses it has not stored.

/// Something that a refresh can present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    /// The last confirmed link of this session.
    Record(u8),
    /// The link of this session's login.
    Pending(u8),
}

impl Entry {
    pub(super) const fn session(self) -> u8 {
        match self {
            Self::Record(session) | Self::Pending(session) => session,
        }
    }

    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Record(session) => 1 << session,
            Self::Pending(session) => 8 << session,
        }
    }
}

/// Records and pending entries, each the newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Entries {
    records: [Option<u8>; 3],
    pending: [Option<u8>; 2],
}

fn put_first<const N: usize>(list: &mut [Option<u8>; N], session: u8) {
    remove(list, session);
    list.rotate_right(1);
    list[0] = Some(session);
}

fn remove<const N: usize>(list: &mut [Option<u8>; N], session: u8) {
    let kept = list.iter().copied().flatten().filter(|other| *other != session).collect::<Vec<_>>();
    *list = std::array::from_fn(|at| kept.get(at).copied());
}

impl Entries {
    pub(super) fn add_pending(&mut self, session: u8) {
        put_first(&mut self.pending, session);
    }

    pub(super) fn remove_pending(&mut self, session: u8) {
        remove(&mut self.pending, session);
    }

    pub(super) fn remove_record(&mut self, session: u8) {
        remove(&mut self.records, session);
    }

    /// The record of this session is the present one, and its login is not pending any more.
    pub(super) fn commit(&mut self, session: u8) {
        self.remove_pending(session);
        put_first(&mut self.records, session);
    }

    pub(super) const fn forget_pending(&mut self) {
        self.pending = [None; 2];
    }

    pub(super) const fn forget_records(&mut self) {
        self.records = [None; 3];
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + Clone {
        let records = self.records.into_iter().flatten().map(Entry::Record);
        records.chain(self.pending.into_iter().flatten().map(Entry::Pending))
    }

    /// The named session's record if it was not tried, otherwise the first entry that was not.
    pub(super) fn next_to_try(&self, named: Option<u8>, tried: u8) -> Option<Entry> {
        let mut untried = self.iter().filter(|entry| tried & entry.bit() == 0);
        let of_named = named.map(Entry::Record);
        untried.clone().find(|entry| Some(*entry) == of_named).or_else(|| untried.next())
    }
}
