//! `POST /auth/kakao`: how often Kakao is called, and how often one user may log in.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    REDIRECT_URI, Stack,
    client::{Response, cookie_pair, unique},
    fault_proxy::Fault,
};

use super::code::at_once;
use crate::recorder::Log;

const LOGINS_A_MINUTE: usize = 20;
const DAY: Duration = Duration::from_hours(24);

async fn by_token(stack: &Stack, user: &str) -> Value {
    json!({"access_token": stack.kakao.token(user).await})
}

/// Logs this user in `times` times, each time with a new Kakao token.
async fn log_in_times(stack: &Stack, user: &str, times: usize) -> Response {
    let mut last = stack.log_in_as(user).await;
    for _ in 1..times {
        last = stack.log_in_as(user).await;
    }
    last
}

/// The `Retry-After` of a login over the limit, in seconds.
fn retry_after(response: &Response) -> u64 {
    assert_eq!(
        (response.status, response.code()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_logins"),
        "{}",
        response.body
    );
    assert_eq!(response.set_cookie(), "", "the browser's cookie is not changed");
    response.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn kakao_is_asked_about_an_access_token_once_in_ten_seconds_and_each_login_succeeds() {
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"nickname": "라이언"})).await;
    let body = by_token(&stack, &user).await;
    let login = async || {
        let before = stack.kakao.calls().await;
        let response = stack.login(&body).await;
        assert_eq!((response.status, &response.body["user"]["nickname"]), (StatusCode::OK, &json!("라이언")));
        (stack.kakao.calls().await - before, response.token())
    };
    let (calls, first) = login().await;
    stack.advance(Duration::from_secs(9));
    let (calls_again, second) = login().await;
    assert_eq!((calls, calls_again), (2, 0));
    assert_ne!(first, second, "two sessions");
    stack.advance(Duration::from_secs(1));
    assert_eq!(login().await.0, 2, "ten seconds after the check, not after the last login");
}

#[tokio::test]
async fn requests_at_once_with_one_access_token_share_the_calls() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let before = stack.kakao.calls().await;
    let responses = at_once(&stack, &vec![by_token(&stack, &user).await; 5]).await;
    assert!(responses.iter().all(|response| response.status == StatusCode::OK));
    assert_eq!(stack.kakao.calls().await - before, 2);
}

#[tokio::test]
async fn a_check_that_failed_is_made_again_and_then_used_for_ten_seconds() {
    let stack = Stack::start().await;
    let body = by_token(&stack, &stack.kakao.new_user().await).await;
    stack.kakao.fail("/v2/user/me", &json!({"kind": "quota"})).await;
    assert_eq!(stack.login(&body).await.code(), "unavailable");
    stack.kakao.heal().await;
    stack.advance(Duration::from_secs(9));
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
    let before = stack.kakao.calls().await;
    stack.advance(Duration::from_secs(9));
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
    assert_eq!(stack.kakao.calls().await, before);
}

#[tokio::test]
async fn the_twenty_first_login_of_a_user_in_a_minute_is_refused_and_the_next_minute_is_new() {
    let stack = Stack::start().await;
    let (user, other) = (stack.kakao.new_user().await, stack.kakao.new_user().await);
    let cookie = log_in_times(&stack, &user, LOGINS_A_MINUTE).await.token();
    for kind in ["access_token", "id_token", "code_verifier", "code with a nonce"] {
        let body = match kind {
            "access_token" => by_token(&stack, &user).await,
            "id_token" => json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "n"})).await, "nonce": "n"}),
            "code_verifier" => stack.kakao.code_body(&user).await,
            _ => {
                let code = stack.kakao.code_with(&user, &json!({"nonce": "n"})).await;
                json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"})
            }
        };
        let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&cookie)).json(&body);
        let wait = retry_after(&stack.send(request).await);
        assert!((1..=60).contains(&wait), "{kind}: {wait}");
        assert_eq!(stack.count("SESSION#").await, LOGINS_A_MINUTE, "{kind}: no session is started");
    }
    assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK, "the browser's session is alive");
    assert_eq!(stack.log_in_as(&other).await.status, StatusCode::OK, "another user has a count of their own");

    let last = by_token(&stack, &user).await;
    let wait = retry_after(&stack.login(&last).await);
    stack.advance(Duration::from_secs(wait - 1));
    assert_eq!(retry_after(&stack.login(&last).await), 1);
    stack.advance(Duration::from_secs(1));
    assert_eq!(stack.login(&last).await.status, StatusCode::OK);
    log_in_times(&stack, &user, LOGINS_A_MINUTE - 1).await;
    retry_after(&stack.login(&by_token(&stack, &user).await).await);
}

