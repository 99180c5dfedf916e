//! `ORIGIN_SECRET_HASHES`: a request has to come through the edge stack, which says whose it is.

use std::time::Duration;

use local::lambda::Invocation;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::secret_hashes::SecretHashes;
use tests::{
    Stack,
    client::{Response, cookie_pair},
    fault_proxy::Fault,
};

use crate::recorder::{Log, line_of};

const OLD: &str = "canary-old-origin-secret-0123456789abcdefghi";
const NEW: &str = "canary-new-origin-secret-0123456789abcdefghi";

/// A stack whose functions know these secrets.
async fn behind_the_edge(secrets: &[&str]) -> Stack {
    let hashes: Vec<String> = secrets.iter().map(|secret| SecretHashes::hash_of(&(*secret).into())).collect();
    Stack::with_setting("ORIGIN_SECRET_HASHES", &hashes.join(",")).await
}

fn with(mut request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}

/// A new user's login with these headers.
async fn log_in(stack: &Stack, headers: &[(&str, &str)]) -> Response {
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let request = with(stack.request(Method::POST, "/auth/kakao"), headers);
    stack.send(request.json(&json!({"access_token": token}))).await
}

/// The network of a new session, as its owner sees it, if its login and the request for the list have these headers.
async fn network(stack: &Stack, headers: &[(&str, &str)]) -> Value {
    let logged_in = log_in(stack, headers).await;
    assert_eq!(logged_in.status, StatusCode::OK, "{headers:?}: {}", logged_in.body);
    let list = with(stack.request(Method::GET, "/auth/sessions").bearer_auth(logged_in.access()), headers);
    stack.send(list).await.body["sessions"][0]["ip_prefix"].clone()
}

fn is_wrong_address(response: &Response) -> bool {
    (response.status, response.code()) == (StatusCode::FORBIDDEN, "wrong_address")
}

#[tokio::test]
async fn every_route_refuses_a_request_that_did_not_come_through_the_edge_stack_and_asks_nobody() {
    let log = Log::start();
    let stack = behind_the_edge(&[NEW]).await;
    let mut functions = 0;
    for declared in stack.template().functions.values().filter(|declared| !declared.routes.is_empty()) {
        functions += 1;
        for route in &declared.routes {
            let path = route.path.replace("{id}", "0123456789abcdefghijkl").replace("{proxy+}", "");
            for headers in [&[][..], &[("x-origin-secret", OLD), ("x-viewer-ip", "203.0.113.7")]] {
                let request = with(stack.request(route.method.parse().unwrap(), &path), headers);
                let response = stack.ask(request).await.unwrap();
                assert!(is_wrong_address(&response), "{} {path}: {response:?}", route.method);
                let line = line_of(&log, &response);
                assert_eq!(
                    (&line["level"], line.get("caller")),
                    (&json!("INFO"), None),
                    "a stranger could alarm people"
                );
                assert_eq!((&line["outcome"], &line["calls"]), (&json!("wrong_address"), &json!([])), "{line}");
            }
            let let_in = with(stack.request(route.method.parse().unwrap(), &path), &[("x-origin-secret", NEW)]);
            let response = stack.ask(let_in).await.unwrap();
            assert!(response.body["code"] != "wrong_address", "{} {path}: {response:?}", route.method);
        }
    }
    assert_eq!(functions, 9);
}

#[tokio::test]
async fn a_stranger_learns_nothing_else_and_costs_no_request() {
    let stack = behind_the_edge(&[NEW]).await;
    let logged_in = log_in(&stack, &[("x-origin-secret", NEW)]).await;
    for proxy in [&stack.table_proxy, &stack.keys_proxy, &stack.kakao_proxy] {
        let _ = proxy.take_traffic();
    }
    let cookie = cookie_pair(&logged_in.token());
    for (method, path, body) in [
        (Method::POST, "/auth/refresh", String::new()),
        (Method::POST, "/auth/refresh/other", String::new()),
        (Method::POST, "/auth/refresh", "x".repeat(17_000)),
        (Method::POST, "/auth/kakao", json!({"access_token": "x"}).to_string()),
        (Method::POST, "/auth/logout", String::new()),
        (Method::GET, "/auth/profile", String::new()),
        (Method::POST, "/webhooks/kakao/unlink", String::new()),
        (Method::GET, "/.well-known/jwks.json", String::new()),
    ] {
        let request = stack.request(method, path).header("cookie", &cookie).bearer_auth(logged_in.access());
        let response = stack.send(request.header("content-type", "application/json").body(body)).await;
        assert!(is_wrong_address(&response) && response.cookie.is_none(), "{path}: {response:?}");
    }
    for proxy in [&stack.table_proxy, &stack.keys_proxy, &stack.kakao_proxy] {
        assert_eq!(proxy.take_traffic().operations, Vec::<String>::new());
    }
    let refresh = stack.request(Method::POST, "/auth/refresh").header("cookie", &cookie);
    assert_eq!(stack.send(refresh.header("x-origin-secret", NEW)).await.status, StatusCode::OK, "the session goes on");
}

