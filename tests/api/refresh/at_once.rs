//! `POST /auth/refresh`: concurrent requests, and writes whose response was lost.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{Stack, fault_proxy::Fault};

use super::rules::WINDOW;

#[tokio::test]
async fn twenty_concurrent_refreshes_get_one_successor_and_log_nobody_out() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    stack.advance(WINDOW);

    let responses = stack.refresh_at_once(&first, 20).await;
    let mut successors: Vec<String> = responses.iter().filter_map(|response| response.cookie.clone()).collect();
    assert!(responses.iter().all(|response| response.status == StatusCode::OK));
    successors.sort();
    successors.dedup();
    assert_eq!(successors.len(), 1, "one successor");
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&successors[0]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn two_hundred_rounds_of_two_concurrent_refreshes_end_no_session() {
    let stack = Stack::start().await;
    let mut token = stack.log_in().await.token();
    for round in 0..200 {
        stack.advance(WINDOW);
        let responses = stack.refresh_at_once(&token, 2).await;
        let tokens: Vec<String> = responses.iter().map(tests::client::Response::token).collect();
        assert_eq!(tokens[0], tokens[1], "round {round}");
        token.clone_from(&tokens[0]);
    }
}

#[tokio::test]
async fn a_refresh_whose_dynamodb_response_was_lost_succeeds_on_retry() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    stack.advance(WINDOW);

    // The response of every attempt is lost, although the table carried it out.
    stack.table_proxy.fail(Fault::LoseResponses(3));
    let lost = stack.refresh(&first).await;
    assert_eq!((lost.status, lost.cookie.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, None));
    stack.table_proxy.heal();
    let again = stack.refresh(&first).await;
    assert_eq!(again.status, StatusCode::OK);
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&again.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_sdks_own_retry_of_a_write_that_succeeded_is_recognised() {
    for fault in [Fault::LoseResponses(1), Fault::LoseResponses(2)] {
        let stack = Stack::start().await;
        let first = stack.log_in().await.token();
        stack.advance(WINDOW);
        stack.table_proxy.fail(fault);
        let refreshed = stack.refresh(&first).await;
        assert_eq!(refreshed.status, StatusCode::OK, "{fault:?}");
        stack.advance(WINDOW);
        assert_eq!(stack.refresh(&refreshed.token()).await.status, StatusCode::OK, "{fault:?}");
    }
}

/// A crash after the write at any point of a session's life: the client still has the parent.
#[tokio::test]
async fn a_client_keeps_its_session_although_every_rotation_is_lost_once() {
    let stack = Stack::start().await;
    let mut token = stack.log_in().await.token();
    for _ in 0..10 {
        stack.advance(WINDOW);
        let _lost = stack.refresh(&token).await;
        stack.advance(Duration::from_secs(20));
        token = stack.refresh(&token).await.token();
    }
}