#[tokio::test]
async fn a_token_whose_user_logs_in_too_often_costs_no_call_until_the_minute_is_over() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    log_in_times(&stack, &user, LOGINS_A_MINUTE).await;
    let body = by_token(&stack, &user).await;
    let mut wait = retry_after(&stack.login(&body).await);
    let _ = stack.table_proxy.take_traffic();
    let before = stack.kakao.calls().await;
    while wait > 1 {
        let step = (wait - 1).min(11);
        stack.advance(Duration::from_secs(step));
        wait -= step;
        assert_eq!(retry_after(&stack.login(&body).await), wait);
    }
    assert_eq!(stack.kakao.calls().await, before);
    assert_eq!(stack.table_proxy.take_traffic().operations, Vec::<String>::new());
}

#[tokio::test]
async fn of_two_logins_at_once_after_nineteen_one_succeeds() {
    for _ in 0..5 {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        log_in_times(&stack, &user, LOGINS_A_MINUTE - 1).await;
        let bodies = [by_token(&stack, &user).await, by_token(&stack, &user).await];
        let responses = at_once(&stack, &bodies).await;
        let mut statuses: Vec<u16> = responses.iter().map(|response| response.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 429]);
        assert_eq!(stack.count("SESSION#").await, LOGINS_A_MINUTE);
    }
}

#[tokio::test]
async fn a_retried_login_succeeds_and_is_not_counted() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = stack.kakao.code_body(&user).await;
    let first = stack.login(&body).await;
    log_in_times(&stack, &user, LOGINS_A_MINUTE - 1).await;
    for _ in 0..3 {
        assert_eq!(stack.login(&body).await.token(), first.token());
    }
    retry_after(&stack.login(&by_token(&stack, &user).await).await);
    let items = stack.dump().await;
    let profile = items.iter().find(|item| item.contains_key("logins")).unwrap();
    assert_eq!(profile["logins"].as_n().unwrap(), "20");
}

/// Half a minute is more than clocks in one region differ.
#[tokio::test]
async fn machines_whose_clocks_differ_share_one_count() {
    let stack = Stack::start().await;
    let ahead = stack.skewed(30).await;
    let user = stack.kakao.new_user().await;
    let mut passed = 0;
    for turn in 0..2 * LOGINS_A_MINUTE {
        let functions = if turn % 2 == 0 { &*stack } else { &ahead };
        let response = functions.login(&by_token(&stack, &user).await).await;
        if response.status == StatusCode::OK {
            passed += 1;
        } else {
            retry_after(&response);
        }
    }
    // If a minute ends between the two clocks, the first login of the one behind was counted in the minute before.
    assert!((LOGINS_A_MINUTE..=LOGINS_A_MINUTE + 1).contains(&passed), "{passed}");
}

