//! What the function makes of a request, by the functions that production runs.

use std::{sync::LazyLock, time::Duration};

use secrecy::ExposeSecret;
use shared::{
    clock::Timestamp,
    id::UserId,
    session::{
        ConfirmedLink, Kind, Link, LinkHash, LinkedSession, LinkedVerdict, PresentedLinks, RefreshToken,
        RefreshTokenKeys, Transport, Version, judge_links,
    },
};

use crate::state::{Confirmed, HEAD, Item, LINKS, Number, Request};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_900_000_000);
const NUMBERS: Number = HEAD + 5;

/// The session's token, and all that can be presented beside it.
struct Real {
    token: RefreshToken,
    hashes: Vec<LinkHash>,
    presented: Vec<PresentedLinks>,
}

static REAL: LazyLock<Real> = LazyLock::new(Real::new);

/// The keys of a server.
pub(super) fn keys() -> RefreshTokenKeys {
    let secret = serde_json::json!({"secret": "A".repeat(43), "mints_from": 0});
    let secret = serde_json::from_value(secret).expect("it has the shape of one");
    RefreshTokenKeys::new(&[secret]).expect("it is 32 bytes")
}

/// The token of a new session.
pub(super) fn token(keys: &RefreshTokenKeys) -> RefreshToken {
    keys.issue(
        Version::issued(Kind::Linked, Transport::Cookie),
        UserId::generate(),
        keys.new_session(None, NOW),
        LATER,
        NOW,
    )
}

/// A link's text.
pub(super) fn text(link: u8) -> String {
    format!("{}A", char::from(b'a' + link).to_string().repeat(21))
}

fn link(number: u8) -> Link {
    Link::parse(&text(number)).expect("it is 16 bytes in base64url")
}

/// The text of a link of this token's session that was confirmed.
pub(super) fn confirmed_text(keys: &RefreshTokenKeys, token: &RefreshToken, number: u8, link: u8) -> String {
    keys.confirm_link(token.session, number.into(), &self::link(link), NOW).expose_secret().to_owned()
}

fn place(request: Request) -> usize {
    let links = usize::from(LINKS);
    let prev = request.prev.map_or(0, |prev| 1 + usize::from(prev.number) * links + usize::from(prev.link));
    prev * links + usize::from(request.next)
}

impl Real {
    fn new() -> Self {
        let keys = keys();
        let token = token(&keys);
        let mut presented = Vec::new();
        let all = (0..NUMBERS).flat_map(|number| (0..LINKS).map(move |link| Some(Confirmed { number, link })));
        for prev in std::iter::once(None).chain(all) {
            let prev_text = prev.map(|prev| confirmed_text(&keys, &token, prev.number, prev.link));
            for next in 0..LINKS {
                let read = PresentedLinks::read(&keys, token.session, prev_text.as_deref(), &text(next));
                // A link that follows itself is refused, and is presented only to find out what would become of it.
                let follows_itself = || {
                    let prev = prev.map(|prev| ConfirmedLink { number: prev.number.into(), link: link(prev.link) });
                    PresentedLinks { prev, next: link(next) }
                };
                assert_eq!(read.is_err(), prev.is_some_and(|prev| prev.link == next));
                presented.push(read.unwrap_or_else(|_| follows_itself()));
            }
        }
        Self { token, hashes: (0..LINKS).map(|number| link(number).hash()).collect(), presented }
    }
}

/// The verdict, and what the write leaves if its condition holds.
pub(super) fn judge(item: Option<Item>, request: Request, pace: u8) -> (LinkedVerdict, Option<Item>) {
    let (real, pace) = (&*REAL, Duration::from_secs(pace.into()));
    let hash = |link: u8| real.hashes[usize::from(link)];
    let session = item.map(|item| LinkedSession {
        generation: item.number.into(),
        parent: item.links[1].map(hash),
        grandparent: item.links[2].map(hash),
        ..LinkedSession::begun(
            &real.token,
            &link(item.links[0].expect("a chain has a head")),
            LATER,
            NOW - Duration::from_secs(item.age.into()),
        )
    });
    let links = &real.presented[place(request)];
    let verdict = judge_links(&real.token, links, session.as_ref(), NOW, pace);
    let grown = session.and_then(|session| session.grown(&real.token, links, LATER, NOW, pace));
    assert_eq!(grown.is_some(), matches!(verdict, LinkedVerdict::Grow(_)), "the condition and the verdict agree");
    let grown = item.zip(grown).map(|(item, grown)| {
        let name = |hash: LinkHash| (0..LINKS).find(|link| real.hashes[usize::from(*link)] == hash);
        let links = [name(grown.head), grown.parent.and_then(name), grown.grandparent.and_then(name)];
        let age = u8::try_from(NOW.seconds_since(grown.grown_at)).expect("up to the pace");
        Item { number: Number::try_from(grown.generation).expect("small"), links, age, ..item }
    });
    (verdict, grown)
}
