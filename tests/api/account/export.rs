//! `GET /auth/account`: everything that is stored about the caller, and nothing secret.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use local::table::Item;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::clock::Timestamp;
use tests::{Stack, client::Response};

/// What the export must have of an item: every attribute but keys and hashes.
fn expected(item: &Item) -> Value {
    let mut members = serde_json::Map::new();
    for (name, value) in item.iter().filter(|(name, _)| !["pk", "sk"].contains(&name.as_str())) {
        let value = match value {
            AttributeValue::B(_) => continue,
            AttributeValue::S(text) => json!(text),
            AttributeValue::N(number) if name.ends_with("_at") => {
                json!(Timestamp::from_unix_seconds(number.parse().unwrap()).to_rfc3339())
            }
            AttributeValue::N(number) => json!(number.parse::<i64>().unwrap()),
            other => panic!("{name} has a type that the export does not know: {other:?}"),
        };
        members.insert(name.clone(), value);
    }
    Value::Object(members)
}

fn items_of(dump: &[Item], logged_in: &Response) -> Vec<Item> {
    let pk = format!("USER#{}", logged_in.body["user"]["pk"].as_str().unwrap());
    dump.iter().filter(|item| item["pk"].as_s().is_ok_and(|found| *found == pk)).cloned().collect()
}

#[tokio::test]
async fn it_has_everything_that_is_stored_and_no_hash() {
    let stack = Stack::start().await;
    stack.log_in().await;
    let user = stack.kakao.user(&json!({"nickname": "라이언", "email": "ryan@example.com"})).await;
    let phone = stack.log_in_as(&user).await;
    let laptop = stack.log_in_at_kakao(&user).await;
    for _ in 0..4 {
        stack.advance(Duration::from_secs(10));
        stack.log_in_as(&user).await;
    }
    // The session that began first is used last.
    stack.advance(Duration::from_secs(10));
    stack.refresh(&phone.token()).await;
    let response = stack.export(laptop.access()).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.headers["content-disposition"], r#"attachment; filename="account.json""#);
    assert_eq!(response.body["user"], stack.profile(laptop.access()).await.body);

    let items = items_of(&stack.dump().await, &laptop);
    let (profile, sessions): (Vec<_>, Vec<_>) =
        items.iter().partition(|item| item["sk"] == AttributeValue::S("PROFILE".to_owned()));
    assert_eq!((profile.len(), sessions.len()), (1, 6));
    assert_eq!(response.body["account"], expected(profile[0]));
    for name in ["kakao_id", "logins", "created_at", "last_login_at", "email", "nickname"] {
        assert!(response.body["account"].get(name).is_some(), "{name}: {}", response.body);
    }
    let exported = response.body["sessions"].as_array().unwrap();
    assert_eq!(exported.len(), 6);
    for session in sessions {
        let id = session["sk"].as_s().unwrap().strip_prefix("SESSION#").unwrap();
        let mut expected = expected(session);
        expected["id"] = json!(id);
        let found = exported.iter().find(|session| session["id"] == id).unwrap();
        expected["current"] = found["current"].clone();
        assert_eq!(*found, expected);
    }
    let times: Vec<&str> = exported.iter().map(|session| session["last_used_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one > next), "the last used session first: {times:?}");
    let current: Vec<_> = exported.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, false, false, false, false, true]);

    let text = response.body.to_string();
    for hash in items.iter().flat_map(Item::values).filter_map(|value| value.as_b().ok()) {
        for encoded in [BASE64_STANDARD.encode(hash), BASE64_URL_SAFE_NO_PAD.encode(hash)] {
            assert!(!text.contains(&encoded), "{text}");
        }
    }
    assert!(!text.contains("token_hash"), "{text}");
}

#[tokio::test]
async fn an_ended_session_exports_nothing() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (ended, _other) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    assert_eq!(stack.export(ended.access()).await.status, StatusCode::OK);
    stack.logout(&ended.token()).await;
    let response = stack.export(ended.access()).await;
    assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
}

/// DynamoDB returns at most a megabyte for each call.
#[tokio::test]
async fn more_sessions_than_one_call_returns_are_exported_and_ended() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_at_kakao(&user).await;
    let items = items_of(&stack.dump().await, &logged_in);
    let session = items.iter().find(|item| item.contains_key("token_hash")).unwrap();
    let others = (0..12).map(|_| {
        let mut other = session.clone();
        let id = shared::id::SessionId::generate();
        other.insert("sk".to_owned(), AttributeValue::S(format!("SESSION#{id}")));
        other.insert("user_agent".to_owned(), AttributeValue::S("u".repeat(100_000)));
        other
    });
    stack.restore(&others.collect::<Vec<_>>()).await;
    let _ = stack.table_proxy.take_traffic();
    let exported = stack.export(logged_in.access()).await;
    assert_eq!(exported.body["sessions"].as_array().unwrap().len(), 13);
    assert_eq!(stack.table_proxy.take_traffic().operations, ["Query", "Query"]);
    assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::ACCEPTED);
    assert_eq!(stack.count("SESSION#").await, 0);
}
