//! `POST /auth/refresh`: a client that refreshes one session again and again.

use std::{cell::Cell, time::Duration};

use reqwest::StatusCode;
use serde_json::json;
use shared::session::{ANSWERS_AT_MOST, LINK_PACE};
use tests::{Chain, Stack, chain::link, client::Response, fault_proxy::Traffic};

use super::rules::WINDOW;
use crate::{
    app, compatibility,
    recorder::{Log, line_of},
};

const MINUTE: Duration = Duration::from_mins(1);
/// What one process answers in a minute: it does not count the first one, as it does not know yet that the session cannot be renewed.
const OF_ONE_PROCESS: i64 = 1 + ANSWERS_AT_MOST;

/// Goes on to the beginning of the clock's next minute.
fn begin_a_minute(stack: &Stack) {
    let seconds = 60 - stack.now().unix_seconds().rem_euclid(60);
    stack.advance(Duration::from_secs(u64::try_from(seconds).unwrap()));
}

/// How many refreshes in a row are answered, and the first response that refuses one.
async fn storm(ask: impl AsyncFn() -> Response) -> (i64, Response) {
    for answered in 0..=2 * ANSWERS_AT_MOST {
        let response = ask().await;
        if response.status != StatusCode::OK {
            return (answered, response);
        }
    }
    panic!("nothing is refused");
}

fn assert_refused(response: &Response, retry_after: Duration) {
    assert_eq!((response.status.as_u16(), response.code()), (429, "too_many_refreshes"), "{}", response.body);
    assert_eq!(response.headers["retry-after"], retry_after.as_secs().to_string());
    assert!(response.set_cookies().is_empty(), "the cookie stays");
}

#[tokio::test]
async fn a_session_that_is_refreshed_too_often_is_refused_by_all_processes_until_it_can_be_renewed() {
    let (stack, log) = (Stack::start().await, Log::start());
    let (first, another) = (stack.log_in().await, stack.skewed(0).await);
    begin_a_minute(&stack);
    stack.advance(WINDOW);
    let token = stack.refresh(&first.token()).await.token();
    let asked = Cell::new(0);
    let (answered, refused) = storm(async || {
        asked.set(asked.get() + 1);
        if asked.get() % 2 == 0 { another.refresh(&token).await } else { stack.refresh(&token).await }
    })
    .await;
    assert!(
        (OF_ONE_PROCESS + 2..=OF_ONE_PROCESS + 3).contains(&answered),
        "the other process does not count its first either, and both count first"
    );
    assert_refused(&refused, WINDOW);
    let line = line_of(&log, &refused);
    assert_eq!((&line["outcome"], &line["level"]), (&json!("too_many_refreshes"), &json!("INFO")));
    assert!(line["session"].is_string());

    let before = stack.dump().await;
    stack.advance(Duration::from_secs(10));
    for functions in [&*stack, &another, &stack.skewed(0).await] {
        assert_refused(&functions.refresh(&token).await, Duration::from_secs(20));
    }
    assert_eq!(stack.dump().await, before, "a refusal changes nothing");
    assert_eq!(stack.profile(first.access()).await.status, StatusCode::OK, "the session goes on");
    stack.advance(Duration::from_secs(20));
    let rotated = another.refresh(&token).await;
    assert_ne!(rotated.token(), token);
    assert_eq!(stack.refresh(&rotated.token()).await.status, StatusCode::OK, "a new minute");
}

/// A session that is due is renewed in a minute that is full, and its new token waits until the minute is over.
#[tokio::test]
async fn a_session_that_can_be_renewed_is_never_refused() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    stack.advance(WINDOW);
    begin_a_minute(&stack);
    let token = stack.refresh(&token).await.token();
    let (answered, refused) = storm(async || stack.refresh(&token).await).await;
    assert_eq!(answered, OF_ONE_PROCESS);
    assert_refused(&refused, WINDOW);
    stack.advance(WINDOW);
    let successor = stack.refresh(&token).await.token();
    assert_refused(&stack.refresh(&successor).await, WINDOW);
    stack.advance(WINDOW);
    assert!(stack.refresh(&successor).await.cookie.is_some());
}

#[tokio::test]
async fn another_session_of_the_user_is_not_refused() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    storm(async || stack.refresh(&phone).await).await;
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::OK);
}

/// Twenty tabs of a browser that is restored, each of which asks six times.
#[tokio::test]
async fn as_many_tabs_as_a_browser_restores_are_not_refused() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    begin_a_minute(&stack);
    for at_once in 1..=6 {
        let responses = stack.refresh_at_once(&token, 20).await;
        assert!(responses.iter().all(|response| response.status == StatusCode::OK), "the {at_once}. time");
        stack.advance(Duration::from_secs(1));
    }
}

/// After the window it would end the session: its client must get the successor before.
#[tokio::test]
async fn the_parent_of_the_current_token_is_never_refused() {
    let stack = Stack::start().await;
    let parent = stack.log_in().await.token();
    begin_a_minute(&stack);
    stack.advance(WINDOW);
    let current = stack.refresh(&parent).await.token();
    storm(async || stack.refresh(&current).await).await;
    for _ in 0..=2 * ANSWERS_AT_MOST {
        assert_eq!(stack.refresh(&parent).await.token(), current);
    }
}

/// The process still remembers that it has answered the token.
#[tokio::test]
async fn a_token_that_another_process_has_rotated_meanwhile_gets_the_successor() {
    let stack = Stack::start().await;
    let ahead = stack.skewed(30).await;
    let token = stack.log_in().await.token();
    for _ in 0..3 {
        assert_eq!(stack.refresh(&token).await.cookie, None);
    }
    let successor = ahead.refresh(&token).await.token();
    assert_eq!(stack.refresh(&token).await.token(), successor);
}

