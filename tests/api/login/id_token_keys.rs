//! `POST /auth/kakao` with an ID token: Kakao's signing keys change, are missing or malformed.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::Stack;

use super::id_token::{body, warm};

#[tokio::test]
async fn a_new_kakao_key_is_fetched_and_cached_keys_survive_an_outage() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    stack.kakao.rotate_keys().await;
    let with_new_key = body(&stack, &user, "n1", "n1").await;
    stack.advance(Duration::from_mins(1));
    let too_soon = stack.login(&with_new_key).await;
    assert_eq!((too_soon.code(), &too_soon.headers["retry-after"]), ("unavailable", &"240".parse().unwrap()));
    stack.advance(Duration::from_mins(4));
    assert_eq!(stack.login(&with_new_key).await.status, StatusCode::OK);

    stack.advance(Duration::from_hours(25));
    stack.kakao.fail("*", &json!({"kind": "down"})).await;
    let response = stack.login(&body(&stack, &user, "n2", "n2").await).await;
    assert_eq!(response.status, StatusCode::OK, "a known user, with keys cached yesterday");
}

#[tokio::test]
async fn without_kakaos_keys_a_login_is_a_503_and_the_id_token_stays_valid() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = body(&stack, &user, "n", "n").await;
    for fault in ["down", "nonsense", "wrong_types", "redirect"] {
        stack.kakao.fail("/.well-known/jwks.json", &json!({"kind": fault})).await;
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{fault}");
        stack.kakao.heal().await;
    }
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_key_id_is_refused_only_after_kakaos_keys_were_fetched_again() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let unknown = async || {
        let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "kind": "unknown_kid"})).await;
        stack.login(&json!({"id_token": token, "nonce": "n"})).await
    };
    let before = stack.kakao.calls().await;
    for _ in 0..3 {
        let response = unknown().await;
        assert_eq!((response.code(), &response.headers["retry-after"]), ("unavailable", &"300".parse().unwrap()));
    }
    assert_eq!(stack.kakao.calls().await, before);
    stack.advance(Duration::from_mins(5));
    stack.kakao.fail("/.well-known/jwks.json", &json!({"kind": "down"})).await;
    assert_eq!(unknown().await.code(), "unavailable", "Kakao did not respond");
    stack.kakao.heal().await;
    stack.advance(Duration::from_mins(5));
    assert_eq!(unknown().await.code(), "kakao_rejected");
    assert_eq!(stack.kakao.calls().await - before, 2, "one fetch in five minutes");
}

#[tokio::test]
async fn malformed_entries_in_kakaos_jwk_set_do_not_prevent_a_login() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    // The stand-in signs with this one.
    let with = |more: &str| {
        format!(
            r#"{{"kid": "9f252dadd5f233f93d2fa528d12fea", "kty": "RSA", "n": "{}", "e": "AQAB", {more}}}"#,
            "w8PD".repeat(86)
        )
    };
    for entry in [
        r#""a text""#,
        "null",
        "7",
        "[]",
        r#"{"kty": "RSA", "kid": 7, "alg": {}}"#,
        r#"{"kty": "\ud83d"}"#,
        &with(r#""use": "enc""#),
        &with(r#""alg": 7"#),
        &with(r#""key_ops": ["encrypt"]"#),
    ] {
        for place in ["/keys/0", "/keys/2"] {
            stack.advance(Duration::from_hours(25));
            stack.kakao.respond_with("/.well-known/jwks.json", &[(place, entry)]).await;
            let before = stack.kakao.calls().await;
            let response = stack.login(&body(&stack, &user, "n", "n").await).await;
            assert_eq!(response.status, StatusCode::OK, "{place} {entry}: {}", response.body);
            assert!(stack.kakao.calls().await > before, "the keys were fetched again");
            stack.kakao.heal().await;
        }
    }
    for set in [r#"{"keys": []}"#, r#"{"keys": [null]}"#, r#"{"keys": "x"}"#, "{}", "[]", "<html>"] {
        stack.advance(Duration::from_hours(25));
        stack.kakao.fail("/.well-known/jwks.json", &json!({"kind": "answer", "status": 200, "body": set})).await;
        let response = stack.login(&body(&stack, &user, "n", "n").await).await;
        assert_eq!(response.status, StatusCode::OK, "{set} does not replace good keys: {}", response.body);
        stack.kakao.heal().await;
    }
}

#[tokio::test]
async fn a_jwk_set_without_a_usable_key_is_not_fetched_on_every_login() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack
        .kakao
        .fail("/.well-known/jwks.json", &json!({"kind": "answer", "status": 200, "body": r#"{"keys": []}"#}))
        .await;
    let body = body(&stack, &user, "n", "n").await;
    for _ in 0..20 {
        assert_eq!(stack.login(&body).await.code(), "unavailable");
    }
    assert_eq!(stack.kakao.calls().await, 5);
    let by_code = stack.login(&stack.kakao.code_body(&user).await).await;
    assert_eq!(by_code.status, StatusCode::OK, "codes do not need the keys");
    stack.kakao.heal().await;
    stack.advance(Duration::from_secs(10));
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}
