//! `POST /auth/kakao`: how often Kakao is called, and how often one user may log in.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    REDIRECT_URI, Stack,
    client::{Response, cookie_pair},
    fault_proxy::Fault,
};

use super::code::at_once;
use crate::recorder::Log;

const LOGINS_A_MINUTE: usize = 20;

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
