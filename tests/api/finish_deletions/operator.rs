//! Operators' commands.

use std::time::Duration;

use finish_deletions::{Event, Outcome, WorkError};
use serde_json::json;
use shared::account::LinkAnswer;
use tests::{Stack, fault_proxy::Fault};

use super::person::{Person, SECOND, run, user_of};

#[tokio::test]
async fn a_deletion_that_kakao_refuses_is_closed_without_asking_once_its_unlink_is_settled() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let close = Event::CloseDeletion { user: person.user };
    assert!(matches!(stack.finish_with(close).await, Err(WorkError::NotOpen)), "nothing was deleted");
    person.delete_and_wait(&stack).await;
    stack.kakao.fail("/v1/user/unlink", &json!({"kind": "api_code", "code": -401})).await;
    run(&stack, 1).await;
    let close = || stack.finish_with(Event::CloseDeletion { user: person.user });
    assert!(matches!(close().await, Err(WorkError::Unsettled)));
    stack.advance(Duration::from_secs(59));
    assert!(matches!(close().await, Err(WorkError::Unsettled)));
    stack.advance(SECOND);
    let _ = stack.kakao_proxy.take_traffic();
    assert_eq!(close().await.unwrap(), Outcome::Closed);
    assert_eq!(stack.kakao_proxy.take_traffic().operations.len(), 0);
    person.assert_closed(&stack).await;
    assert!(matches!(close().await, Err(WorkError::NotOpen)), "the final sweep stays");
    assert_ne!(user_of(&stack.log_in_as(&person.name).await), person.user);
}

#[tokio::test]
async fn a_deletion_that_a_worker_has_is_not_closed() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete_and_wait(&stack).await;
    // The worker dies after it has taken the item.
    stack.table_proxy.fail_after(2, Fault::Down);
    stack.finish_deletions().await.unwrap();
    stack.table_proxy.heal();
    let closed = stack.finish_with(Event::CloseDeletion { user: person.user }).await;
    assert!(matches!(closed, Err(WorkError::NotOpen)), "{closed:?}");
}

#[tokio::test]
async fn the_users_whom_kakao_links_are_listed_by_pages_of_a_hundred() {
    let stack = Stack::start().await;
    for kakao in 4_000_000_000_i64..4_000_000_150 {
        stack.kakao.user(&json!({"id": kakao})).await;
    }
    stack.unlink_silently(4_000_000_149.try_into().unwrap()).await;
    let page = async |from: Option<i64>| {
        let from = from.map(|from| from.try_into().unwrap());
        match stack.finish_with(Event::ListKakaoUsers { from }).await.unwrap() {
            Outcome::KakaoUsers(ids) => ids,
            outcome => panic!("{outcome:?}"),
        }
    };
    let first = page(Some(4_000_000_000)).await;
    assert_eq!((first.len(), first[0].as_str(), first[99].as_str()), (100, "4000000000", "4000000099"));
    let second = page(Some(4_000_000_099)).await;
    assert_eq!((second[0].as_str(), second[49].as_str()), ("4000000099", "4000000148"));
    // The last one has 19 digits, which a number of JavaScript would round.
    assert_eq!(second.last().unwrap(), "1376016924429759228");
    assert_eq!(page(None).await.len(), 100);
}

#[tokio::test]
async fn an_operators_inquiry_deletes_only_whom_kakao_does_not_link() {
    let stack = Stack::start().await;
    let [gone, stays] = [Person::join(&stack, 3_100_000_001).await, Person::join(&stack, 3_100_000_002).await];
    stack.unlink_silently(gone.kakao).await;
    let inquire = Event::Inquire { kakao_ids: vec![gone.kakao, stays.kakao] };
    assert_eq!(stack.finish_with(inquire).await.unwrap(), Outcome::Inquiring(2));
    run(&stack, 2).await;
    assert_eq!(stack.refresh(&gone.token).await.status, 401);
    assert_eq!(stack.refresh(&stays.token).await.status, 200);
    assert_eq!(stack.link_at_kakao(gone.kakao).await, LinkAnswer::NotLinked);
}

#[test]
fn commands_are_read_strictly() {
    let read = |event: serde_json::Value| serde_json::from_value::<Event>(event);
    assert!(matches!(read(json!({"command": "finish_deletions"})), Ok(Event::FinishDeletions)));
    assert!(matches!(read(json!({"command": "list_kakao_users"})), Ok(Event::ListKakaoUsers { from: None })));
    for wrong in [
        json!({}),
        json!({"command": "delete_everybody"}),
        json!({"command": "close_deletion", "user": "x"}),
        json!({"command": "inquire", "kakao_ids": [1]}),
        json!({"command": "inquire", "kakao_ids": ["-1"]}),
        json!({"command": "list_kakao_users", "from": "x"}),
        json!({"command": "replay_deletions", "receipts": [{"id": "x", "deleted_at": 1}]}),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}
