//! What is searched: the rules, what goes wrong, and the promises.

/// Rules that are weaker than ours, each in one way. The first ones are the function's, the others the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    Ours,
    /// A request that was overtaken is reuse.
    OvertakenEnds,
    /// A token without its chain ends the session.
    UnlinkedEnds,
    /// Links that are newer than the session end it.
    AheadEnds,
    /// Two links that follow the same one are answered like a request that was overtaken.
    ForkIgnored,
    /// A tab that was slower by one link is answered like one that was overtaken.
    NothingIsLate,
    /// A request that arrives late is served, however late.
    LateForEver,
    /// A request that was overtaken is served without a link.
    OvertakenServed,
    /// Links that are late may log out all devices.
    LateEndsAll,
    /// A lost response is repeated only while the head is young.
    RepeatWithinPace,
    /// A lost response to a login is repeated only while the head is young.
    LoginRepeatWithinPace,
    /// The chain grows at every refresh.
    GrowAlways,
    /// The write's condition does not compare the number.
    NoNumberInCondition,
    /// Numbers are compared, and of links only `next`.
    OnlyNumbers,
    /// A link may follow itself.
    LinkAfterItself,
    /// A link is drawn for each request and stored with its response.
    NextNotStored,
    /// A response without a link makes the client draw another one.
    NextDropped,
    /// An older response replaces the record.
    NumbersFall,
    /// The client asks again after every 409.
    StaleIgnored,
    /// The client logs out at every 409.
    StaleEnds,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// An honest browser has to log in again, and nobody has ended the session.
    FalseLogout,
    /// An honest browser is never served again.
    Stuck,
    /// A request that took less than the pace was answered with 409, or with 403.
    AskedInVain,
    /// A session that had ended gave out an access token.
    Undead,
    /// A link was confirmed that is not the head, or with another number.
    SecondLineage,
    /// Two links were named to follow the same one, and the session lives.
    ForkUnnoticed,
    /// The owner was served although the chain had gone on with a thief.
    TheftUnnoticed,
    /// The owner is out, and the thief goes on.
    CopyLivesOn,
    /// A thief was served after the owner's third growth.
    ServedForEver,
    /// A cookie alone, or an old request, was good for something.
    WorthlessServed,
    /// A cookie alone, or an old request, could log out the user's other devices.
    OthersLoggedOut,
    /// Links that could be renewed could not.
    OthersNotLoggedOut,
    /// A restored table made the function end an honest session.
    EndedByRestore,
}

/// What happens besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// Somebody sends a request of the owner again, at any time and any number of times.
    Replay,
    /// A thief has the cookie and a request that the chain has grown past.
    OldRequest,
    /// A thief has the cookie.
    Cookie,
    /// A thief has the cookie and a copy of the storage, taken while nothing was on its way.
    AtRest,
    /// A thief has the cookie, the storage, and all requests and responses on their way.
    AnyMoment,
    /// An earlier copy of the storage is put back.
    StoragePutBack,
    /// An earlier state of the table is restored, from up to three growths ago.
    TableRestored,
    /// An earlier state of the table is restored, after a copy of the storage was stolen as in `AtRest`.
    RestoredAfterTheft,
}

/// The bounds of a search.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) rules: Rules,
    /// The age from which the head may be followed (K).
    pub(super) pace: u8,
    /// The longest time that a request or response takes (D). `None`: any time.
    pub(super) delay: Option<u8>,
    /// Requests on their way at once.
    pub(super) flights: usize,
    pub(super) trouble: Trouble,
    /// After so many growths of the owner's chain a copy is worthless.
    pub(super) worthless_after: u8,
}

impl Bounds {
    pub(super) fn columns(self) -> String {
        let Self { rules, pace, delay, flights, trouble, worthless_after } = self;
        let delay = delay.map_or_else(|| "any".to_owned(), |delay| delay.to_string());
        let rules = match (rules, worthless_after) {
            (Rules::Ours, 3) => "ours".to_owned(),
            (Rules::Ours, growths) => format!("ours, worthless after {growths}"),
            (weaker, _) => format!("weaker, {weaker:?}"),
        };
        format!("{rules} | {pace} | {delay} | {flights} | {trouble:?}")
    }
}
