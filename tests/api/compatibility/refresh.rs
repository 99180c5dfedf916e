//! `POST /auth/refresh` with `COMPATIBILITY=dj-rest-auth`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use rotate_keys::document::Reason;
use serde_json::json;
use tests::{
    ORIGIN, Settings, Stack,
    client::{Response, cookie_pair},
    fault_proxy::{Fault, Traffic},
};

use super::login::{log_in, log_in_as, stack};
use crate::recorder::{Log, line_of};

const DAY: Duration = Duration::from_hours(24);
const ALMOST_FIVE_DAYS: Duration = Duration::from_secs(5 * 24 * 3_600 - 1);

/// A refresh as such a page sends it.
async fn refresh(stack: &Stack, token: &str) -> Response {
    let request = stack.request(Method::POST, "/dj-rest-auth/token/refresh/").header("origin", ORIGIN);
    stack.send(request.json(&json!({"refresh": token}))).await
}

fn assert_logged_out(response: &Response, case: &str) {
    let refused = (response.status, response.code(), response.set_cookies());
    assert_eq!(refused, (StatusCode::UNAUTHORIZED, "token_not_valid", vec![]), "{case}");
}

/// Most of these front ends keep the token of the login, and some store whatever they get.
#[tokio::test]
async fn a_pages_token_never_changes_and_each_refresh_returns_it() {
    let stack = stack().await;
    let logged_in = log_in(&stack).await;
    let token = logged_in.body_token();
    for pause in [0, 1, 29, 30, 31, 3_600, 6 * 86_400, 0] {
        stack.advance(Duration::from_secs(pause));
        for _ in 0..2 {
            let refreshed = refresh(&stack, &token).await;
            assert_eq!((refreshed.status, refreshed.body_token()), (StatusCode::OK, token.clone()), "after {pause} s");
            assert_eq!(refreshed.body["refresh_expiration"], (stack.now() + 7 * DAY).to_rfc3339(), "after {pause} s");
            assert_eq!(stack.profile(refreshed.access()).await.body, logged_in.body["user"], "after {pause} s");
        }
    }
    let all = refresh_at_once(&stack, &token, 20).await;
    assert!(all.iter().all(|response| response.body_token() == token));
}

async fn refresh_at_once(stack: &Stack, token: &str, times: usize) -> Vec<Response> {
    let requests: Vec<_> = (0..times)
        .map(|_| {
            let (functions, token) = (tests::client::Functions::clone(stack), token.to_owned());
            tokio::spawn(async move { functions.refresh_in_body(&token).await })
        })
        .collect();
    let mut responses = Vec::new();
    for request in requests {
        responses.push(request.await.unwrap());
    }
    responses
}

#[tokio::test]
async fn servers_without_an_origin_and_allowed_pages_may_refresh_and_no_others() {
    let stack = stack().await;
    let token = log_in(&stack).await.body_token();
    for (headers, expected) in [
        (&[][..], StatusCode::OK),
        (&[("sec-fetch-mode", "cors")], StatusCode::OK),
        (&[("origin", ORIGIN)], StatusCode::OK),
        (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], StatusCode::OK),
        (&[("origin", "https://evil.example")], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
    ] {
        let request = stack.request(Method::POST, "/auth/refresh").json(&json!({"refresh": token, "user": true}));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = stack.send(request).await;
        assert_eq!(response.status, expected, "{headers:?}");
        assert_eq!(response.body["user"].is_object(), expected == StatusCode::OK, "{headers:?}");
    }
}

#[tokio::test]
async fn a_pages_token_counts_before_the_cookies_which_are_neither_used_nor_set_nor_cleared() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let named = json!({"access_token": stack.kakao.token(&user).await, "transport": "cookie"});
    let cookie = stack.login(&named).await.token();
    let page = log_in_as(&stack, &user).await.body_token();
    stack.advance(Duration::from_secs(30));
    let ask = async |token: &str| {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&cookie));
        stack.send(request.json(&json!({"refresh": token}))).await
    };
    assert_eq!(ask(&page).await.body_token(), page);
    assert_eq!(stack.logout_in_body(&page).await.status, StatusCode::OK);
    assert_logged_out(&ask(&page).await, "the page is, whatever its cookies are");
    assert_ne!(stack.refresh(&cookie).await.token(), cookie, "its own refresh was the first to rotate it");
}

#[tokio::test]
async fn a_page_is_logged_out_by_idleness_by_the_end_of_its_session_and_by_garbage() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let (idle, renewed) = (log_in_as(&stack, &user).await.body_token(), log_in_as(&stack, &user).await.body_token());
    for _ in 0..6 {
        stack.advance(ALMOST_FIVE_DAYS);
        assert_eq!(refresh(&stack, &renewed).await.body_token(), renewed);
    }
    assert_logged_out(&refresh(&stack, &idle).await, "seven days");
    stack.advance(Duration::from_secs(6));
    let _ = stack.table_proxy.take_traffic();
    let forged = format!("{}{}{}", &renewed[..50], if &renewed[50..51] == "A" { "B" } else { "A" }, &renewed[51..]);
    for token in [&renewed, &forged, "BgAA", &format!("Bg{}", "A".repeat(20_000 / 2))] {
        assert_logged_out(&refresh(&stack, token).await, "thirty days, or malformed");
    }
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
}

/// A key that no longer issues is accepted as long as a session may last, as this token is never tagged anew.
#[tokio::test]
async fn a_pages_token_outlives_the_rotation_of_its_key() {
    let environment = [("SESSION_IDLE_TTL", "2592000"), ("COMPATIBILITY", "dj-rest-auth")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let stack = Stack::with(Settings { environment: environment.into(), ..Settings::default() }).await;
    let token = log_in(&stack).await.body_token();
    stack.rotate(Reason::Schedule).await;
    stack.advance(29 * DAY);
    stack.rotate(Reason::Schedule).await;
    stack.advance(Duration::from_secs(24 * 3_600 - 1));
    assert_eq!(refresh(&stack, &token).await.body_token(), token);
}

#[tokio::test]
async fn a_refresh_whose_write_is_retried_or_fails_leaves_the_session_alive() {
    let stack = stack().await;
    let token = log_in(&stack).await.body_token();
    stack.table_proxy.fail(Fault::Down);
    assert_eq!(refresh(&stack, &token).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.table_proxy.heal();
    assert_eq!(refresh(&stack, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_log_counts_these_refreshes_apart() {
    let stack = stack().await;
    let token = log_in(&stack).await.body_token();
    let log = Log::start();
    let response = refresh(&stack, &token).await;
    assert_eq!(line_of(&log, &response)["outcome"], "fixed");
    assert!(!log.text().contains(&token));
}
