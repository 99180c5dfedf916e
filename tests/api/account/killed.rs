//! `DELETE /auth/account` by a request that dies at one of its calls to DynamoDB, and then by its repeat.

use std::time::Duration;

use local::table::Item;
use reqwest::StatusCode;
use serde_json::json;
use tests::{
    Stack,
    client::Response,
    fault_proxy::{Fault, Moment},
};

/// Reading, marking, and ending two sessions.
const CALLS: usize = 5;

/// The items that are left of a user, without the keys and without the redemption of the login's credential, which expires.
async fn left_of(stack: &Stack, id: &str) -> Vec<(String, Item)> {
    let is_left = |item: &Item| !item["sk"].as_s().is_ok_and(|sk| sk == "CLAIM") && format!("{item:?}").contains(id);
    let without_keys = |mut item: Item| {
        item.remove("pk");
        (item.remove("sk").unwrap().as_s().unwrap().clone(), item)
    };
    stack.dump().await.into_iter().filter(is_left).map(without_keys).collect()
}

fn number(item: &Item, name: &str) -> i64 {
    item[name].as_n().unwrap().parse().unwrap()
}

/// The user is marked at the time of the receipt, and nothing else is left.
async fn assert_marked(stack: &Stack, deleted: &Response, why: &str) {
    let id = deleted.body["id"].as_str().unwrap();
    let left = left_of(stack, id).await;
    let [(identity_key, identity), (work_key, work), (profile_key, profile)] = left.as_slice() else {
        panic!("{why}: {left:?}");
    };
    assert_eq!((identity_key.as_str(), profile_key.as_str()), ("IDENTITY", "PROFILE"), "{why}");
    assert_eq!(*work_key, format!("WORK#{id}"), "{why}");
    let marked_at = number(work, "marked_at");
    assert_eq!((number(identity, "deleting_at"), number(profile, "deleted_at")), (marked_at, marked_at), "{why}");
    assert_eq!((profile.len(), number(work, "due_at")), (1, marked_at + 60), "{why}");
    let deleted_at = shared::clock::Timestamp::from_unix_seconds(marked_at).to_rfc3339();
    assert_eq!(deleted.body, json!({"id": id, "deleted_at": deleted_at}), "{why}");
}

async fn log_in_twice(stack: &Stack) -> Response {
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    stack.log_in_at_kakao(&user).await
}

#[tokio::test]
async fn a_deletion_makes_five_calls_with_two_sessions() {
    let stack = Stack::start().await;
    let logged_in = log_in_twice(&stack).await;
    let _ = stack.table_proxy.take_traffic();
    assert_marked(&stack, &stack.delete_account(logged_in.access()).await, "undisturbed").await;
    let operations = stack.table_proxy.take_traffic().operations;
    let expected = ["BatchGetItem", "TransactWriteItems", "Query", "DeleteItem", "DeleteItem"];
    assert_eq!((operations.len(), operations[..].to_vec()), (CALLS, expected.map(str::to_owned).to_vec()));
}

/// From the moment of its death on, nothing of the request reaches DynamoDB.
#[tokio::test]
async fn wherever_a_request_dies_its_repeat_ends_in_the_same_state() {
    let stack = Stack::start().await;
    for calls in 0..CALLS {
        for moment in [Moment::Before, Moment::After] {
            let why = format!("{moment:?} call {calls}");
            let logged_in = log_in_twice(&stack).await;
            let mut held = stack.table_proxy.hold(calls, moment);
            let (functions, access) = ((*stack).clone(), logged_in.access().to_owned());
            let dying = tokio::spawn(async move { functions.delete_account(&access).await });
            held.arrived().await;
            stack.table_proxy.fail(Fault::Down);
            held.discard();
            let died = dying.await.unwrap();
            stack.table_proxy.heal();
            let is_marked = calls > 1 || (calls, moment) == (1, Moment::After);
            let id = logged_in.body["user"]["pk"].as_str().unwrap();
            let left = left_of(&stack, id).await;
            assert_eq!(left.iter().any(|(key, _)| key.starts_with("WORK#")), is_marked, "{why}");
            let marked_at = stack.now().to_rfc3339();
            stack.advance(Duration::from_mins(1));
            let repeated = stack.delete_account(logged_in.access()).await;
            assert_eq!(repeated.status, StatusCode::ACCEPTED, "{why}: {} {}", died.body, repeated.body);
            assert_eq!(repeated.body["deleted_at"] == marked_at, is_marked, "{why}");
            assert_marked(&stack, &repeated, &why).await;
        }
    }
}

/// A copy that was under way for long marks nobody twice, and ends no session of the user that the person is now.
#[tokio::test]
async fn a_late_copy_of_the_mark_changes_nothing() {
    let stack = Stack::start().await;
    let logged_in = log_in_twice(&stack).await;
    let deleted = stack.delete_account(logged_in.access()).await;
    let before = stack.dump().await;
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.table_proxy.repeat_last("TransactWriteItems").await.unwrap(), StatusCode::BAD_REQUEST);
    assert_eq!(stack.dump().await, before, "{}", deleted.body);
}