#[tokio::test]
async fn both_secrets_are_good_while_one_replaces_the_other_and_no_other_ever_is() {
    for (secrets, good, bad) in [
        (&[OLD, NEW][..], &[OLD, NEW][..], &[][..]),
        (&[NEW, OLD], &[OLD, NEW], &[]),
        (&[NEW], &[NEW], &[OLD]),
        (&[OLD], &[OLD], &[NEW]),
    ] {
        let stack = behind_the_edge(secrets).await;
        for secret in good {
            assert_eq!(log_in(&stack, &[("x-origin-secret", secret)]).await.status, StatusCode::OK, "{secret}");
        }
        let pair = format!("{OLD},{NEW}");
        let twice = format!("{NEW},{NEW}");
        let cut = &NEW[..NEW.len() - 1];
        for secret in bad.iter().copied().chain([pair.as_str(), twice.as_str(), cut, "", "x"]) {
            assert!(is_wrong_address(&log_in(&stack, &[("x-origin-secret", secret)]).await), "{secret}");
        }
    }
}

/// The gateway joins headers of one name with commas. Whether it would ever pass on two spellings of one name is not documented.
#[tokio::test]
async fn a_secret_or_an_address_that_is_sent_twice_counts_for_nothing() {
    let stack = behind_the_edge(&[NEW]).await;
    let twice = [("x-origin-secret", NEW), ("X-Origin-Secret", NEW)];
    assert!(is_wrong_address(&log_in(&stack, &twice).await));
    let addresses = [("x-origin-secret", NEW), ("x-viewer-ip", "203.0.113.7"), ("x-viewer-ip", "203.0.113.7")];
    assert_eq!(network(&stack, &addresses).await, json!(""), "neither that address nor CloudFront's");

    let functions = stack.past_the_gateway();
    let file = format!("{}/../events/profile.json", env!("CARGO_MANIFEST_DIR"));
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for (headers, status) in
        [(json!({"x-origin-secret": NEW}), 401), (json!({"x-origin-secret": NEW, "X-Origin-Secret": NEW}), 403)]
    {
        let mut event = recorded.clone();
        for (name, value) in headers.as_object().unwrap() {
            event["headers"][name] = value.clone();
        }
        let invocation = Invocation { event, request_id: "id".to_owned(), timeout: Duration::from_secs(10) };
        let response = functions["profile"](invocation).await.unwrap();
        assert_eq!(response["statusCode"], status, "{headers}: {response}");
    }
}

#[tokio::test]
async fn a_session_and_the_log_have_the_address_that_the_edge_stack_says() {
    let log = Log::start();
    let stack = behind_the_edge(&[OLD, NEW]).await;
    for (sent, prefix, caller) in [
        (Some("203.0.113.77"), "203.0.113.0/24", Some("203.0.113.77")),
        (Some("2001:db8:1:2::9"), "2001:db8:1::/48", Some("2001:db8:1:2::9")),
        (Some("::ffff:203.0.113.77"), "203.0.113.0/24", Some("::ffff:203.0.113.77")),
        // Never CloudFront's address, which would be everybody's.
        (None, "", None),
        (Some(""), "", None),
        (Some("203.0.113"), "", None),
        (Some("203.0.113.77:443"), "", None),
        (Some("203.0.113.77, 198.51.100.2"), "", None),
    ] {
        let mut headers = vec![("x-origin-secret", NEW), ("x-forwarded-for", "192.0.2.1")];
        headers.extend(sent.map(|ip| ("x-viewer-ip", ip)));
        assert_eq!(network(&stack, &headers).await, json!(prefix), "{sent:?}");
        let line = line_of(&log, &log_in(&stack, &headers).await);
        assert_eq!(line.get("caller"), caller.map(|caller| json!(caller)).as_ref(), "{line}");
    }
}

#[tokio::test]
async fn without_an_edge_stack_everybody_may_call_and_nobody_may_choose_an_address() {
    let log = Log::start();
    let stack = Stack::start().await;
    for headers in [
        &[][..],
        &[("x-viewer-ip", "203.0.113.77")],
        &[("x-viewer-ip", "203.0.113.77"), ("x-origin-secret", "")],
        &[("x-viewer-ip", "203.0.113.77"), ("x-origin-secret", NEW)],
    ] {
        assert_eq!(network(&stack, headers).await, json!("127.0.0.0/24"), "{headers:?}: the gateway's word");
        assert_eq!(line_of(&log, &log_in(&stack, headers).await).get("caller"), None);
    }
}

#[tokio::test]
async fn no_origin_secret_is_logged_or_kept() {
    let log = Log::start();
    let stack = behind_the_edge(&[OLD, NEW]).await;
    let wrong = "canary-wrong-origin-secret";
    for secret in [OLD, NEW, wrong] {
        log_in(&stack, &[("x-origin-secret", secret)]).await;
        log_in(&stack, &[("x-origin-secret", secret), ("x-viewer-ip", "canary-address")]).await;
        for fault in [Fault::Down, Fault::Deny] {
            stack.table_proxy.fail(fault);
            log_in(&stack, &[("x-origin-secret", secret)]).await;
            stack.table_proxy.heal();
        }
    }
    let (log, dump) = (log.text(), format!("{:?}", stack.dump().await));
    assert!(log.contains("wrong_address") && log.contains("logged_in"), "the log was recorded");
    for canary in ["origin-secret", "canary-address"] {
        assert!(!log.contains(canary), "{canary} is in the log");
        assert!(!dump.contains(canary), "{canary} is in the table");
    }
    for secret in [OLD, NEW] {
        let hash = SecretHashes::hash_of(&secret.into());
        assert!(!log.contains(&hash[..16]), "a hash is in the log");
    }
}
