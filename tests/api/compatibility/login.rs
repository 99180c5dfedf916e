//! `POST /auth/kakao` with `COMPATIBILITY=dj-rest-auth`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    Credential, ORIGIN, Stack,
    chain::link,
    client::{Response, cookie_pair},
};

use crate::{
    app::login::{of_app, version},
    login::redemption::{KINDS, login_of},
};

const DAY: Duration = Duration::from_hours(24);

/// A stack in this mode.
pub(crate) async fn stack() -> Stack {
    Stack::with_setting("COMPATIBILITY", "dj-rest-auth").await
}

/// Logs a new user in, as such a page does.
pub(crate) async fn log_in(stack: &Stack) -> Response {
    let user = stack.kakao.new_user().await;
    log_in_as(stack, &user).await
}

/// Logs this user in, as such a page does.
pub(super) async fn log_in_as(stack: &Stack, user: &str) -> Response {
    let body = json!({"access_token": stack.kakao.token(user).await});
    let response =
        stack.send(stack.request(Method::POST, "/dj-rest-auth/kakao/").header("origin", ORIGIN).json(&body)).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    response
}

#[tokio::test]
async fn a_page_gets_its_refresh_token_in_the_body_and_no_cookie() {
    let stack = stack().await;
    for kind in [Credential::AccessToken, Credential::Code, Credential::IdToken] {
        for origin in [None, Some(ORIGIN)] {
            let credential = stack.kakao.credential(&stack.kakao.new_user().await, kind).await;
            let mut request = stack.request(Method::POST, "/dj-rest-auth/kakao/").json(&credential);
            if let Some(origin) = origin {
                request = request.header("origin", origin).header("sec-fetch-site", "same-origin");
            }
            let response = stack.send(request).await;
            assert_eq!(response.status, StatusCode::OK, "{kind:?} {origin:?}: {}", response.body);
            let token = response.body_token();
            assert_eq!((token.len(), version(&token)), (120, 6), "{kind:?}");
            let body = &response.body;
            assert_eq!(body["refresh_expiration"], (stack.now() + 7 * DAY).to_rfc3339(), "{kind:?}");
            let aliases = (&body["access_token"], &body["refresh_token"]);
            assert_eq!(aliases, (&body["access"], &body["refresh"]), "the names of older versions");
            assert!(body["user"]["pk"].is_string(), "{body}");
        }
    }
}

#[tokio::test]
async fn a_client_that_names_a_transport_or_sends_a_link_gets_what_it_gets_without_the_mode() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    for (member, value, expected) in [("transport", "cookie".to_owned(), 2), ("link", link(), 3)] {
        let mut body = json!({"access_token": stack.kakao.token(&user).await});
        body[member] = json!(value);
        let response = stack.login(&body).await;
        assert_eq!((version(&response.token()), &response.body["refresh"]), (expected, &json!("")), "{member}");
        for name in ["refresh_expiration", "access_token", "refresh_token"] {
            assert!(response.body.get(name).is_none(), "{member} {name}");
        }
    }
    let credential = json!({"access_token": stack.kakao.token(&user).await});
    let app = stack.login(&of_app(&credential, None)).await;
    assert_eq!((version(&app.body_token()), app.body.get("access_token")), (4, None));
    for absent in [json!(null), json!("")] {
        let body = json!({"access_token": stack.kakao.token(&user).await, "transport": absent, "link": absent});
        assert_eq!(version(&stack.login(&body).await.body_token()), 6, "{absent}");
    }
}

/// Otherwise the page would have two sessions, and a logout would end one of them.
#[tokio::test]
async fn the_sessions_of_the_cookies_beside_a_pages_login_end_and_the_cookies_are_cleared() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let named = json!({"access_token": stack.kakao.token(&user).await, "transport": "cookie"});
    let before = stack.login(&named).await;
    let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&before.token()));
    let response = stack.send(request.json(&json!({"access_token": stack.kakao.token(&user).await}))).await;
    assert_eq!(version(response.body["refresh"].as_str().unwrap()), 6);
    assert!(response.set_cookies().len() == 2, "{:?}", response.set_cookies());
    assert!(response.set_cookies().iter().all(|cookie| cookie.contains("Max-Age=0")), "{:?}", response.set_cookies());
    assert_eq!(stack.refresh(&before.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh_in_body(response.body["refresh"].as_str().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_repeated_login_is_the_same_session_and_never_changes_its_transport() {
    let stack = stack().await;
    for kind in KINDS {
        let in_body = login_of(&stack, &stack.kakao.new_user().await, kind).await;
        let mut by_cookie = in_body.clone();
        by_cookie["transport"] = json!("cookie");
        let first = stack.login(&in_body).await;
        stack.advance(Duration::from_secs(20));
        assert_eq!(stack.login(&in_body).await.body_token(), first.body_token(), "{kind:?}");
        for other in [by_cookie, of_app(&in_body, None)] {
            assert_eq!(stack.login(&other).await.code(), "kakao_rejected", "{kind:?}: used before");
        }

        // A script of the page cannot repeat a login by cookie and read its token.
        let in_body = login_of(&stack, &stack.kakao.new_user().await, kind).await;
        let mut by_cookie = in_body.clone();
        by_cookie["transport"] = json!("cookie");
        assert_eq!(version(&stack.login(&by_cookie).await.token()), 2);
        assert_eq!(stack.login(&in_body).await.code(), "kakao_rejected", "{kind:?}: used before");
    }
}

#[tokio::test]
async fn without_the_mode_the_same_login_gets_a_cookie() {
    let stack = Stack::start().await;
    let response = log_in(&stack).await;
    assert_eq!((version(&response.token()), &response.body["refresh"]), (2, &json!("")));
    assert!(response.body.get("access_token").is_none());
}
