//! Front ends that keep Django's refresh token themselves send it in the body, as with `JWT_AUTH_HTTPONLY=False`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    ORIGIN, Stack,
    client::{Response, jwt_part},
    django::{TOKEN_TTL, django_pair},
};

use super::once::{REFRESH, assert_logged_out};
use crate::{
    app::login::version,
    recorder::{Log, line_of},
};

const DAY: Duration = Duration::from_hours(24);
const COMPATIBLE: [(&str, &str); 1] = [("COMPATIBILITY", "dj-rest-auth")];

/// A refresh of a page.
async fn from_page(stack: &Stack, body: &Value) -> Response {
    stack.send(stack.request(Method::POST, REFRESH).header("origin", ORIGIN).json(body)).await
}

/// A refresh of a program.
async fn from_app(stack: &Stack, token: &str) -> Response {
    stack.post("/api/token/refresh/", &json!({"refresh": token})).await
}

#[tokio::test]
async fn a_page_that_keeps_djangos_token_goes_on_with_it_or_with_ours_until_djangos_expires() {
    let log = Log::start();
    let stack = Stack::from_django_with(&COMPATIBLE).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let exchanged = from_page(&stack, &json!({"refresh": token})).await;
    let ours = exchanged.body_token();
    assert_eq!((version(&ours), jwt_part(exchanged.access(), 1)["sub"].as_str()), (6, Some("17")));
    assert_eq!(exchanged.body["refresh_expiration"], (stack.now() + 7 * DAY).to_rfc3339());
    for _ in 0..2 {
        stack.advance(6 * DAY);
        let again = from_page(&stack, &json!({"refresh": token})).await;
        assert_eq!(again.body_token(), ours);
        assert_eq!(again.body["refresh_expiration"], (stack.now() + 7 * DAY).to_rfc3339(), "it is postponed");
        assert_eq!(line_of(&log, &again)["outcome"], "exchanged_again");
        assert_eq!(jwt_part(again.access(), 1)["auth_time"], 0);
        let own = from_page(&stack, &json!({"refresh": ours})).await;
        assert_eq!((own.body_token(), jwt_part(own.access(), 1)["auth_time"].clone()), (ours.clone(), json!(0)));
    }
    stack.advance(TOKEN_TTL.saturating_sub(12 * DAY));
    assert_logged_out(&from_page(&stack, &json!({"refresh": token})).await, "Django's token has expired");
    assert_eq!(from_page(&stack, &json!({"refresh": ours})).await.body_token(), ours, "ours has not");
    assert_eq!(stack.count("SESSION#").await, 1);
}

#[tokio::test]
async fn in_compatibility_mode_a_program_keeps_djangos_token_as_a_page_does() {
    let stack = Stack::from_django_with(&COMPATIBLE).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    assert_eq!(version(&from_app(&stack, &token).await.body_token()), 6);
}

#[tokio::test]
async fn an_app_gets_a_token_that_rotates_in_the_body() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let ours = from_app(&stack, &token).await.body_token();
    assert_eq!(version(&ours), 4);
    assert_eq!(from_app(&stack, &token).await.body_token(), ours, "the response was lost");
    stack.advance(Duration::from_secs(30));
    assert_ne!(stack.refresh_in_body(&ours).await.body_token(), ours);
}

/// Without compatibility mode no script of a page gets a token.
#[tokio::test]
async fn a_page_that_sends_djangos_token_in_the_body_gets_a_cookie_without_the_mode() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let body = json!({"refresh": token});
    let exchanged = from_page(&stack, &body).await;
    assert_eq!((version(&exchanged.token()), &exchanged.body["refresh"]), (2, &json!("")));
    // It goes on sending Django's token, and its browser our cookie.
    stack.advance(Duration::from_secs(30));
    let cookie = tests::client::cookie_pair(&exchanged.token());
    let request = stack.request(Method::POST, REFRESH).header("origin", ORIGIN).header("cookie", cookie);
    assert_ne!(stack.send(request.json(&body)).await.token(), exchanged.token());
    let off = Stack::from_django_with(&[("NATIVE_CLIENTS", "false")]).await;
    let token = off.import_one(17, 1_700_000_001).await;
    assert_eq!(version(&from_app(&off, &token).await.token()), 2, "nor an app, where apps get none");
}

/// A script cannot turn the session of a cookie into a token that it can read.
#[tokio::test]
async fn a_token_that_was_exchanged_by_one_transport_is_not_repeated_by_another() {
    let stack = Stack::from_django_with(&COMPATIBLE).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let by_cookie = super::once::exchange(&stack, &token).await.token();
    assert_logged_out(&from_page(&stack, &json!({"refresh": token})).await, "in the body");
    assert_eq!(stack.refresh(&by_cookie).await.status, StatusCode::OK, "and its session goes on");
    let other = stack.django_token(17);
    let in_body = from_page(&stack, &json!({"refresh": other})).await.body_token();
    assert_logged_out(&super::once::exchange(&stack, &other).await, "by cookie");
    assert_eq!(from_page(&stack, &json!({"refresh": in_body})).await.status, StatusCode::OK);
}

/// dj-rest-auth sets the cookie with `JWT_AUTH_HTTPONLY=False` too, so both carry the same token.
#[tokio::test]
async fn the_token_of_the_body_counts_before_the_cookie_which_is_cleared() {
    let stack = Stack::from_django_with(&COMPATIBLE).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let request = stack.request(Method::POST, REFRESH).header("cookie", django_pair(&token));
    let exchanged = stack.send(request.json(&json!({"refresh": token}))).await;
    assert_eq!(version(exchanged.body["refresh"].as_str().unwrap()), 6);
    let [cleared] = exchanged.set_cookies()[..] else { panic!("{:?}", exchanged.set_cookies()) };
    assert!(cleared.starts_with("refresh_token=; Max-Age=0"), "{cleared}");
}

/// A page with our client draws a link before it asks.
#[tokio::test]
async fn a_link_beside_djangos_token_is_ignored_and_the_session_rotates() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let links = json!({"link": {"next": tests::chain::link()}, "user": true});
    let exchanged = stack.send(stack.with_django_cookie("/auth/refresh", &token).json(&links)).await;
    assert_eq!((version(&exchanged.token()), exchanged.body.get("link")), (2, None));
}
