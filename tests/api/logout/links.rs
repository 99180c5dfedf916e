//! `POST /auth/logout` of a linked session: ending more than its own session needs its links.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    Chain, Stack,
    chain::{link, refusal},
    client::Response,
};

use crate::recorder::{Log, line_of};

type Refusal = (StatusCode, &'static str, Option<&'static str>);

const PACE: Duration = Duration::from_secs(15);
const CLEARED: Refusal = (StatusCode::OK, "", Some(""));
const KEPT: Refusal = (StatusCode::OK, "", None);

async fn log_out(stack: &Stack, chain: &Chain, scope: &str, link: &Value) -> Response {
    stack.send(chain.request(stack, &format!("/auth/logout?scope={scope}"), &json!({"link": link}))).await
}

/// A user's phone, and this browser.
async fn two_devices(stack: &Stack) -> (Chain, Chain) {
    let user = stack.kakao.new_user().await;
    let devices = (stack.log_in_linked_as(&user).await, stack.log_in_linked_as(&user).await);
    stack.advance(PACE);
    devices
}

async fn is_alive(stack: &Stack, chain: &Chain) -> bool {
    stack.profile(&chain.access).await.status == StatusCode::OK
}

/// Whoever has only the cookie can end its session, as with a rotating one.
#[tokio::test]
async fn a_logout_of_this_session_needs_no_links_and_ignores_them() {
    let log = Log::start();
    for link in [json!(null), json!(5), json!({"next": "x"}), json!({"prev": "x", "next": link()})] {
        let stack = Stack::start().await;
        let (phone, here) = two_devices(&stack).await;
        let response = log_out(&stack, &here, "local", &link).await;
        assert_eq!(refusal(&response), CLEARED, "{link}");
        assert_eq!(line_of(&log, &response)["outcome"], "logged_out");
        assert_eq!(here.ask(&stack).await.status, StatusCode::UNAUTHORIZED);
        assert!(!is_alive(&stack, &here).await && is_alive(&stack, &phone).await, "{link}");
    }
    let stack = Stack::start().await;
    let (_, here) = two_devices(&stack).await;
    let _ = stack.table_proxy.take_traffic();
    assert_eq!(refusal(&stack.logout(&here.token).await), CLEARED, "without a body");
    assert_eq!(stack.table_proxy.take_traffic().operations, ["DeleteItem"]);
}

/// The three pairs of links that a client with the newest record can have.
#[tokio::test]
async fn the_newest_links_end_the_others_or_all() {
    let log = Log::start();
    for pair in ["grow", "stay", "repeat", "repeat the login"] {
        for (scope, expected, outcome) in
            [("all", CLEARED, "logged_out_everywhere"), ("others", KEPT, "logged_out_others")]
        {
            let stack = Stack::start().await;
            let user = stack.kakao.new_user().await;
            let next = link();
            let phone = stack.log_in_linked_as(&user).await;
            let body = json!({"access_token": stack.kakao.token(&user).await, "link": next});
            let mut here = Chain::begun(&stack.login(&body).await);
            let rotating = stack.log_in_as(&user).await;
            let somebody_else = stack.log_in_linked().await;
            let mut links = Chain { prev: None, next, ..here.clone() };
            if pair != "repeat the login" {
                stack.advance(PACE);
                links = here.clone();
                here.renew(&stack).await;
            }
            if pair == "grow" {
                stack.advance(PACE);
            }
            if pair == "grow" || pair == "stay" {
                links = here.clone();
            }
            let response = log_out(&stack, &here, scope, &links.links()).await;
            assert_eq!(refusal(&response), expected, "{pair} {scope}: {}", response.body);
            assert_eq!(line_of(&log, &response)["outcome"], outcome, "{pair}");
            assert_eq!(is_alive(&stack, &here).await, scope == "others", "{pair} {scope}");
            assert!(!is_alive(&stack, &phone).await, "{pair} {scope}");
            assert_eq!(stack.refresh(&rotating.token()).await.status, StatusCode::UNAUTHORIZED, "{pair} {scope}");
            assert!(is_alive(&stack, &somebody_else).await, "{pair} {scope}");
            if scope == "others" {
                stack.advance(PACE);
                assert_eq!(here.renew(&stack).await.status, StatusCode::OK, "{pair}: the chain is untouched");
            }
        }
    }
}

