//! `GET /auth/sessions`: what the list has, and in which order.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    Stack,
    client::{Functions, jwt_part},
    fault_proxy::{Fault, Moment},
};

use super::remote::ids;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_session_shows_its_device_and_times_and_nothing_of_its_token() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    let request = stack.request(Method::POST, "/auth/kakao").header("user-agent", "Ryan's phone");
    let logged_in = stack.send(request.json(&json!({"access_token": token}))).await;
    let began = stack.now();
    stack.advance(DAY);
    let refreshed = stack.refresh(&logged_in.token()).await;
    let now = stack.now();
    let id = jwt_part(refreshed.access(), 1)["sid"].clone();
    let expected = json!({"sessions": [{
        "id": id,
        "user_agent": "Ryan's phone",
        "ip_prefix": "127.0.0.0/24",
        "device": null,
        "created_at": began.to_rfc3339(),
        "last_used_at": now.to_rfc3339(),
        "expires_at": (now + 7 * DAY).to_rfc3339(),
        "current": true,
    }]});
    assert_eq!(stack.sessions(refreshed.access()).await.body, expected);
    let asked = stack.table_proxy.last_body("Query");
    assert!(!asked.to_string().contains("token_hash"), "the function does not even read it: {asked}");
}

#[tokio::test]
async fn the_session_that_was_used_last_comes_first() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let mut devices = Vec::new();
    for _ in 0..4 {
        stack.advance(DAY);
        devices.push(stack.log_in_as(&user).await);
    }
    stack.advance(DAY);
    stack.refresh(&devices[1].token()).await;
    let access = stack.refresh(&devices[0].token()).await.access().to_owned();
    let expected = [1, 0, 3, 2].map(|at: usize| jwt_part(devices[at].access(), 1)["sid"].as_str().unwrap().to_owned());
    let list = stack.sessions(&access).await.body;
    // Two were refreshed in one second: the later login comes first.
    assert_eq!(ids(&list), expected);
}

#[tokio::test]
async fn an_expired_session_is_not_listed_and_cannot_be_ended_before_dynamodb_deletes_its_item() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let old = stack.log_in_as(&user).await;
    stack.advance(Duration::from_secs(7 * 86_400 - 1));
    let here = stack.log_in_as(&user).await;
    assert_eq!(ids(&stack.sessions(here.access()).await.body).len(), 2);
    stack.advance(Duration::from_secs(1));
    let list = stack.sessions(here.access()).await.body;
    assert_eq!((ids(&list).len(), stack.count("SESSION#").await), (1, 2));
    let id = jwt_part(old.access(), 1)["sid"].as_str().unwrap().to_owned();
    assert_eq!(stack.end_session(here.access(), &id).await.status, StatusCode::NOT_FOUND);
}

/// A response of DynamoDB's that is lost makes the SDK delete the item again, and find nothing.
#[tokio::test]
async fn a_session_that_was_ended_although_the_response_was_lost_is_a_success() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (here, other) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    let id = jwt_part(other.access(), 1)["sid"].as_str().unwrap().to_owned();
    // The first request is the Query.
    let mut held = stack.table_proxy.hold(1, Moment::After);
    let (functions, access) = (Functions::clone(&stack), here.access().to_owned());
    let asked = tokio::spawn(async move { functions.end_session(&access, &id).await });
    held.arrived().await;
    held.discard();
    assert_eq!(asked.await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(stack.refresh(&other.token()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_dynamodb_both_are_a_503_and_nothing_ends() {
    for fault in [Fault::Down, Fault::Hang, Fault::Throttle, Fault::Deny] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let (here, other) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
        let id = jwt_part(other.access(), 1)["sid"].as_str().unwrap().to_owned();
        stack.table_proxy.fail(fault);
        assert_eq!(stack.sessions(here.access()).await.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
        assert_eq!(stack.end_session(here.access(), &id).await.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
        stack.table_proxy.heal();
        assert_eq!(ids(&stack.sessions(here.access()).await.body).len(), 2, "{fault:?}");
    }
}
