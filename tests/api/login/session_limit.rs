//! `POST /auth/kakao`: how many sessions a user may have.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use local::table::Item;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::id::SessionId;
use tests::{
    Stack,
    client::{Response, cookie_pair, jwt_part},
    fault_proxy::Fault,
};

use crate::recorder::{Log, lines_with};

const MINUTE: Duration = Duration::from_mins(1);

/// The sort key of a response's session.
fn session_of(response: &Response) -> String {
    format!("SESSION#{}", jwt_part(response.access(), 1)["sid"].as_str().unwrap())
}

/// The sort keys of all sessions.
async fn sessions(stack: &Stack) -> BTreeSet<String> {
    let items = stack.dump().await.into_iter();
    items.map(|item| item["sk"].as_s().unwrap().clone()).filter(|sk| sk.starts_with("SESSION#")).collect()
}

/// Logs this user in `times` times, a minute apart, each on a device of its own.
async fn log_in_times(stack: &Stack, user: &str, times: usize) -> Vec<Response> {
    let mut responses = Vec::new();
    for _ in 0..times {
        stack.advance(MINUTE);
        responses.push(stack.log_in_as(user).await);
    }
    responses
}

#[tokio::test]
async fn every_twentieth_login_ends_all_sessions_but_the_twenty_used_last() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let other = stack.log_in().await;
    let mut started = Vec::new();
    for login in 1..=41_usize {
        if login == 40 {
            // The first three devices are in use again.
            for used in &started[..3] {
                stack.advance(MINUTE);
                assert_eq!(stack.refresh(&Response::token(used)).await.status, StatusCode::OK);
            }
        }
        started.extend(log_in_times(&stack, &user, 1).await);
        let mut left = sessions(&stack).await;
        assert!(left.remove(&session_of(&other)), "another user's session stays");
        let expected: BTreeSet<String> = match login {
            ..40 => started.iter().map(session_of).collect(),
            _ => started[..3].iter().chain(&started[23..]).map(session_of).collect(),
        };
        assert_eq!(left, expected, "after login {login}");
        assert!(left.len() < 40, "after login {login}");
    }
    let (ended, kept) = (&started[3], &started[40]);
    assert_eq!(stack.refresh(&ended.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.profile(kept.access()).await.status, StatusCode::OK);
}

/// The sessions of the table, changed.
async fn change_sessions(stack: &Stack, change: impl Fn(usize, &mut Item)) {
    let mut items = stack.dump().await;
    let of_sessions = items.iter_mut().filter(|item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("SESSION#")));
    for (number, session) in of_sessions.enumerate() {
        change(number, session);
    }
    stack.restore(&items).await;
}

fn seconds(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[tokio::test]
async fn expired_sessions_do_not_count() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    log_in_times(&stack, &user, 39).await;
    let now = stack.now().unix_seconds();
    stack.advance(MINUTE);
    change_sessions(&stack, |number, session| {
        if number % 2 == 0 {
            session.insert("expires_at".to_owned(), seconds(now + 60));
        }
    })
    .await;
    let before = sessions(&stack).await;
    let last = session_of(&stack.log_in_as(&user).await);
    let expected: BTreeSet<String> = before.into_iter().chain([last]).collect();
    assert_eq!(sessions(&stack).await, expected, "20 have expired, and 20 live");
}

/// Other processes' clocks may be ahead.
#[tokio::test]
async fn a_login_never_ends_the_session_that_it_has_started() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    log_in_times(&stack, &user, 39).await;
    stack.advance(MINUTE);
    let ahead = stack.now().unix_seconds() + 30;
    change_sessions(&stack, |_, session| drop(session.insert("last_used_at".to_owned(), seconds(ahead)))).await;
    let last = stack.log_in_as(&user).await;
    let left = sessions(&stack).await;
    assert_eq!((left.len(), left.contains(&session_of(&last))), (20, true));
}

/// A login over the limit of a minute is refused after its session was written, which ends a moment later. Until then it must not
/// take the place of another.
#[tokio::test]
async fn a_session_of_the_last_fifteen_seconds_neither_counts_nor_ends() {
    for (age, counts) in [(14, false), (15, true)] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let devices = log_in_times(&stack, &user, 19).await;
        stack.advance(MINUTE);
        let mut another = stack.dump().await.into_iter().find(|item| item.contains_key("token_hash")).unwrap();
        another.insert("sk".to_owned(), AttributeValue::S(format!("SESSION#{}", SessionId::generate())));
        for name in ["created_at", "last_used_at"] {
            another.insert(name.to_owned(), seconds(stack.now().unix_seconds() - age));
        }
        stack.restore(&[another]).await;
        let mut expected = sessions(&stack).await;
        expected.insert(session_of(&stack.log_in_as(&user).await));
        if counts {
            expected.remove(&session_of(&devices[0]));
        }
        assert_eq!(sessions(&stack).await, expected, "after {age} s");
    }
}

#[tokio::test]
async fn a_browser_that_logs_in_again_ends_no_session_of_another_device() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let devices = log_in_times(&stack, &user, 19).await;
    let mut browser = stack.log_in_as(&user).await;
    for _ in 0..20 {
        stack.advance(MINUTE);
        let token = stack.kakao.token(&user).await;
        let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&browser.token()));
        browser = stack.send(request.json(&json!({"access_token": token}))).await;
    }
    let expected: BTreeSet<String> = devices.iter().chain([&browser]).map(session_of).collect();
    assert_eq!(sessions(&stack).await, expected);
}

#[tokio::test]
async fn sessions_that_cannot_be_counted_fail_no_login_and_are_counted_twenty_logins_later() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for (fault, reason) in [
        (Fault::DenyOnly("Query"), "DynamoDB refuses Query: AccessDeniedException"),
        (Fault::Hang, "DynamoDB Query failed: not finished within 1 s"),
    ] {
        log_in_times(&stack, &user, 19).await;
        stack.advance(MINUTE);
        let body = json!({"access_token": stack.kakao.token(&user).await});
        // Identity, profile and session.
        stack.table_proxy.fail_after(3, fault);
        let response = stack.login(&body).await;
        stack.table_proxy.heal();
        assert_eq!(response.status, StatusCode::OK, "{fault:?}: {}", response.body);
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK, "{fault:?}");
        let lines = lines_with(&log, "sessions_not_pruned");
        assert!(lines.iter().any(|line| line.to_string().contains(reason)), "{reason}: {lines:?}");
    }
    assert_eq!(stack.count("SESSION#").await, 40);
    log_in_times(&stack, &user, 20).await;
    assert_eq!(stack.count("SESSION#").await, 20);
}
