//! `POST /auth/refresh`: every rule of rotation.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{
    Settings, Stack,
    client::{Response, jwt_part},
};

use crate::login::id_token::hash;

pub(super) const WINDOW: Duration = Duration::from_secs(30);

const DAY: Duration = Duration::from_hours(24);

const ALMOST_A_DAY: Duration = Duration::from_secs(86_399);

#[tokio::test]
async fn a_token_older_than_the_window_is_rotated() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    stack.advance(WINDOW);

    let refreshed = stack.refresh(&first).await;
    assert_eq!(refreshed.status, StatusCode::OK);
    assert_ne!(refreshed.token(), first);
    assert_eq!(stack.profile(refreshed.access()).await.status, StatusCode::OK);
    let names: Vec<&String> = refreshed.body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["access", "access_expiration", "expires_in", "refresh", "token_type"]);
}

#[tokio::test]
async fn three_refreshes_in_a_row_give_three_tokens() {
    let stack = Stack::start().await;
    let mut seen = vec![stack.log_in().await.token()];
    for _ in 0..3 {
        stack.advance(WINDOW);
        let next = stack.refresh(seen.last().unwrap()).await.token();
        assert!(!seen.contains(&next));
        seen.push(next);
    }
}

#[tokio::test]
async fn inside_the_window_the_cookie_is_not_replaced() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    for _ in 0..3 {
        stack.advance(Duration::from_secs(9));
        let refreshed = stack.refresh(&first).await;
        assert_eq!((refreshed.status, refreshed.cookie.as_deref()), (StatusCode::OK, None));
        assert!(!refreshed.access().is_empty());
    }
    stack.advance(Duration::from_secs(2));
    assert_eq!(stack.refresh(&first).await.cookie, None, "29 seconds");
    stack.advance(Duration::from_secs(1));
    assert!(stack.refresh(&first).await.cookie.is_some(), "30 seconds");
}

#[tokio::test]
async fn a_parent_inside_the_window_gets_the_same_successor() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    stack.advance(WINDOW);
    let successor = stack.refresh(&first).await.token();
    for _ in 0..3 {
        stack.advance(Duration::from_secs(9));
        assert_eq!(stack.refresh(&first).await.token(), successor);
    }
    stack.advance(Duration::from_secs(2));
    assert_eq!(stack.refresh(&first).await.token(), successor, "29 seconds");
}

