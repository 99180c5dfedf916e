//! What each call costs where the session is linked: no more than where it rotates.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use shared::session::LINK_PACE;
use tests::{Chain, REDIRECT_URI, Stack, chain::link, client::Response, fault_proxy::Traffic};

use crate::costs::{sorted, units};

const MINUTE: Duration = Duration::from_mins(1);
/// A write whose condition fails is billed as one unit, but DynamoDB does not say so.
const REFUSED: (f64, f64) = (0.0, 0.0);

/// What this renewal costs.
async fn cost(stack: &Stack, chain: &Chain) -> (Response, Traffic) {
    let _ = stack.table_proxy.take_traffic();
    let response = chain.ask(stack).await;
    (response, stack.table_proxy.take_traffic())
}

#[tokio::test]
async fn a_renewal_costs_one_request_in_every_case_but_a_fork_and_none_without_links() {
    let stack = Stack::start().await;
    // At the beginning of a minute, as answers are counted by the minute, and what follows takes 45 s.
    stack.advance(Duration::from_secs(60 - stack.now().unix_seconds().rem_euclid(60).unsigned_abs()));
    let (user, first) = (stack.kakao.new_user().await, link());
    let body = json!({"access_token": stack.kakao.token(&user).await, "link": first});
    let begun = Chain::begun(&stack.login(&body).await);
    let response_lost = Chain { prev: None, next: first, ..begun.clone() };
    let expect = async |case: &str, chain: &Chain, status: u16, operations: &[&str], expected: (f64, f64)| {
        let (response, traffic) = cost(&stack, chain).await;
        assert_eq!(response.status, status, "{case}: {}", response.body);
        assert_eq!((sorted(&traffic, operations.len()), units(&traffic)), (operations.to_vec(), expected), "{case}");
        let mut next = chain.clone();
        next.take(&response);
        next
    };
    let (read, write) = (["GetItem"], ["UpdateItem"]);
    expect("the login's response was lost", &response_lost, 200, &read, (0.0, 1.0)).await;
    expect("stay", &begun, 200, &write, REFUSED).await;
    stack.advance(LINK_PACE);
    let second = expect("the first growth", &begun, 200, &write, (1.0, 0.0)).await;
    expect("repeat", &begun, 200, &write, REFUSED).await;
    // The function has answered it a moment ago, so this one is counted.
    expect("late, without the login's response", &response_lost, 200, &write, (1.0, 0.0)).await;
    stack.advance(LINK_PACE);
    let third = expect("grow", &second, 200, &write, (1.0, 0.0)).await;
    expect("late", &begun, 200, &write, REFUSED).await;
    let before = stack.dump().await;
    stack.advance(LINK_PACE);
    let fourth = expect("grow again", &third, 200, &write, (1.0, 0.0)).await;
    expect("overtaken", &begun, 409, &write, REFUSED).await;
    expect("without the login's response, too late", &response_lost, 403, &read, (0.0, 1.0)).await;

    let of_another_session = Chain { prev: stack.log_in_linked().await.prev, ..fourth.clone() };
    expect("a link of another session", &of_another_session, 403, &[], (0.0, 0.0)).await;
    let malformed = Chain { next: "x".to_owned(), ..fourth.clone() };
    expect("a malformed link", &malformed, 400, &[], (0.0, 0.0)).await;
    for body in [json!({}), json!({"user": true})] {
        let _ = stack.table_proxy.take_traffic();
        let response = stack.send(fourth.request(&stack, "/auth/refresh", &body)).await;
        assert_eq!((response.status.as_u16(), response.code()), (403, "link_required"), "{body}");
        assert_eq!(stack.table_proxy.take_traffic(), Traffic::default(), "{body}");
    }

    stack.restore(&before).await;
    expect("ahead of a restored table", &fourth, 401, &write, REFUSED).await;
    expect("grow once more", &third, 200, &write, (1.0, 0.0)).await;
    let fork = Chain { next: link(), ..third.clone() };
    expect("fork", &fork, 401, &["UpdateItem", "DeleteItem"], (1.0, 0.0)).await;
    expect("gone", &third, 401, &write, REFUSED).await;
    expect("gone, without the login's response", &response_lost, 401, &read, (0.0, 1.0)).await;
    stack.advance(Duration::from_hours(30 * 24));
    expect("past the session's end", &third, 401, &[], (0.0, 0.0)).await;
}

