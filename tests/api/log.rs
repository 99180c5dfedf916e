//! The log and the table are searched for secrets and personal data that must not be there.

use std::{collections::BTreeSet, time::Duration};

use local::kakao::SHOP;
use reqwest::Method;
use rotate_keys::{Event, document::Reason, new_attempt};
use serde_json::{Value, json};
use shared::keys::Document;
use tests::{
    CALLBACK_URI, REDIRECT_URI, Settings, Stack,
    client::{cookie_pair, jwt_part},
    fault_proxy::Fault,
};

use crate::{
    hosted::visitor::{Visitor, choose, hosted, parameter, with_parameter},
    recorder::{Log, line_of, lines_with},
};

#[tokio::test]
async fn no_token_code_email_or_nickname_is_logged_or_kept() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"nickname": "닉네임카나리아", "email": "canary-mail@example.com"})).await;
    let kakao_token = stack.kakao.token(&user).await;
    let foreign_token = stack.kakao.foreign_token(&user).await;
    let code = stack.kakao.code_with(&user, &json!({"nonce": "canary-nonce"})).await;
    let verifier = "canary-verifier-canary-verifier-canary-verifier";

    let mut tokens = Vec::new();
    let by_token = stack.login(&json!({"access_token": kakao_token})).await;
    tokens.extend([by_token.token(), by_token.access().to_owned()]);
    stack.login(&json!({"access_token": foreign_token})).await;
    stack.login(&json!({"access_token": "canary-unknown-token"})).await;
    let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "canary-nonce", "code_verifier": verifier});
    let by_code = stack.login(&body).await;
    tokens.extend([by_code.token(), by_code.access().to_owned()]);
    stack.login(&body).await;
    let elsewhere = "https://canary-uri.example/";
    stack.login(&json!({"code": "canary-code", "redirect_uri": elsewhere, "code_verifier": verifier})).await;

    stack.advance(Duration::from_secs(30));
    let refreshed = stack.refresh_with_user(&by_code.token()).await;
    tokens.extend([refreshed.token(), refreshed.access().to_owned()]);
    stack.refresh("canary-cookie").await;
    stack.profile("canary-bearer").await;
    stack.profile(refreshed.access()).await;
    for fault in [Fault::Down, Fault::Throttle, Fault::Deny, Fault::FailAfter] {
        stack.table_proxy.fail(fault);
        stack.refresh(&refreshed.token()).await;
        stack.profile(refreshed.access()).await;
        stack.logout(&by_token.token()).await;
        stack.login(&json!({"access_token": kakao_token})).await;
        stack.table_proxy.heal();
    }
    for fault in ["down", "nonsense", "wrong_types", "quota"] {
        stack.kakao.fail("*", &json!({"kind": fault})).await;
        stack.login(&json!({"access_token": kakao_token})).await;
        stack.login(&json!({"code": "canary-code", "redirect_uri": REDIRECT_URI, "code_verifier": verifier})).await;
        stack.kakao.heal().await;
    }
    let agent = "canary-agent\u{1b}[31m";
    let request =
        stack.request(Method::POST, "/auth/refresh?canary-query=1").header("user-agent", agent.replace('\u{1b}', ""));
    stack.send(request.header("cookie", cookie_pair(&refreshed.token()))).await;
    stack.advance(Duration::from_mins(1));
    stack.refresh(&by_code.token()).await;
    stack.logout_everywhere(&by_token.token()).await;

    let log = log.text();
    assert!(log.lines().count() > 20, "the log was recorded");
    let secrets = [kakao_token, foreign_token, code].into_iter().chain(tokens);
    let canaries: Vec<String> =
        secrets.chain(["canary".to_owned(), "카나리아".to_owned(), verifier.to_owned()]).collect();
    for canary in &canaries {
        assert!(!log.contains(canary.as_str()), "{canary} is in the log");
        // Not even a token's signature or tag, without the rest, may be logged.
        if canary.len() > 100 {
            let tail = &canary[canary.len() - 9..];
            assert!(!log.contains(tail), "the end of {canary} is in the log");
        }
    }

    let dump = format!("{:?}", stack.dump().await);
    for canary in canaries.iter().filter(|canary| !["canary", "카나리아"].contains(&canary.as_str())) {
        assert!(!dump.contains(canary.as_str()), "{canary} is in the table");
    }
    assert!(dump.contains("canary-mail@example.com"), "the profile is in the table, and nowhere else");
}

