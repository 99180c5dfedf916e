//! The write that counts a refresh: for every count that an item may have, what DynamoDB does is what the rules of
//! `shared::per_minute` say, which the search of `shared/tests/answers` holds to its promises.

use std::time::Duration;

use local::table::Item;
use shared::{
    clock::Timestamp,
    id::UserId,
    per_minute::{Count, Counted},
    roles::Roles,
    session::{
        ANSWERS_AT_MOST, Answered, Facts, Kind, REMEMBERED_FOR, RefreshToken, RefreshTokenKeys, Transport, Version,
    },
    store::{Device, Ended, FixedRenewal, Rotation, SessionStart},
};

use crate::table::{Table, key, number, time, with};

const MINUTE: i64 = 30_000_000;
const NOW: Timestamp = Timestamp::from_unix_seconds(MINUTE * 60 + 20);
const LOGGED_IN_AT: Timestamp = Timestamp::from_unix_seconds(MINUTE * 60 + 10);
const WINDOW: Duration = Duration::from_secs(30);
const WEEK: Duration = Duration::from_hours(7 * 24);

fn keys() -> RefreshTokenKeys {
    let secret = serde_json::json!({"secret": "A".repeat(43), "mints_from": 0});
    RefreshTokenKeys::new(&[serde_json::from_value(secret).unwrap()]).unwrap()
}

fn facts() -> Facts {
    Facts { logged_in_at: LOGGED_IN_AT, roles: Roles::default() }
}

fn at(token: &RefreshToken) -> Item {
    key(&format!("USER#{}", token.user), &format!("SESSION#{}", token.session))
}

/// A session that has just begun, and has counted this.
async fn begin(table: &Table, keys: &RefreshTokenKeys, kind: Kind, counted: Option<Counted>) -> (RefreshToken, Item) {
    let transport = if kind == Kind::Fixed { Transport::Page } else { Transport::Cookie };
    let version = Version::issued(kind, transport);
    let session = keys.new_session(None, LOGGED_IN_AT);
    let first = keys.issue(version, UserId::generate(), session, LOGGED_IN_AT + 4 * WEEK, LOGGED_IN_AT);
    let (device, expires_at) = (Device::default(), LOGGED_IN_AT + WEEK);
    let start = SessionStart {
        first: &first,
        device: &device,
        link: None,
        authenticated_at: None,
        roles: &facts().roles,
        expires_at,
        now: LOGGED_IN_AT,
    };
    table.store.start_session(&start).await.unwrap();
    let [item] = table.get([&at(&first)]).await;
    let item = counting(item.unwrap(), counted);
    table.set(&[(at(&first), Some(item.clone()))]).await;
    (first, item)
}

fn counting(item: Item, counted: Option<Counted>) -> Item {
    with(
        item,
        [
            ("answers_minute", counted.map(|counted| number(counted.minute))),
            ("answers", counted.map(|counted| number(counted.times))),
        ],
    )
}

/// Each count that an item may have, with each write that a process may choose by what it knew before.
fn cases() -> Vec<(Option<Counted>, Count)> {
    let most = ANSWERS_AT_MOST;
    let minutes = (MINUTE - 1..=MINUTE + 2)
        .flat_map(|minute| [1, most - 1, most, most + 1].map(|times| Some(Counted { minute, times })));
    let writes = [MINUTE, MINUTE + 1].map(|minute| [Count::First { minute }, Count::Another { minute }]).concat();
    let all = [None].into_iter().chain(minutes);
    all.flat_map(|stored| writes.clone().into_iter().map(move |count| (stored, count))).collect()
}

