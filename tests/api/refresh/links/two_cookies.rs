//! Two cookies of our name in one request, of which the links belong to one.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    Chain, Stack,
    chain::{confirmed, link, refusal},
    client::{Response, cookie_pair, jwt_part},
};

use super::growth::PACE;

const SECOND: Duration = Duration::from_secs(1);
const UNLINKED: (StatusCode, &str, Option<&str>) = (StatusCode::FORBIDDEN, "link_required", None);

/// Sends both cookies in both orders, with these links. Both responses must be alike; returns one.
async fn with_both(stack: &Stack, tokens: [&str; 2], links: Option<&Chain>) -> Response {
    let [one, other] = tokens.map(cookie_pair);
    let mut responses = Vec::new();
    for cookies in [format!("{one}; {other}"), format!("{other}; {one}")] {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookies);
        let body = links.map_or_else(|| json!({}), |chain| json!({"link": chain.links()}));
        responses.push(stack.send(request.json(&body)).await);
    }
    let last = responses.pop().unwrap();
    let first = responses.pop().unwrap();
    assert_eq!((first.status, first.code(), &first.body["session"]), (last.status, last.code(), &last.body["session"]));
    first
}

/// The older session first.
async fn two_sessions(stack: &Stack) -> (Chain, Chain) {
    let older = stack.log_in_linked().await;
    stack.advance(SECOND);
    let newer = stack.log_in_linked().await;
    stack.advance(PACE);
    (older, newer)
}

#[tokio::test]
async fn the_session_of_the_links_is_renewed() {
    let stack = Stack::start().await;
    let (mut older, mut newer) = two_sessions(&stack).await;
    let tokens = [older.token.clone(), newer.token.clone()];
    for chain in [&mut older, &mut newer] {
        let response = with_both(&stack, [&tokens[0], &tokens[1]], Some(chain)).await;
        assert!(confirmed(&response).is_some(), "{}", response.body);
        assert_eq!(jwt_part(response.access(), 1)["sid"], chain.session());
        chain.take(&response);
    }
}

#[tokio::test]
async fn without_links_of_either_the_403_names_the_newer_session() {
    let stack = Stack::start().await;
    let (older, newer) = two_sessions(&stack).await;
    let elsewhere = stack.log_in_linked().await;
    let before = stack.dump().await;
    for links in [None, Some(&elsewhere), Some(&Chain { prev: None, ..older.clone() })] {
        let response = with_both(&stack, [&older.token, &newer.token], links).await;
        assert_eq!(refusal(&response), UNLINKED);
        assert_eq!(response.body["session"], newer.session());
    }
    assert_eq!(stack.dump().await, before);
    stack.logout(&newer.token).await;
    let response = with_both(&stack, [&older.token, &newer.token], Some(&newer)).await;
    assert_eq!(refusal(&response), UNLINKED, "the older one may be renewed with its own links");
    assert_eq!(response.body["session"], older.session());
}

/// The client must learn that its links are old, or that somebody else has them, whatever other cookies it has.
#[tokio::test]
async fn what_is_wrong_with_the_links_matters_more_than_the_other_cookie() {
    for links_of_older in [true, false] {
        let stack = Stack::start().await;
        let (older, newer) = two_sessions(&stack).await;
        let tokens = [older.token.clone(), newer.token.clone()];
        let (mut chain, other) = if links_of_older { (older, newer) } else { (newer, older) };
        let old = chain.clone();
        for _ in 0..3 {
            chain.renew(&stack).await;
            stack.advance(PACE);
        }
        let stale = with_both(&stack, [&tokens[0], &tokens[1]], Some(&old)).await;
        assert_eq!(refusal(&stale), (StatusCode::CONFLICT, "link_stale", None), "{links_of_older}");
        let mut thief = Chain { next: link(), ..chain.clone() };
        thief.renew(&stack).await;
        let [one, two] = tokens.each_ref().map(|token| cookie_pair(token));
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", format!("{one}; {two}"));
        let forked = stack.send(request.json(&json!({"link": chain.links()}))).await;
        assert_eq!(refusal(&forked), (StatusCode::UNAUTHORIZED, "token_not_valid", None), "{links_of_older}");
        assert_eq!(other.ask(&stack).await.status, StatusCode::OK, "the other session has not ended");
    }
}

/// A login ends the browser's previous session. If that failed, the session stays, and its cookie if that is of another kind.
#[tokio::test]
async fn beside_a_rotating_session_the_newer_one_that_can_be_renewed_is() {
    let stack = Stack::start().await;
    let mut linked = stack.log_in_linked().await;
    stack.advance(SECOND);
    let rotating = stack.log_in().await;
    stack.advance(SECOND);
    let mut newest = stack.log_in_linked().await;
    let sid = |response: &Response| jwt_part(response.access(), 1)["sid"].as_str().unwrap().to_owned();
    stack.advance(PACE);
    let tokens = [rotating.token(), newest.token.clone()];
    let response = with_both(&stack, [&tokens[0], &tokens[1]], Some(&newest)).await;
    assert_eq!((sid(&response), confirmed(&response).is_some()), (newest.session(), true));
    newest.take(&response);

    stack.advance(2 * PACE);
    let response = with_both(&stack, [&tokens[0], &tokens[1]], None).await;
    assert_eq!((sid(&response), confirmed(&response)), (sid(&rotating), None), "without links the older one");
    let tokens = [linked.token.clone(), response.token()];
    let response = with_both(&stack, [&tokens[0], &tokens[1]], Some(&linked)).await;
    assert_eq!((sid(&response), confirmed(&response)), (sid(&rotating), None), "the rotating one is newer");
    stack.logout(&tokens[1]).await;
    let response = with_both(&stack, [&tokens[0], &tokens[1]], Some(&linked)).await;
    assert_eq!(sid(&response), linked.session());
    linked.take(&response);
    assert_eq!(refusal(&with_both(&stack, [&tokens[0], &tokens[1]], None).await), UNLINKED);
}
