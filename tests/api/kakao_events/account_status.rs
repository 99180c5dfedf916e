//! `POST /webhooks/kakao/account-status`

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Stack,
    client::{Response, jwt_part},
    fault_proxy::{Fault, FaultRates},
};

use super::outbox;

const PATH: &str = "/webhooks/kakao/account-status";
const KEYS: &str = "/.well-known/jwks.json";

/// Sends a token as Kakao does.
async fn push(stack: &Stack, token: &str) -> Response {
    let request = stack.request(Method::POST, PATH).header("content-type", "application/secevent+jwt");
    stack.ask(request.body(token.to_owned())).await.unwrap()
}

/// The `err` of a 400, or `""`.
fn err(response: &Response) -> &str {
    if response.status == StatusCode::BAD_REQUEST {
        let members: Vec<&String> = response.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["description", "err"], "RFC 8935 §2.3");
        assert!(response.body["description"].as_str().unwrap().starts_with("the security event token "));
    }
    response.body["err"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn each_type_of_event_becomes_one_item_of_work() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for name in [
        "user-linked",
        "user-unlinked",
        "user-scope-consent",
        "user-scope-withdraw",
        "tokens-revoked",
        "token-issued",
        "token-revoked",
        "account-purged",
        "account-credential-change-required",
        "account-disabled",
        "account-enabled",
        "credential-compromise",
        "identifier-changed",
        "identifier-recycled",
        "sessions-revoked",
        "assurance-level-change",
        "credential-change",
        "user-profile-changed",
    ] {
        stack.clear().await;
        let sent = stack.kakao.send_event(&user, name).await;
        assert_eq!((&sent["attempts"][0]["status"], &sent["attempts"][0]["body"]), (&json!(202), &json!("")), "{sent}");
        let token = sent["content"]["account_status"]["token"].as_str().unwrap();
        let claims = jwt_part(token, 1);
        let [seen, work] = &outbox(&stack).await[..] else { panic!("{name}: two items") };
        let jti = claims["jti"].as_str().unwrap();
        assert_eq!((&seen["sk"], &work["sk"]), (&json!(format!("SEEN#{jti}")), &json!(format!("WORK#{jti}"))));
        assert_eq!((&work["kind"], &work["kakao_id"]), (&json!("events"), &claims["sub"]));
        let uri = work["events"][0]["uri"].as_str().unwrap();
        assert!(uri.ends_with(&format!("/event-type/{name}")) && claims["events"][uri].is_object(), "{uri}");
        let fourteen_days = stack.now().unix_seconds() + 14 * 86_400;
        assert_eq!((&seen["expires_at"], work.get("expires_at")), (&json!(fourteen_days), None));
    }
}

#[tokio::test]
async fn several_events_and_their_scopes_are_one_item() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let several = json!({"events": ["user-scope-withdraw", "sessions-revoked"], "scopes": ["account_email"]});
    let response = push(&stack, &stack.kakao.security_event(&user, &several).await).await;
    assert_eq!((response.status, response.body), (StatusCode::ACCEPTED, Value::Null));
    let items = outbox(&stack).await;
    let events: Vec<(&str, &Value)> = items[1]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["uri"].as_str().unwrap().rsplit('/').next().unwrap(), &event["scopes"]))
        .collect();
    assert_eq!(events, [("user-scope-withdraw", &json!(["account_email"])), ("sessions-revoked", &json!([]))]);
}

