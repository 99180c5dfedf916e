//! A worker that dies at any of its calls: the next ones finish.

use std::time::Duration;

use tests::{Stack, fault_proxy::Fault};

use super::person::{HOUR, Person, items_of};

/// Runs the worker until nothing is left to do.
async fn finish(stack: &Stack) {
    for _ in 0..8 {
        // Longer than a lease, and than the first pauses.
        stack.advance(Duration::from_mins(5));
        stack.finish_deletions().await.unwrap();
    }
    stack.advance(HOUR);
    stack.finish_deletions().await.unwrap();
}

async fn assert_gone(stack: &Stack, person: &Person, when: &str) {
    assert!(!person.is_linked(stack).await, "{when}");
    assert_eq!(person.items(stack).await, [], "{when}");
    assert_eq!(items_of(stack, "OUTBOX").await, [], "{when}");
    let identity = person.identity(stack).await;
    assert!(identity.contains_key("unlinked_at") && identity.contains_key("expires_at"), "{when}: {identity:?}");
    assert!(!identity.contains_key("user_id") && !identity.contains_key("deleting_at"), "{when}: {identity:?}");
}

#[tokio::test]
async fn a_deletion_whose_worker_dies_at_any_call_to_the_table_ends_in_the_same_state() {
    let stack = Stack::start().await;
    for (first, fault) in [(3_100_000_000, Fault::Down), (3_100_000_100, Fault::FailAfter)] {
        // The query of the outbox, take, the query of the sessions, a delete, the attempt, the stamp, the close.
        for spared in 0..7_u8 {
            let person = Person::join(&stack, first + i64::from(spared)).await;
            person.delete_and_wait(&stack).await;
            stack.table_proxy.fail_after(spared.into(), fault);
            let died = stack.finish_deletions().await;
            stack.table_proxy.heal();
            assert_eq!(died.is_err(), spared == 0, "{spared}");
            finish(&stack).await;
            assert_gone(&stack, &person, &format!("{fault:?} after {spared}")).await;
        }
    }
}

#[tokio::test]
async fn a_deletion_whose_worker_dies_at_any_call_to_kakao_ends_in_the_same_state() {
    let stack = Stack::start().await;
    for (first, fault) in [(3_100_000_000, Fault::Down), (3_100_000_100, Fault::FailAfter)] {
        for spared in 0..2_u8 {
            let person = Person::join(&stack, first + i64::from(spared)).await;
            person.delete_and_wait(&stack).await;
            stack.kakao_proxy.fail_after(spared.into(), fault);
            stack.finish_deletions().await.unwrap();
            stack.kakao_proxy.heal();
            finish(&stack).await;
            assert_gone(&stack, &person, &format!("{fault:?} after {spared}")).await;
        }
    }
}

#[tokio::test]
async fn an_inquiry_whose_worker_dies_at_any_call_ends_in_the_same_state() {
    let stack = Stack::start().await;
    for (first, fault) in [(3_100_000_000, Fault::Down), (3_100_000_100, Fault::FailAfter)] {
        // The query of the outbox, take, identity, logins, the stamp, the mark, the query of the sessions, a delete, the item.
        for spared in 0..9_u8 {
            let person = Person::join(&stack, first + i64::from(spared)).await;
            stack.unlink_silently(person.kakao).await;
            stack.store().put_inquiry(person.kakao, stack.now()).await.unwrap();
            stack.table_proxy.fail_after(spared.into(), fault);
            let _ = stack.finish_deletions().await;
            stack.table_proxy.heal();
            finish(&stack).await;
            finish(&stack).await;
            assert_gone(&stack, &person, &format!("{fault:?} after {spared}")).await;
        }
    }
}
