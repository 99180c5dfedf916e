//! Each row of the table, each part of the condition, and that the condition and the verdict agree.

use super::*;
use crate::{
    id::UserId,
    session::{ConfirmedLink, Kind, RefreshTokenKeys, Standing, Transport, Version},
};

const PACE: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_900_000_000);
const YOUNG: Duration = Duration::from_secs(14);
const OLD: Duration = Duration::from_hours(800);

/// 16 characters of base64url for each letter, and the last ones that are canonical.
fn link(name: char) -> Link {
    Link::parse(&format!("{}A", name.to_string().repeat(21))).unwrap()
}

fn links(prev: Option<(u32, char)>, next: char) -> PresentedLinks {
    PresentedLinks { prev: prev.map(|(number, name)| ConfirmedLink { number, link: link(name) }), next: link(next) }
}

fn token(ends_at: Timestamp) -> RefreshToken {
    let secret = serde_json::json!({"secret": "A".repeat(43), "mints_from": 0});
    let keys = RefreshTokenKeys::new(&[serde_json::from_value(secret).unwrap()]).unwrap();
    keys.issue(
        Version::issued(Kind::Linked, Transport::Cookie),
        UserId::generate(),
        keys.new_session(None, NOW),
        ends_at,
        NOW,
    )
}

/// A chain with these links, the newest first, whose head is so old.
fn chain(token: &RefreshToken, generation: u32, newest: &str, age: Duration) -> LinkedSession {
    let mut newest = newest.chars().map(|name| link(name).hash());
    let [head, parent, grandparent] = [newest.next(), newest.next(), newest.next()];
    let begun = LinkedSession::begun(token, &link('x'), LATER, NOW - age);
    LinkedSession { generation, head: head.unwrap(), parent, grandparent, ..begun }
}

#[test]
fn each_row_of_the_table() {
    use LinkedVerdict::{Ahead, Fork, Grow, Late, Overtaken, Repeat, Stay, Unlinked};
    let token = token(LATER);
    for (generation, newest, prev, next, while_young, afterwards) in [
        (7, "dcb", Some((7, 'd')), 'e', Stay, Grow(8)),
        (7, "dcb", Some((6, 'c')), 'd', Repeat(7), Repeat(7)),
        (7, "dcb", Some((6, 'c')), 'e', Fork, Fork),
        (7, "dcb", Some((6, 'c')), 'b', Fork, Fork),
        (7, "dcb", Some((5, 'b')), 'c', Late, Overtaken),
        (7, "dcb", Some((5, 'b')), 'e', Overtaken, Overtaken),
        (7, "dcb", Some((5, 'b')), 'd', Overtaken, Overtaken),
        (7, "dcb", Some((5, 'a')), 'c', Overtaken, Overtaken),
        (7, "dcb", Some((4, 'a')), 'b', Overtaken, Overtaken),
        (7, "dcb", Some((0, 'a')), 'e', Overtaken, Overtaken),
        // The right links with the wrong numbers.
        (7, "dcb", Some((6, 'd')), 'e', Ahead, Ahead),
        (7, "dcb", Some((7, 'c')), 'd', Ahead, Ahead),
        (7, "dcb", Some((6, 'b')), 'c', Ahead, Ahead),
        // The table was restored.
        (7, "dcb", Some((7, 'f')), 'e', Ahead, Ahead),
        (7, "dcb", Some((6, 'f')), 'd', Ahead, Ahead),
        (7, "dcb", Some((8, 'd')), 'e', Ahead, Ahead),
        (0, "a", Some((u32::MAX, 'd')), 'e', Ahead, Ahead),
        // The first links of a chain.
        (0, "a", Some((0, 'a')), 'b', Stay, Grow(1)),
        (1, "ba", Some((0, 'a')), 'b', Repeat(1), Repeat(1)),
        (1, "ba", Some((0, 'a')), 'c', Fork, Fork),
        (2, "cba", Some((0, 'a')), 'b', Late, Overtaken),
        // The response to the login was lost.
        (0, "a", None, 'a', Repeat(0), Repeat(0)),
        (0, "a", None, 'b', Unlinked, Unlinked),
        (1, "ba", None, 'a', Late, Unlinked),
        (1, "ba", None, 'b', Unlinked, Unlinked),
        (2, "cba", None, 'a', Unlinked, Unlinked),
        (2, "cba", None, 'b', Unlinked, Unlinked),
        (7, "dcb", None, 'd', Unlinked, Unlinked),
        (7, "dcb", None, 'c', Unlinked, Unlinked),
    ] {
        for (age, expected) in
            [(Duration::ZERO, while_young), (YOUNG, while_young), (PACE, afterwards), (OLD, afterwards)]
        {
            let session = chain(&token, generation, newest, age);
            let presented = links(prev, next);
            let verdict = judge_links(&token, &presented, Some(&session), NOW, PACE);
            assert_eq!(verdict, expected, "{generation} {newest} after {age:?}: {prev:?}, then {next}");
            let grown = session.grown(&token, &presented, LATER, NOW, PACE);
            let expected = match verdict {
                Grow(number) => Some((number, link(next).hash(), Some(session.head), session.parent, NOW)),
                _ => None,
            };
            let grown = grown.map(|grown| {
                assert_eq!((grown.token_hash, grown.logged_in_at), (session.token_hash, session.logged_in_at));
                (grown.generation, grown.head, grown.parent, grown.grandparent, grown.grown_at)
            });
            assert_eq!(grown, expected, "the condition and the verdict agree");
        }
    }
}