#[tokio::test]
async fn a_refresh_that_does_not_rotate_is_counted_where_the_rule_allows_it_and_nothing_else_changes() {
    let (table, keys) = (Table::new().await, keys());
    for (stored, count) in cases() {
        let (token, before) = begin(&table, &keys, Kind::Rotating, stored).await;
        let written = count.written(stored, ANSWERS_AT_MOST);
        let rotation = table.store.rotate(&token, &keys, WINDOW, NOW + WEEK, Some(count), NOW).await.unwrap();
        let Rotation::Current { facts: said, answered } = rotation else { panic!("{rotation:?}") };
        let until = LOGGED_IN_AT + WINDOW;
        let expected = Answered { counted: written.or(stored), until, is_settled: written.is_some() };
        assert_eq!((said, answered), (facts(), expected), "{count:?} of {stored:?}");
        let after = table.get([&at(&token)]).await;
        assert_eq!(after, [Some(counting(before, written.or(stored)))], "{count:?} of {stored:?}");
    }
}

/// The same write postpones the session's end.
#[tokio::test]
async fn a_refresh_of_a_page_is_counted_where_the_rule_allows_it() {
    let (table, keys) = (Table::new().await, keys());
    for (stored, count) in cases() {
        let (token, before) = begin(&table, &keys, Kind::Fixed, stored).await;
        let written = count.written(stored, ANSWERS_AT_MOST);
        let renewal = table.store.renew_fixed(&token, NOW + WEEK, Some(count), NOW).await.unwrap();
        let until = NOW + REMEMBERED_FOR;
        let answered = Answered { counted: written.or(stored), until, is_settled: written.is_some() };
        assert_eq!(renewal, Some(FixedRenewal { facts: facts(), answered }), "{count:?} of {stored:?}");
        let postponed =
            with(before.clone(), [("last_used_at", Some(time(NOW))), ("expires_at", Some(time(NOW + WEEK)))]);
        let expected = written.map_or(before, |written| counting(postponed, Some(written)));
        assert_eq!(table.get([&at(&token)]).await, [Some(expected)], "{count:?} of {stored:?}");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_counted() {
    let (table, keys) = (Table::new().await, keys());
    let count = Some(Count::First { minute: MINUTE });
    for kind in [Kind::Rotating, Kind::Fixed] {
        for expires_at in [None, Some(NOW)] {
            let (token, item) = begin(&table, &keys, kind, None).await;
            let item = expires_at.map(|expires_at| with(item, [("expires_at", Some(time(expires_at)))]));
            table.set(&[(at(&token), item.clone())]).await;
            if kind == Kind::Fixed {
                let renewal = table.store.renew_fixed(&token, NOW + WEEK, count, NOW).await.unwrap();
                assert_eq!(renewal, None, "{expires_at:?}");
                assert_eq!(table.get([&at(&token)]).await, [item], "it stays as it is");
            } else {
                let rotation = table.store.rotate(&token, &keys, WINDOW, NOW + WEEK, count, NOW).await.unwrap();
                assert!(matches!(rotation, Rotation::Ended(Ended::Gone)), "{expires_at:?}: {rotation:?}");
                assert_eq!(table.get([&at(&token)]).await[0].is_some(), item.is_some(), "no session comes back");
            }
        }
    }
}

/// A process remembers that it has answered the token, and the table is older than that.
#[tokio::test]
async fn a_token_that_is_due_in_a_restored_table_is_answered_and_rotated_by_the_next_refresh() {
    let (table, keys) = (Table::new().await, keys());
    let (token, item) = begin(&table, &keys, Kind::Rotating, None).await;
    table.set(&[(at(&token), Some(with(item, [("rotated_at", Some(time(NOW - WINDOW)))])))]).await;
    let count = Some(Count::First { minute: MINUTE });
    let rotation = table.store.rotate(&token, &keys, WINDOW, NOW + WEEK, count, NOW).await.unwrap();
    let Rotation::Current { answered, .. } = rotation else { panic!("{rotation:?}") };
    assert!(answered.until <= NOW, "it is not remembered");
    let rotation = table.store.rotate(&token, &keys, WINDOW, NOW + WEEK, None, NOW).await.unwrap();
    assert!(matches!(rotation, Rotation::Rotated { .. }), "{rotation:?}");
}
