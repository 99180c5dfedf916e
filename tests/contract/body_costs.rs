//! What each call costs where the refresh token comes in the body: what it costs by cookie.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::session::LINK_PACE;
use tests::{
    Carrier, Stack,
    chain::{confirmed, link},
    client::Response,
    fault_proxy::Traffic,
};

use crate::costs::{sorted, units};

const WINDOW: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_mins(1);

/// A case, its status, the operations and the units.
type Cost = (String, u16, String, (f64, f64));

/// The costs of a client's calls, in order.
struct Ledger<'a> {
    stack: &'a Stack,
    carrier: Carrier,
    costs: Vec<Cost>,
}

impl<'a> Ledger<'a> {
    fn new(stack: &'a Stack, carrier: Carrier) -> Self {
        Self { stack, carrier, costs: Vec::new() }
    }

    fn note(&mut self, case: &str, response: &Response) {
        let traffic = self.stack.table_proxy.take_traffic();
        let operations = sorted(&traffic, 0).join(" ");
        self.costs.push((case.to_owned(), response.status.as_u16(), operations, units(&traffic)));
    }

    async fn log_in(&mut self, case: &str, mut body: Value) -> Response {
        if self.carrier == Carrier::Body {
            body["transport"] = "body".into();
        }
        body["device"] = json!({"name": "가".repeat(64), "platform": "x".repeat(32)});
        let _ = self.stack.table_proxy.take_traffic();
        let response = self.stack.login(&body).await;
        self.note(case, &response);
        response
    }

    async fn send(&mut self, case: &str, path: &str, token: &str, body: Value) -> Response {
        let _ = self.stack.table_proxy.take_traffic();
        let response = self.stack.send(self.carrier.request(self.stack, path, token, body)).await;
        self.note(case, &response);
        response
    }
}

async fn rotating(stack: &Stack, carrier: Carrier) -> Vec<Cost> {
    let mut ledger = Ledger::new(stack, carrier);
    let user = stack.kakao.new_user().await;
    ledger.log_in("a first login", json!({"access_token": stack.kakao.token(&user).await})).await;
    stack.advance(MINUTE);
    let known = ledger.log_in("a known user's", json!({"access_token": stack.kakao.token(&user).await})).await;
    stack.advance(MINUTE);
    let code = stack.kakao.code_body(&user).await;
    let by_code = ledger.log_in("by code", code.clone()).await;
    ledger.log_in("by code, again", code).await;

    let first = carrier.token(&known);
    stack.advance(WINDOW);
    let rotated = ledger.send("rotated", "/auth/refresh", &first, json!({})).await;
    let second = carrier.token(&rotated);
    ledger.send("current", "/auth/refresh", &second, json!({})).await;
    ledger.send("repeated", "/auth/refresh", &first, json!({})).await;
    ledger.send("with the user", "/auth/refresh", &second, json!({"user": true})).await;
    stack.advance(WINDOW);
    ledger.send("reuse", "/auth/refresh", &first, json!({})).await;
    ledger.send("gone", "/auth/refresh", &second, json!({})).await;
    ledger.send("malformed", "/auth/refresh", &format!("{}~", &second[..119]), json!({})).await;

    let token = carrier.token(&by_code);
    ledger.send("a logout elsewhere", "/auth/logout?scope=others", &token, json!({})).await;
    ledger.send("a logout", "/auth/logout", &token, json!({})).await;
    ledger.send("another one", "/auth/logout", &token, json!({})).await;
    let last = stack.kakao.token(&user).await;
    let last = carrier.token(&ledger.log_in("once more", json!({"access_token": last})).await);
    ledger.send("a logout everywhere", "/auth/logout?scope=all", &last, json!({})).await;
    ledger.costs
}

