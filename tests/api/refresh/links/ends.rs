//! When a linked session ends by itself.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{
    Stack,
    chain::{confirmed, refusal},
};

use super::growth::PACE;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const ALMOST_A_DAY: Duration = Duration::from_secs(86_399);
const ENDED: (StatusCode, &str, Option<&str>) = (StatusCode::UNAUTHORIZED, "token_not_valid", None);

#[tokio::test]
async fn a_session_whose_chain_does_not_grow_ends_after_seven_days() {
    let stack = Stack::start().await;
    let (mut early, late) = (stack.log_in_linked().await, stack.log_in_linked().await);
    stack.advance(6 * DAY + ALMOST_A_DAY);
    assert!(confirmed(&early.renew(&stack).await).is_some());
    stack.advance(SECOND);
    let _ = stack.table_proxy.take_traffic();
    assert_eq!(refusal(&late.ask(&stack).await), ENDED);
    assert_eq!(stack.table_proxy.take_traffic().operations, ["UpdateItem"], "TTL has not removed the item");
    stack.advance(PACE);
    assert!(confirmed(&early.renew(&stack).await).is_some());
}

#[tokio::test]
async fn only_a_growth_defers_the_end() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    stack.advance(PACE);
    let lost = chain.clone();
    chain.renew(&stack).await;
    let stayed = chain.clone();
    for age in [0, 10, 0] {
        stack.advance(age * SECOND);
        assert_eq!(confirmed(&stayed.ask(&stack).await), None);
    }
    for _ in 0..3 {
        stack.advance(2 * DAY);
        assert!(confirmed(&lost.ask(&stack).await).is_some(), "repeated");
    }
    stack.advance(ALMOST_A_DAY.saturating_sub(10 * SECOND));
    assert_eq!(lost.ask(&stack).await.status, StatusCode::OK, "a second before its end");
    stack.advance(SECOND);
    for chain in [&lost, &stayed] {
        assert_eq!(refusal(&chain.ask(&stack).await), ENDED, "seven days after the growth");
    }
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_login_however_often_its_chain_grows() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    for day in 1..30 {
        stack.advance(DAY);
        assert!(confirmed(&chain.renew(&stack).await).is_some(), "day {day}");
    }
    stack.advance(ALMOST_A_DAY);
    let last = chain.renew(&stack).await;
    assert!(confirmed(&last).is_some());
    stack.advance(SECOND);
    let _ = stack.table_proxy.take_traffic();
    assert_eq!(refusal(&chain.ask(&stack).await), ENDED);
    assert!(stack.table_proxy.take_traffic().operations.is_empty(), "the token says when its session ends");
}

#[tokio::test]
async fn a_session_that_was_logged_out_is_a_401() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    stack.advance(PACE);
    let lost = chain.clone();
    chain.renew(&stack).await;
    stack.logout(&chain.token).await;
    let login = tests::Chain { prev: None, ..lost.clone() };
    for links in [&chain, &lost, &login] {
        assert_eq!(refusal(&links.ask(&stack).await), ENDED);
    }
    assert_eq!(stack.profile(&chain.access).await.status, StatusCode::UNAUTHORIZED);
}
