//! A table that is restored from a backup of before a deletion.

use std::time::Duration;

use finish_deletions::{Event, Outcome, Receipt, Replayed};
use tests::Stack;

use super::person::{HOUR, MINUTE, Person, SECOND, run, user_of};

fn receipt(person: &Person, deleted_at: shared::clock::Timestamp) -> Receipt {
    Receipt { id: person.user, deleted_at, kakao_id: None }
}

#[tokio::test]
async fn after_a_restore_the_dead_stay_dead_and_who_has_joined_again_keeps_the_link() {
    let stack = Stack::start().await;
    let [gone, back, stays] = [
        Person::join(&stack, 3_100_000_001).await,
        Person::join(&stack, 3_100_000_002).await,
        Person::join(&stack, 3_100_000_003).await,
    ];
    let backup = stack.dump().await;
    for person in [&gone, &back] {
        person.delete(&stack).await;
    }
    let deleted_at = stack.now();
    stack.advance(MINUTE);
    run(&stack, 2).await;
    stack.advance(SECOND);
    assert_ne!(user_of(&stack.log_in_as(&back.name).await), back.user);
    stack.advance(HOUR);
    run(&stack, 2).await;

    stack.clear().await;
    stack.restore(&backup).await;
    assert_eq!(stack.refresh(&gone.token).await.status, 200, "the backup revives the dead");
    let receipts = || vec![receipt(&gone, deleted_at), receipt(&back, deleted_at)];
    let replayed = stack.finish_with(Event::ReplayDeletions { receipts: receipts() }).await.unwrap();
    assert_eq!(replayed, Outcome::Replayed(Replayed { deleted: 2, ..Replayed::default() }));
    let again = stack.finish_with(Event::ReplayDeletions { receipts: receipts() }).await.unwrap();
    assert_eq!(again, replayed, "the command may be sent again");
    run(&stack, 2).await;

    for person in [&gone, &back] {
        assert_eq!(stack.refresh(&person.token).await.status, 401);
        assert!(person.items(&stack).await.iter().all(|item| item.contains_key("deleted_at")));
    }
    assert!(!gone.is_linked(&stack).await);
    assert!(back.is_linked(&stack).await, "the person has joined again");
    assert_eq!(stack.refresh(&stays.token).await.status, 200);
    stack.advance(SECOND);
    for person in [&gone, &back] {
        assert_ne!(user_of(&stack.log_in_as(&person.name).await), person.user, "a new user");
    }
    stack.advance(HOUR);
    run(&stack, 2).await;
    assert_eq!(gone.items(&stack).await, []);
}

#[tokio::test]
async fn a_receipt_of_a_user_whom_the_table_does_not_have_needs_the_kakao_id_and_deletes_nobody() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let deleted_at = stack.now() - Duration::from_hours(24);
    let unknown = Receipt { id: shared::id::UserId::generate(), deleted_at, kakao_id: None };
    let replayed = stack.finish_with(Event::ReplayDeletions { receipts: vec![unknown] }).await.unwrap();
    let expected = Replayed { without_kakao_id: vec![unknown.id.to_string()], ..Replayed::default() };
    assert_eq!(replayed, Outcome::Replayed(expected));
    let named = Receipt { kakao_id: Some(person.kakao), ..unknown };
    let replayed = stack.finish_with(Event::ReplayDeletions { receipts: vec![named] }).await.unwrap();
    assert_eq!(replayed, Outcome::Replayed(Replayed { gone: 1, ..Replayed::default() }));
    assert_eq!(stack.refresh(&person.token).await.status, 200);
}