#[tokio::test]
async fn a_clock_that_was_wrong_locks_nobody_out() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    log_in_times(&stack, &user, LOGINS_A_MINUTE).await;
    let mut items = stack.dump().await;
    let profile = items.iter_mut().find(|item| item.contains_key("login_minute")).unwrap();
    let next_year = profile["login_minute"].as_n().unwrap().parse::<i64>().unwrap() + 525_600;
    profile.insert("login_minute".to_owned(), aws_sdk_dynamodb::types::AttributeValue::N(next_year.to_string()));
    stack.restore(&items).await;
    assert_eq!(stack.log_in_as(&user).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_over_the_limit_is_refused_even_if_its_session_cannot_be_deleted() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    log_in_times(&stack, &user, LOGINS_A_MINUTE).await;
    let body = by_token(&stack, &user).await;
    stack.table_proxy.fail(Fault::DenyOnly("DeleteItem"));
    retry_after(&stack.login(&body).await);
    stack.table_proxy.heal();
    assert!(log.text().contains("refused_session_stays"));
}

/// One Kakao user, with this picture and nickname.
async fn person(stack: &Stack, picture: &str, nickname: Option<&str>) -> String {
    let profile = json!({
        "nickname": nickname,
        "profile_image_url": format!("https://k.kakaocdn.net/dn/{picture}/img_640x640.jpg"),
        "thumbnail_image_url": format!("https://k.kakaocdn.net/dn/{picture}/img_110x110.jpg"),
    });
    let account = json!({"profile": profile, "profile_nickname_needs_agreement": nickname.is_none()});
    stack.kakao.user(&json!({"id": 4_545_454_545_i64, "account": account})).await
}

/// Logs in by code; returns the user and the number of calls to Kakao.
async fn by_code(stack: &Stack, user: &str) -> (Value, u64) {
    let body = stack.kakao.code_body(user).await;
    let before = stack.kakao.calls().await;
    let response = stack.login(&body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let calls = stack.kakao.calls().await - before;
    assert_eq!(stack.profile(response.access()).await.body, response.body["user"]);
    (response.body["user"].clone(), calls)
}

fn image(picture: &str) -> Value {
    json!(format!("https://k.kakaocdn.net/dn/{picture}/img_640x640.jpg"))
}

#[tokio::test]
async fn a_known_users_login_by_code_costs_one_call_while_the_profile_is_unchanged() {
    let stack = Stack::start().await;
    let user = person(&stack, "one", Some("라이언")).await;
    let (first, calls) = by_code(&stack, &user).await;
    assert_eq!((&first["profile_image"], calls), (&image("one"), 2), "a new user is fetched");
    for _ in 0..3 {
        let (again, calls) = by_code(&stack, &user).await;
        assert_eq!((&again, calls), (&first, 1));
        stack.advance(DAY * 10);
    }
    // The ID token carries the new nickname.
    let renamed = person(&stack, "one", Some("춘식이")).await;
    let (shown, calls) = by_code(&stack, &renamed).await;
    assert_eq!((&shown["nickname"], calls), (&json!("춘식이"), 1));
}

#[tokio::test]
async fn a_new_picture_is_fetched_at_most_once_a_day() {
    let stack = Stack::start().await;
    by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    stack.advance(Duration::from_secs(86_399));
    let other = person(&stack, "two", Some("라이언")).await;
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], calls), (&image("one"), 1), "fetched within the day before");
    stack.advance(Duration::from_secs(1));
    let _ = stack.table_proxy.take_traffic();
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], calls), (&image("two"), 2));
    stack.advance(DAY);
    assert_eq!(by_code(&stack, &other).await, (shown, 1), "the same profile again");
}

#[tokio::test]
async fn a_withdrawn_nickname_is_removed_within_a_day() {
    let stack = Stack::start().await;
    by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    let withdrawn = person(&stack, "one", None).await;
    assert_eq!(by_code(&stack, &withdrawn).await.0["nickname"], "라이언");
    stack.advance(DAY);
    let (shown, calls) = by_code(&stack, &withdrawn).await;
    assert_eq!((&shown["nickname"], calls), (&Value::Null, 2));
}

