//! `POST /auth/refresh` with two cookies of our name.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{Stack, client::cookie_pair};

use super::rules::WINDOW;

fn both(one: &str, other: &str) -> [String; 2] {
    let (one, other) = (cookie_pair(one), cookie_pair(other));
    [format!("{one}; {other}"), format!("{other}; {one}")]
}

/// After `CookieSameSite` was changed, the cookie of the old kind stays while that of the new kind is rotated.
#[tokio::test]
async fn an_older_token_beside_the_newest_of_its_session_is_not_reuse() {
    let stack = Stack::start().await;
    let left_behind = stack.log_in().await.token();
    let mut token = left_behind.clone();
    for round in 0..4 {
        stack.advance(WINDOW);
        for cookies in both(&left_behind, &token) {
            let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookies);
            let refreshed = stack.send(request).await;
            assert_eq!(refreshed.status, StatusCode::OK, "round {round}");
            if let Some(next) = refreshed.cookie {
                token = next;
            }
        }
    }
    assert_eq!(stack.refresh(&left_behind).await.status, StatusCode::UNAUTHORIZED, "without the newest it is reuse");
    assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn of_two_sessions_the_newer_is_refreshed_and_the_older_only_after_it_has_ended() {
    let stack = Stack::start().await;
    let older = stack.log_in().await;
    stack.advance(Duration::from_secs(1));
    let newer = stack.log_in().await;
    let refresh = async |cookies: &str| {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookies);
        stack.send(request.json(&json!({"user": true}))).await
    };
    for cookies in both(&older.token(), &newer.token()) {
        assert_eq!(refresh(&cookies).await.body["user"], newer.body["user"], "{cookies}");
    }
    assert_eq!(stack.logout(&newer.token()).await.status, StatusCode::OK);
    for cookies in both(&older.token(), &newer.token()) {
        let refreshed = refresh(&cookies).await;
        assert_eq!((refreshed.status, &refreshed.body["user"]), (StatusCode::OK, &older.body["user"]), "{cookies}");
    }
    assert_eq!(stack.logout(&older.token()).await.status, StatusCode::OK);
    for cookies in both(&older.token(), &newer.token()) {
        let ended = refresh(&cookies).await;
        assert_eq!((ended.status, ended.cookie.as_deref()), (StatusCode::UNAUTHORIZED, Some("")));
    }
}

/// Reuse in the session of the other cookie is not a reason to end this one.
#[tokio::test]
async fn a_reuse_in_the_newer_session_leaves_the_older_one_alone() {
    let stack = Stack::start().await;
    let older = stack.log_in().await.token();
    stack.advance(Duration::from_secs(1));
    let spent = stack.log_in().await.token();
    stack.advance(WINDOW);
    let successor = stack.refresh(&spent).await.token();
    stack.advance(WINDOW);
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", &both(&older, &spent)[0]);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
    assert_eq!(
        stack.refresh(&successor).await.status,
        StatusCode::UNAUTHORIZED,
        "the session with the reuse has ended"
    );
}
