//! Which changes of users are published, and with which versions.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::{streams::Step, table::Item};
use serde_json::{Value, json};
use shared::account::SecurityEvent;
use tests::Stack;

use super::super::finish_deletions::person::Person;

pub(super) async fn publishing() -> Stack {
    Stack::with_setting("USER_EVENTS", "on").await
}

/// The type and the version of each event about this user, in the order of publication.
pub(super) fn about(stack: &Stack, id: &Value) -> Vec<(String, u64)> {
    let events = stack.user_events().into_iter().filter(|(_, detail)| detail["id"] == *id);
    events.map(|(kind, detail)| (kind, detail["version"].as_u64().unwrap())).collect()
}

/// The item of a profile that a test writes into the table.
pub(super) fn profile(id: &str, attributes: &[(&str, AttributeValue)]) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let keys = [("pk", text(&format!("USER#{id}"))), ("sk", text("PROFILE"))];
    let attributes = keys.into_iter().chain(attributes.iter().cloned());
    attributes.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test]
async fn a_first_login_is_published_with_the_user_that_it_returns() {
    let stack = publishing().await;
    let login = stack.log_in().await;
    assert_eq!(stack.publish_user_events().await, Step::Idle);
    let user = &login.body["user"];
    let detail = json!({"id": user["pk"], "version": 1, "user": user});
    assert_eq!(stack.user_events(), [("user.created".to_owned(), detail)]);
    let event = &stack.event_bus().events()[0];
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("kakao-login"), &json!("user.created")));
}

#[tokio::test]
async fn a_login_that_changes_nothing_sends_nothing() {
    let stack = publishing().await;
    let person = stack.kakao.new_user().await;
    for _ in 0..3 {
        stack.log_in_as(&person).await;
        stack.publish_user_events().await;
    }
    assert_eq!(stack.user_events().len(), 1);
    // And it raises the version, so that no event after it has one that was used.
    let login = stack.log_in_as(&person).await;
    stack.change_profile(login.access(), &json!({"first_name": "F"})).await;
    stack.publish_user_events().await;
    let expected = [("user.created".to_owned(), 1), ("user.updated".to_owned(), 5)];
    assert_eq!(about(&stack, &login.body["user"]["pk"]), expected);
}

#[tokio::test]
async fn sessions_do_not_even_invoke_the_function() {
    let stack = publishing().await;
    let token = stack.log_in().await.token();
    stack.publish_user_events().await;
    assert_eq!(stack.publications().await, 1);
    stack.advance(Duration::from_secs(30));
    let token = stack.refresh(&token).await.token();
    stack.logout(&token).await;
    stack.publish_user_events().await;
    assert_eq!(stack.publications().await, 1);
}

#[tokio::test]
async fn names_that_change_here_and_at_kakao_are_published_with_rising_versions() {
    let stack = publishing().await;
    let enter = async |nickname: &str| {
        let account = json!({"profile": {"nickname": nickname}});
        let user = stack.kakao.user(&json!({"id": 4_646_464_646_i64, "account": account})).await;
        stack.log_in_as(&user).await
    };
    let login = enter("라이언").await;
    let id = &login.body["user"]["pk"];
    let changed = stack.change_profile(login.access(), &json!({"first_name": "길동"})).await;
    let at_kakao = enter("어피치").await;
    // No change, and so not written.
    stack.change_profile(login.access(), &json!({"first_name": "길동"})).await;
    // A request without a name writes nothing.
    stack.change_profile(login.access(), &json!({})).await;
    let removed = stack.change_profile(login.access(), &json!({"first_name": ""})).await;
    stack.publish_user_events().await;
    let updated = |version| ("user.updated".to_owned(), version);
    assert_eq!(about(&stack, id), [("user.created".to_owned(), 1), updated(2), updated(3), updated(4)]);
    let users: Vec<Value> = stack.user_events().into_iter().map(|(_, detail)| detail["user"].clone()).collect();
    let [login, changed, at_kakao, removed] =
        [&login.body["user"], &changed.body, &at_kakao.body["user"], &removed.body].map(Value::clone);
    assert_eq!(users, [login, changed, at_kakao, removed]);
}

#[tokio::test]
async fn a_consent_that_was_withdrawn_at_kakao_is_published() {
    let stack = publishing().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let scopes = ["profile_nickname", "account_email"].map(str::to_owned).to_vec();
    let uri = "https://schemas.openid.net/secevent/kakao/event-type/user-scope-withdraw".to_owned();
    let withdrawn = SecurityEvent { uri, scopes };
    stack.store().put_events("jti", person.kakao, &[withdrawn], stack.now()).await.unwrap();
    stack.finish_deletions().await.unwrap();
    stack.publish_user_events().await;
    let events = stack.user_events();
    let (kind, detail) = events.last().unwrap();
    assert_eq!((kind.as_str(), &detail["version"]), ("user.updated", &json!(2)));
    assert_eq!((&detail["user"]["nickname"], &detail["user"]["email"]), (&Value::Null, &json!("")));
}

#[tokio::test]
async fn a_user_with_a_number_is_published_with_a_number() {
    let stack = publishing().await;
    let created_at = ("created_at", AttributeValue::N("1800000000".to_owned()));
    stack.restore(&[profile("17", &[created_at])]).await;
    stack.publish_user_events().await;
    let (kind, detail) = stack.user_events().remove(0);
    assert_eq!((kind.as_str(), &detail["id"], &detail["user"]["pk"]), ("user.created", &json!(17), &json!(17)));
}

#[tokio::test]
async fn without_the_setting_there_is_neither_a_stream_nor_the_function() {
    let stack = Stack::start().await;
    assert!(!stack.template().table.has_stream);
    assert!(!stack.template().functions.contains_key("publish-user-events"));
    assert!(publishing().await.template().table.has_stream);
}
