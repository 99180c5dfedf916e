//! `GET` and `POST /webhooks/kakao/unlink`

use std::time::{Duration, Instant};

use local::kakao::SHOP;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use tests::{Stack, fault_proxy::Fault};

use super::outbox;
use crate::recorder::{Log, lines_with};

const PATH: &str = "/webhooks/kakao/unlink";
const SOMEBODY: &str = "1029384756";

/// An unlink webhook as Kakao sends it, with other parameters.
fn webhook(stack: &Stack, method: &Method, key: &str, parameters: &[(&str, &str)]) -> RequestBuilder {
    let request = stack.request(method.clone(), PATH).header("authorization", format!("KakaoAK {key}"));
    if *method == Method::GET { request.query(parameters) } else { request.form(parameters) }
}

fn of(user: &str) -> [(&'static str, String); 3] {
    [
        ("app_id", SHOP.app_id.to_string()),
        ("user_id", user.to_owned()),
        ("referrer_type", "UNLINK_FROM_APPS".to_owned()),
    ]
}

fn texts<'a>(parameters: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    parameters.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn a_person_who_unlinks_at_kakao_becomes_work_for_the_worker() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for method in ["GET", "POST"] {
        let url = stack.request(Method::GET, PATH).build().unwrap().url().to_string();
        stack.kakao.register_webhooks(&json!({"unlink_url": url, "unlink_method": method})).await;
        stack.clear().await;
        let sent = stack.kakao.unlink_at_kakao(&user).await;
        assert_eq!(sent["attempts"][0]["status"], 200, "{method}: {sent}");
        let [work] = &outbox(&stack).await[..] else { panic!("one item") };
        let (now, id) = (stack.now().unix_seconds(), &sent["content"]["unlink"]["user_id"]);
        assert_eq!((&work["kind"], &work["kakao_id"]), (&json!("inquiry"), id), "{method}");
        assert_eq!((&work["received_at"], &work["due_at"]), (&json!(now), &json!(now)), "{method}");
    }
    // Two webhooks about one person are two items: one could arrive while the other is worked on.
    stack.kakao.send_webhook(&stack.kakao.unlink_at_kakao_silently(&user).await).await;
    assert_eq!(outbox(&stack).await.len(), 2);
}