#[tokio::test]
async fn a_renewal_with_the_user_costs_half_a_read_more() {
    let stack = Stack::start().await;
    let chain = stack.log_in_linked().await;
    stack.advance(LINK_PACE);
    let _ = stack.table_proxy.take_traffic();
    let request = chain.request(&stack, "/auth/refresh", &json!({"user": true, "link": chain.links()}));
    assert_eq!(stack.send(request).await.status, 200);
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((sorted(&traffic, 0), units(&traffic)), (vec!["GetItem", "UpdateItem"], (1.0, 0.5)));
}

#[tokio::test]
async fn a_login_with_a_link_costs_what_one_without_costs() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    for (case, first) in [("a new user", 2), ("access token", 1), ("code and nonce", 1), ("code and verifier", 2)] {
        let mut costs = Vec::new();
        for first_link in [json!(null), json!(link())] {
            let mut body = match case {
                "a new user" => json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await}),
                "access token" => json!({"access_token": stack.kakao.token(&user).await}),
                "code and nonce" => {
                    let code = stack.kakao.code_with(&user, &json!({"nonce": "n"})).await;
                    json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"})
                }
                _ => stack.kakao.code_body(&user).await,
            };
            body["link"] = first_link.clone();
            stack.advance(MINUTE);
            let _ = (stack.table_proxy.take_traffic(), stack.kakao_proxy.take_traffic());
            let response = stack.login(&body).await;
            assert_eq!(response.body["link"].is_string(), first_link.is_string(), "{case}: {}", response.body);
            let (traffic, calls) = (stack.table_proxy.take_traffic(), stack.kakao_proxy.take_traffic().operations);
            costs.push((sorted(&traffic, first).join(" "), units(&traffic), calls));
        }
        assert_eq!(costs[0], costs[1], "{case}");
    }
}

#[tokio::test]
async fn a_logout_costs_what_it_costs_without_links_and_nothing_if_it_is_refused() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let cost = async |chain: &Chain, path: &str, body| {
        let _ = stack.table_proxy.take_traffic();
        let response = stack.send(chain.request(&stack, path, &body)).await;
        let traffic = stack.table_proxy.take_traffic();
        (response.status.as_u16(), sorted(&traffic, 0).join(" "), units(&traffic))
    };
    for (scope, expected) in [
        ("others", (200, "DeleteItem Query".to_owned(), (1.0, 1.0))),
        ("all", (200, "DeleteItem DeleteItem Query".to_owned(), (2.0, 1.0))),
    ] {
        let other = stack.log_in_linked_as(&user).await;
        let chain = stack.log_in_linked_as(&user).await;
        let path = format!("/auth/logout?scope={scope}");
        for body in [json!({}), json!({"link": other.links()})] {
            assert_eq!(cost(&chain, &path, body).await, (403, String::new(), (0.0, 0.0)), "{scope}");
        }
        assert_eq!(cost(&chain, &path, json!({"link": chain.links()})).await, expected, "{scope}");
        if scope == "others" {
            let local = cost(&chain, "/auth/logout", json!({})).await;
            assert_eq!(local, (200, "DeleteItem".to_owned(), (1.0, 0.0)), "local");
        }
    }
}

/// A write unit of DynamoDB is 1 KB: the largest session still fits with its three links.
#[tokio::test]
async fn the_largest_linked_session_still_costs_one_unit() {
    let stack = Stack::start().await;
    let body = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await, "link": link()});
    let request = stack.request(Method::POST, "/auth/kakao").header("user-agent", "u".repeat(5_000));
    let mut chain = Chain::begun(&stack.send(request.json(&body)).await);
    for growth in 1..=3 {
        stack.advance(LINK_PACE);
        let _ = stack.table_proxy.take_traffic();
        assert_eq!(chain.renew(&stack).await.status, 200);
        assert_eq!(units(&stack.table_proxy.take_traffic()), (1.0, 0.0), "growth {growth}");
    }
}
