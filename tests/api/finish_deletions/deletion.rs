//! A deletion from the mark to the final sweep.

use std::time::Duration;

use tests::Stack;

use super::person::{HOUR, MINUTE, Person, SECOND, items_of, run, user_of};

#[tokio::test]
async fn a_deleted_person_is_unlinked_within_two_minutes_and_joins_again_as_a_new_user() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete(&stack).await;
    run(&stack, 0).await;
    assert_eq!(person.try_to_log_in(&stack).await, 409, "before the work begins");
    assert!(person.is_linked(&stack).await);

    stack.advance(MINUTE);
    run(&stack, 1).await;
    assert!(!person.is_linked(&stack).await);
    assert_eq!(stack.refresh(&person.token).await.status, 401);
    person.assert_closed(&stack).await;
    run(&stack, 0).await;

    stack.advance(SECOND);
    let login = stack.log_in_as(&person.name).await;
    assert_ne!(user_of(&login), person.user);
    stack.advance(HOUR);
    run(&stack, 1).await;
    assert_eq!(person.items(&stack).await, []);
    assert_eq!(items_of(&stack, "OUTBOX").await, []);
    assert!(person.is_linked(&stack).await);
    assert_eq!(stack.refresh(&login.token()).await.status, 200);
}

#[tokio::test]
async fn a_person_who_joined_again_at_kakao_meanwhile_keeps_the_link() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete_and_wait(&stack).await;
    stack.unlink_silently(person.kakao).await;
    stack.advance(SECOND);
    // The person consents at Kakao's page. The login here is refused.
    assert_eq!(person.try_to_log_in(&stack).await, 409);
    run(&stack, 1).await;
    person.assert_closed(&stack).await;
    assert!(person.is_linked(&stack).await);
    assert_ne!(user_of(&stack.log_in_as(&person.name).await), person.user);
}

#[tokio::test]
async fn the_final_sweep_removes_what_was_written_late() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let late = person.items(&stack).await;
    assert_eq!(late.len(), 2, "a profile and a session");
    person.delete_and_wait(&stack).await;
    run(&stack, 1).await;
    stack.restore(&late).await;
    stack.advance(Duration::from_secs(3_599));
    run(&stack, 0).await;
    assert_eq!(person.items(&stack).await.len(), 2);
    stack.advance(SECOND);
    run(&stack, 1).await;
    assert_eq!(person.items(&stack).await, []);
    assert_eq!(items_of(&stack, "OUTBOX").await, []);
}

#[tokio::test]
async fn a_hundred_items_are_worked_on_in_a_run_and_the_others_in_the_next() {
    let stack = Stack::start().await;
    for kakao in 3_100_000_000..3_100_000_103 {
        stack.store().put_inquiry(kakao.try_into().unwrap(), stack.now()).await.unwrap();
    }
    run(&stack, 100).await;
    run(&stack, 3).await;
}
