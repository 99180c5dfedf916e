//! Deletions while Kakao is down, busy, or refuses.

use std::time::Duration;

use serde_json::{Value, json};
use shared::keys::Document;
use tests::{Stack, fault_proxy::Fault};

use super::person::{MINUTE, Person, SECOND, items_of, run, user_of};

/// Faults that pass, and refusals.
fn faults() -> [Value; 7] {
    [
        json!({"kind": "down"}),
        json!({"kind": "quota"}),
        json!({"kind": "nonsense"}),
        json!({"kind": "api_code", "code": -1}),
        json!({"kind": "api_code", "code": -9798}),
        json!({"kind": "api_code", "code": -401}),
        json!({"kind": "answer", "status": 503, "body": "<html>"}),
    ]
}

#[tokio::test]
async fn while_kakao_does_not_answer_the_sessions_end_and_the_rest_waits_longer_each_time() {
    for endpoint in ["/v2/user/me", "/v1/user/unlink"] {
        for fault in faults() {
            let stack = Stack::start().await;
            let person = Person::join(&stack, 3_100_000_001).await;
            person.delete_and_wait(&stack).await;
            stack.kakao.fail(endpoint, &fault).await;
            run(&stack, 1).await;
            assert_eq!(stack.refresh(&person.token).await.status, 401, "{endpoint} {fault}");
            assert_eq!(person.items(&stack).await.len(), 1, "the profile's tombstone");
            run(&stack, 0).await;
            stack.advance(MINUTE);
            run(&stack, 1).await;
            stack.advance(MINUTE);
            run(&stack, 0).await;
            stack.kakao.heal().await;
            stack.advance(MINUTE);
            assert_eq!(person.try_to_log_in(&stack).await, 409);
            run(&stack, 1).await;
            person.assert_closed(&stack).await;
            assert!(!person.is_linked(&stack).await, "{endpoint} {fault}");
        }
    }
}

#[tokio::test]
async fn an_unlink_is_sent_once_in_a_run() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete_and_wait(&stack).await;
    let _ = stack.kakao_proxy.take_traffic();
    stack.kakao_proxy.fail_after(1, Fault::Down);
    run(&stack, 1).await;
    assert_eq!(stack.kakao_proxy.take_traffic().operations, ["/v2/user/me", "/v1/user/unlink"]);
}

#[tokio::test]
async fn an_unlink_that_takes_effect_late_does_not_unlink_a_person_who_has_joined_again() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete_and_wait(&stack).await;
    stack.kakao_proxy.fail_after(1, Fault::Down);
    run(&stack, 1).await;
    let unlink = stack.kakao_proxy.copy_of_last("/v1/user/unlink");
    stack.kakao_proxy.heal();
    stack.advance(Duration::from_secs(59));
    // The person has unlinked at Kakao too. Until the lost unlink is settled, nobody may join again.
    stack.unlink_silently(person.kakao).await;
    assert_eq!(person.try_to_log_in(&stack).await, 409);
    assert!(stack.kakao_proxy.arrive(&unlink).await.unwrap().is_success());
    stack.advance(SECOND);
    run(&stack, 1).await;
    person.assert_closed(&stack).await;
    stack.advance(SECOND);
    assert_ne!(user_of(&stack.log_in_as(&person.name).await), person.user);
    assert!(person.is_linked(&stack).await);
}

#[tokio::test]
async fn without_an_admin_key_the_work_waits_for_one() {
    let stack = Stack::start().await;
    let [person, other] = [Person::join(&stack, 3_100_000_001).await, Person::join(&stack, 3_100_000_002).await];
    let secrets = stack.key_document(Document::Kakao).await.unwrap();
    stack.overwrite_keys(Document::Kakao, r#"{"KAKAO_CLIENT_SECRET": "x", "KAKAO_ADMIN_KEY": ""}"#).await;
    person.delete(&stack).await;
    stack.store().put_inquiry(other.kakao, stack.now()).await.unwrap();
    stack.advance(MINUTE);
    let _ = stack.kakao_proxy.take_traffic();
    run(&stack, 2).await;
    assert_eq!(stack.kakao_proxy.take_traffic().operations.len(), 0, "Kakao is not asked without a key");
    assert_eq!(stack.refresh(&person.token).await.status, 401);
    assert_eq!(items_of(&stack, "OUTBOX").await.len(), 2);
    stack.overwrite_keys(Document::Kakao, &secrets).await;
    stack.advance(Duration::from_mins(10));
    run(&stack, 2).await;
    assert!(!person.is_linked(&stack).await);
}