#[tokio::test]
async fn a_wrong_key_or_app_is_a_401_and_writes_nothing() {
    let stack = Stack::start().await;
    let (app, other) = (SHOP.app_id.to_string(), "7654321".to_owned());
    let key = SHOP.admin_key;
    let last_of_key_changed = format!("{}2", &key[..key.len() - 1]);
    for method in [Method::GET, Method::POST] {
        for wrong in ["", "x", &key[1..], &last_of_key_changed, SHOP.rest_api_key, SHOP.admin_key_hash] {
            let refused = stack.send(webhook(&stack, &method, wrong, &texts(&of(SOMEBODY)))).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "not_authenticated"), "{wrong}");
            assert_eq!(refused.headers["www-authenticate"], "KakaoAK");
        }
        for parameters in [
            vec![("user_id", SOMEBODY)],
            vec![("user_id", SOMEBODY), ("app_id", "")],
            vec![("user_id", SOMEBODY), ("app_id", &other)],
            vec![("user_id", SOMEBODY), ("app_id", &app), ("app_id", &app)],
            vec![("user_id", SOMEBODY), ("app_id", &app), ("app_id", &other)],
        ] {
            let refused = stack.send(webhook(&stack, &method, key, &parameters)).await;
            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::UNAUTHORIZED, "not_authenticated"),
                "{parameters:?}"
            );
        }
        for header in
            [format!("Bearer {key}"), key.to_owned(), format!("KakaoAK{key}"), format!("KakaoAK {key}, KakaoAK {key}")]
        {
            let request = stack.request(method.clone(), PATH).query(&of(SOMEBODY)).header("authorization", &header);
            assert_eq!(stack.send(request).await.status, StatusCode::UNAUTHORIZED, "{header}");
        }
        assert_eq!(stack.send(stack.request(method, PATH)).await.status, StatusCode::UNAUTHORIZED);
    }
    assert!(stack.dump().await.is_empty());
    // The form counts in a POST, and the query in a GET.
    let elsewhere = webhook(&stack, &Method::POST, key, &[]).query(&of(SOMEBODY));
    assert_eq!(stack.send(elsewhere).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn both_keys_are_accepted_while_the_admin_key_changes() {
    // `printf abc | sha256sum`, and the same of `def`.
    let hashes = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,\
                  cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34";
    let stack = Stack::with_setting("KAKAO_ADMIN_KEY_HASHES", hashes).await;
    for (key, status) in [("abc", 200), ("def", 200), (SHOP.admin_key, 401)] {
        let response = stack.send(webhook(&stack, &Method::POST, key, &texts(&of(SOMEBODY)))).await;
        assert_eq!(response.status.as_u16(), status, "{key}");
    }
    let without = Stack::with_setting("KAKAO_ADMIN_KEY_HASHES", "").await;
    for key in ["", SHOP.admin_key] {
        let response = without.send(webhook(&without, &Method::POST, key, &texts(&of(SOMEBODY)))).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{key}");
    }
}

#[tokio::test]
async fn no_response_tells_whether_a_kakao_id_exists() {
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"id": 4_000_000_001_i64})).await;
    stack.log_in_as(&user).await;
    let mut responses = Vec::new();
    for id in
        ["4000000001", "4000000002", "9223372036854775807", "0", "-1", "me", "9223372036854775808", "", "4000000001 "]
    {
        let response = stack.send(webhook(&stack, &Method::POST, SHOP.admin_key, &texts(&of(id)))).await;
        assert_eq!((response.status, &response.body), (StatusCode::OK, &json!({})), "{id}");
        let mut names: Vec<String> = response.headers.keys().map(ToString::to_string).collect();
        names.sort();
        responses.push(names);
    }
    responses.dedup();
    assert_eq!(responses.len(), 1, "{responses:?}");
    let twice = [("app_id", "1234567"), ("user_id", "4000000001"), ("user_id", "4000000002")];
    assert_eq!(stack.send(webhook(&stack, &Method::POST, SHOP.admin_key, &twice)).await.status, StatusCode::OK);
    assert_eq!(outbox(&stack).await.len(), 3, "those that are IDs");
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_or_stored_is_an_error_in_the_log_and_a_200_in_time() {
    let log = Log::start();
    let stack = Stack::start().await;
    let response = stack.send(webhook(&stack, &Method::GET, SHOP.admin_key, &texts(&of("me")))).await;
    assert_eq!(response.status, StatusCode::OK);
    let unreadable = lines_with(&log, r#""event":"webhook_unreadable""#);
    assert_eq!(unreadable[0]["level"], "ERROR");
    for fault in [Fault::Down, Fault::Throttle, Fault::Deny, Fault::FailBefore, Fault::Hang] {
        let before = lines_with(&log, r#""event":"webhook_lost""#).len();
        stack.table_proxy.fail(fault);
        let started = Instant::now();
        let response = stack.send(webhook(&stack, &Method::GET, SHOP.admin_key, &texts(&of(SOMEBODY)))).await;
        assert!(started.elapsed() < Duration::from_secs(3), "{fault:?}: Kakao waits 3 s");
        stack.table_proxy.heal();
        assert_eq!((response.status, response.body), (StatusCode::OK, json!({})), "{fault:?}");
        let lost = lines_with(&log, r#""event":"webhook_lost""#);
        assert!(lost.len() > before && lost[before]["level"] == "ERROR", "{fault:?}");
    }
    assert!(outbox(&stack).await.is_empty());
}

#[tokio::test]
async fn refused_webhooks_are_warned_of_once_a_minute() {
    let log = Log::start();
    let stack = Stack::start().await;
    let warnings = || {
        let of_ours = lines_with(&log, r#""event":"webhook_refused""#);
        of_ours.iter().filter(|line| line["level"] == "WARN").count()
    };
    let before = warnings();
    let refuse = async || {
        let refused = stack.send(webhook(&stack, &Method::POST, "x", &texts(&of(SOMEBODY)))).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    };
    for _ in 0..3 {
        refuse().await;
    }
    stack.advance(Duration::from_secs(59));
    refuse().await;
    let first = warnings() - before;
    stack.advance(Duration::from_secs(1));
    refuse().await;
    assert_eq!((first, warnings() - before), (1, 2));
}

#[tokio::test]
async fn a_browser_is_refused_whatever_it_sends() {
    let stack = Stack::start().await;
    for origin in [tests::ORIGIN, "https://evil.example", "null", ""] {
        for request in [
            webhook(&stack, &Method::POST, SHOP.admin_key, &texts(&of(SOMEBODY))),
            stack.request(Method::POST, "/webhooks/kakao/account-status").body("x"),
        ] {
            let refused = stack.send(request.header("origin", origin)).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"), "{origin}");
        }
    }
    assert!(stack.dump().await.is_empty());
}
