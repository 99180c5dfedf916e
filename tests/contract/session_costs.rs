//! What a read by the session's cookie costs: one request, and no write.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tests::{Stack, client::cookie_pair, fault_proxy::Traffic};

use crate::costs::{sorted, units};

async fn cost(stack: &Stack, token: &str) -> (StatusCode, Traffic) {
    let _ = stack.table_proxy.take_traffic();
    let response = stack.send(stack.request(Method::GET, "/auth/session").header("cookie", cookie_pair(token))).await;
    (response.status, stack.table_proxy.take_traffic())
}

#[tokio::test]
async fn a_read_by_cookie_costs_one_request_if_the_session_is_alive_and_two_reads_at_most() {
    let stack = Stack::start().await;
    let parent = stack.log_in().await.token();
    let expect = async |case: &str, token: &str, status: u16, requests: usize, reads: f64| {
        let (got, traffic) = cost(&stack, token).await;
        assert_eq!(got, status, "{case}");
        assert_eq!(
            (sorted(&traffic, requests), units(&traffic)),
            (vec!["BatchGetItem"; requests], (0.0, reads)),
            "{case}"
        );
    };
    expect("current", &parent, 200, 1, 1.0).await;
    stack.advance(Duration::from_secs(30));
    expect("due to rotate", &parent, 200, 1, 1.0).await;
    let current = stack.refresh(&parent).await.token();
    expect("the parent inside the window", &parent, 200, 1, 1.0).await;
    stack.advance(Duration::from_secs(30));
    expect("the parent after the window", &parent, 401, 2, 3.0).await;
    stack.logout(&current).await;
    expect("logged out", &current, 401, 2, 3.0).await;
    let linked = stack.log_in_linked().await;
    expect("linked", &linked.token, 403, 0, 0.0).await;
    expect("garbage", "x", 401, 0, 0.0).await;
}
