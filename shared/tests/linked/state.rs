//! What the table, the browser, the network and a thief hold.

/// Links and numbers as the search names them: small, and the same for all states that differ in nothing that matters.
pub(super) type Link = u8;
pub(super) type Number = u8;

/// The number of the chain's head in every state. Others are relative to it.
pub(super) const HEAD: Number = 12;
/// No state has more links.
pub(super) const LINKS: Link = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Confirmed {
    pub(super) number: Number,
    pub(super) link: Link,
}

/// A refresh. Without `prev`: with the login's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Request {
    pub(super) prev: Option<Confirmed>,
    pub(super) next: Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Asked {
    Refresh(Request),
    /// The repetition of the login with this link, which its response confirms with the number 0.
    LogIn(Confirmed),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Response {
    /// 200 that confirms a link.
    Linked(Confirmed),
    /// 200 without a link.
    Kept,
    /// 409 `link_stale`.
    Stale,
    /// 403 `link_required`.
    Required,
    /// 401.
    Over,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Flight {
    /// Each with its age.
    Asked(Asked, u8),
    Responded(Asked, Response, u8),
    #[default]
    Idle,
}

/// The session's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Item {
    pub(super) number: Number,
    /// The newest first.
    pub(super) links: [Option<Link>; 3],
    /// The age of the head, up to the pace.
    pub(super) age: u8,
    /// How often the chain has grown by a link that the owner does not know, up to 2.
    pub(super) stolen_growths: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Life {
    Living,
    /// By a logout or its age: a 401 is right.
    Over,
    /// By a fork, or by the owner's client, which was overtaken by a copy.
    Ended,
}

/// What the browser has stored of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Record {
    pub(super) prev: Confirmed,
    pub(super) next: Option<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Browser {
    /// `None` before the response to the login is stored.
    pub(super) record: Option<Record>,
    /// The link of a login whose response is not stored, with the number that the response has.
    pub(super) pending: Option<Confirmed>,
    /// It has to log in again.
    pub(super) is_out: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Thief {
    /// The newest first.
    pub(super) confirmed: [Option<Confirmed>; 6],
    /// Whether what it stole can be used until its owner comes back: then the owner may have to log in again.
    pub(super) is_dangerous: bool,
    /// A bit for each link that it knows.
    pub(super) known: u16,
    /// How often the owner's record has grown since the theft, up to 3.
    pub(super) owner_growths: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct State {
    pub(super) life: Life,
    pub(super) item: Item,
    pub(super) browser: Browser,
    pub(super) flights: [Flight; 3],
    pub(super) thief: Option<Thief>,
    /// A request that somebody has recorded.
    pub(super) recorded: Option<Request>,
    /// A copy of the browser's storage, and whether it was put back.
    pub(super) saved_record: Option<Record>,
    pub(super) is_put_back: bool,
    /// A backup of the table, and whether it was restored.
    pub(super) saved_item: Option<Item>,
    pub(super) is_restored: bool,
}

impl Thief {
    pub(super) fn learns(&mut self, confirmed: Confirmed) {
        self.known |= 1 << confirmed.link;
        if !self.confirmed.contains(&Some(confirmed)) {
            self.confirmed.sort_unstable();
            // The oldest one, or none.
            self.confirmed[0] = Some(confirmed);
        }
        self.confirmed.sort_unstable_by(|one, other| other.cmp(one));
    }
}

impl State {
    /// A browser whose login has just begun its session; the response is on its way.
    pub(super) fn start() -> Self {
        let first = Confirmed { number: HEAD, link: 0 };
        let mut flights = [Flight::Idle; 3];
        flights[0] = Flight::Responded(Asked::LogIn(first), Response::Linked(first), 0);
        Self {
            life: Life::Living,
            item: Item { number: HEAD, links: [Some(0), None, None], age: 0, stolen_growths: 0 },
            browser: Browser { record: None, pending: Some(first), is_out: false },
            flights,
            thief: None,
            recorded: None,
            saved_record: None,
            is_put_back: false,
            saved_item: None,
            is_restored: false,
        }
    }
}
