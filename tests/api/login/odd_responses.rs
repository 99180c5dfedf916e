//! `POST /auth/kakao` with unexpected responses from Kakao: they affect the user or client concerned, and no other.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{REDIRECT_URI, Stack};

use crate::recorder::Log;

async fn by_code(stack: &Stack, user: &str) -> Value {
    stack.kakao.code_body(user).await
}

async fn by_token(stack: &Stack, user: &str) -> Value {
    json!({"access_token": stack.kakao.token(user).await})
}

#[tokio::test]
async fn an_unreadable_profile_member_does_not_prevent_a_login_and_stored_values_stay() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await.body["user"].clone();
    let cut_letter = "\"\u{ea}\u{b0}\"";
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let nickname = "/kakao_account/profile/nickname";
    for (member, raw) in [
        (nickname, r#""\ud83d""#),
        (nickname, r#""\udc31\ud83d""#),
        (nickname, cut_letter),
        (nickname, "\"a\u{1}b\""),
        (nickname, r#""\x""#),
        (nickname, "7"),
        (nickname, "1e999"),
        (nickname, &deep),
        (nickname, r#""a", "nickname": "b""#),
        ("/kakao_account/profile", "[]"),
        ("/kakao_account/profile/profile_image_url", "{}"),
        ("/kakao_account/profile/is_default_image", "\"no\""),
        ("/kakao_account/profile_nickname_needs_agreement", "\"false\""),
        ("/kakao_account/is_email_valid", "\"true\""),
        ("/kakao_account/is_email_verified", "1"),
        ("/kakao_account/email", "[]"),
        ("/kakao_account", "\"x\""),
        ("/kakao_account", cut_letter),
        ("/connected_at", r#""\ud83d""#),
        ("/\u{ea}", cut_letter),
    ] {
        stack.kakao.respond_with("/v2/user/me", &[(member, raw)]).await;
        for body in [by_code(&stack, &user).await, by_token(&stack, &user).await] {
            let response = stack.login(&body).await;
            assert_eq!((response.status, &response.body["user"]), (StatusCode::OK, &first), "{member} {raw}");
        }
        let new = stack.kakao.new_user().await;
        let response = stack.login(&by_token(&stack, &new).await).await;
        assert_eq!(response.status, StatusCode::OK, "{member} {raw}");
        if member == nickname {
            assert_eq!(response.body["user"]["nickname"], Value::Null, "{raw}: no nickname");
        }
        // Kakao issues one user 20 tokens in ten minutes.
        stack.advance(std::time::Duration::from_mins(10));
    }
}

#[tokio::test]
async fn an_unreadable_member_beside_kakaos_tokens_does_not_prevent_a_login() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for (member, raw) in [
        ("/id_token", "7"),
        ("/id_token", "null"),
        ("/id_token", "\"x.y.z\""),
        ("/id_token", r#""\ud83d""#),
        ("/expires_in", "\"soon\""),
        ("/expires_in", "1e999"),
        ("/refresh_token", "[]"),
        ("/scope", "\"\u{ea}\u{b0}\""),
    ] {
        stack.kakao.respond_with("/oauth/token", &[(member, raw)]).await;
        let response = stack.login(&by_code(&stack, &user).await).await;
        assert_eq!(response.status, StatusCode::OK, "{member} {raw}: {}", response.body);
        if member == "/id_token" {
            let code = stack.kakao.code_with(&user, &json!({"nonce": "n"})).await;
            let response = stack.login(&json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"})).await;
            assert_eq!(response.code(), "kakao_rejected", "{raw} carries no nonce");
        }
    }
    for raw in ["7", "null", "\"\"", r#""\ud83d""#, r#""a", "access_token": "b""#] {
        stack.kakao.respond_with("/oauth/token", &[("/access_token", raw)]).await;
        let response = stack.login(&by_code(&stack, &user).await).await;
        assert_eq!(response.code(), "unavailable", "{raw} is not an access token");
    }
}

#[tokio::test]
async fn a_kakao_id_that_is_not_a_positive_integer_is_refused() {
    for id in ["0", "-5", "null", "\"7\"", "7.5", "1, \"id\": 2"] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        for endpoint in ["/v1/user/access_token_info", "/v2/user/me"] {
            stack.kakao.respond_with(endpoint, &[("/id", id)]).await;
        }
        for body in [by_code(&stack, &user).await, by_token(&stack, &user).await] {
            assert_eq!(stack.login(&body).await.code(), "unavailable", "{id} {body}");
        }
        let users = (stack.count("KAKAO#").await, stack.count("USER#").await);
        assert_eq!(users, (0, 0), "{id}");
    }
}

#[tokio::test]
async fn an_error_response_with_an_unreadable_member_is_still_an_error() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for (status, response, code) in [
        (400, r#"{"error": "invalid_grant", "error_code": 7}"#, "kakao_rejected"),
        (400, r#"{"error": "invalid_grant", "error_code": "KOE999"}"#, "kakao_rejected"),
        (400, r#"{"error": "invalid_grant", "error_code": "KOE320", "error_description": "\ud83d"}"#, "kakao_rejected"),
        (400, r#"{"error": [], "error_code": "KOE320"}"#, "kakao_rejected"),
        (400, r#"{"error": "invalid_request", "error_code": "KOE999"}"#, "unavailable"),
        (500, r#"{"error": "invalid_grant", "error_code": "KOE320"}"#, "kakao_rejected"),
        (500, r#"{"error": "new_error"}"#, "unavailable"),
    ] {
        stack.kakao.fail("/oauth/token", &json!({"kind": "answer", "status": status, "body": response})).await;
        assert_eq!(stack.login(&by_code(&stack, &user).await).await.code(), code, "{response}");
    }
    stack.kakao.heal().await;
    let refusal = json!({"kind": "answer", "status": 401, "body": r#"{"msg": "\ud83d", "code": -401, "api_type": 7}"#});
    stack.kakao.fail("/v1/user/access_token_info", &refusal).await;
    assert_eq!(stack.login(&by_token(&stack, &user).await).await.code(), "kakao_rejected");
}

/// The faults affect only the first user, repeatedly; then another user logs in.
#[tokio::test]
async fn faults_of_one_user_do_not_keep_others_from_kakao() {
    let page = "<html>차단되었습니다</html>";
    for fault in [
        json!({"kind": "answer", "status": 403, "body": page}),
        json!({"kind": "answer", "status": 429, "body": page}),
        json!({"kind": "answer", "status": 404, "body": ""}),
        json!({"kind": "answer", "status": 400, "body": "{}"}),
        json!({"kind": "answer", "status": 200, "body": "[]"}),
        json!({"kind": "auth_code", "code": "KOE999", "error": "invalid_request"}),
        json!({"kind": "api_code", "code": -31_337}),
        json!({"kind": "api_code", "code": -1}),
        json!({"kind": "quota"}),
        json!({"kind": "nonsense"}),
        json!({"kind": "wrong_types"}),
        json!({"kind": "truncated"}),
        json!({"kind": "huge"}),
        json!({"kind": "redirect"}),
    ] {
        let stack = Stack::start().await;
        let (odd, other) = (stack.kakao.new_user().await, stack.kakao.new_user().await);
        let good = [by_code(&stack, &other).await, by_token(&stack, &other).await];
        for endpoint in ["/oauth/token", "/v2/user/me", "/v1/user/access_token_info"] {
            for _ in 0..3 {
                let bodies = [by_code(&stack, &odd).await, by_token(&stack, &odd).await];
                stack.kakao.fail_for(&odd, endpoint, &fault).await;
                for body in bodies {
                    let response = stack.login(&body).await;
                    assert!(
                        response.status == StatusCode::OK || response.code() == "unavailable",
                        "{fault}: {}",
                        response.body
                    );
                }
                stack.kakao.heal().await;
            }
            stack.kakao.fail_for(&odd, endpoint, &fault).await;
        }
        for body in good {
            let response = stack.login(&body).await;
            assert_eq!(response.status, StatusCode::OK, "after {fault}: {}", response.body);
        }
    }
}

#[tokio::test]
async fn five_500s_from_kakao_stop_further_calls_whatever_their_bodies() {
    for body in ["", "<html>", r#"{"code": -1, "msg": ""}"#, r#"{"code": -31337}"#] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let login = by_token(&stack, &user).await;
        stack.kakao.fail("*", &json!({"kind": "answer", "status": 500, "body": body})).await;
        for _ in 0..10 {
            assert_eq!(stack.login(&login).await.code(), "unavailable", "{body}");
        }
        assert_eq!(stack.kakao.calls().await, 5, "{body}");
    }
}

#[tokio::test]
async fn only_what_the_operator_must_correct_is_logged_as_an_error() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let cases = [
        ("/v2/user/me", json!({"kind": "api_code", "code": -402}), "kapi -402", false),
        ("/v2/user/me", json!({"kind": "api_code", "code": -504}), "kapi -504", false),
        ("/v2/user/me", json!({"kind": "api_code", "code": -421}), "kapi -421", false),
        ("/v2/user/me", json!({"kind": "api_code", "code": -9}), "kapi -9)", true),
        ("/v2/user/me", json!({"kind": "api_code", "code": -201}), "kapi -201", true),
        ("/v1/user/access_token_info", json!({"kind": "api_code", "code": -12}), "kapi -12", false),
        ("/v1/user/access_token_info", json!({"kind": "api_code", "code": -301}), "kapi -301", false),
        ("/oauth/token", json!({"kind": "auth_code", "code": "KOE005", "error": "x"}), "KOE005", false),
        ("/oauth/token", json!({"kind": "auth_code", "code": "KOE207", "error": "x"}), "KOE207", false),
        ("/oauth/token", json!({"kind": "auth_code", "code": "KOE310", "error": "x"}), "KOE310", false),
        ("/oauth/token", json!({"kind": "auth_code", "code": "KOE114", "error": "x"}), "KOE114", true),
        ("/oauth/token", json!({"kind": "answer", "status": 418, "body": "<html>"}), "status 418", false),
    ];
    for (endpoint, fault, reason, is_error) in cases {
        let body =
            if endpoint == "/oauth/token" { by_code(&stack, &user).await } else { by_token(&stack, &user).await };
        stack.kakao.fail(endpoint, &fault).await;
        assert_ne!(stack.login(&body).await.status, StatusCode::OK, "{reason}");
        stack.kakao.heal().await;
        let text = log.text();
        let mut lines = text.lines().filter(|line| line.contains(reason)).peekable();
        assert!(lines.peek().is_some(), "{reason} is in the log");
        let is_logged_so = |line: &str| line.contains(r#""level":"ERROR""#) == is_error;
        assert!(lines.all(is_logged_so), "{reason} is an error: {is_error}");
    }
    // A client can leave `openid` out of the scope; then there is no ID token that carries its nonce.
    let code = stack.kakao.code_with(&user, &json!({"nonce": "n", "scope": "account_email"})).await;
    let response = stack.login(&json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"})).await;
    assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"));
}