async fn linked(stack: &Stack, carrier: Carrier) -> Vec<Cost> {
    let mut ledger = Ledger::new(stack, carrier);
    let (user, first) = (stack.kakao.new_user().await, link());
    let body = json!({"access_token": stack.kakao.token(&user).await, "link": first});
    let begun = ledger.log_in("a first login", body).await;
    let (token, zero) = (carrier.token(&begun), confirmed(&begun).unwrap());
    let path = "/auth/refresh";
    ledger.send("the response was lost", path, &token, json!({"link": {"next": first}})).await;
    let next = link();
    let links = json!({"link": {"prev": zero, "next": next}});
    ledger.send("stay", path, &token, links.clone()).await;
    stack.advance(LINK_PACE);
    let one = confirmed(&ledger.send("the first growth", path, &token, links.clone()).await).unwrap();
    ledger.send("repeat", path, &token, links.clone()).await;
    stack.advance(LINK_PACE);
    let two = json!({"link": {"prev": one, "next": link()}});
    let two = confirmed(&ledger.send("grow", path, &token, two).await).unwrap();
    ledger.send("late", path, &token, links.clone()).await;
    stack.advance(LINK_PACE);
    let grown =
        ledger.send("grow again", path, &token, json!({"link": {"prev": two, "next": link()}, "user": true})).await;
    ledger.send("overtaken", path, &token, links).await;
    ledger.send("without links", path, &token, json!({})).await;
    let three = confirmed(&grown).unwrap();
    ledger.send("logout everywhere without links", "/auth/logout?scope=all", &token, json!({})).await;
    let current = json!({"link": {"prev": three, "next": link()}});
    ledger.send("logout elsewhere", "/auth/logout?scope=others", &token, current).await;
    stack.advance(LINK_PACE);
    ledger.send("fork", path, &token, json!({"link": {"prev": two, "next": link()}})).await;
    ledger.send("a logout", "/auth/logout", &token, json!({})).await;
    ledger.costs
}

#[tokio::test]
async fn an_apps_calls_cost_what_they_cost_by_cookie() {
    let stack = Stack::start().await;
    let (by_cookie, in_body) = (rotating(&stack, Carrier::Cookie).await, rotating(&stack, Carrier::Body).await);
    assert_eq!(in_body, by_cookie);
    let (by_cookie, in_body) = (linked(&stack, Carrier::Cookie).await, linked(&stack, Carrier::Body).await);
    assert_eq!(in_body, by_cookie, "linked");
}

#[tokio::test]
async fn a_page_in_compatibility_mode_costs_one_write_for_each_login_renewal_and_logout() {
    let stack = Stack::with_setting("COMPATIBILITY", "dj-rest-auth").await;
    let user = stack.kakao.new_user().await;
    stack.log_in_at_kakao(&user).await;
    stack.advance(MINUTE);
    let cost = || {
        let traffic = stack.table_proxy.take_traffic();
        (sorted(&traffic, 1).join(" "), units(&traffic))
    };
    let _ = cost();
    let body = json!({"access_token": stack.kakao.token(&user).await});
    let token = stack.login(&body).await.body_token();
    assert_eq!(cost(), ("GetItem PutItem UpdateItem".to_owned(), (2.0, 1.0)), "as by cookie");
    for pause in [Duration::ZERO, WINDOW, 24 * 60 * MINUTE] {
        stack.advance(pause);
        assert_eq!(stack.refresh_in_body(&token).await.status, 200);
        assert_eq!(cost(), ("UpdateItem".to_owned(), (1.0, 0.0)), "{pause:?}");
    }
    stack.post("/auth/refresh", &json!({"refresh": token, "user": true})).await;
    assert_eq!(cost().1, (1.0, 0.5), "with the user");
    stack.logout_in_body(&token).await;
    assert_eq!(cost(), ("DeleteItem".to_owned(), (1.0, 0.0)));
    assert_eq!(stack.refresh_in_body(&token).await.status, 401);
    assert_eq!(cost().0, "UpdateItem", "a refused write");
    assert_eq!(stack.refresh_in_body(&format!("{}~", &token[..119])).await.status, 401);
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
}

/// A write unit of DynamoDB is 1 KB: the largest session fits, with its three links, a user agent that is not UTF-8, and the longest
/// name and platform of a device.
#[tokio::test]
async fn the_largest_session_of_an_app_still_costs_one_unit() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_at_kakao(&user).await;
    stack.advance(MINUTE);
    let mut body = stack.kakao.code_body(&user).await;
    body["transport"] = json!("body");
    body["link"] = json!(link());
    body["device"] = json!({"name": "👨".repeat(64), "platform": "x".repeat(64)});
    let user_agent = reqwest::header::HeaderValue::from_bytes(&[0xff; 5_000]).unwrap();
    let request = stack.request(Method::POST, "/auth/kakao").header("user-agent", user_agent);
    let response = stack.send(request.json(&body)).await;
    let (token, mut prev) = (response.body_token(), confirmed(&response).unwrap());
    for growth in 1..=3 {
        stack.advance(LINK_PACE);
        let _ = stack.table_proxy.take_traffic();
        let body = json!({"refresh": token, "link": {"prev": prev, "next": link()}});
        let grown = stack.post("/auth/refresh", &body).await;
        assert_eq!(units(&stack.table_proxy.take_traffic()), (1.0, 0.0), "growth {growth}");
        prev = confirmed(&grown).unwrap();
    }
}
