//! `POST /auth/logout` with two cookies, of which the links belong to one.
//!
//! After `CookieSameSite` was changed, browsers keep the cookie of the session before beside the new one.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Chain, Stack,
    chain::{link, refusal},
    client::{Response, cookie_pair},
    fault_proxy::Fault,
};

const CLEARED: (StatusCode, &str, Option<&str>) = (StatusCode::OK, "", Some(""));
const KEPT: (StatusCode, &str, Option<&str>) = (StatusCode::OK, "", None);
const UNLINKED: (StatusCode, &str, Option<&str>) = (StatusCode::FORBIDDEN, "link_required", None);

async fn log_out(stack: &Stack, tokens: [&str; 2], scope: &str, link: &Value) -> Response {
    let cookies = tokens.map(cookie_pair).join("; ");
    let request = stack.request(Method::POST, &format!("/auth/logout?scope={scope}")).header("cookie", cookies);
    stack.send(request.json(&json!({"link": link}))).await
}

async fn is_alive(stack: &Stack, chain: &Chain) -> bool {
    stack.profile(&chain.access).await.status == StatusCode::OK
}

/// A user's phone, and a browser with the sessions of two users, the newer one last.
async fn devices(stack: &Stack) -> [Chain; 3] {
    let user = stack.kakao.new_user().await;
    let (phone, older) = (stack.log_in_linked_as(&user).await, stack.log_in_linked().await);
    stack.advance(Duration::from_secs(1));
    [phone, older, stack.log_in_linked_as(&user).await]
}

#[tokio::test]
async fn the_links_of_one_are_enough_and_the_other_session_of_the_browser_ends_too() {
    for (scope, expected) in [("all", CLEARED), ("others", KEPT)] {
        for reversed in [false, true] {
            let stack = Stack::start().await;
            let [phone, other, here] = devices(&stack).await;
            let mut tokens = [&*other.token, &*here.token];
            if reversed {
                tokens.reverse();
            }
            assert_eq!(refusal(&log_out(&stack, tokens, scope, &here.links()).await), expected, "{scope}");
            assert!(!is_alive(&stack, &phone).await, "{scope}");
            for session in [&here, &other] {
                assert_eq!(is_alive(&stack, session).await, scope == "others", "{scope}");
            }
        }
    }
}

#[tokio::test]
async fn the_cookie_of_an_ended_session_is_not_in_the_way() {
    for (scope, expected) in [("all", CLEARED), ("others", KEPT)] {
        let stack = Stack::start().await;
        let [phone, ended, here] = devices(&stack).await;
        stack.logout(&ended.token).await;
        let tokens = [&*here.token, &*ended.token];
        let response = log_out(&stack, tokens, scope, &json!(null)).await;
        assert_eq!(
            (refusal(&response), &response.body["session"]),
            (UNLINKED, &json!(here.session())),
            "the newer one"
        );
        assert!(is_alive(&stack, &phone).await);
        assert_eq!(refusal(&log_out(&stack, tokens, scope, &here.links()).await), expected, "{scope}");
        assert!(!is_alive(&stack, &phone).await, "{scope}");
    }
}

/// The older session was rotating: its cookie alone logs out its user, and the linked one ends as without a scope.
#[tokio::test]
async fn beside_a_rotating_session_that_is_alive_no_links_are_needed() {
    let stack = Stack::start().await;
    let rotating = stack.log_in().await;
    let [phone, _, here] = devices(&stack).await;
    let response = log_out(&stack, [&rotating.token(), &here.token], "all", &json!(null)).await;
    assert_eq!(refusal(&response), CLEARED);
    assert_eq!(stack.profile(rotating.access()).await.status, StatusCode::UNAUTHORIZED);
    assert!(!is_alive(&stack, &here).await && is_alive(&stack, &phone).await, "only its own session");

    let response = log_out(&stack, [&rotating.token(), &phone.token], "all", &json!(null)).await;
    assert_eq!(refusal(&response), UNLINKED, "the rotating one has ended");
    assert!(is_alive(&stack, &phone).await);
}

#[tokio::test]
async fn old_links_are_a_409_whatever_the_other_cookie_is() {
    let stack = Stack::start().await;
    let [phone, other, mut here] = devices(&stack).await;
    let old = here.clone();
    for _ in 0..2 {
        stack.advance(Duration::from_secs(15));
        here.renew(&stack).await;
    }
    let before = stack.dump().await;
    let response = log_out(&stack, [&other.token, &here.token], "all", &old.links()).await;
    assert_eq!(refusal(&response), (StatusCode::CONFLICT, "link_stale", None));
    assert_eq!(stack.dump().await, before);
    let mut thief = Chain { next: link(), ..here.clone() };
    stack.advance(Duration::from_secs(15));
    thief.renew(&stack).await;
    let forked = log_out(&stack, [&other.token, &here.token], "all", &here.links()).await;
    assert_eq!(refusal(&forked), CLEARED, "a fork");
    for ended in [&here, &other] {
        assert!(!is_alive(&stack, ended).await);
    }
    assert!(is_alive(&stack, &phone).await);
}

#[tokio::test]
async fn if_dynamodb_fails_the_cookies_stay_and_the_logout_can_be_repeated() {
    let stack = Stack::start().await;
    let [phone, other, here] = devices(&stack).await;
    let tokens = [&*other.token, &*here.token];
    stack.table_proxy.fail(Fault::DenyOnly("DeleteItem"));
    let failed = log_out(&stack, tokens, "all", &here.links()).await;
    assert_eq!((failed.status, failed.cookie), (StatusCode::SERVICE_UNAVAILABLE, None));
    stack.table_proxy.heal();
    assert_eq!(refusal(&log_out(&stack, tokens, "all", &here.links()).await), CLEARED);
    for ended in [&phone, &here, &other] {
        assert!(!is_alive(&stack, ended).await);
    }
}