#[tokio::test]
async fn a_repeated_token_is_accepted_and_acts_once() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let webhook = stack.kakao.send_event(&user, "user-unlinked").await;
    let (items, now) = (stack.dump().await, stack.now());
    stack.advance(Duration::from_hours(9 * 24));
    let again = stack.kakao.send_webhook(&webhook).await;
    assert_eq!(again["attempts"][1]["status"], 202, "{again}");
    assert_eq!(stack.dump().await, items, "as it was put at {now:?}");
    // A worker has done the work meanwhile.
    stack.clear().await;
    stack.restore(&items[..1]).await;
    assert_eq!(stack.kakao.send_webhook(&webhook).await["attempts"][2]["status"], 202);
    assert_eq!(stack.dump().await, items[..1]);
    stack.advance(Duration::from_hours(2 * 24));
    let too_old = stack.kakao.send_webhook(&webhook).await;
    assert_eq!(too_old["attempts"][3]["status"], 400, "before it is forgotten");
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_with_its_code_and_puts_nothing() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for (parameters, expected) in [
        (json!({"kind": "other_aud"}), "invalid_audience"),
        (json!({"kind": "other_iss"}), "invalid_issuer"),
        (json!({"app": "other"}), "invalid_audience"),
        (json!({"kind": "future"}), "invalid_request"),
        (json!({"claims": {"/iat": "1700000000"}}), "invalid_request"),
        (json!({"kind": "no_iat"}), "invalid_request"),
        (
            json!({"kind": "no_sub", "claims": {"/events": r#"{"https://a.example/user-unlinked": {}}"#}}),
            "invalid_request",
        ),
        (json!({"kind": "odd_sub"}), "invalid_request"),
        (json!({"claims": {"/sub": "\"7\""}}), "invalid_request"),
        (json!({"claims": {"/jti": format!("\"{}\"", "x".repeat(129))}}), "invalid_request"),
        (json!({"claims": {"/jti": "null"}}), "invalid_request"),
        (json!({"claims": {"/events": "{}"}}), "invalid_request"),
        (json!({"claims": {"/x": r#"1, "jti": "twice""#}}), "invalid_request"),
        (json!({"header": {"/typ": "\"JWT\""}}), "invalid_request"),
        (json!({"header": {"/typ": "\"at+jwt\""}}), "invalid_request"),
        (json!({"header": {"/typ": "null"}}), "invalid_request"),
        (json!({"header": {"/typ": "7"}}), "invalid_request"),
        (json!({"kind": "crit"}), "invalid_request"),
        (json!({"kind": "alg_none"}), "invalid_key"),
        (json!({"kind": "hs256_public_key"}), "invalid_key"),
        (json!({"header": {"/alg": "\"ES256\""}}), "invalid_key"),
        (json!({"header": {"/alg": "\"RS512\""}}), "invalid_key"),
        (json!({"kind": "no_kid"}), "invalid_key"),
        (json!({"kind": "jku"}), "invalid_key"),
    ] {
        let token = stack.kakao.security_event(&user, &parameters).await;
        let response = push(&stack, &token).await;
        assert_eq!(err(&response), expected, "{parameters}: {} {}", response.status, response.body);
        assert!(response.status != StatusCode::ACCEPTED, "{parameters}");
    }
    let good = stack.kakao.security_event(&user, &json!({})).await;
    let (message, signature) = good.rsplit_once('.').unwrap();
    let signature = signature.chars().rev().collect::<String>();
    for (token, expected) in [
        (format!("{message}.{signature}"), "invalid_key"),
        (format!("{message}."), "invalid_key"),
        (message.to_owned(), "invalid_key"),
        (String::new(), "invalid_request"),
        ("x".to_owned(), "invalid_request"),
        ("a.b.c".to_owned(), "invalid_request"),
        (json!({"token": good}).to_string(), "invalid_request"),
        (format!("{good}{}", "x".repeat(16 * 1024 - good.len())), "invalid_key"),
    ] {
        assert_eq!(err(&push(&stack, &token).await), expected, "{token}");
    }
    assert_eq!(push(&stack, &format!("{good}{}", "x".repeat(16 * 1024))).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(stack.dump().await.is_empty());
    assert_eq!(push(&stack, &format!("\r\n{good}\n")).await.status, StatusCode::ACCEPTED, "white space around it");
}

#[tokio::test]
async fn tokens_that_differ_from_the_usual_one_without_harm_are_accepted() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let now = stack.now().unix_seconds();
    for parameters in [
        json!({"kind": "aud_list"}),
        json!({"kind": "fractions"}),
        json!({"kind": "expired"}),
        json!({"claims": {"/iat": (now + 60).to_string()}}),
        json!({"claims": {"/iat": (now - 864_000).to_string()}}),
        json!({"claims": {"/jti": format!("\"{}\"", "x".repeat(128))}}),
        json!({"claims": {"/toe": "\"x\"", "/txn": "7", "/txm": "[]"}}),
        json!({"claims": {"/sub": "null"}}),
        json!({"header": {"/typ": "\"SECEVENT+JWT\""}}),
        json!({"header": {"/typ": "\"application/secevent+jwt\""}}),
    ] {
        let response = push(&stack, &stack.kakao.security_event(&user, &parameters).await).await;
        assert_eq!(response.status, StatusCode::ACCEPTED, "{parameters}: {}", response.body);
    }
}

#[tokio::test]
async fn an_id_token_or_access_token_is_not_an_event_and_an_event_logs_nobody_in() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let id_token = stack.kakao.id_token(&user, &json!({"nonce": "n"})).await;
    let access = stack.log_in_as(&user).await.access().to_owned();
    let items = stack.dump().await;
    for (token, expected) in [(id_token.as_str(), "invalid_request"), (&access, "invalid_request")] {
        assert_eq!(err(&push(&stack, token).await), expected);
    }
    let exp = (stack.now().unix_seconds() + 300).to_string();
    let event = json!({"claims": {"/nonce": "\"n\"", "/exp": exp}});
    let event = stack.kakao.security_event(&user, &event).await;
    let login = stack.login(&json!({"id_token": event, "nonce": "n"})).await;
    assert_eq!((login.status, login.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"));
    assert_eq!(stack.dump().await, items);
    assert_eq!(push(&stack, &event).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_new_key_of_kakaos_is_fetched_and_an_unknown_one_is_refused_only_then() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.kakao.send_event(&user, "user-linked").await;
    let unknown = stack.kakao.security_event(&user, &json!({"kind": "unknown_kid"})).await;
    assert_eq!(push(&stack, &unknown).await.status, StatusCode::SERVICE_UNAVAILABLE, "the keys were just fetched");
    stack.advance(Duration::from_mins(5));
    assert_eq!(err(&push(&stack, &unknown).await), "invalid_key");
    stack.kakao.rotate_keys().await;
    stack.advance(Duration::from_mins(5));
    assert_eq!(stack.kakao.send_event(&user, "user-linked").await["attempts"][0]["status"], 202);
}

#[tokio::test]
async fn without_kakaos_keys_or_dynamodb_the_response_is_a_503_and_the_token_can_be_sent_again() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.security_event(&user, &json!({})).await;
    for fault in ["down", "nonsense", "wrong_types", "redirect", "quota"] {
        stack.kakao.fail(KEYS, &json!({"kind": fault})).await;
        let response = push(&stack, &token).await;
        assert_eq!((response.status, response.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{fault}");
        assert!(response.headers.contains_key("retry-after"));
        stack.kakao.heal().await;
    }
    stack.advance(Duration::from_secs(10));
    for fault in [Fault::Down, Fault::Throttle, Fault::Deny, Fault::FailBefore] {
        stack.table_proxy.fail(fault);
        let response = push(&stack, &token).await;
        assert_eq!((response.status, response.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{fault:?}");
        stack.table_proxy.heal();
    }
    assert!(stack.dump().await.is_empty());
    // The write succeeds and its response is lost: what is sent again is known, and that is good.
    stack.table_proxy.fail(Fault::FailAfter);
    assert_ne!(push(&stack, &token).await.status, StatusCode::BAD_REQUEST);
    stack.table_proxy.heal();
    assert_eq!(push(&stack, &token).await.status, StatusCode::ACCEPTED);
    assert_eq!(outbox(&stack).await.len(), 2);
}

/// Kakao waits 3 s. The calls are the keys (1 s at most) and the write (1 s at most), and each is made once.
#[tokio::test]
async fn the_response_comes_within_three_seconds_however_slow_kakao_and_dynamodb_are() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.security_event(&user, &json!({})).await;
    let timed = async |status: StatusCode, least: u64, most: u64, why: &str| {
        let started = Instant::now();
        let response = push(&stack, &token).await;
        let elapsed = started.elapsed();
        assert_eq!(response.status, status, "{why}");
        let range = Duration::from_millis(least)..Duration::from_millis(most);
        assert!(range.contains(&elapsed), "{why}: {elapsed:?}");
    };
    stack.kakao_proxy.fail(Fault::Hang);
    timed(StatusCode::SERVICE_UNAVAILABLE, 900, 2_000, "Kakao's keys never come").await;
    assert_eq!(stack.kakao_proxy.take_traffic().operations, [KEYS]);
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    stack.kakao_proxy.heal();

    stack.kakao_proxy.set_rates(FaultRates { delay: Duration::from_millis(800), ..FaultRates::default() });
    stack.table_proxy.fail(Fault::Hang);
    timed(StatusCode::SERVICE_UNAVAILABLE, 1_700, 2_600, "both are as slow as can be").await;
    assert_eq!(stack.kakao_proxy.take_traffic().operations, [KEYS]);
    let writes = stack.table_proxy.take_traffic().operations;
    assert!(!writes.is_empty() && writes.iter().all(|write| write == "TransactWriteItems"), "{writes:?}");
    stack.kakao_proxy.heal();
    stack.table_proxy.heal();
    timed(StatusCode::ACCEPTED, 0, 1_000, "they are well again").await;
}
