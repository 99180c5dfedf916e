//! The user, who is returned on request, and only with good links.

use reqwest::StatusCode;
use serde_json::json;
use tests::{Chain, Stack, chain::link, client::Response};

use super::growth::PACE;

async fn with_user(stack: &Stack, chain: &Chain) -> Response {
    let body = json!({"link": chain.links(), "user": true});
    stack.send(chain.request(stack, "/auth/refresh", &body)).await
}

#[tokio::test]
async fn every_renewal_returns_the_user_on_request() {
    let stack = Stack::start().await;
    let (user, next) = (stack.kakao.user(&json!({"nickname": "라이언"})).await, link());
    let logged_in = stack.login(&json!({"access_token": stack.kakao.token(&user).await, "link": next})).await;
    let mut chain = Chain::begun(&logged_in);
    let lost = Chain { prev: None, next, ..chain.clone() };
    let mut renewals = vec![with_user(&stack, &lost).await, with_user(&stack, &chain).await];
    let old = chain.clone();
    for _ in 0..2 {
        stack.advance(PACE);
        let sent = chain.clone();
        let grown = with_user(&stack, &chain).await;
        chain.take(&grown);
        renewals.extend([grown, with_user(&stack, &sent).await, with_user(&stack, &chain).await]);
    }
    renewals.push(with_user(&stack, &old).await);
    let links: Vec<bool> = renewals.iter().map(|renewal| renewal.body["link"].is_string()).collect();
    let [grow, repeat, stay, late] = [true, true, false, false];
    assert_eq!(links, [repeat, stay, grow, repeat, stay, grow, repeat, stay, late]);
    for renewal in &renewals {
        assert_eq!(renewal.body["user"], logged_in.body["user"], "{}", renewal.body);
    }
    stack.advance(PACE);
    assert_eq!(chain.renew(&stack).await.body.get("user"), None, "not asked for");
}

/// No route gives user data for the cookie alone.
#[tokio::test]
async fn without_good_links_no_user_is_returned_and_for_the_cookie_alone_none_is_read() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let mut past = vec![chain.clone()];
    for _ in 0..3 {
        stack.advance(PACE);
        chain.renew(&stack).await;
        past.push(chain.clone());
    }
    let made_up = chain.prev.as_ref().map(|prev| prev.chars().rev().collect());
    let cookie_alone = Chain { prev: None, next: link(), ..chain.clone() };
    let _ = stack.table_proxy.take_traffic();
    for (links, status, operations) in [
        (&Chain { prev: made_up, ..chain.clone() }, StatusCode::FORBIDDEN, &[][..]),
        (&cookie_alone, StatusCode::FORBIDDEN, &["GetItem"]),
        (&past[0], StatusCode::CONFLICT, &["GetItem", "UpdateItem"]),
        (
            &Chain { next: link(), ..past[2].clone() },
            StatusCode::UNAUTHORIZED,
            &["DeleteItem", "GetItem", "UpdateItem"],
        ),
    ] {
        let response = with_user(&stack, links).await;
        assert_eq!((response.status, response.body.get("user")), (status, None), "{}", response.body);
        let mut used = stack.table_proxy.take_traffic().operations;
        used.sort_unstable();
        assert_eq!(used, operations, "{status}: the user is read beside the write, and only for confirmed links");
        if links.prev.is_none() {
            let read = stack.table_proxy.last_body("GetItem")["Key"].to_string();
            assert!(read.contains("SESSION#"), "{read}");
        }
    }
}
