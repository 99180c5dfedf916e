//! `POST /auth/kakao`: when the person was at Kakao's login page, as a session keeps it (`auth_at`).

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    REDIRECT_URI, Stack,
    client::{Response, jwt_part},
};

use super::id_token::hash;

/// `auth_at` of a response's session, in unix seconds.
async fn auth_at(stack: &Stack, response: &Response) -> Option<i64> {
    let session = format!("SESSION#{}", jwt_part(response.access(), 1)["sid"].as_str().unwrap());
    let items = stack.dump().await;
    let item = items.iter().find(|item| item["sk"].as_s().is_ok_and(|sk| *sk == session)).unwrap();
    item.get("auth_at").map(|moment| moment.as_n().unwrap().parse().unwrap())
}

async fn log_in(stack: &Stack, body: &Value) -> Response {
    let response = stack.login(body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    response
}

#[tokio::test]
async fn a_session_keeps_when_its_user_was_at_kakaos_login_page() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let at_kakao = stack.now().unix_seconds();
    let by_code = stack.kakao.code_body(&user).await;
    let claims = json!({"nonce": hash("p"), "claims": {"/auth_time": (at_kakao - 86_400).to_string()}});
    let by_id_token = json!({"id_token": stack.kakao.id_token(&user, &claims).await, "nonce": "p"});
    stack.advance(Duration::from_secs(20));
    for (body, expected) in [(by_code, at_kakao), (by_id_token, at_kakao - 86_400)] {
        let first = log_in(&stack, &body).await;
        assert_eq!(auth_at(&stack, &first).await, Some(expected), "{body}");
        stack.advance(Duration::from_secs(5));
        let again = log_in(&stack, &body).await;
        assert_eq!((again.token(), auth_at(&stack, &again).await), (first.token(), Some(expected)), "a repeated login");
        stack.advance(Duration::from_secs(30));
        let rotated = stack.refresh(&first.token()).await;
        assert_ne!(rotated.token(), first.token());
        assert_eq!(auth_at(&stack, &rotated).await, Some(expected), "a refresh");
    }
}

#[tokio::test]
async fn a_session_without_an_id_tokens_auth_time_does_not_say_when() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let without_id_token =
        json!({"scope": "account_email", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    let code = stack.kakao.code_with(&user, &without_id_token).await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let unreadable = json!({"nonce": "n", "claims": {"/auth_time": r#""1800000000""#}});
    for body in [
        json!({"access_token": stack.kakao.token(&user).await}),
        json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": verifier}),
        json!({"id_token": stack.kakao.id_token(&user, &unreadable).await, "nonce": "n"}),
    ] {
        assert_eq!(auth_at(&stack, &log_in(&stack, &body).await).await, None, "{body}");
    }
}