#[tokio::test]
async fn a_parent_after_the_window_ends_the_session_for_both() {
    let stack = Stack::start().await;
    let stolen = stack.log_in().await.token();
    stack.advance(WINDOW);
    let rotated = stack.refresh(&stolen).await;
    stack.advance(WINDOW);

    let replay = stack.refresh(&stolen).await;
    assert_eq!((replay.status, replay.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    assert_eq!(replay.cookie.as_deref(), Some(""), "an invalid cookie must be cleared");
    let owner = stack.refresh(&rotated.token()).await;
    assert_eq!(owner.status, StatusCode::UNAUTHORIZED, "the session must end for its owner too");
    assert_eq!(stack.profile(rotated.access()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_grandparent_ends_the_session_even_inside_the_window() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    stack.advance(WINDOW);
    let second = stack.refresh(&first).await.token();
    stack.advance(WINDOW);
    let third = stack.refresh(&second).await.token();

    assert_eq!(stack.refresh(&first).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&third).await.status, StatusCode::UNAUTHORIZED);
}

/// A thief stays a step behind or ahead of the owner; the second to refresh is detected.
#[tokio::test]
async fn a_thief_who_alternates_with_the_owner_is_detected() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    stack.advance(WINDOW);
    let thief = stack.refresh(&first).await.token();
    stack.advance(WINDOW + WINDOW);
    assert_eq!(stack.refresh(&first).await.status, StatusCode::UNAUTHORIZED, "the owner presents the parent");
    assert_eq!(stack.refresh(&thief).await.status, StatusCode::UNAUTHORIZED, "the thief is logged out");
}

#[tokio::test]
async fn reuse_in_one_session_leaves_the_users_other_devices_alone() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    stack.advance(WINDOW);
    assert!(stack.refresh(&phone).await.cookie.is_some());
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&phone).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_not_refreshed_ends_after_seven_days() {
    let stack = Stack::start().await;
    let (early, late) = (stack.log_in().await.token(), stack.log_in().await.token());
    stack.advance(6 * DAY);
    stack.advance(ALMOST_A_DAY);
    let renewed = stack.refresh(&early).await;
    assert_eq!(renewed.status, StatusCode::OK);
    stack.advance(Duration::from_secs(1));
    let expired = stack.refresh(&late).await;
    assert_eq!((expired.status, expired.cookie.as_deref()), (StatusCode::UNAUTHORIZED, Some("")));
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_login_however_often_it_is_refreshed() {
    let stack = Stack::start().await;
    let mut token = stack.log_in().await.token();
    let mut last_age = u64::MAX;
    for day in 1..30 {
        stack.advance(DAY);
        let renewed = stack.refresh(&token).await;
        token = renewed.token();
        let age = max_age(renewed.set_cookie());
        assert_eq!(age, (7 * DAY.as_secs()).min((30 - day) * DAY.as_secs()), "day {day}");
        assert!(age <= last_age, "the cookie's life never grows");
        last_age = age;
    }
    stack.advance(ALMOST_A_DAY);
    token = stack.refresh(&token).await.token();
    stack.advance(Duration::from_secs(1));
    assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED);
}

fn max_age(set_cookie: &str) -> u64 {
    let max_age = set_cookie.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="));
    max_age.and_then(|seconds| seconds.parse().ok()).expect("the cookie has a Max-Age")
}

#[tokio::test]
async fn a_token_ahead_of_a_restored_table_is_refused_and_nothing_is_deleted() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    let backup = stack.dump().await;
    stack.advance(WINDOW);
    let second = stack.refresh(&first).await.token();
    stack.restore(&backup).await;

    let ahead = stack.refresh(&second).await;
    assert_eq!((ahead.status, ahead.cookie.as_deref()), (StatusCode::UNAUTHORIZED, Some("")));
    assert_eq!(stack.dump().await, backup, "the session is still there");
    assert_eq!(stack.refresh(&first).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_session_is_refused_before_dynamodb_deletes_its_item() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    stack.advance(8 * DAY);
    assert!(stack.dump().await.len() >= 3, "TTL has not removed the item");
    assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refresh_returns_the_user_on_request() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let refreshed = stack.refresh_with_user(&logged_in.token()).await;
    assert_eq!(refreshed.body["user"], logged_in.body["user"]);
    assert_eq!(stack.refresh(&logged_in.token()).await.body.get("user"), None);
}

/// A service can thus require a recent login (RFC 9068 §2.2.1, RFC 9470).
#[tokio::test]
async fn an_access_token_carries_the_time_of_its_sessions_login() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_as(&user).await;
    let auth_time = |response: &Response| jwt_part(response.access(), 1)["auth_time"].as_i64().unwrap();
    let iat = |response: &Response| jwt_part(response.access(), 1)["iat"].as_i64().unwrap();
    let logged_in_at = iat(&logged_in);
    assert_eq!(auth_time(&logged_in), logged_in_at);
    let mut token = logged_in.token();
    for age in 1..=3 {
        stack.advance(WINDOW);
        let rotated = stack.refresh(&token).await;
        assert_eq!((auth_time(&rotated), iat(&rotated)), (logged_in_at, logged_in_at + 30 * age), "rotated");
        assert_eq!(auth_time(&stack.refresh(&token).await), logged_in_at, "repeated");
        token = rotated.token();
        assert_eq!(auth_time(&stack.refresh(&token).await), logged_in_at, "current");
    }
    let again = stack.log_in_as(&user).await;
    assert_eq!(auth_time(&again), logged_in_at + 90, "another login");

    let by_code = stack.kakao.code_body(&user).await;
    let id_token = stack.kakao.id_token(&user, &json!({"nonce": hash("preimage")})).await;
    for body in [by_code, json!({"id_token": id_token, "nonce": "preimage"})] {
        let first = stack.login(&body).await;
        stack.advance(Duration::from_secs(10));
        let repeated = stack.login(&body).await;
        assert_eq!(repeated.token(), first.token());
        assert_eq!(auth_time(&repeated), iat(&first), "the same login, sent again");
    }
}

#[tokio::test]
async fn an_access_token_is_refused_once_its_session_has_ended() {
    let environment = [("SESSION_MAX_TTL", "3600"), ("SESSION_IDLE_TTL", "3600"), ("ACCESS_TTL", "3600")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let logged_in = stack.log_in().await;
    stack.advance(Duration::from_mins(59));
    let access = stack.refresh(&logged_in.token()).await.access().to_owned();
    assert_eq!(stack.profile(&access).await.status, StatusCode::OK);
    stack.advance(Duration::from_mins(1));
    let ended = stack.profile(&access).await;
    assert_eq!((ended.status, ended.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
}
