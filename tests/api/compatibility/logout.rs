//! `POST /auth/logout` with `COMPATIBILITY=dj-rest-auth`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{ORIGIN, Stack, client::Response};

use super::login::{log_in_as, stack};

/// A logout as such a page sends it.
async fn log_out(stack: &Stack, path: &str, token: &str) -> Response {
    let request = stack.request(Method::POST, path).header("origin", ORIGIN);
    let response = stack.send(request.json(&json!({"refresh": token}))).await;
    assert!(response.set_cookies().is_empty(), "{path}: {:?}", response.set_cookies());
    response
}

async fn is_alive(stack: &Stack, token: &str) -> bool {
    stack.refresh_in_body(token).await.status == StatusCode::OK
}

#[tokio::test]
async fn a_page_logs_out_here_everywhere_else_or_everywhere() {
    let stack = stack().await;
    // A session is as alive inside the rotation window as after it.
    for age in [0, 60] {
        for (scope, [here, there]) in [("local", [false, true]), ("others", [true, false]), ("all", [false, false])] {
            let user = stack.kakao.new_user().await;
            let (own, other) =
                (log_in_as(&stack, &user).await.body_token(), log_in_as(&stack, &user).await.body_token());
            stack.advance(Duration::from_secs(age));
            let response = log_out(&stack, &format!("/dj-rest-auth/logout/?scope={scope}"), &own).await;
            assert_eq!(response.status, StatusCode::OK, "{scope} {age}: {}", response.body);
            assert_eq!([is_alive(&stack, &own).await, is_alive(&stack, &other).await], [here, there], "{scope} {age}");
        }
    }
}

#[tokio::test]
async fn a_logout_without_a_living_session_succeeds_but_for_the_others() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let (ended, alive) = (log_in_as(&stack, &user).await.body_token(), log_in_as(&stack, &user).await.body_token());
    log_out(&stack, "/auth/logout", &ended).await;
    for token in [&ended, "BgAA", "eyJhbGciOiJIUzI1NiJ9.e30.x", ""] {
        for (scope, expected) in
            [("local", StatusCode::OK), ("all", StatusCode::OK), ("others", StatusCode::UNAUTHORIZED)]
        {
            let response = log_out(&stack, &format!("/auth/logout?scope={scope}"), token).await;
            assert_eq!(response.status, expected, "{scope} {token}");
        }
    }
    assert!(is_alive(&stack, &alive).await, "a token of an ended session ends no other");
}
