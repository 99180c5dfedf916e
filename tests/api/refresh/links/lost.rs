//! Responses that were lost, and repeated at any time.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{
    Chain, Stack,
    chain::{confirmed, link, parts, refusal},
};

use super::growth::PACE;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_renewal_whose_response_was_lost_is_repeated_an_hour_or_six_days_later() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    for silence in [Duration::ZERO, Duration::from_hours(1), 6 * DAY, 6 * DAY] {
        stack.advance(PACE);
        let lost = chain.ask(&stack).await;
        assert_eq!(lost.status, StatusCode::OK);
        stack.advance(silence);
        let before = stack.dump_without_answers().await;
        let again = chain.ask(&stack).await;
        let repeated = chain.renew(&stack).await;
        assert_eq!((again.status, confirmed(&again)), (StatusCode::OK, confirmed(&lost)), "{silence:?}");
        assert_eq!((repeated.status, confirmed(&repeated)), (StatusCode::OK, confirmed(&lost)), "{silence:?}");
        assert_eq!(stack.profile(&chain.access).await.status, StatusCode::OK);
        assert_eq!(stack.dump_without_answers().await, before, "a repetition only counts");
    }
}

/// The cookie of a login whose body never arrived, and the link that it was sent with.
async fn lost_login(stack: &Stack) -> Chain {
    let (user, next) = (stack.kakao.new_user().await, link());
    let response = stack.login(&json!({"access_token": stack.kakao.token(&user).await, "link": next})).await;
    Chain { prev: None, next, ..Chain::begun(&response) }
}

#[tokio::test]
async fn a_login_whose_response_was_lost_is_confirmed_by_its_link_alone() {
    let stack = Stack::start().await;
    for silence in [Duration::ZERO, PACE, 6 * DAY] {
        let mut chain = lost_login(&stack).await;
        stack.advance(silence);
        let (sent, before) = (chain.clone(), stack.dump_without_answers().await);
        for _ in 0..2 {
            let response = sent.ask(&stack).await;
            assert_eq!(response.status, StatusCode::OK, "{}", response.body);
            assert_eq!(parts(&confirmed(&response).unwrap()), (0, sent.next.clone()));
        }
        chain.renew(&stack).await;
        assert_eq!(stack.dump_without_answers().await, before, "{silence:?}");
        stack.advance(PACE);
        let grown = chain.renew(&stack).await;
        assert_eq!(confirmed(&grown).map(|link| parts(&link).0), Some(1), "{silence:?}");
    }
}

#[tokio::test]
async fn the_link_of_a_login_alone_is_served_until_fifteen_seconds_after_the_first_growth() {
    let stack = Stack::start().await;
    let mut chain = lost_login(&stack).await;
    let (slow, other) = (chain.clone(), Chain { next: link(), ..chain.clone() });
    chain.renew(&stack).await;
    let unlinked = (StatusCode::FORBIDDEN, "link_required", None);
    assert_eq!(refusal(&other.ask(&stack).await), unlinked, "it is not the login's link");
    stack.advance(PACE);
    let head = Chain { prev: None, ..chain.clone() };
    chain.renew(&stack).await;
    stack.advance(Duration::from_secs(14));
    let late = slow.ask(&stack).await;
    assert_eq!((late.status, confirmed(&late)), (StatusCode::OK, None));
    assert_eq!(refusal(&head.ask(&stack).await), unlinked, "not a login's link, though it is the head");
    stack.advance(Duration::from_secs(1));
    assert_eq!(refusal(&slow.ask(&stack).await), unlinked);
    assert!(confirmed(&chain.renew(&stack).await).is_some());
}
