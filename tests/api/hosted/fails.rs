//! A hosted login that fails at Kakao, in DynamoDB or here: the browser still gets to its page, and the log gets the reason.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::keys::Document;
use tests::{Stack, client::Response, fault_proxy::Fault};

use super::visitor::{Visitor, assert_failed, choose, hosted, location};
use crate::recorder::{Log, line_of};

fn assert_line(log: &Log, response: &Response, outcome: &str, level: &str) -> Value {
    let line = line_of(log, response);
    assert_eq!((&line["outcome"], &line["level"]), (&json!(outcome), &json!(level)), "{line}");
    assert_eq!(line["http_status"], 303);
    line
}

#[tokio::test]
async fn an_outage_of_kakao_is_told_to_the_page_and_a_reload_logs_in_when_it_is_over() {
    let log = Log::start();
    let stack = hosted().await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&stack, "?next=/shop").await;
    let callback = choose(&page, &stack.kakao.new_user().await).await;
    stack.kakao_proxy.fail(Fault::Down);
    let response = visitor.finish(&stack, &callback).await;
    assert_failed(&response, "/shop", "unavailable", "down");
    assert_line(&log, &response, "unavailable", "WARN");
    stack.kakao_proxy.heal();
    // The circuit breaker.
    stack.advance(Duration::from_mins(1));
    let again = visitor.finish(&stack, &callback).await;
    assert_eq!(stack.refresh(&again.token()).await.status, 200);
}

#[tokio::test]
async fn a_login_that_takes_too_long_brings_the_browser_to_its_page_in_time() {
    let log = Log::start();
    let stack = hosted().await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&stack, "?next=/shop").await;
    let callback = choose(&page, &stack.kakao.new_user().await).await;
    // Each call is short enough by itself.
    for endpoint in ["/oauth/token", "/v2/user/me"] {
        stack.kakao.fail(endpoint, &json!({"kind": "slow", "milliseconds": 2_300})).await;
    }
    let started = Instant::now();
    let response = visitor.finish(&stack, &callback).await;
    assert!(started.elapsed() < Duration::from_millis(4_600), "{:?}", started.elapsed());
    assert_failed(&response, "/shop", "unavailable", "slow");
    let line = assert_line(&log, &response, "unavailable", "WARN");
    assert_eq!(line["error_reason"], "not finished within the deadline");
}

#[tokio::test]
async fn what_an_operator_must_correct_is_an_error_in_the_log_though_the_browser_is_redirected() {
    let log = Log::start();
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let fail = async |stack: &Stack| {
        let mut visitor = Visitor::default();
        let page = visitor.begin(stack, "?next=/shop").await;
        let response = visitor.finish(stack, &choose(&page, &user).await).await;
        assert_failed(&response, "/shop", "unavailable", "");
        response
    };
    stack.table_proxy.fail(Fault::Deny);
    let line = assert_line(&log, &fail(&stack).await, "unavailable", "ERROR");
    assert!(line["error_reason"].as_str().unwrap().contains("AccessDeniedException"), "{line}");
    stack.table_proxy.heal();
    stack.kakao.fail("/oauth/token", &json!({"kind": "auth_code", "code": "KOE010", "error": "invalid_client"})).await;
    let line = assert_line(&log, &fail(&stack).await, "unavailable", "ERROR");
    assert!(line["error_reason"].as_str().unwrap().contains("Client secret"), "{line}");
    stack.kakao.heal().await;
    stack.overwrite_keys(Document::Issuing, "{}").await;
    let cold = stack.with_other_setting("ACCESS_TTL", "301").await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&cold, "?next=/shop").await;
    let response = visitor.finish(&cold, &choose(&page, &user).await).await;
    assert_failed(&response, "/shop", "unavailable", "no keys");
    assert_line(&log, &response, "unavailable", "ERROR");
}

#[tokio::test]
async fn a_person_who_cannot_log_in_now_is_told_why() {
    let log = Log::start();
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let mut visitor = Visitor::default();
    let deleted = visitor.log_in(&stack, &user, "/").await;
    let refreshed = stack.refresh(&deleted.token()).await;
    stack.delete_account(refreshed.access()).await;
    let response = Visitor::default().log_in(&stack, &user, "/shop").await;
    assert_failed(&response, "/shop", "account_being_deleted", "");
    assert_line(&log, &response, "account_being_deleted", "INFO");

    let young = stack.kakao.new_user().await;
    stack.kakao.fail_for(&young, "/v2/user/me", &json!({"kind": "api_code", "code": -406})).await;
    let response = Visitor::default().log_in(&stack, &young, "/shop").await;
    assert_failed(&response, "/shop", "underage", "");
    assert_line(&log, &response, "kakao_underage", "INFO");

    let busy = stack.kakao.new_user().await;
    let token = stack.kakao.token(&busy).await;
    for _ in 0..20 {
        stack.login(&json!({"access_token": token})).await;
    }
    let response = Visitor::default().log_in(&stack, &busy, "/shop").await;
    assert_failed(&response, "/shop", "too_many_logins", "");
    assert_line(&log, &response, "too_many_logins", "INFO");
    assert_eq!(location(&response).host_str(), Some("localhost"));
}
