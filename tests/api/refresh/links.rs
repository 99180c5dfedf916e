//! `POST /auth/refresh` of a linked session.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{Stack, chain::confirmed};

const PACE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn each_renewal_confirms_the_next_link_and_leaves_the_cookie_alone() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    for round in 0..5 {
        stack.advance(PACE);
        let asked = chain.clone();
        let response = chain.renew(&stack).await;
        assert_eq!(response.status, StatusCode::OK, "round {round}: {}", response.body);
        assert!(confirmed(&response).is_some() && chain.prev != asked.prev, "round {round}");
        assert_eq!(stack.profile(response.access()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_renewal_whose_response_was_lost_is_repeated_days_later() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    for _ in 0..3 {
        stack.advance(PACE);
        let lost = chain.ask(&stack).await;
        assert_eq!(lost.status, StatusCode::OK);
        stack.advance(Duration::from_hours(6 * 24));
        let repeated = chain.renew(&stack).await;
        assert_eq!((repeated.status, confirmed(&repeated)), (StatusCode::OK, confirmed(&lost)));
    }
}

#[tokio::test]
async fn two_links_that_follow_the_same_one_end_the_session_for_both() {
    let stack = Stack::start().await;
    let mut owner = stack.log_in_linked().await;
    let mut thief = owner.clone();
    thief.next = tests::chain::link();
    stack.advance(PACE);
    assert_eq!(thief.renew(&stack).await.status, StatusCode::OK);
    stack.advance(Duration::from_hours(1));
    let response = owner.renew(&stack).await;
    assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    assert_eq!(thief.renew(&stack).await.status, StatusCode::UNAUTHORIZED);
}
