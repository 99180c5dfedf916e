//! Links that are refused: forks, old ones, and tokens without links.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    Chain, Stack,
    chain::{confirmed, link, refusal},
};

use super::growth::PACE;
use crate::recorder::{Log, line_of, lines_with};

type Refusal = (StatusCode, &'static str, Option<&'static str>);

const UNLINKED: Refusal = (StatusCode::FORBIDDEN, "link_required", None);
const STALE: Refusal = (StatusCode::CONFLICT, "link_stale", None);
const ENDED: Refusal = (StatusCode::UNAUTHORIZED, "token_not_valid", None);
const INVALID: Refusal = (StatusCode::BAD_REQUEST, "invalid_request", None);

#[tokio::test]
async fn two_links_that_follow_the_same_one_end_the_session_for_both_and_are_reported() {
    let log = Log::start();
    for silence in [Duration::ZERO, Duration::from_hours(1)] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let (phone, mut owner) = (stack.log_in_linked_as(&user).await, stack.log_in_linked_as(&user).await);
        let mut thief = Chain { next: link(), ..owner.clone() };
        stack.advance(PACE);
        assert_eq!(thief.renew(&stack).await.status, StatusCode::OK);
        stack.advance(silence);
        let response = owner.renew(&stack).await;
        assert_eq!(refusal(&response), ENDED, "{silence:?}");
        let line = line_of(&log, &response);
        assert_eq!((&line["outcome"], &line["refresh_reuse"]), (&json!("reuse"), &json!(true)), "{line}");
        stack.advance(PACE);
        assert_eq!(refusal(&thief.renew(&stack).await), ENDED);
        assert_eq!(stack.profile(&thief.access).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!((stack.count("SESSION#").await, phone.ask(&stack).await.status), (1, StatusCode::OK));
    }
}

/// A copy that went on twice, or an old request: only the client of the newest links is served.
#[tokio::test]
async fn links_that_were_overtaken_are_a_409_and_touch_nothing() {
    let log = Log::start();
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let mut old = vec![Chain { prev: Some(chain.prev.clone().unwrap()), next: link(), ..chain.clone() }];
    for _ in 0..4 {
        stack.advance(PACE);
        old.push(chain.clone());
        chain.renew(&stack).await;
    }
    // The last one is a repetition.
    old.pop();
    stack.advance(PACE);
    let before = stack.dump().await;
    for links in &old {
        for next in [&links.next, &chain.next, &link()] {
            let response = Chain { next: next.clone(), ..links.clone() }.ask(&stack).await;
            assert_eq!(refusal(&response), STALE);
            assert_eq!(line_of(&log, &response)["outcome"], "stale");
        }
    }
    assert!(!lines_with(&log, "refresh_stale").is_empty(), "a warning says so");
    assert_eq!(stack.dump().await, before);
    assert!(confirmed(&chain.renew(&stack).await).is_some(), "the chain goes on");
}

/// Whoever has only the cookie can do nothing with it.
#[tokio::test]
async fn a_cookie_without_links_is_a_403_that_names_its_session_and_touches_nothing() {
    let log = Log::start();
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let before = stack.dump().await;
    let _ = stack.table_proxy.take_traffic();
    let mut responses = vec![stack.refresh(&chain.token).await, stack.refresh_with_user(&chain.token).await];
    for body in [json!({}), json!(null), json!({"link": null}), json!({"links": chain.links()})] {
        responses.push(stack.send(chain.request(&stack, "/auth/refresh", &body)).await);
    }
    for response in &responses {
        assert_eq!(refusal(response), UNLINKED, "{}", response.body);
        assert_eq!(response.body["session"], chain.session(), "as the claim `sid` spells it");
        assert_eq!(line_of(&log, response)["outcome"], "unlinked");
    }
    assert!(!lines_with(&log, "refresh_unlinked").is_empty(), "a warning says so");
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    assert_eq!(stack.dump().await, before);
    stack.advance(PACE);
    assert!(confirmed(&chain.renew(&stack).await).is_some());
}

#[tokio::test]
async fn a_made_up_prev_or_that_of_another_session_is_a_403_without_a_call() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (chain, other) = (stack.log_in_linked_as(&user).await, stack.log_in_linked_as(&user).await);
    stack.advance(PACE);
    let prev = chain.prev.clone().unwrap();
    let elsewhere = Stack::start().await.log_in_linked().await;
    let mut made_up: Vec<Value> =
        [&prev[..47], &format!("{prev}A"), &format!("{prev}="), "", "한글", &chain.token, &link()]
            .map(|text| json!(text))
            .into();
    made_up.extend([json!(5), json!(true), json!([prev]), json!({"prev": prev}), json!("A".repeat(48))]);
    made_up.extend([json!(other.prev), json!(elsewhere.prev)]);
    for at in 0..48 {
        let other = if prev[at..].starts_with('A') { 'Q' } else { 'A' };
        made_up.push(json!(format!("{}{other}{}", &prev[..at], &prev[at + 1..])));
    }
    let before = stack.dump().await;
    let _ = stack.table_proxy.take_traffic();
    for prev in made_up {
        let body = json!({"link": {"prev": prev, "next": chain.next}, "user": true});
        let response = stack.send(chain.request(&stack, "/auth/refresh", &body)).await;
        assert_eq!(refusal(&response), UNLINKED, "{body}");
        assert_eq!(response.body["session"], chain.session(), "the cookie's session, not that of the links");
    }
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    assert_eq!(stack.dump().await, before);
}

#[tokio::test]
async fn a_malformed_next_is_a_400_without_a_call() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    stack.advance(PACE);
    let (prev, next) = (chain.prev.clone(), &chain.next);
    let in_prev = tests::chain::parts(prev.as_deref().unwrap()).1;
    let _ = stack.table_proxy.take_traffic();
    let mut links =
        vec![json!(5), json!(true), json!(next), json!([next]), json!(""), json!({}), json!({"prev": prev})];
    for next in [
        json!(null),
        json!(7),
        json!([next]),
        json!(""),
        json!(next[..21]),
        json!(format!("{next}A")),
        json!(format!("{next}==")),
        json!(format!("{}B", &next[..21])),
        json!(format!("{}+", &next[..21])),
        json!("한".repeat(22)),
        json!(in_prev),
        json!(prev),
    ] {
        links.push(json!({"prev": prev, "next": next}));
        // Also beside a `prev` that would be a 403.
        if next != json!(in_prev) {
            links.extend([json!({"next": next}), json!({"prev": "made up", "next": next})]);
        }
    }
    for link in links {
        let body = json!({"link": link});
        let response = stack.send(chain.request(&stack, "/auth/refresh", &body)).await;
        assert_eq!(refusal(&response), INVALID, "{body}");
    }
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    assert!(confirmed(&chain.renew(&stack).await).is_some());
}