#[tokio::test]
async fn without_links_of_its_session_it_is_a_403_and_nothing_ends() {
    let stack = Stack::start().await;
    let (phone, here) = two_devices(&stack).await;
    let before = stack.dump().await;
    let _ = stack.table_proxy.take_traffic();
    for scope in ["all", "others"] {
        for link in [json!(null), json!({"prev": "x", "next": link()}), phone.links()] {
            let response = log_out(&stack, &here, scope, &link).await;
            assert_eq!(refusal(&response), (StatusCode::FORBIDDEN, "link_required", None), "{scope} {link}");
            assert_eq!(response.body["session"], here.session());
        }
        for link in [json!(5), json!({}), json!({"prev": here.prev}), json!({"prev": here.prev, "next": "x"})] {
            let response = log_out(&stack, &here, scope, &link).await;
            assert_eq!(refusal(&response), (StatusCode::BAD_REQUEST, "invalid_request", None), "{scope} {link}");
        }
    }
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    for scope in ["all", "others"] {
        let response = log_out(&stack, &here, scope, &json!({"next": link()})).await;
        assert_eq!(refusal(&response), (StatusCode::FORBIDDEN, "link_required", None), "{scope}: not the login's link");
        assert_eq!(response.body["session"], here.session());
    }
    assert_eq!(stack.table_proxy.take_traffic().operations, ["Query", "Query"]);
    assert_eq!(stack.dump().await, before);
}

/// A thief may have recorded them. An honest tab reads its record again, and sends the newest.
#[tokio::test]
async fn with_links_that_were_overtaken_it_is_a_409_and_nothing_ends() {
    let stack = Stack::start().await;
    let (_phone, mut here) = two_devices(&stack).await;
    let login = Chain { prev: None, ..here.clone() };
    let mut old = Vec::new();
    for _ in 0..4 {
        stack.advance(PACE);
        old.push(here.clone());
        here.renew(&stack).await;
    }
    old.pop();
    assert_eq!(old[2].ask(&stack).await.status, StatusCode::OK, "a late one, which a refresh serves");
    let before = stack.dump().await;
    for scope in ["all", "others"] {
        for links in &old {
            let response = log_out(&stack, &here, scope, &links.links()).await;
            assert_eq!(refusal(&response), (StatusCode::CONFLICT, "link_stale", None), "{scope}");
        }
        let response = log_out(&stack, &here, scope, &login.links()).await;
        assert_eq!(refusal(&response), (StatusCode::FORBIDDEN, "link_required", None), "{scope}: the login's link");
    }
    assert_eq!(stack.dump().await, before);
    assert_eq!(refusal(&log_out(&stack, &here, "all", &here.links()).await), CLEARED);
}

#[tokio::test]
async fn a_fork_ends_only_its_own_session_and_is_reported() {
    let log = Log::start();
    for (scope, expected) in [("all", CLEARED), ("others", (StatusCode::UNAUTHORIZED, "token_not_valid", None))] {
        let stack = Stack::start().await;
        let (phone, mut owner) = two_devices(&stack).await;
        let thief = Chain { next: link(), ..owner.clone() };
        owner.renew(&stack).await;
        let response = log_out(&stack, &thief, scope, &thief.links()).await;
        assert_eq!(refusal(&response), expected, "{scope}: {}", response.body);
        assert_eq!(line_of(&log, &response)["refresh_reuse"], true);
        assert!(!is_alive(&stack, &owner).await && is_alive(&stack, &phone).await, "{scope}");
    }
}

#[tokio::test]
async fn links_of_an_ended_or_restored_session_end_nothing_else() {
    for (scope, expected) in [("all", CLEARED), ("others", (StatusCode::UNAUTHORIZED, "token_not_valid", None))] {
        let stack = Stack::start().await;
        let (phone, mut here) = two_devices(&stack).await;
        let backup = stack.dump().await;
        here.renew(&stack).await;
        stack.restore(&backup).await;
        assert_eq!(refusal(&log_out(&stack, &here, scope, &here.links()).await), expected, "{scope}: ahead");
        assert!(is_alive(&stack, &phone).await);
        stack.logout(&here.token).await;
        assert_eq!(refusal(&log_out(&stack, &here, scope, &here.links()).await), expected, "{scope}: ended");
        assert!(is_alive(&stack, &phone).await);
    }
}
