//! `POST /auth/refresh`: every row of the rotation rules.

use std::time::Duration;

use local::{
    Settings, Stack,
    client::{Answer, cookie_pair, jwt_part},
    wire::Fault,
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::id_token::hash;

const WINDOW: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_hours(24);
const ALMOST_A_DAY: Duration = Duration::from_secs(86_399);

#[tokio::test]
async fn a_settled_token_is_rotated() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
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
    let mut seen = vec![stack.sign_in().await.token()];
    for _ in 0..3 {
        stack.advance(WINDOW);
        let next = stack.refresh(seen.last().unwrap()).await.token();
        assert!(!seen.contains(&next));
        seen.push(next);
    }
}

#[tokio::test]
async fn inside_the_window_the_cookie_is_left_alone() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
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
    let first = stack.sign_in().await.token();
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
    let stolen = stack.sign_in().await.token();
    stack.advance(WINDOW);
    let rotated = stack.refresh(&stolen).await;
    stack.advance(WINDOW);

    let replay = stack.refresh(&stolen).await;
    assert_eq!((replay.status, replay.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    assert_eq!(replay.cookie.as_deref(), Some(""), "a dead cookie must be cleared");
    let owner = stack.refresh(&rotated.token()).await;
    assert_eq!(owner.status, StatusCode::UNAUTHORIZED, "the session must end for its owner too");
    assert_eq!(stack.profile(rotated.access()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_grandparent_ends_the_session_even_inside_the_window() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
    stack.advance(WINDOW);
    let second = stack.refresh(&first).await.token();
    stack.advance(WINDOW);
    let third = stack.refresh(&second).await.token();

    assert_eq!(stack.refresh(&first).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&third).await.status, StatusCode::UNAUTHORIZED);
}

/// A thief who stays a step behind, or ahead, of the owner: whoever comes second is found out.
#[tokio::test]
async fn a_thief_who_alternates_with_the_owner_is_found() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
    stack.advance(WINDOW);
    let thief = stack.refresh(&first).await.token();
    stack.advance(WINDOW + WINDOW);
    assert_eq!(stack.refresh(&first).await.status, StatusCode::UNAUTHORIZED, "the owner comes with the parent");
    assert_eq!(stack.refresh(&thief).await.status, StatusCode::UNAUTHORIZED, "the thief is out");
}

#[tokio::test]
async fn reuse_in_one_session_leaves_the_users_other_devices_alone() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.sign_in_as(&user).await.token(), stack.sign_in_as(&user).await.token());
    stack.advance(WINDOW);
    assert!(stack.refresh(&phone).await.cookie.is_some());
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&phone).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_not_renewed_ends_after_seven_days() {
    let stack = Stack::start().await;
    let (early, late) = (stack.sign_in().await.token(), stack.sign_in().await.token());
    stack.advance(6 * DAY);
    stack.advance(ALMOST_A_DAY);
    let renewed = stack.refresh(&early).await;
    assert_eq!(renewed.status, StatusCode::OK);
    stack.advance(Duration::from_secs(1));
    let expired = stack.refresh(&late).await;
    assert_eq!((expired.status, expired.cookie.as_deref()), (StatusCode::UNAUTHORIZED, Some("")));
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_the_sign_in_however_often_it_is_renewed() {
    let stack = Stack::start().await;
    let mut token = stack.sign_in().await.token();
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
async fn a_token_that_is_ahead_of_a_restored_table_is_refused_and_nothing_is_deleted() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
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
async fn an_expired_item_that_dynamodb_has_not_deleted_yet_is_no_session() {
    let stack = Stack::start().await;
    let signed_in = stack.sign_in().await;
    stack.advance(8 * DAY);
    assert!(stack.dump().await.len() >= 3, "TTL has not removed the item");
    assert_eq!(stack.refresh(&signed_in.token()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn twenty_refreshes_at_once_have_one_successor_and_nobody_is_out() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
    stack.advance(WINDOW);

    let answers = stack.refresh_at_once(&first, 20).await;
    let mut successors: Vec<String> = answers.iter().filter_map(|answer| answer.cookie.clone()).collect();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    successors.sort();
    successors.dedup();
    assert_eq!(successors.len(), 1, "one successor");
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&successors[0]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn two_hundred_rounds_of_two_refreshes_at_once_end_no_session() {
    let stack = Stack::start().await;
    let mut token = stack.sign_in().await.token();
    for round in 0..200 {
        stack.advance(WINDOW);
        let answers = stack.refresh_at_once(&token, 2).await;
        let tokens: Vec<String> = answers.iter().map(local::client::Answer::token).collect();
        assert_eq!(tokens[0], tokens[1], "round {round}");
        token.clone_from(&tokens[0]);
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_gives_the_same_cookie_on_retry() {
    let stack = Stack::start().await;
    let first = stack.sign_in().await.token();
    stack.advance(WINDOW);

    // Every try of the first call is lost, although the table took it.
    stack.wire.fail(Fault::LoseAnswers(3));
    let lost = stack.refresh(&first).await;
    assert_eq!((lost.status, lost.cookie.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, None));
    stack.wire.heal();
    let again = stack.refresh(&first).await;
    assert_eq!(again.status, StatusCode::OK);
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&again.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_sdks_own_retry_of_a_write_that_succeeded_is_recognised() {
    for fault in [Fault::LoseAnswers(1), Fault::LoseAnswers(2)] {
        let stack = Stack::start().await;
        let first = stack.sign_in().await.token();
        stack.advance(WINDOW);
        stack.wire.fail(fault);
        let refreshed = stack.refresh(&first).await;
        assert_eq!(refreshed.status, StatusCode::OK, "{fault:?}");
        stack.advance(WINDOW);
        assert_eq!(stack.refresh(&refreshed.token()).await.status, StatusCode::OK, "{fault:?}");
    }
}

/// Any prefix of a session's life, cut off by a crash after the write: the honest client has the parent still.
#[tokio::test]
async fn after_every_lost_rotation_the_honest_client_goes_on() {
    let stack = Stack::start().await;
    let mut token = stack.sign_in().await.token();
    for _ in 0..10 {
        stack.advance(WINDOW);
        let _lost = stack.refresh(&token).await;
        stack.advance(Duration::from_secs(20));
        token = stack.refresh(&token).await.token();
    }
}

#[tokio::test]
async fn the_user_comes_along_when_asked_for() {
    let stack = Stack::start().await;
    let signed_in = stack.sign_in().await;
    let refreshed = stack.refresh_with_user(&signed_in.token()).await;
    assert_eq!(refreshed.body["user"], signed_in.body["user"]);
    assert_eq!(stack.refresh(&signed_in.token()).await.body.get("user"), None);
}

/// So that a service can ask for a login of a moment ago (RFC 9068 §2.2.1, RFC 9470).
#[tokio::test]
async fn an_access_token_says_when_the_login_was_that_began_its_session() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let signed_in = stack.sign_in_as(&user).await;
    let auth_time = |answer: &Answer| jwt_part(answer.access(), 1)["auth_time"].as_i64().unwrap();
    let iat = |answer: &Answer| jwt_part(answer.access(), 1)["iat"].as_i64().unwrap();
    let logged_in_at = iat(&signed_in);
    assert_eq!(auth_time(&signed_in), logged_in_at);
    let mut token = signed_in.token();
    for age in 1..=3 {
        stack.advance(WINDOW);
        let rotated = stack.refresh(&token).await;
        assert_eq!((auth_time(&rotated), iat(&rotated)), (logged_in_at, logged_in_at + 30 * age), "rotated");
        assert_eq!(auth_time(&stack.refresh(&token).await), logged_in_at, "repeated");
        token = rotated.token();
        assert_eq!(auth_time(&stack.refresh(&token).await), logged_in_at, "current");
    }
    let again = stack.sign_in_as(&user).await;
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
async fn an_access_token_that_outlives_its_session_opens_nothing() {
    let environment = [("SESSION_MAX_TTL", "3600"), ("SESSION_IDLE_TTL", "3600"), ("ACCESS_TTL", "3600")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let signed_in = stack.sign_in().await;
    stack.advance(Duration::from_mins(59));
    let access = stack.refresh(&signed_in.token()).await.access().to_owned();
    assert_eq!(stack.profile(&access).await.status, StatusCode::OK);
    stack.advance(Duration::from_mins(1));
    let ended = stack.profile(&access).await;
    assert_eq!((ended.status, ended.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
}

fn both(one: &str, other: &str) -> [String; 2] {
    let (one, other) = (cookie_pair(one), cookie_pair(other));
    [format!("{one}; {other}"), format!("{other}; {one}")]
}

/// After `CookieSameSite` was changed, the cookie of the old kind stays behind while that of the new kind is rotated.
#[tokio::test]
async fn an_older_token_of_the_same_session_beside_the_newest_is_no_reuse() {
    let stack = Stack::start().await;
    let left_behind = stack.sign_in().await.token();
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
    assert_eq!(stack.refresh(&left_behind).await.status, StatusCode::UNAUTHORIZED, "alone it is");
    assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn of_two_sessions_the_newer_is_renewed_and_the_older_only_once_that_has_ended() {
    let stack = Stack::start().await;
    let older = stack.sign_in().await;
    stack.advance(Duration::from_secs(1));
    let newer = stack.sign_in().await;
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

/// The other kind's session may have been found stolen: that is no reason to end this one.
#[tokio::test]
async fn a_reuse_in_the_newer_session_leaves_the_older_one_alone() {
    let stack = Stack::start().await;
    let older = stack.sign_in().await.token();
    stack.advance(Duration::from_secs(1));
    let spent = stack.sign_in().await.token();
    stack.advance(WINDOW);
    let successor = stack.refresh(&spent).await.token();
    stack.advance(WINDOW);
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", &both(&older, &spent)[0]);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&successor).await.status, StatusCode::UNAUTHORIZED, "both parties are out of it");
}