#[tokio::test]
async fn a_session_that_ends_meanwhile_is_not_counted_back_to_life() {
    let stack = Stack::start().await;
    let (token, linked) = (stack.log_in().await.token(), stack.log_in_linked().await);
    for _ in 0..3 {
        assert_eq!(stack.refresh(&token).await.status, StatusCode::OK);
        assert_eq!(linked.ask(&stack).await.status, StatusCode::OK);
    }
    stack.logout(&token).await;
    stack.logout(&linked.token).await;
    assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(linked.ask(&stack).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_linked_session_is_refused_until_its_chain_can_grow() {
    let stack = Stack::start().await;
    begin_a_minute(&stack);
    let mut chain = stack.log_in_linked().await;
    // Whatever it names to follow its link.
    let (answered, refused) = storm(async || Chain { next: link(), ..chain.clone() }.ask(&stack).await).await;
    assert_eq!(answered, OF_ONE_PROCESS);
    assert_refused(&refused, LINK_PACE);
    assert_refused(&stack.skewed(0).await.send(chain.renewal(&stack)).await, LINK_PACE);
    let before = chain.prev.clone();
    stack.advance(LINK_PACE);
    chain.renew(&stack).await;
    assert_ne!(chain.prev, before, "the chain has grown");
}

/// The client does not store what it gets.
#[tokio::test]
async fn a_linked_session_whose_links_are_repeated_too_often_is_refused_until_the_minute_is_over() {
    let stack = Stack::start().await;
    let begun = stack.log_in_linked().await;
    stack.advance(LINK_PACE);
    begin_a_minute(&stack);
    let mut grown = begun.clone();
    grown.renew(&stack).await;
    for seconds in [0, 30] {
        begin_a_minute(&stack);
        stack.advance(Duration::from_secs(seconds));
        let (answered, refused) = storm(async || begun.ask(&stack).await).await;
        assert_eq!(answered, OF_ONE_PROCESS);
        assert_refused(&refused, Duration::from_secs(60 - seconds));
    }
    let before = grown.prev.clone();
    grown.renew(&stack).await;
    assert_ne!(grown.prev, before, "the chain grows in a minute that is full");
}

/// The response of the login was lost, and each refresh names the login's link again.
#[tokio::test]
async fn a_linked_session_without_a_confirmed_link_is_refused_too() {
    let stack = Stack::start().await;
    let next = link();
    let body = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await, "link": next});
    let chain = Chain { prev: None, next, ..Chain::begun(&stack.login(&body).await) };
    begin_a_minute(&stack);
    let (answered, refused) = storm(async || chain.ask(&stack).await).await;
    assert_eq!(answered, OF_ONE_PROCESS);
    assert_refused(&refused, MINUTE);
}

/// Whoever has nothing but the cookie of a linked session cannot use up its owner's refreshes.
#[tokio::test]
async fn a_cookie_without_its_links_does_not_count() {
    let stack = Stack::start().await;
    let chain = stack.log_in_linked().await;
    begin_a_minute(&stack);
    let before = stack.dump().await;
    for _ in 0..=ANSWERS_AT_MOST {
        let stolen = Chain { prev: None, next: link(), ..chain.clone() };
        assert_eq!(stolen.ask(&stack).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(stack.dump().await, before);
}

#[tokio::test]
async fn an_apps_session_is_refused_as_well() {
    let stack = Stack::start().await;
    let token = app::login::log_in(&stack, &stack.kakao.new_user().await, None).await.body_token();
    stack.advance(WINDOW);
    begin_a_minute(&stack);
    let token = stack.refresh_in_body(&token).await.body_token();
    let (answered, refused) = storm(async || stack.refresh_in_body(&token).await).await;
    assert_eq!(answered, OF_ONE_PROCESS);
    assert_refused(&refused, WINDOW);
}

/// Each refresh postpones its end, so each is counted.
#[tokio::test]
async fn a_pages_session_is_refused_until_the_minute_is_over() {
    let stack = compatibility::login::stack().await;
    let token = compatibility::login::log_in(&stack).await.body_token();
    begin_a_minute(&stack);
    let (answered, refused) = storm(async || stack.refresh_in_body(&token).await).await;
    assert_eq!(answered, OF_ONE_PROCESS);
    assert_refused(&refused, MINUTE);
    stack.advance(MINUTE);
    assert_eq!(stack.refresh_in_body(&token).await.body_token(), token);
    stack.advance(Duration::from_hours(7 * 24) - Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(stack.refresh_in_body(&token).await.status, StatusCode::OK, "each refresh postpones its end");
    }
    stack.advance(Duration::from_hours(7 * 24) - Duration::from_secs(1));
    assert_eq!(stack.refresh_in_body(&token).await.status, StatusCode::OK);
    stack.advance(Duration::from_hours(7 * 24));
    let expired = stack.refresh_in_body(&token).await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED, "it is not remembered beyond its end");
}

/// A refusal from memory costs no request, and before it each refresh costs one write.
#[tokio::test]
async fn a_refusal_is_cheaper_than_an_answer() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    stack.advance(WINDOW);
    begin_a_minute(&stack);
    let token = stack.refresh(&token).await.token();
    storm(async || {
        let _ = stack.table_proxy.take_traffic();
        let response = stack.refresh(&token).await;
        let traffic = stack.table_proxy.take_traffic();
        assert_eq!(traffic.operations.len(), usize::from(response.status == StatusCode::OK));
        response
    })
    .await;
    let another = stack.skewed(0).await;
    let mut costs = Vec::new();
    for _ in 0..2 {
        another.refresh(&token).await;
        costs.push(stack.table_proxy.take_traffic());
    }
    assert_eq!(costs[0].operations, ["UpdateItem"]);
    assert_eq!(costs[1], Traffic::default());
}
