//! The work of the outbox: who may take an item, and what each write leaves of it.

use std::time::Duration;

use local::table::Item;
use shared::{
    account::{Deletion, Inquiry, LEASE, SecurityEvent, Settling, may_take},
    clock::Timestamp,
    id::{KakaoId, UserId},
    store::{DueWork, Lease, Release, Work, WorkKey},
};
use tests::fault_proxy::Fault;

use crate::table::{Table, key, number, text, time, with, without};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const EARLIER: Timestamp = Timestamp::from_unix_seconds(1_799_999_000);
const SECOND: Duration = Duration::from_secs(1);

/// Items of every kind, and how they are read.
struct Kinds {
    key: WorkKey,
    item_key: Item,
    all: Vec<(Item, Work)>,
}

impl Kinds {
    fn new() -> Self {
        let (user, kakao): (_, KakaoId) = (UserId::generate(), "1376016924429759228".parse().unwrap());
        let item_key = key("OUTBOX", &format!("WORK#{user}"));
        let base = |kind: &str| {
            with(
                item_key.clone(),
                [("kind", Some(text(kind))), ("due_at", Some(time(NOW))), ("failures", Some(number(0)))],
            )
        };
        let of_user = |kind| {
            let attributes = [("user_id", Some(text(&user))), ("marked_at", Some(time(EARLIER)))];
            with(base(kind), attributes)
        };
        let of_kakao = |kind| {
            let attributes = [("kakao_id", Some(text(&kakao))), ("received_at", Some(time(EARLIER)))];
            with(base(kind), attributes)
        };
        let deletion = with(of_user("deletion"), [("kakao_id", Some(text(&kakao)))]);
        let attempted = with(deletion.clone(), [("attempted_at", Some(time(EARLIER))), ("failures", Some(number(2)))]);
        let linked = with(of_kakao("inquiry"), [("linked_at", Some(time(EARLIER))), ("failures", Some(number(1)))]);
        let event = AttributeMap::from([
            ("uri".to_owned(), text("https://example.com/user-unlinked")),
            ("scopes".to_owned(), aws_sdk_dynamodb::types::AttributeValue::L(vec![text("account_email")])),
        ]);
        let list = vec![aws_sdk_dynamodb::types::AttributeValue::M(event)];
        let events = with(of_kakao("events"), [("events", Some(aws_sdk_dynamodb::types::AttributeValue::L(list)))]);
        let changed = [("user_id", Some(text(&user))), ("changed_at", Some(time(EARLIER)))];
        let settling = with(base("settle"), changed);
        let all = vec![
            (deletion, Work::Deletion { user, kakao, deletion: Deletion::new(EARLIER) }),
            (
                attempted,
                Work::Deletion {
                    user,
                    kakao,
                    deletion: Deletion { marked_at: EARLIER, attempted_at: Some(EARLIER), failures: 2 },
                },
            ),
            (of_user("final_sweep"), Work::FinalSweep { user }),
            (settling, Work::Settling { user, change: Settling { changed_at: EARLIER } }),
            (of_kakao("inquiry"), Work::Inquiry { kakao, inquiry: Inquiry::default() }),
            (linked, Work::Inquiry { kakao, inquiry: Inquiry { linked_at: Some(EARLIER), failures: 1 } }),
            (
                events,
                Work::Events {
                    kakao,
                    events: vec![SecurityEvent {
                        uri: "https://example.com/user-unlinked".to_owned(),
                        scopes: vec!["account_email".to_owned()],
                    }],
                    received_at: EARLIER,
                    inquiry: Inquiry::default(),
                },
            ),
        ];
        Self { key: WorkKey::of_user(user), item_key, all }
    }

    async fn set(&self, table: &Table, item: Option<Item>) {
        table.set(&[(self.item_key.clone(), item)]).await;
    }

    async fn get(&self, table: &Table) -> Option<Item> {
        let [item] = table.get([&self.item_key]).await;
        item
    }

    /// Takes this item, and returns what that leaves.
    async fn taken(&self, table: &Table, item: Item) -> (Lease, Item) {
        self.set(table, Some(item)).await;
        let (lease, _) = table.store.take_work(&self.key, NOW).await.unwrap().unwrap();
        (lease, self.get(table).await.unwrap())
    }

    /// An item that this worker has taken, and the same as another worker may have left it: taken, released or done.
    fn others(mine: &Item) -> [Option<Item>; 3] {
        let another = with(mine.clone(), [("lease", Some(text("another")))]);
        [Some(another), Some(without(mine.clone(), ["lease", "leased_until"])), None]
    }
}

type AttributeMap = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