#[tokio::test]
async fn no_state_code_page_or_cookie_of_a_hosted_login_is_logged_or_kept() {
    let log = Log::start();
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let mut visitor = Visitor::default();
    let mut secrets = Vec::new();
    let page = visitor.begin(&stack, "?next=/canary-page&prompt=canary").await;
    secrets.extend(["state", "nonce", "code_challenge"].map(|name| parameter(&page, name)));
    let callback = choose(&with_parameter(&page, "prompt", "login"), &user).await;
    secrets.push(parameter(&callback, "code"));
    for fault in [Fault::Down, Fault::Deny] {
        stack.table_proxy.fail(fault);
        visitor.finish(&stack, &callback).await;
        stack.table_proxy.heal();
    }
    for _ in 0..2 {
        secrets.push(visitor.finish(&stack, &callback).await.token());
    }
    stack.advance(Duration::from_secs(30));
    visitor.finish(&stack, &callback).await;
    visitor.finish(&stack, &with_parameter(&callback, "state", "canary-state")).await;
    for name in ["error", "code", "canary"] {
        let page = visitor.begin(&stack, "?next=https://canary.example/").await;
        let state = parameter(&page, "state");
        let callback = format!("{CALLBACK_URI}?{name}=canary-{name}&error_description=canary&state={state}");
        visitor.finish(&stack, &callback.parse().unwrap()).await;
    }
    secrets.push(visitor.seed.clone());
    Visitor { seed: "canary-seed".to_owned(), ..visitor }.finish(&stack, &callback).await;

    let (log, dump) = (log.text(), format!("{:?}", stack.dump().await));
    for outcome in ["login_begun", "login_state_unknown", "logged_in_again"] {
        assert!(log.contains(&format!(r#""outcome":"{outcome}""#)), "{outcome}");
    }
    assert!(secrets.len() == 7 && secrets.iter().all(|secret| secret.len() > 40), "{secrets:?}");
    for secret in secrets.iter().map(String::as_str).chain(["canary"]) {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!dump.contains(secret), "{secret} is in the table");
    }
}

#[tokio::test]
async fn no_header_parameter_or_body_of_a_webhook_is_logged() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"id": 4_123_456_789_012_345_678_i64})).await;
    let unlink = async |key: &str, method: Method, more: &str| {
        let parameters = format!("app_id=1234567&user_id=4123456789012345678&referrer_type=canary{more}");
        let path = "/webhooks/kakao/unlink";
        let request = match method {
            Method::GET => stack.request(method, &format!("{path}?{parameters}")),
            _ => stack.request(method, path).body(parameters),
        };
        let request = request.header("authorization", format!("KakaoAK {key}")).header("user-agent", "canary");
        stack.send(request.header("content-type", "application/x-www-form-urlencoded;canary")).await
    };
    let push = async |token: &str| {
        let request = stack.request(Method::POST, "/webhooks/kakao/account-status?canary");
        stack.ask(request.header("authorization", "Bearer canary").body(token.to_owned())).await.unwrap()
    };
    let mut tokens = Vec::new();
    for parameters in [
        json!({}),
        json!({"kind": "unknown_kid"}),
        json!({"kind": "other_aud"}),
        json!({"header": {"/typ": "\"canary\""}}),
        json!({"header": {"/kid": "\"canary\""}}),
        json!({"claims": {"/iss": "\"canary\""}}),
        json!({"claims": {"/jti": "\"canary\\n\""}}),
        json!({"claims": {"/sub": "\"canary\""}}),
        json!({"claims": {"/events": r#"{"canary": "canary"}"#}}),
    ] {
        tokens.push(stack.kakao.security_event(&user, &parameters).await);
    }
    let all = async || {
        for method in [Method::GET, Method::POST] {
            for key in [SHOP.admin_key, "canary"] {
                unlink(key, method.clone(), "").await;
                unlink(key, method.clone(), "&user_id=canary").await;
                unlink(key, method.clone(), "&user_id=canary&app_id=canary").await;
            }
        }
        for token in &tokens {
            push(token).await;
        }
        push("canary").await;
    };
    all().await;
    for fault in [Fault::Down, Fault::Deny, Fault::FailAfter] {
        stack.table_proxy.fail(fault);
        all().await;
        stack.table_proxy.heal();
    }
    stack.advance(Duration::from_hours(25));
    for fault in ["down", "nonsense"] {
        stack.kakao.fail("*", &json!({"kind": fault})).await;
        all().await;
        stack.kakao.heal().await;
    }
    let log = log.text();
    let jtis: Vec<Value> = tokens.iter().map(|token| jwt_part(token, 1)["jti"].clone()).collect();
    let jtis = jtis.iter().filter_map(Value::as_str).filter(|jti| jti.len() > 20);
    for canary in ["canary", "4123456789012345678", SHOP.admin_key].into_iter().chain(jtis) {
        assert!(!log.contains(canary), "{canary} is in the log");
    }
    for token in &tokens {
        assert!(!log.contains(&token[token.len() - 20..]), "a token is in the log");
    }
    for outcome in ["unlink_received", "webhook_lost", "webhook_unreadable", "events_received", "events_known"] {
        assert!(log.contains(&format!(r#""outcome":"{outcome}""#)), "{outcome}");
    }
}

#[tokio::test]
async fn no_key_is_logged_or_returned_during_rotations_and_failures() {
    let log = Log::start();
    let mut keys = Vec::new();
    let mut responses = String::new();
    for algorithm in ["ES256", "RS256", "HS256"] {
        let stack = Stack::with_setting("SIGNING_ALGORITHM", algorithm).await;
        let logged_in = stack.log_in().await;
        for reason in [Reason::Schedule, Reason::SigningKeys, Reason::RefreshTokenKeys] {
            stack.rotate(reason).await;
            let ring = stack.key_document(Document::Issuing).await.unwrap();
            let ring: Value = serde_json::from_str(&ring).unwrap();
            keys.push(ring["pseudonym_key"].clone());
            keys.extend(ring["session_secrets"].as_array().unwrap().iter().map(|secret| secret["secret"].clone()));
            for key in ring["signing_keys"].as_array().unwrap() {
                let members = ["d", "p", "q", "dp", "dq", "qi", "k"];
                keys.extend(members.iter().filter_map(|member| key["jwk"].get(member).cloned()));
            }
        }
        for fault in [Fault::Down, Fault::Deny, Fault::FailAfter] {
            stack.keys_proxy.fail(fault);
            let event = Event::Replace { keys: Reason::SigningKeys, attempt: new_attempt() };
            responses.push_str(&stack.rotate_with(event).await.unwrap_err().to_string());
            stack.keys_proxy.heal();
        }
        // A key ring with a wrong member is quoted nowhere.
        let odd =
            r#"{"version": 99999999999, "signing_keys": "canary-of-a-key", "session_secrets": ["canary-of-a-key"]}"#;
        stack.overwrite_keys(Document::Issuing, odd).await;
        stack.advance(Duration::from_mins(10));
        responses.push_str(&stack.refresh(&logged_in.token()).await.body.to_string());
        let event = Event::Replace { keys: Reason::SigningKeys, attempt: new_attempt() };
        responses.push_str(&stack.rotate_with(event).await.unwrap_err().to_string());
        responses.push_str(&stack.jwks().await.to_string());
    }
    let log = log.text();
    assert!(log.contains(r#""event":"key_rotation""#), "a rotation is logged");
    assert!(keys.len() > 30 && !responses.contains("canary-of-a-key") && !log.contains("canary-of-a-key"));
    for key in keys.iter().map(|key| key.as_str().unwrap()) {
        assert!(!log.contains(key) && !responses.contains(key), "{key}");
    }
}

#[tokio::test]
async fn a_log_line_names_user_and_session_by_pseudonym() {
    let log = Log::start();
    let stack = Stack::with(Settings::default()).await;
    let logged_in = stack.log_in().await;
    let pk = logged_in.body["user"]["pk"].as_str().unwrap();
    let text = log.text();
    let line = text.lines().rev().find(|line| line.contains(r#""outcome":"logged_in""#)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["function"], &line["http_status"]), (&json!("kakao-login"), &json!(200)));
    for name in ["request_id", "user", "session", "timestamp", "level"] {
        assert!(line[name].as_str().is_some_and(|value| !value.is_empty()), "{name}: {line}");
    }
    let counters: Vec<&str> = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["Name"].as_str().unwrap())
        .collect();
    assert_eq!(counters, ["kakao_access_token_info_ok", "kakao_calls", "kakao_user_me_ok"]);
    assert_eq!((&line["kakao_calls"], &line["kakao_user_me_ok"]), (&json!(2), &json!(1)));
    assert!(line["calls"].as_array().unwrap().iter().any(|call| call["name"] == "UpdateItem" && call["ms"].is_u64()));
    assert!(!text.contains(pk), "a user id is in the log");
}

/// A metric filter in `CloudWatch` cannot select a key with a dot in it.
#[tokio::test]
async fn no_key_of_a_log_line_has_a_dot() {
    fn keys(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| {
                found.insert(key.clone());
                keys(value, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_as(&user).await;
    stack.login(&stack.kakao.code_body(&user).await).await;
    stack.table_proxy.fail(Fault::Deny);
    stack.refresh(&logged_in.token()).await;
    stack.logout(&logged_in.token()).await;
    let mut found = BTreeSet::new();
    for line in log.text().lines() {
        keys(&serde_json::from_str(line).unwrap(), &mut found);
    }
    for key in ["request_id", "http_status", "duration_ms", "error_reason", "kakao_calls", "kakao_token_ok"] {
        assert!(found.contains(key), "{key}: {found:?}");
    }
    assert!(found.iter().all(|key| !key.contains('.')), "{found:?}");
}

#[tokio::test]
async fn a_denied_permission_and_a_missing_table_or_key_are_errors_and_an_outage_is_a_warning() {
    let log = Log::start();
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let kakao_token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let all = async || {
        stack.refresh(&logged_in.token()).await;
        stack.profile(logged_in.access()).await;
        stack.logout(&logged_in.token()).await;
        stack.login(&json!({"access_token": kakao_token})).await;
    };
    for (fault, code, level) in [
        (Fault::Deny, "AccessDeniedException", "ERROR"),
        (Fault::Refuse("UnrecognizedClientException"), "UnrecognizedClientException", "ERROR"),
        (Fault::Refuse("ResourceNotFoundException"), "ResourceNotFoundException", "ERROR"),
        (Fault::Refuse("ProvisionedThroughputExceededException"), "ProvisionedThroughputExceededException", "WARN"),
        (Fault::Refuse("InternalServerError"), "InternalServerError", "WARN"),
    ] {
        stack.table_proxy.fail(fault);
        let before = lines_with(&log, code).len();
        all().await;
        stack.table_proxy.heal();
        let lines = lines_with(&log, code).split_off(before);
        for function in ["refresh", "profile", "kakao-login"] {
            let of_function = lines.iter().find(|line| line["function"] == function);
            let line = of_function.unwrap_or_else(|| panic!("{function} does not log {code}"));
            assert_eq!((&line["level"], &line["http_status"]), (&json!(level), &json!(503)), "{line}");
        }
        let logout = lines.iter().find(|line| line["event"] == "logout_unstored").unwrap();
        assert_eq!(logout["level"], level, "{logout}");
    }
    // A function with cached keys continues without the table; a new one cannot work.
    for (fault, code, level) in [
        (Fault::Deny, "AccessDeniedException", "ERROR"),
        (Fault::Refuse("UnrecognizedClientException"), "UnrecognizedClientException", "ERROR"),
        (Fault::Throttle, "ThrottlingException", "WARN"),
    ] {
        stack.keys_proxy.fail(fault);
        stack.advance(Duration::from_mins(11));
        let before = lines_with(&log, code).len();
        stack.refresh(&logged_in.token()).await;
        stack.keys_proxy.heal();
        let lines = lines_with(&log, code).split_off(before);
        let kept = lines.iter().find(|line| line["event"] == "keys_cached").unwrap();
        assert_eq!(kept["level"], level, "{kept}");
    }
    let empty = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
    assert_eq!(empty.profile(logged_in.access()).await.status, 503);
    let line = lines_with(&log, "the document is not in the Keys table").pop().unwrap();
    assert_eq!(line["level"], "ERROR", "{line}");
}

#[tokio::test]
async fn a_reused_token_is_reported_on_every_route() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let credential = json!({"access_token": stack.kakao.token(&user).await});
    for (path, body) in [
        ("/auth/refresh", json!({})),
        ("/auth/logout", json!({})),
        ("/auth/logout?scope=all", json!({})),
        ("/auth/kakao", credential),
    ] {
        for (age, is_reuse) in [(0, false), (29, false), (30, true), (4_000, true)] {
            let spent = stack.log_in_as(&user).await.token();
            stack.advance(Duration::from_secs(30));
            assert_eq!(stack.refresh(&spent).await.status, 200);
            stack.advance(Duration::from_secs(age));
            let request = stack.request(Method::POST, path).header("cookie", cookie_pair(&spent)).json(&body);
            let line = line_of(&log, &stack.send(request).await);
            assert_eq!(line["refresh_reuse"] == true, is_reuse, "{path} after {age} s: {line}");
        }
        let current = stack.log_in_as(&user).await.token();
        stack.advance(Duration::from_secs(30));
        let request = stack.request(Method::POST, path).header("cookie", cookie_pair(&current)).json(&body);
        let line = line_of(&log, &stack.send(request).await);
        assert_eq!(line.get("refresh_reuse"), None, "{path}: {line}");
    }
    assert!(log.text().contains(r#""event":"refresh_reuse""#), "an alarm can count it");
}

#[tokio::test]
async fn a_wrong_kakao_setting_is_logged_as_an_error_that_names_it() {
    let log = Log::start();
    let stack = Stack::with_setting("KAKAO_CLIENT_SECRET", "NotTheSecretOfThisRestApiKey0001").await;
    stack.login(&stack.kakao.code_body(&stack.kakao.new_user().await).await).await;
    let text = log.text();
    let line = text.lines().find(|line| line.contains("KOE010")).unwrap();
    assert!(line.contains(r#""level":"ERROR""#) && line.contains("Client secret"), "{line}");
    assert!(!text.contains("NotTheSecret"), "the secret is in the log");
}
