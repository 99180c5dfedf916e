//! A chain that grows, and tabs that ask at the same time.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{
    Stack,
    chain::{confirmed, link, parts},
    client::jwt_part,
};

pub(crate) const PACE: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn each_renewal_confirms_the_next_link_and_leaves_the_cookie_alone() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let logged_in_at = jwt_part(&chain.access, 1)["auth_time"].clone();
    for number in 1..=5 {
        stack.advance(PACE);
        let sent = chain.clone();
        let response = chain.renew(&stack).await;
        assert_eq!(response.status, StatusCode::OK, "{number}: {}", response.body);
        assert_eq!(parts(&confirmed(&response).unwrap()), (number, sent.next.clone()));
        assert_ne!(chain.access, sent.access);
        assert_eq!(stack.profile(&chain.access).await.status, StatusCode::OK);
        assert_eq!((chain.session(), &jwt_part(&chain.access, 1)["auth_time"]), (sent.session(), &logged_in_at));
        let names: Vec<&String> = response.body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["access", "access_expiration", "expires_in", "link", "refresh", "token_type"]);
    }
}

#[tokio::test]
async fn until_a_link_is_fifteen_seconds_old_a_renewal_confirms_none_and_changes_nothing() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    for round in ["after the login", "after a growth"] {
        for age in [0, 9, 5] {
            stack.advance(age * SECOND);
            let before = stack.dump_without_answers().await;
            // Another tab may have drawn another link.
            for next in [chain.next.clone(), link()] {
                let response = tests::Chain { next, ..chain.clone() }.ask(&stack).await;
                assert_eq!(
                    (response.status, confirmed(&response), response.cookie.as_deref()),
                    (StatusCode::OK, None, None)
                );
                assert_eq!(stack.profile(response.access()).await.status, StatusCode::OK);
            }
            assert_eq!(stack.dump_without_answers().await, before, "{round}");
        }
        stack.advance(SECOND);
        assert!(confirmed(&chain.renew(&stack).await).is_some(), "{round}: 15 seconds");
    }
}

#[tokio::test]
async fn a_tab_that_was_overtaken_by_one_link_gets_a_token_for_fifteen_seconds() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let mut late = Vec::new();
    for _ in 0..3 {
        stack.advance(PACE);
        late.push(chain.clone());
        chain.renew(&stack).await;
    }
    let slow = &late[1];
    for age in [0, 9, 5] {
        stack.advance(age * SECOND);
        let before = stack.dump_without_answers().await;
        let response = slow.ask(&stack).await;
        assert_eq!((response.status, confirmed(&response), response.cookie.as_deref()), (StatusCode::OK, None, None));
        assert_eq!(stack.profile(response.access()).await.status, StatusCode::OK);
        assert_eq!(late[0].ask(&stack).await.code(), "link_stale", "by two links");
        assert_eq!(stack.dump_without_answers().await, before);
    }
    stack.advance(SECOND);
    assert_eq!(slow.ask(&stack).await.code(), "link_stale");
    assert!(confirmed(&chain.renew(&stack).await).is_some(), "it grows on");
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_send_the_same_links_at_once_get_the_same_confirmation() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    for number in 1..=3 {
        stack.advance(PACE);
        let requests = (0..6).map(|_| {
            let (functions, tab) = (tests::client::Functions::clone(&stack), chain.clone());
            tokio::spawn(async move { tab.ask(&functions).await })
        });
        for request in requests.collect::<Vec<_>>() {
            let response = request.await.unwrap();
            assert_eq!(parts(&confirmed(&response).unwrap()), (number, chain.next.clone()));
            let mut tab = chain.clone();
            tab.take(&response);
        }
        chain.renew(&stack).await;
    }
}