#[tokio::test]
async fn an_email_that_kakao_no_longer_vouches_for_is_removed_at_the_next_login_by_code() {
    let stack = Stack::start().await;
    let account = |valid: bool, verified: bool| {
        let email = json!({"email": "r@example.com", "is_email_valid": valid, "is_email_verified": verified});
        json!({"id": 4_646_464_646_i64, "account": email})
    };
    let good = stack.kakao.user(&account(true, true)).await;
    by_code(&stack, &good).await;
    for (valid, verified) in [(false, true), (true, false), (false, false)] {
        assert_eq!(by_code(&stack, &good).await.0["email"], "r@example.com");
        let taken = stack.kakao.user(&account(valid, verified)).await;
        let (shown, calls) = by_code(&stack, &taken).await;
        assert_eq!((&shown["email"], &shown["email_verified"], calls), (&json!(""), &json!(false), 1));
    }
}

#[tokio::test]
async fn while_user_me_fails_the_id_token_is_used_and_the_next_login_asks_again() {
    let stack = Stack::start().await;
    by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    stack.advance(DAY);
    let other = person(&stack, "two", Some("춘식이")).await;
    stack.kakao.fail("/v2/user/me", &json!({"kind": "quota"})).await;
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], &shown["nickname"], calls), (&image("one"), &json!("춘식이"), 2));
    stack.kakao.heal().await;
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], calls), (&image("two"), 2));
}

#[tokio::test]
async fn a_user_me_response_for_another_user_than_the_id_token_is_refused() {
    let stack = Stack::start().await;
    let (before, _) = by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    let sessions = stack.count("SESSION#").await;
    stack.advance(DAY);
    let other = person(&stack, "two", Some("라이언")).await;
    let body = stack.kakao.code_body(&other).await;
    stack.kakao.fail("/v2/user/me", &json!({"kind": "answer", "status": 200, "body": r#"{"id": 1029384756}"#})).await;
    let response = stack.login(&body).await;
    assert_eq!((response.code(), response.set_cookie()), ("kakao_rejected", ""));
    assert_eq!((stack.count("SESSION#").await, stack.count("KAKAO#").await), (sessions, 1));
    stack.kakao.heal().await;
    let (after, _) = by_code(&stack, &other).await;
    assert_eq!(after["pk"], before["pk"]);
}

#[tokio::test]
async fn a_grant_without_an_id_token_costs_two_calls() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for _ in 0..2 {
        let challenge = json!({
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "scope": "account_email profile_nickname",
        });
        let code = stack.kakao.code_with(&user, &challenge).await;
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": verifier});
        let before = stack.kakao.calls().await;
        assert_eq!(stack.login(&body).await.status, StatusCode::OK);
        assert_eq!(stack.kakao.calls().await - before, 2);
    }
}

/// A picture fetched by a login with an access token is not taken for the picture of the last ID token.
#[tokio::test]
async fn a_picture_that_changed_twice_is_fetched_although_the_id_token_shows_an_earlier_one() {
    let stack = Stack::start().await;
    let one = person(&stack, "one", Some("라이언")).await;
    by_code(&stack, &one).await;
    let two = person(&stack, "two", Some("라이언")).await;
    assert_eq!(stack.log_in_as(&two).await.body["user"]["profile_image"], image("two"));
    stack.advance(DAY);
    let one_again = person(&stack, "one", Some("라이언")).await;
    assert_eq!(by_code(&stack, &one_again).await, (by_code(&stack, &one_again).await.0, 2));
    assert_eq!(by_code(&stack, &one_again).await.0["profile_image"], image("one"));
}

/// Mobile apps log in by ID token with a new nonce each time.
#[tokio::test]
async fn a_login_by_id_token_does_not_change_the_stored_picture() {
    let stack = Stack::start().await;
    let user = person(&stack, "one", Some("라이언")).await;
    let (first, _) = by_code(&stack, &user).await;
    let nonce = unique();
    let token = stack.kakao.id_token(&user, &json!({"nonce": nonce})).await;
    assert_eq!(stack.login(&json!({"id_token": token, "nonce": nonce})).await.body["user"], first);
    assert_eq!(by_code(&stack, &user).await, (first, 1));
}
