//! What ends with a deletion or an event: sessions by their age, or everything in the partition of a user.

use std::time::Duration;

use local::table::Item;
use shared::{
    clock::Timestamp,
    id::{SessionId, UserId},
};
use tests::fault_proxy::Fault;

use crate::table::{Table, key, text, time, with};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn session(user: UserId, logged_in_at: Option<Timestamp>) -> Item {
    let session = key(&format!("USER#{user}"), &format!("SESSION#{}", SessionId::generate()));
    with(session, [("created_at", logged_in_at.map(time)), ("user_agent", Some(text("a browser")))])
}

/// Which of these items are left.
async fn left<const N: usize>(table: &Table, items: &[Item; N]) -> [bool; N] {
    let keys = items.each_ref().map(|item| key(item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap()));
    table.get(keys.each_ref()).await.map(|item| item.is_some())
}

#[tokio::test]
async fn sessions_end_by_their_age_and_nobody_elses_do() {
    let table = Table::new().await;
    let (user, other) = (UserId::generate(), UserId::generate());
    let items = [
        session(user, Some(NOW - SECOND)),
        session(user, Some(NOW)),
        session(user, None),
        session(user, Some(NOW + SECOND)),
        key(&format!("USER#{user}"), "PROFILE"),
        key(&format!("USER#{user}"), "T"),
        session(other, Some(NOW - SECOND)),
    ];
    let all: Vec<_> = items.iter().map(|item| (item.clone(), Some(item.clone()))).collect();
    table.set(&all).await;
    table.store.end_sessions(user, Some(NOW)).await.unwrap();
    assert_eq!(left(&table, &items).await, [false, false, false, true, true, true, true]);
    table.set(&all).await;
    table.store.end_sessions(user, None).await.unwrap();
    assert_eq!(left(&table, &items).await, [false, false, false, false, true, true, true]);
}

#[tokio::test]
async fn everything_of_a_user_is_removed_and_nothing_of_others() {
    let table = Table::new().await;
    let (user, other) = (UserId::generate(), UserId::generate());
    let items = [
        session(user, Some(NOW)),
        key(&format!("USER#{user}"), "PROFILE"),
        key(&format!("USER#{user}"), "ADDED_BY_A_LATER_RELEASE"),
        key(&format!("USER#{other}"), "PROFILE"),
        key("OUTBOX", &format!("WORK#{user}")),
    ];
    table.set(&items.each_ref().map(|item| (item.clone(), Some(item.clone())))).await;
    table.proxy.fail(Fault::LoseResponses(2));
    for _ in 0..2 {
        table.store.remove_user(user).await.unwrap();
        assert_eq!(left(&table, &items).await, [false, false, false, true, true]);
    }
}

/// DynamoDB returns at most a megabyte for each call.
#[tokio::test]
async fn a_sweep_reads_all_pages() {
    let table = Table::new().await;
    let user = UserId::generate();
    for _ in 0..12 {
        let large = with(session(user, Some(NOW)), [("user_agent", Some(text(&"u".repeat(100_000))))]);
        table.set(&[(large.clone(), Some(large))]).await;
    }
    table.store.end_sessions(user, None).await.unwrap();
    let _ = table.proxy.take_traffic();
    table.store.remove_user(user).await.unwrap();
    assert_eq!(table.proxy.take_traffic().operations, ["Query"], "nothing was left");
}
