//! `POST /auth/kakao`: the credentials that an installation accepts, and requests of front ends made for dj-rest-auth.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{REDIRECT_URI, Settings, Stack};

async fn stack(settings: &[(&str, &str)]) -> Stack {
    let environment = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Stack::with(Settings { environment: environment.collect::<BTreeMap<_, _>>(), ..Settings::default() }).await
}

async fn refused(stack: &Stack, body: &Value, because: &str) {
    let before = stack.kakao.calls().await;
    let response = stack.login(body).await;
    assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{body}");
    assert!(response.body["detail"].as_str().unwrap().contains(because), "{body}: {}", response.body);
    assert_eq!(stack.kakao.calls().await, before, "{body}: Kakao is not called");
}

#[tokio::test]
async fn a_credential_that_is_not_enabled_is_refused_with_the_settings_name() {
    let kinds = ["access_token", "code", "id_token"];
    for accepted in kinds {
        let stack = stack(&[("CREDENTIALS", accepted)]).await;
        let user = stack.kakao.new_user().await;
        for kind in kinds {
            let body = match kind {
                "access_token" => json!({"access_token": stack.kakao.token(&user).await}),
                "code" => stack.kakao.code_body(&user).await,
                _ => json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "n"})).await, "nonce": "n"}),
            };
            if kind == accepted {
                assert_eq!(stack.login(&body).await.status, StatusCode::OK, "{accepted}");
            } else {
                refused(&stack, &body, "Credentials").await;
            }
        }
    }
}

#[tokio::test]
async fn the_credential_that_takes_precedence_must_be_enabled() {
    let stack = stack(&[("CREDENTIALS", "code,id_token")]).await;
    let user = stack.kakao.new_user().await;
    let mut body = stack.kakao.code_body(&user).await;
    body["access_token"] = json!(stack.kakao.token(&user).await);
    refused(&stack, &body, "`access_token`").await;
    body["access_token"] = json!("");
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_code_without_verifier_and_nonce_is_refused_with_the_settings_name() {
    let stack = stack(&[]).await;
    let user = stack.kakao.new_user().await;
    let code = stack.kakao.code(&user).await;
    for nothing in [json!(null), json!("")] {
        let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": nothing, "nonce": nothing});
        refused(&stack, &body, "RequireBinding").await;
    }
    refused(&stack, &json!({"code": code}), "RequireBinding").await;
    assert!(stack.dump().await.is_empty());
}

#[tokio::test]
async fn a_code_alone_logs_in_where_binding_is_not_required() {
    let one = [("REQUIRE_BINDING", "false"), ("REDIRECT_URIS", REDIRECT_URI)];
    let stack = stack(&one).await;
    let user = stack.kakao.new_user().await;
    let body = json!({"code": stack.kakao.code(&user).await, "callback_url": "https://elsewhere.example/"});
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
    assert_eq!(stack.login(&body).await.code(), "kakao_rejected", "a code is good once");
    let other = json!({"code": stack.kakao.code(&user).await, "redirect_uri": "http://localhost:9000"});
    refused(&stack, &other, "`redirect_uri`").await;
}

#[tokio::test]
async fn redirect_uri_may_be_left_out_only_if_there_is_one() {
    let stack_with_one = stack(&[("REDIRECT_URIS", REDIRECT_URI)]).await;
    let user = stack_with_one.kakao.new_user().await;
    let mut body = stack_with_one.kakao.code_body(&user).await;
    body.as_object_mut().unwrap().remove("redirect_uri");
    assert_eq!(stack_with_one.login(&body).await.status, StatusCode::OK);

    let stack_with_two = stack(&[("REDIRECT_URIS", "http://localhost:9000/,http://localhost:5173/")]).await;
    refused(&stack_with_two, &body, "`redirect_uri` is required").await;
}

/// A stack usually has the redirect URI of the deployed page and the one of a developer's.
#[tokio::test]
async fn redirect_uri_may_be_left_out_if_one_is_on_the_origin_of_the_page() {
    let environment = [
        (
            "REDIRECT_URIS",
            "http://localhost:9000/,http://localhost:90/,http://localhost:5173/a,http://localhost:5173/b",
        ),
        ("ALLOWED_ORIGINS", "http://localhost:9000,http://localhost:900,http://localhost:5173"),
    ];
    let stack = stack(&environment).await;
    let user = stack.kakao.new_user().await;
    let mut body = stack.kakao.code_body(&user).await;
    body.as_object_mut().unwrap().remove("redirect_uri");
    for origin in [None, Some("http://localhost:5173"), Some("http://localhost:900")] {
        let request = stack.request(Method::POST, "/auth/kakao").json(&body);
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        let response = stack.send(request).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{origin:?}");
    }
    let request = stack.request(Method::POST, "/auth/kakao").json(&body).header("origin", "http://localhost:9000");
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
}

/// The nonce of a login binds its code, whether the installation requires one or not.
#[tokio::test]
async fn a_nonce_cannot_be_left_out_even_where_binding_is_not_required() {
    let stack = stack(&[("REQUIRE_BINDING", "false")]).await;
    let user = stack.kakao.new_user().await;
    let code = stack.kakao.code_with(&user, &json!({"nonce": "n"})).await;
    let response = stack.login(&json!({"code": code, "redirect_uri": REDIRECT_URI})).await;
    assert_eq!((response.code(), response.cookie.as_deref()), ("kakao_rejected", None));
    assert!(stack.dump().await.is_empty(), "no user is created");
}
