//! A page can neither get nor use the refresh token of an app, whatever it sends.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use tests::{
    ORIGIN, Stack,
    chain::link,
    client::{Functions, cookie_pair},
    fault_proxy::Traffic,
};

use super::login::{log_in, of_app};
use crate::recorder::{Log, line_of};

/// What browsers add to the requests of a page, together or alone: scripts can leave out, set or change none of them.
const OF_PAGES: [&[(&str, &str)]; 7] = [
    &[("origin", ORIGIN)],
    &[("origin", ORIGIN), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    &[("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
    &[("sec-fetch-dest", "empty")],
    &[("sec-fetch-user", "?1")],
    &[("sec-fetch-storage-access", "active")],
];

fn from(headers: &[(&str, &str)], functions: &Functions, path: &str) -> RequestBuilder {
    let request = functions.request(Method::POST, path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

#[tokio::test]
async fn a_page_cannot_log_in_as_an_app() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for headers in OF_PAGES {
        for link in [None, Some(link())] {
            let credential = json!({"access_token": stack.kakao.token(&user).await});
            let request = from(headers, &stack, "/auth/kakao").json(&of_app(&credential, link.as_deref()));
            let response = stack.send(request).await;
            let expected = (StatusCode::FORBIDDEN, "native_only", vec![]);
            assert_eq!((response.status, response.code(), response.set_cookies()), expected, "{headers:?}");
        }
    }
    assert!(stack.kakao_proxy.take_traffic().operations.is_empty(), "Kakao is not asked");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_page_cannot_use_the_token_of_an_app_and_its_own_cookie_stays() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let browser = stack.log_in_as(&user).await.token();
    let [rotating, linked] =
        [log_in(&stack, &user, None).await.body_token(), log_in(&stack, &user, Some(&link())).await.body_token()];
    let _ = stack.table_proxy.take_traffic();
    for headers in OF_PAGES {
        for path in ["/auth/refresh", "/auth/logout", "/auth/logout?scope=all", "/auth/logout?scope=others"] {
            for token in [&*rotating, &linked, "BAAAAAAA", "BQAA"] {
                let request = from(headers, &stack, path).header("cookie", cookie_pair(&browser));
                let response = stack.send(request.json(&json!({"refresh": token}))).await;
                let refused = (response.status, response.code(), response.set_cookies());
                assert_eq!(refused, (StatusCode::FORBIDDEN, "native_only", vec![]), "{path} {headers:?} {token}");
            }
        }
    }
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default(), "nothing was looked up");
    assert_eq!(stack.refresh(&browser).await.status, StatusCode::OK);
    assert_eq!(stack.refresh_in_body(&rotating).await.status, StatusCode::OK);
}

/// Node's `fetch` sends `Sec-Fetch-Mode`, and no browser sends it alone.
#[tokio::test]
async fn a_program_that_sends_only_the_mode_of_its_fetch_is_an_app() {
    let stack = Stack::start().await;
    let node = [("sec-fetch-mode", "cors"), ("user-agent", "node")];
    let credential = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await});
    let logged_in = stack.send(from(&node, &stack, "/auth/kakao").json(&of_app(&credential, None))).await;
    let body = json!({"refresh": logged_in.body_token()});
    assert_eq!(stack.send(from(&node, &stack, "/auth/refresh").json(&body)).await.status, StatusCode::OK);
    assert_eq!(stack.send(from(&node, &stack, "/auth/logout").json(&body)).await.status, StatusCode::OK);
    assert_eq!(stack.refresh_in_body(&logged_in.body_token()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_nothing_of_apps() {
    let stack = Stack::start().await;
    let token = log_in(&stack, &stack.kakao.new_user().await, None).await.body_token();
    for path in ["/auth/kakao", "/auth/refresh", "/auth/logout"] {
        let request = from(&[("origin", "https://evil.example")], &stack, path);
        let response = stack.send(request.json(&json!({"refresh": token, "transport": "body"}))).await;
        assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"), "{path}");
    }
    assert_eq!(stack.refresh_in_body(&token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_log_says_that_a_page_was_refused_and_not_with_which_token() {
    let stack = Stack::start().await;
    let token = log_in(&stack, &stack.kakao.new_user().await, None).await.body_token();
    let log = Log::start();
    for path in ["/auth/refresh", "/auth/logout"] {
        let response = stack.send(from(OF_PAGES[0], &stack, path).json(&json!({"refresh": token}))).await;
        assert_eq!(line_of(&log, &response)["outcome"], "native_only", "{path}");
    }
    assert!(!log.text().contains(&token));
}
