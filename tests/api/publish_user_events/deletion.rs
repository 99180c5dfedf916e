//! What is published of a user who is deleted.

use std::time::Duration;

use serde_json::json;
use tests::Stack;

use super::{
    super::finish_deletions::person::Person,
    changes::{about, publishing},
};

/// Runs a deletion to its last sweep.
async fn finish(stack: &Stack) {
    for wait in [60, 60, 3_600] {
        stack.advance(Duration::from_secs(wait));
        stack.finish_deletions().await.unwrap();
        stack.publish_user_events().await;
    }
}

#[tokio::test]
async fn a_deletion_is_published_once_with_the_id_alone_and_nobody_comes_back_under_it() {
    let stack = publishing().await;
    let person = stack.kakao.user(&json!({"id": 3_100_000_009_i64})).await;
    let login = stack.log_in_at_kakao(&person).await;
    let id = login.body["user"]["pk"].clone();
    stack.publish_user_events().await;
    assert_eq!(stack.delete_account(login.access()).await.status, 202);
    stack.publish_user_events().await;
    let deleted = ("user.deleted".to_owned(), json!({"id": id, "version": 2}));
    assert_eq!(stack.user_events()[1..], [deleted]);
    finish(&stack).await;
    assert_eq!(stack.count("USER#").await, 0, "the sweep has removed everything");
    let again = stack.log_in_as(&person).await;
    stack.publish_user_events().await;
    assert_eq!(about(&stack, &id), [("user.created".to_owned(), 1), ("user.deleted".to_owned(), 2)]);
    assert_eq!(about(&stack, &again.body["user"]["pk"]), [("user.created".to_owned(), 1)]);
}

#[tokio::test]
async fn a_user_whom_kakao_has_unlinked_is_published_as_deleted() {
    let stack = publishing().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.publish_user_events().await;
    stack.unlink_silently(person.kakao).await;
    stack.finish_with(finish_deletions::Event::Inquire { kakao_ids: vec![person.kakao] }).await.unwrap();
    finish(&stack).await;
    let kinds: Vec<String> = stack.user_events().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["user.created", "user.deleted"]);
}