#[test]
fn a_session_that_is_absent_expired_or_at_its_end_is_not_renewed() {
    let (token, presented) = (token(LATER), links(Some((0, 'a')), 'b'));
    let session = chain(&token, 0, "a", OLD);
    let judge =
        |token: &RefreshToken, session: Option<&LinkedSession>| judge_links(token, &presented, session, NOW, PACE);
    assert_eq!(judge(&token, Some(&session)), LinkedVerdict::Grow(1));
    assert_eq!(judge(&token, None), LinkedVerdict::Ended);
    for (expires_at, is_over) in [(NOW - SECOND, true), (NOW, true), (NOW + SECOND, false)] {
        let session = LinkedSession { expires_at, ..session };
        let grown = session.grown(&token, &presented, NOW + OLD, NOW, PACE);
        assert_eq!(judge(&token, Some(&session)) == LinkedVerdict::Ended, is_over, "{expires_at:?}");
        assert_eq!(grown.map(|grown| grown.expires_at), (!is_over).then_some(NOW + OLD), "{expires_at:?}");
    }
    let at_its_end = self::token(NOW);
    assert_eq!(judge(&at_its_end, Some(&chain(&at_its_end, 0, "a", OLD))), LinkedVerdict::Ended);
}

#[test]
fn another_token_of_the_session_changes_nothing() {
    let session = chain(&token(LATER), 0, "a", OLD);
    for (prev, next) in [(Some((0, 'a')), 'b'), (None, 'a')] {
        let (other, presented) = (token(LATER), links(prev, next));
        assert_eq!(judge_links(&other, &presented, Some(&session), NOW, PACE), LinkedVerdict::Ahead);
        assert_eq!(session.grown(&other, &presented, LATER, NOW, PACE), None);
    }
}

#[test]
fn a_login_starts_a_chain_that_its_client_can_continue() {
    let token = token(LATER);
    let begun = LinkedSession::begun(&token, &link('a'), LATER, NOW);
    assert_eq!(begun, chain(&token, 0, "a", Duration::ZERO));
    let verdict = |prev, next, at| judge_links(&token, &links(prev, next), Some(&begun), at, PACE);
    assert_eq!(verdict(None, 'a', NOW + OLD), LinkedVerdict::Repeat(0));
    assert_eq!(verdict(Some((0, 'a')), 'b', NOW + OLD), LinkedVerdict::Grow(1));
    let grown = begun.grown(&token, &links(Some((0, 'a')), 'b'), LATER, NOW + PACE, PACE).unwrap();
    assert_eq!((grown.parent, grown.grandparent), (Some(link('a').hash()), None));
    let again = grown.grown(&token, &links(Some((1, 'b')), 'c'), LATER, NOW + PACE + PACE, PACE).unwrap();
    assert_eq!((again.head, again.grandparent), (link('c').hash(), Some(link('a').hash())));
}

#[test]
fn only_links_that_could_be_renewed_log_out_all_devices() {
    use LinkedVerdict::{Ahead, Ended, Fork, Grow, Late, Overtaken, Repeat, Stay, Unlinked};
    for verdict in [Grow(1), Repeat(1), Stay] {
        assert_eq!(Standing::from(verdict), Standing::Alive, "{verdict:?}");
    }
    for verdict in [Late, Fork, Overtaken, Unlinked, Ended, Ahead] {
        assert_ne!(Standing::from(verdict), Standing::Alive, "{verdict:?}");
    }
}