#[tokio::test]
async fn work_is_taken_when_it_is_due_and_its_lease_is_over_and_by_one_worker() {
    let (table, kinds) = (Table::new().await, Kinds::new());
    kinds.set(&table, None).await;
    assert!(table.store.take_work(&kinds.key, NOW).await.unwrap().is_none(), "it is done");
    assert_eq!(kinds.get(&table).await, None);
    for (item, work) in &kinds.all {
        for due_at in [NOW - SECOND, NOW, NOW + SECOND] {
            for leased_until in [None, Some(NOW - SECOND), Some(NOW), Some(NOW + SECOND)] {
                let why = format!("{work:?} {due_at:?} {leased_until:?}");
                let lease = leased_until.map(|_| text("another"));
                let leased =
                    [("due_at", Some(time(due_at))), ("leased_until", leased_until.map(time)), ("lease", lease)];
                let before = with(item.clone(), leased);
                kinds.set(&table, Some(before.clone())).await;
                let due = table.store.due_work(NOW).await.unwrap();
                let oldest = (!matches!(work, Work::FinalSweep { .. } | Work::Settling { .. })).then_some(EARLIER);
                let taken = table.store.take_work(&kinds.key, NOW).await.unwrap();
                let after = kinds.get(&table).await.unwrap();
                let may = may_take(due_at, leased_until, NOW);
                let keys = if may { vec![kinds.key.clone()] } else { Vec::new() };
                assert_eq!(due, DueWork { keys, oldest, unreadable: Vec::new() }, "{why}");
                assert_eq!(taken.as_ref().map(|(_, work)| work), may.then_some(work), "{why}");
                let lease = after.get("lease").cloned();
                let left = with(before.clone(), [("lease", lease.clone()), ("leased_until", Some(time(NOW + LEASE)))]);
                assert_eq!(after, if may { left } else { before }, "{why}");
                assert!(!may || lease.unwrap().as_s().unwrap().len() == 22, "{why}");
                let again = table.store.take_work(&kinds.key, NOW + LEASE - SECOND).await.unwrap();
                assert!(!may || again.is_none(), "{why}: while it is leased, nobody else takes it");
            }
        }
    }
}

#[tokio::test]
async fn work_that_was_taken_by_a_request_whose_response_was_lost_is_done_by_this_run() {
    let (table, kinds) = (Table::new().await, Kinds::new());
    for (item, work) in &kinds.all {
        kinds.set(&table, Some(item.clone())).await;
        table.proxy.fail(Fault::LoseResponses(1));
        let (lease, taken) = table.store.take_work(&kinds.key, NOW).await.unwrap().unwrap();
        assert_eq!(taken, *work);
        table.store.finish_work(&lease).await.unwrap();
        assert_eq!(kinds.get(&table).await, None, "the lease is the one that was stored");
    }
}

#[tokio::test]
async fn an_attempt_is_written_down_only_by_the_worker_that_has_the_deletion() {
    let (table, kinds) = (Table::new().await, Kinds::new());
    for (item, work) in &kinds.all {
        let (lease, mine) = kinds.taken(&table, item.clone()).await;
        let is_deletion = matches!(work, Work::Deletion { .. });
        table.proxy.fail(Fault::LoseResponses(1));
        for _ in 0..2 {
            assert_eq!(table.store.note_attempt(&lease, NOW).await.unwrap(), is_deletion, "{work:?}");
            let noted = with(mine.clone(), [("attempted_at", Some(time(NOW)))]);
            assert_eq!(kinds.get(&table).await, Some(if is_deletion { noted } else { mine.clone() }), "{work:?}");
        }
        table.proxy.heal();
        for other in Kinds::others(&mine) {
            kinds.set(&table, other.clone()).await;
            assert!(!table.store.note_attempt(&lease, NOW).await.unwrap(), "{work:?}");
            assert_eq!(kinds.get(&table).await, other, "{work:?}");
        }
    }
}

#[tokio::test]
async fn work_is_given_back_only_by_the_worker_that_has_it() {
    let (table, kinds) = (Table::new().await, Kinds::new());
    let until = NOW + Duration::from_mins(4);
    for (item, work) in &kinds.all {
        let ways = [Release::Failed { until }, Release::Linked { since: EARLIER, until }, Release::Again { until }];
        for release in ways.into_iter().chain([Release::StartOver]) {
            let why = format!("{release:?} {work:?}");
            let (lease, mine) = kinds.taken(&table, item.clone()).await;
            let failures: i64 = item["failures"].as_n().unwrap().parse().unwrap();
            let released = without(mine.clone(), ["lease", "leased_until"]);
            let released = match release {
                Release::Failed { until } => {
                    with(released, [("due_at", Some(time(until))), ("failures", Some(number(failures + 1)))])
                }
                Release::Linked { since, until } => {
                    let attributes = [("due_at", Some(time(until))), ("linked_at", Some(time(since)))];
                    with(with(released, attributes), [("failures", Some(number(0)))])
                }
                Release::Again { until } => {
                    with(released, [("due_at", Some(time(until))), ("failures", Some(number(0)))])
                }
                Release::StartOver => {
                    let attributes = [("due_at", Some(time(NOW))), ("failures", Some(number(0)))];
                    with(without(released, ["linked_at"]), attributes)
                }
            };
            table.proxy.fail(Fault::LoseResponses(1));
            for _ in 0..2 {
                table.store.release_work(&lease, release, NOW).await.unwrap();
                assert_eq!(kinds.get(&table).await.as_ref(), Some(&released), "{why}");
            }
            table.proxy.heal();
            for other in Kinds::others(&mine) {
                kinds.set(&table, other.clone()).await;
                table.store.release_work(&lease, release, NOW).await.unwrap();
                assert_eq!(kinds.get(&table).await, other, "{why}");
            }
        }
    }
}

#[tokio::test]
async fn work_is_removed_only_by_the_worker_that_has_it() {
    let (table, kinds) = (Table::new().await, Kinds::new());
    for (item, work) in &kinds.all {
        let (lease, mine) = kinds.taken(&table, item.clone()).await;
        for other in Kinds::others(&mine) {
            kinds.set(&table, other.clone()).await;
            table.store.finish_work(&lease).await.unwrap();
            assert_eq!(kinds.get(&table).await, other, "{work:?}");
        }
        kinds.set(&table, Some(mine)).await;
        table.proxy.fail(Fault::LoseResponses(1));
        for _ in 0..2 {
            table.store.finish_work(&lease).await.unwrap();
            assert_eq!(kinds.get(&table).await, None, "{work:?}");
        }
        table.proxy.heal();
    }
}
