//! The renewal of a linked session: for every combination of its links, what DynamoDB does is what the rules of `shared::session`
//! say, which the search of `shared/tests/linked` holds to its promises.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use local::table::Item;
use shared::{
    clock::Timestamp,
    id::UserId,
    redemption::{Attempt, Redemption},
    roles::Roles,
    session::{
        Answered, ConfirmedLink, Facts, Kind, LINK_PACE, Link, LinkedSession, LinkedVerdict, PresentedLinks,
        REMEMBERED_FOR, RefreshToken, RefreshTokenHash, RefreshTokenKeys, Transport, Version, judge_links,
    },
    store::{Device, RedemptionKey, Renewal, SessionStart},
};
use tests::fault_proxy::Fault;

use crate::table::{Table, key, number, text, time, with, without};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const LOGGED_IN_AT: Timestamp = Timestamp::from_unix_seconds(1_799_900_000);
const SESSION_ENDS_AT: Timestamp = Timestamp::from_unix_seconds(1_802_000_000);
const SECOND: Duration = Duration::from_secs(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

/// A link for each letter.
fn link(name: char) -> Link {
    Link::parse(&format!("{}A", name.to_string().repeat(21))).unwrap()
}

fn presented_links(prev: Option<(u32, char)>, next: char) -> PresentedLinks {
    PresentedLinks { prev: prev.map(|(number, name)| ConfirmedLink { number, link: link(name) }), next: link(next) }
}

fn blob(bytes: &[u8; 32]) -> AttributeValue {
    AttributeValue::B(Blob::new(*bytes))
}

fn keys() -> RefreshTokenKeys {
    let secret = serde_json::json!({"secret": "A".repeat(43), "mints_from": 0});
    RefreshTokenKeys::new(&[serde_json::from_value(secret).unwrap()]).unwrap()
}

fn token(keys: &RefreshTokenKeys) -> RefreshToken {
    let session = keys.new_session(None, LOGGED_IN_AT);
    keys.issue(
        Version::issued(Kind::Linked, Transport::Cookie),
        UserId::generate(),
        session,
        SESSION_ENDS_AT,
        LOGGED_IN_AT,
    )
}

fn session_key(token: &RefreshToken) -> Item {
    key(&format!("USER#{}", token.user), &format!("SESSION#{}", token.session))
}

/// What the access tokens of these sessions say.
fn facts() -> Facts {
    Facts { logged_in_at: LOGGED_IN_AT, roles: Roles::from_stored(r#"["editor"]"#) }
}

/// The item of a session, with attributes that no renewal may touch.
fn session_item(token: &RefreshToken, session: &LinkedSession, used_at: Timestamp) -> Item {
    with(
        session_key(token),
        [
            ("token_hash", Some(blob(session.token_hash.as_bytes()))),
            ("generation", Some(number(session.generation.into()))),
            ("l0", Some(blob(session.head.as_bytes()))),
            ("l1", session.parent.map(|link| blob(link.as_bytes()))),
            ("l2", session.grandparent.map(|link| blob(link.as_bytes()))),
            ("rotated_at", Some(time(session.grown_at))),
            ("expires_at", Some(time(session.expires_at))),
            ("created_at", Some(time(session.logged_in_at))),
            ("last_used_at", Some(time(used_at))),
            ("absolute_expires_at", Some(time(SESSION_ENDS_AT))),
            ("auth_at", Some(time(LOGGED_IN_AT - SECOND))),
            ("roles", facts().roles.to_stored().as_ref().map(text)),
            ("user_agent", Some(text("라이언의 브라우저"))),
            ("ip_prefix", Some(text("203.0.113.0/24"))),
            ("added_by_a_later_release", Some(text("personal"))),
        ],
    )
}

/// A renewal, and the session that it finds.
struct Case {
    token: RefreshToken,
    links: PresentedLinks,
    session: Option<LinkedSession>,
    before: Option<Item>,
    why: String,
}

/// The chains with the head `d`, its parent `c` and its grandparent `b`, after so many growths. No write leaves out `l1` or `l2` of a
/// chain that has grown once or twice, but somebody may have edited the table.
fn chains() -> Vec<(u32, Option<char>, Option<char>)> {
    let mut all = vec![(0, None, None)];
    for generation in [1, 2, 7] {
        for parent in [None, Some('c')] {
            for grandparent in if generation == 1 { vec![None] } else { vec![None, Some('b')] } {
                all.push((generation, parent, grandparent));
            }
        }
    }
    all
}

/// Every confirmed link that a client could present to a chain of so many growths: each of its links and an older one, with each number
/// around those of the chain. `None`: the response of the login was lost.
fn presented(generation: u32) -> Vec<Option<(u32, char)>> {
    let mut numbers: Vec<u32> = (0..4).filter_map(|behind| generation.checked_sub(behind)).collect();
    numbers.extend([0, generation + 1, u32::MAX]);
    numbers.sort_unstable();
    numbers.dedup();
    let confirmed = numbers.into_iter().flat_map(|number| "dcba".chars().map(move |name| Some((number, name))));
    [None].into_iter().chain(confirmed).collect()
}

impl Case {
    fn new(
        keys: &RefreshTokenKeys,
        prev: Option<(u32, char)>,
        next: char,
        session: impl FnOnce(&RefreshToken) -> Option<LinkedSession>,
    ) -> Self {
        let token = token(keys);
        let links = PresentedLinks {
            prev: prev.map(|(number, name)| ConfirmedLink { number, link: link(name) }),
            next: link(next),
        };
        let session = session(&token);
        let before = session.map(|session| session_item(&token, &session, session.grown_at));
        let why = format!("{prev:?}, then {next}, of {session:?}");
        Self { token, links, session, before, why }
    }

    /// Every combination for this chain.
    fn all(keys: &RefreshTokenKeys, (generation, parent, grandparent): (u32, Option<char>, Option<char>)) -> Vec<Self> {
        let [parent, grandparent] = [parent, grandparent].map(|name| name.map(|name| link(name).hash()));
        let (young, old) = (NOW - LINK_PACE + SECOND, NOW - LINK_PACE);
        let mut all = Vec::new();
        for prev in presented(generation) {
            // A link that follows itself is refused before DynamoDB is asked.
            for next in "dcbe".chars().filter(|next| prev.is_none_or(|(_, name)| name != *next)) {
                all.push(Self::new(keys, prev, next, |_| None));
                for (grown_at, expires_at) in [(young, NOW + SECOND), (old, NOW + SECOND), (old, NOW)] {
                    for is_of_this_token in [true, false] {
                        all.push(Self::new(keys, prev, next, |token| {
                            let begun = LinkedSession::begun(token, &link('d'), expires_at, LOGGED_IN_AT);
                            let another = RefreshTokenHash::from_bytes([7; 32]);
                            let token_hash = if is_of_this_token { begun.token_hash } else { another };
                            Some(LinkedSession { token_hash, generation, parent, grandparent, grown_at, ..begun })
                        }));
                    }
                }
            }
        }
        all
    }

    /// What the rules say of it: the result, and the item that they leave. `None` if no rule speaks of such an item: it lacks the
    /// link that shall become the grandparent.
    fn expected(&self) -> Option<(Renewal, Option<Item>)> {
        let Self { token, links, session, before, .. } = self;
        let verdict = judge_links(token, links, session.as_ref(), NOW, LINK_PACE);
        let settled_at = session.map(|session| session.grown_at + LINK_PACE);
        let until = match verdict {
            LinkedVerdict::Repeat(_) => Some(NOW + REMEMBERED_FOR),
            LinkedVerdict::Stay | LinkedVerdict::Late => settled_at,
            _ => None,
        };
        let answered = until.map(|until| Answered { counted: None, until, is_settled: false });
        let renewed = Renewal::Renewed { verdict, facts: facts(), answered };
        let grown = session.and_then(|session| session.grown(token, links, NOW + WEEK, NOW, LINK_PACE));
        assert_eq!(grown.is_some(), matches!(verdict, LinkedVerdict::Grow(_)), "{}", self.why);
        Some(match (verdict, grown) {
            (_, Some(grown)) if grown.generation > 1 && grown.grandparent.is_none() => return None,
            (_, Some(grown)) => (renewed, Some(session_item(token, &grown, NOW))),
            (LinkedVerdict::Fork, _) => (Renewal::Refused(verdict), None),
            (LinkedVerdict::Repeat(_) | LinkedVerdict::Stay | LinkedVerdict::Late, _) => (renewed, before.clone()),
            _ => (Renewal::Refused(verdict), before.clone()),
        })
    }
}

#[tokio::test]
async fn a_chain_grows_where_the_rules_allow_it_and_nothing_else_changes() {
    let (table, keys) = (Table::new().await, keys());
    let mut counts = BTreeMap::<&str, usize>::new();
    for chain in chains() {
        let cases = Case::all(&keys, chain);
        let at = |case: &Case| session_key(&case.token);
        table.set(&cases.iter().map(|case| (at(case), case.before.clone())).collect::<Vec<_>>()).await;
        let mut results = Vec::new();
        for Case { token, links, .. } in &cases {
            let result = table.store.renew_linked(token, links, NOW + WEEK, None, NOW).await;
            results.push(result.map_err(|error| error.to_string()));
        }
        let after = table.get_all(&cases.iter().map(at).collect::<Vec<_>>()).await;
        for ((case, result), after) in cases.iter().zip(results).zip(after) {
            let Some((expected, left)) = case.expected() else {
                // This is why the first growth has an expression of its own: `SET l2 = l1` cannot read what is absent.
                let refused = "DynamoDB refuses UpdateItem: ValidationException".to_owned();
                assert_eq!((result, after), (Err(refused), case.before.clone()), "{}", case.why);
                *counts.entry("l1 is missing").or_default() += 1;
                continue;
            };
            *counts.entry(name(&expected)).or_default() += 1;
            assert_eq!((result, after), (Ok(expected), left), "{}", case.why);
        }
    }
    let each = [
        ("ahead", 2_644),
        ("ended", 2_433),
        ("fork", 20),
        ("grow", 18),
        ("l1 is missing", 15),
        ("late", 5),
        ("overtaken", 414),
        ("repeat", 18),
        ("stay", 33),
        ("unlinked", 77),
    ];
    assert_eq!(counts, each.into());
}

#[tokio::test]
async fn a_growth_whose_response_was_lost_is_recognised_as_a_repeat() {
    let (table, keys) = (Table::new().await, keys());
    let token = token(&keys);
    let mut session = LinkedSession::begun(&token, &link('a'), NOW + SECOND, LOGGED_IN_AT);
    table.set(&[(session_key(&token), Some(session_item(&token, &session, LOGGED_IN_AT)))]).await;
    let mut now = NOW;
    for (number, (prev, next)) in (0..).zip([('a', 'b'), ('b', 'c'), ('c', 'd'), ('d', 'e')]) {
        let links = presented_links(Some((number, prev)), next);
        let renew = async || table.store.renew_linked(&token, &links, now + WEEK, None, now).await.unwrap();
        table.proxy.fail(Fault::LoseResponses(1));
        let _ = table.proxy.take_traffic();
        let answered = Some(Answered { counted: None, until: now + REMEMBERED_FOR, is_settled: false });
        let renewed = |verdict| Renewal::Renewed { verdict, facts: facts(), answered };
        assert_eq!(renew().await, renewed(LinkedVerdict::Repeat(number + 1)));
        assert_eq!(table.proxy.take_traffic().operations.len(), 2, "it was sent twice");
        session = session.grown(&token, &links, now + WEEK, now, LINK_PACE).unwrap();
        let item = Some(session_item(&token, &session, now));
        assert_eq!(table.get([&session_key(&token)]).await, std::slice::from_ref(&item));
        // A copy of which DynamoDB no longer knows that it is one.
        assert_eq!(renew().await, renewed(LinkedVerdict::Repeat(number + 1)));
        assert_eq!(table.get([&session_key(&token)]).await, [item]);
        now = now + LINK_PACE;
    }
}

/// A login by access token puts the session; one by a credential that is redeemed writes it in a transaction.
#[tokio::test]
async fn a_login_puts_the_chain_that_it_begins_and_a_late_copy_does_not_shorten_a_grown_one() {
    for by_redemption in [false, true] {
        let (table, keys) = (Table::new().await, keys());
        let token = token(&keys);
        let (credential, attempt) = (RedemptionKey::new(&"code".into()), Attempt::generate());
        let device = Device {
            user_agent: "라이언의 브라우저".to_owned(),
            ip_prefix: "203.0.113.0/24".to_owned(),
            ..Device::default()
        };
        let start = SessionStart {
            first: &token,
            device: &device,
            link: Some(link('a').hash()),
            authenticated_at: Some(LOGGED_IN_AT - SECOND),
            roles: &facts().roles,
            expires_at: NOW + WEEK,
            now: LOGGED_IN_AT,
        };
        let log_in = async || {
            if by_redemption {
                table.store.complete(&credential, &attempt, &start).await.unwrap();
            } else {
                table.store.start_session(&start).await.unwrap();
            }
        };
        if by_redemption {
            let (attempt, session) = (attempt.clone(), token.session);
            let new = Redemption { attempt, session, redeemed_at: LOGGED_IN_AT, is_bound: Some(true), user: None };
            assert_eq!(table.store.redeem(&credential, &new, NOW).await.unwrap(), None);
        }
        log_in().await;
        let begun = LinkedSession::begun(&token, &link('a'), NOW + WEEK, LOGGED_IN_AT);
        let item = without(session_item(&token, &begun, LOGGED_IN_AT), ["added_by_a_later_release"]);
        assert_eq!(table.get([&session_key(&token)]).await, [Some(item)]);
        let links = presented_links(Some((0, 'a')), 'b');
        table.store.renew_linked(&token, &links, NOW + WEEK, None, NOW).await.unwrap();
        let grown = table.get([&session_key(&token)]).await;
        log_in().await;
        assert_eq!(table.get([&session_key(&token)]).await, grown);
    }
}

const fn name(renewal: &Renewal) -> &'static str {
    let (Renewal::Renewed { verdict, .. } | Renewal::Refused(verdict)) = renewal;
    match verdict {
        LinkedVerdict::Grow(_) => "grow",
        LinkedVerdict::Repeat(_) => "repeat",
        LinkedVerdict::Stay => "stay",
        LinkedVerdict::Late => "late",
        LinkedVerdict::Fork => "fork",
        LinkedVerdict::Overtaken => "overtaken",
        LinkedVerdict::Unlinked => "unlinked",
        LinkedVerdict::Ended => "ended",
        LinkedVerdict::Ahead => "ahead",
    }
}
