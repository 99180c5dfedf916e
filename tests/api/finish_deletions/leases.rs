//! Two workers at the same time.

use std::{sync::Arc, time::Duration};

use finish_deletions::{Event, Outcome};
use shared::function::Worker;
use tests::{Stack, fault_proxy::Moment};

use super::person::{Person, SECOND, run, user_of};

#[tokio::test]
async fn an_item_belongs_to_the_worker_that_took_it() {
    let stack = Arc::new(Stack::start().await);
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete_and_wait(&stack).await;
    let mut asking = stack.kakao_proxy.hold(0, Moment::Before);
    let first = stack.another_worker();
    let first = tokio::spawn(async move { first.handle(Event::FinishDeletions).await });
    asking.arrived().await;
    // Neither the item nor another one about the same person.
    stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
    run(&stack, 0).await;
    drop(asking);
    assert_eq!(first.await.unwrap().unwrap(), Outcome::Finished { items: 1 });
    assert!(!person.is_linked(&stack).await);
}

#[tokio::test]
async fn a_worker_that_stood_still_until_its_lease_was_over_does_not_unlink_who_has_joined_again() {
    let stack = Arc::new(Stack::start().await);
    let person = Person::join(&stack, 3_100_000_001).await;
    person.delete_and_wait(&stack).await;
    // Kakao has said "linked", and the worker is about to write the attempt down.
    let mut asked = stack.kakao_proxy.hold(0, Moment::After);
    let slow = stack.another_worker();
    let slow = tokio::spawn(async move { slow.handle(Event::FinishDeletions).await });
    asked.arrived().await;
    stack.advance(Duration::from_mins(2));
    run(&stack, 1).await;
    person.assert_closed(&stack).await;
    stack.advance(SECOND);
    let joined_again = stack.log_in_as(&person.name).await;
    assert_ne!(user_of(&joined_again), person.user);
    let _ = stack.kakao_proxy.take_traffic();
    drop(asked);
    slow.await.unwrap().unwrap();
    assert!(person.is_linked(&stack).await, "{:?}", stack.kakao_proxy.take_traffic());
    assert_eq!(stack.refresh(&joined_again.token()).await.status, 200);
}

#[tokio::test]
async fn two_workers_at_once_finish_each_deletion_once() {
    let stack = Stack::start().await;
    for kakao in 3_100_000_001..=3_100_000_006 {
        Person::join(&stack, kakao).await.delete(&stack).await;
    }
    stack.advance(Duration::from_mins(1));
    let _ = stack.kakao_proxy.take_traffic();
    let other = stack.another_worker();
    let (one, two) = tokio::join!(stack.finish_deletions(), other.handle(Event::FinishDeletions));
    let items = [one, two].map(|outcome| match outcome.unwrap() {
        Outcome::Finished { items } => items,
        outcome => panic!("{outcome:?}"),
    });
    assert_eq!(items.iter().sum::<usize>(), 6);
    let unlinks = stack.kakao_proxy.take_traffic().operations;
    assert_eq!(unlinks.iter().filter(|path| *path == "/v1/user/unlink").count(), 6);
}
