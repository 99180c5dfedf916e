//! Kakao says that it has unlinked somebody. It is asked before anybody is deleted.

use std::{sync::Arc, time::Duration};

use finish_deletions::{Event, Outcome};
use serde_json::json;
use shared::function::Worker;
use tests::{Stack, fault_proxy::Moment};

use super::person::{MINUTE, Person, SECOND, items_of, run, user_of};

#[tokio::test]
async fn who_unlinks_at_kakao_is_logged_out_and_deleted_here() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.unlink_silently(person.kakao).await;
    stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
    run(&stack, 1).await;
    assert_eq!(stack.refresh(&person.token).await.status, 401);
    assert_eq!(person.try_to_log_in(&stack).await, 409);
    stack.advance(MINUTE + SECOND);
    run(&stack, 1).await;
    person.assert_closed(&stack).await;
}

#[tokio::test]
async fn a_late_webhook_does_not_delete_who_has_logged_in_again() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.unlink_silently(person.kakao).await;
    stack.advance(SECOND);
    let login = stack.log_in_as(&person.name).await;
    assert_eq!(user_of(&login), person.user);
    stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
    run(&stack, 1).await;
    run(&stack, 0).await;
    stack.advance(Duration::from_mins(10));
    run(&stack, 1).await;
    assert_eq!(items_of(&stack, "OUTBOX").await, []);
    assert_eq!(stack.refresh(&login.token()).await.status, 200);
    assert!(person.is_linked(&stack).await);
}

#[tokio::test]
async fn linked_is_asked_again_after_ten_minutes_as_the_answer_may_be_old() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
    run(&stack, 1).await;
    stack.unlink_silently(person.kakao).await;
    stack.advance(Duration::from_secs(599));
    run(&stack, 0).await;
    stack.advance(SECOND);
    run(&stack, 1).await;
    assert_eq!(stack.refresh(&person.token).await.status, 401);
}

#[tokio::test]
async fn a_login_after_kakaos_answer_outdates_it() {
    let stack = Arc::new(Stack::start().await);
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.unlink_silently(person.kakao).await;
    stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
    let mut answered = stack.kakao_proxy.hold(0, Moment::After);
    let worker = stack.another_worker();
    let worker = tokio::spawn(async move { worker.handle(Event::FinishDeletions).await });
    answered.arrived().await;
    let login = stack.log_in_as(&person.name).await;
    drop(answered);
    assert_eq!(worker.await.unwrap().unwrap(), Outcome::Finished { items: 1 });
    assert_eq!(stack.refresh(&login.token()).await.status, 200, "not deleted");
    run(&stack, 1).await;
    stack.advance(Duration::from_mins(10));
    run(&stack, 1).await;
    assert_eq!(items_of(&stack, "OUTBOX").await, []);
    assert_eq!(stack.profile(login.access()).await.status, 401, "the access token has expired");
    assert_eq!(stack.refresh(&login.token()).await.status, 200);
}

#[tokio::test]
async fn for_somebody_who_never_had_a_user_a_tombstone_keeps_old_tokens_out() {
    let stack = Stack::start().await;
    let name = stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await;
    let nonce = "n-1234567890";
    let id_token = stack.kakao.id_token(&name, &json!({"nonce": nonce})).await;
    let kakao = 3_100_000_001.try_into().unwrap();
    stack.unlink_silently(kakao).await;
    stack.store().put_inquiry(kakao, stack.now()).await.unwrap();
    run(&stack, 1).await;
    assert_eq!(items_of(&stack, "OUTBOX").await, []);
    let [tombstone] = items_of(&stack, "KAKAO#3100000001").await.try_into().unwrap();
    assert_eq!(tombstone.len(), 4, "{tombstone:?}");
    let refused = stack.login(&json!({"id_token": id_token, "nonce": nonce})).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[tokio::test]
async fn of_two_inquiries_about_one_person_one_is_made_in_a_run() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    for _ in 0..2 {
        stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
    }
    run(&stack, 1).await;
    run(&stack, 1).await;
    run(&stack, 0).await;
}
