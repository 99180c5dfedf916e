//! `GET /auth/kakao/login`: the redirect to Kakao.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{CALLBACK_URI, ORIGIN, Settings, Stack};

use super::visitor::{SEED, Visitor, hosted, location, parameter, seed_of};
use crate::recorder::{Log, line_of};

const LOGINS: [&str; 2] = ["/auth/kakao/login", "/accounts/kakao/login"];
const CALLBACKS: [&str; 2] = ["/auth/kakao/callback", "/accounts/kakao/login/callback"];

#[tokio::test]
async fn a_link_sends_the_browser_to_kakao_with_state_nonce_and_pkce_of_one_short_cookie() {
    let log = Log::start();
    let stack = hosted().await;
    for path in LOGINS.iter().flat_map(|path| [(*path).to_owned(), format!("{path}/")]) {
        let response = Visitor::default().get(&stack, &format!("{path}?next=/shop")).await;
        let page = location(&response);
        assert_eq!(page.path(), "/oauth/authorize", "{path}");
        let sent: BTreeMap<String, String> = page.query_pairs().into_owned().collect();
        let names: Vec<&str> = sent.keys().map(String::as_str).collect();
        let expected =
            ["client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_type", "state"];
        assert_eq!(names, expected, "{path}");
        let fixed = [("response_type", "code"), ("code_challenge_method", "S256"), ("redirect_uri", CALLBACK_URI)];
        for (name, value) in fixed {
            assert_eq!(sent[name], value, "{name}");
        }
        assert!(sent["code_challenge"].len() == 43 && sent["nonce"].len() == 43, "{sent:?}");
        assert_eq!(seed_of(&response).len(), 43);
        let attributes = "; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax";
        assert!(response.set_cookie().ends_with(attributes), "{}", response.set_cookie());
        assert_eq!((&response.body, response.headers.get("content-type")), (&json!(null), None));
        for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
            assert_eq!(response.headers[name], value);
        }
        let line = line_of(&log, &response);
        assert_eq!((&line["outcome"], &line["http_status"]), (&json!("login_begun"), &json!(303)));
        assert_eq!((&line["calls"], &line["level"]), (&json!([]), &json!("INFO")), "it asks nobody");
    }
}

#[tokio::test]
async fn a_browser_keeps_its_cookie_and_each_login_has_values_of_its_own() {
    let stack = hosted().await;
    let mut visitor = Visitor::default();
    let mut values = BTreeSet::new();
    let mut seeds = BTreeSet::new();
    for _ in 0..3 {
        let page = visitor.begin(&stack, "?next=/").await;
        values.extend(["state", "nonce", "code_challenge"].map(|name| parameter(&page, name)));
        seeds.insert(visitor.seed.clone());
    }
    assert_eq!((values.len(), seeds.len()), (9, 1));
    for garbage in ["", "x", &"A".repeat(42), &"+".repeat(43), &"A".repeat(9_000)] {
        let mut visitor = Visitor { seed: garbage.to_owned(), ..Visitor::default() };
        visitor.begin(&stack, "").await;
        assert!(seeds.insert(visitor.seed), "a new one");
    }
}

#[tokio::test]
async fn a_prompt_is_passed_on_if_it_can_be_one_of_kakaos() {
    let stack = hosted().await;
    for (query, prompt) in [
        ("?prompt=none", "none"),
        ("?prompt=login,select_account&next=/shop", "login,select_account"),
        ("?next=/&prompt=login%20create", "login create"),
        ("?prompt=", ""),
        ("?prompt=%0d%0ax:1", ""),
        ("?prompt=NONE%26client_id%3Dx", ""),
        (&format!("?prompt={}", "a".repeat(65)), ""),
    ] {
        assert_eq!(parameter(&Visitor::default().begin(&stack, query).await, "prompt"), prompt, "{query}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_begins_no_login() {
    let log = Log::start();
    let stack = hosted().await;
    let none = stack.with_other_setting("COOKIE_SAMESITE", "None").await;
    for (name, value, passes, passes_with_none) in [
        ("sec-fetch-site", "none", true, true),
        ("sec-fetch-site", "same-origin", true, true),
        ("sec-fetch-site", "same-site", true, true),
        ("sec-fetch-site", "cross-site", false, true),
        ("sec-fetch-site", "x", false, true),
        ("origin", ORIGIN, true, true),
        ("origin", "https://evil.example", false, false),
        ("origin", "null", false, false),
    ] {
        for (functions, passes) in [(&*stack, passes), (&none, passes_with_none)] {
            let request = functions.request(Method::GET, "/auth/kakao/login?next=/").header(name, value);
            let response = functions.ask(request).await.unwrap();
            if passes {
                location(&response);
            } else {
                assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"));
                assert!(response.set_cookies().is_empty(), "{name}: {value}");
                assert_eq!(line_of(&log, &response)["outcome"], "origin_not_allowed");
            }
        }
    }
}

#[tokio::test]
async fn without_the_setting_there_is_no_hosted_login() {
    let stack = Stack::start().await;
    for path in LOGINS.iter().chain(&CALLBACKS).flat_map(|path| [(*path).to_owned(), format!("{path}/")]) {
        let request = stack.request(Method::GET, &format!("{path}?next=/&code=x&state=y"));
        let response = stack.send(request).await;
        assert_eq!((response.status, response.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        assert!(response.set_cookies().is_empty());
    }
    for stack in [stack, hosted().await] {
        for path in ["/auth/kakao", "/auth/kakao/"] {
            let response = stack.ask(stack.request(Method::GET, path)).await.unwrap();
            assert_eq!(response.status, StatusCode::NO_CONTENT, "it still starts the function");
        }
        for path in ["/auth/kakao/login/x", "/auth/kakao/callback/x", "/accounts/kakao/login/callback/x"] {
            assert_eq!(stack.send(stack.request(Method::GET, path)).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn without_secure_the_cookie_has_no_prefix() {
    let environment = [("CALLBACK_URI", CALLBACK_URI), ("COOKIE_SECURE", "false")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let begin = async |cookie: &str| {
        let request = stack.request(Method::GET, "/auth/kakao/login").header("cookie", cookie);
        stack.ask(request).await.unwrap()
    };
    let response = begin("a=b").await;
    let cookie = response.set_cookie();
    assert!(cookie.starts_with("kakao_login="), "{cookie}");
    assert!(cookie.ends_with("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let pair = cookie.split_once(';').unwrap().0;
    assert!(begin(pair).await.set_cookie().starts_with(pair), "it is kept");
    assert!(!begin(&pair.replace("kakao_login", SEED)).await.set_cookie().starts_with(pair));
}
