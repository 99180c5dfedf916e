//! What the worker does after an operator's change: for the sessions of logins that were under way.

use local::table::Item;
use reqwest::StatusCode;
use serde_json::json;
use shared::roles::Roles;
use tests::{Stack, client::jwt_part};

use super::super::{
    finish_deletions::person::{HOUR, MINUTE, Person, items_of, run},
    recorder::{Log, lines_with},
};

async fn sessions_of(stack: &Stack, person: &Person) -> Vec<Item> {
    person.items(stack).await.into_iter().filter(|item| item.contains_key("token_hash")).collect()
}

#[tokio::test]
async fn a_session_that_a_login_wrote_late_ends_within_two_minutes_and_one_that_was_an_hour_late_then() {
    let log = Log::start();
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let late = sessions_of(&stack, &person).await;
    person.disable(&stack).await;
    stack.restore(&late).await;
    run(&stack, 0).await;
    assert_eq!(stack.refresh(&person.token).await.status, StatusCode::OK, "it is not due yet");
    for wait in [MINUTE, HOUR] {
        stack.restore(&late).await;
        stack.advance(wait);
        run(&stack, 1).await;
        assert_eq!(stack.refresh(&person.token).await.status, StatusCode::UNAUTHORIZED, "{wait:?}");
    }
    assert!(items_of(&stack, "OUTBOX").await.is_empty(), "it is done");
    let outcomes: Vec<_> =
        lines_with(&log, "finish-deletions settle").into_iter().map(|line| line["outcome"].clone()).collect();
    assert!(outcomes.contains(&json!("disabled")), "{outcomes:?}");
}

#[tokio::test]
async fn a_session_that_a_login_wrote_with_the_roles_of_before_gets_those_of_now() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let late = sessions_of(&stack, &person).await;
    let roles = Roles::from_stored(r#"["editor"]"#);
    stack.operators_store().set_roles(person.user, person.kakao, &roles, stack.now()).await.unwrap();
    stack.restore(&late).await;
    assert_eq!(jwt_part(stack.refresh(&person.token).await.access(), 1).get("roles"), None);
    stack.advance(MINUTE);
    run(&stack, 1).await;
    let refreshed = stack.refresh(&person.token).await;
    assert_eq!(jwt_part(refreshed.access(), 1)["roles"], json!(["editor"]));
}

/// The operator has enabled the person before the worker looked.
#[tokio::test]
async fn a_session_of_an_enabled_person_stays() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.disable(&stack).await;
    person.enable(&stack).await;
    let mut token = stack.log_in_as(&person.name).await.token();
    for wait in [MINUTE, HOUR] {
        stack.advance(wait);
        run(&stack, 1).await;
        token = stack.refresh(&token).await.token();
    }
}

/// A login after the worker has begun its run is newer than the change.
#[tokio::test]
async fn a_run_ends_no_session_that_began_after_it() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let run_began_at = stack.now();
    stack.advance(std::time::Duration::from_secs(1));
    let later = stack.log_in_as(&person.name).await;
    let kept = sessions_of(&stack, &person).await;
    person.disable(&stack).await;
    stack.restore(&kept).await;
    stack.store().settle(person.user, run_began_at).await.unwrap();
    assert_eq!(stack.refresh(&person.token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&later.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_change_of_a_user_who_is_deleted_meanwhile_is_done() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.disable(&stack).await;
    person.delete(&stack).await;
    stack.advance(MINUTE);
    stack.finish_deletions().await.unwrap();
    let kinds: Vec<_> =
        items_of(&stack, "OUTBOX").await.iter().map(|work| work["kind"].as_s().unwrap().clone()).collect();
    assert_eq!(kinds, ["final_sweep"]);
}
