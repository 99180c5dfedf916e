//! `POST /auth/logout?scope=all` with many sessions.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::StatusCode;
use shared::id::SessionId;
use tests::{Stack, fault_proxy::FaultRates};

use crate::recorder::Log;

/// Creates a user with this many sessions; returns the token of one of them.
async fn somebody_with_sessions(stack: &Stack, count: usize) -> String {
    let token = stack.log_in().await.token();
    let is_session = |item: &&local::table::Item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("SESSION#"));
    let session = stack.dump().await.iter().find(is_session).unwrap().clone();
    let others = (1..count).map(|_| {
        let mut other = session.clone();
        other.insert("sk".to_owned(), AttributeValue::S(format!("SESSION#{}", SessionId::generate())));
        other
    });
    stack.restore(&others.collect::<Vec<_>>()).await;
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn one_logout_everywhere_ends_hundreds_of_sessions() {
    const SESSIONS: usize = 200;
    let log = Log::start();
    let stack = Stack::start().await;
    let token = somebody_with_sessions(&stack, SESSIONS).await;
    let _ = stack.table_proxy.take_traffic();
    stack.table_proxy.set_rates(FaultRates { delay: Duration::from_millis(4), ..FaultRates::default() });
    let response = stack.logout_everywhere(&token).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let operations = stack.table_proxy.take_traffic().operations;
    assert_eq!(operations[0], "Query");
    assert_eq!(operations[1..], vec!["DeleteItem"; SESSIONS]);
    assert_eq!(stack.count("SESSION#").await, 0);

    let asked_for =
        stack.table_proxy.last_body("Query")["ProjectionExpression"].as_str().unwrap_or_default().to_owned();
    assert!(asked_for.starts_with("sk, token_hash"), "device descriptions are not read: {asked_for}");
    let id = response.headers["apigw-requestid"].to_str().unwrap();
    let text = log.text();
    let line = text.lines().find(|line| line.contains(id)).unwrap();
    assert!(line.contains("logged_out_everywhere") && line.len() < 1_000, "{} bytes: {line}", line.len());
}

/// Each write is so slow that one request has time for only some of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_everywhere_that_runs_out_of_time_continues_on_retry() {
    let stack = Stack::start().await;
    let token = somebody_with_sessions(&stack, 200).await;
    stack.table_proxy.set_rates(FaultRates { delay: Duration::from_millis(250), ..FaultRates::default() });
    let mut left = 200;
    loop {
        // The client checks that a 503 has `Retry-After`.
        let response = stack.logout_everywhere(&token).await;
        let still = stack.count("SESSION#").await;
        if response.status == StatusCode::OK {
            assert_eq!((still, response.cookie.as_deref()), (0, Some("")));
            break;
        }
        assert_eq!((response.status, response.cookie), (StatusCode::SERVICE_UNAVAILABLE, None));
        assert!(0 < still && still < left, "{still} sessions of {left} are left");
        left = still;
    }
    assert!(left < 200, "it took more than one request");
}
