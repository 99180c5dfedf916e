//! `POST /auth/kakao`, and the `GET` that starts its function.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{REDIRECT_URI, Remote, client::cookie_pair};

#[tokio::test]
async fn an_access_token_logs_in() {
    let stack = Remote::start().await;
    let user = stack.kakao.user(&json!({"nickname": "춘식이", "email": "choonsik@example.com"})).await;
    let response = stack.log_in_as(&user).await;

    let names: Vec<&String> = response.body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["access", "access_expiration", "expires_in", "refresh", "token_type", "user"]);
    assert_eq!((&response.body["token_type"], &response.body["refresh"]), (&json!("Bearer"), &json!("")));
    assert!((285..=300).contains(&response.body["expires_in"].as_i64().unwrap()));
    assert!(response.body["access_expiration"].as_str().unwrap().ends_with('Z'));

    let user = &response.body["user"];
    assert!(!user["pk"].as_str().unwrap().is_empty());
    assert!(user["created_at"].as_str().unwrap().ends_with('Z'));
    let mut rest = user.clone();
    for name in ["pk", "created_at"] {
        rest.as_object_mut().unwrap().remove(name);
    }
    let expected = json!({
        "username": "춘식이", "email": "choonsik@example.com", "first_name": "", "last_name": "", "nickname": "춘식이",
        "profile_image": "https://k.kakaocdn.net/dn/local/img_640x640.jpg", "email_verified": true, "roles": [],
    });
    assert_eq!(rest, expected);
}

#[tokio::test]
async fn the_cookie_has_every_attribute() {
    let stack = Remote::start().await;
    let response = stack.log_in().await;
    let (pair, attributes) = response.set_cookie().split_once("; ").unwrap();
    assert_eq!(pair, cookie_pair(&response.token()));
    assert_eq!(attributes, "Max-Age=604800; Path=/; Secure; HttpOnly; SameSite=Strict");
    assert_eq!(response.token().len(), 120, "cookie and all other headers have to stay under 10,240 bytes");
    let alphabet = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    assert!(response.token().chars().all(alphabet));
}

#[tokio::test]
async fn a_code_logs_in() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let code = stack.kakao.code_with(&user, &json!({"nonce": "n"})).await;
    let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"});
    let by_code = stack.login(&body).await;
    assert_eq!(by_code.status, StatusCode::OK);
    let by_token = stack.log_in_as(&user).await;
    assert_eq!(by_code.body["user"], by_token.body["user"], "the same user");

    let again = stack.login(&body).await;
    assert_eq!((again.status, again.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"), "a code is good once");
}

#[tokio::test]
async fn a_code_needs_the_verifier_of_its_challenge() {
    // RFC 7636 appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let cases = [
        (json!(verifier), Value::Null, ""),
        (json!(verifier.to_uppercase()), Value::Null, "kakao_rejected"),
        (Value::Null, json!("not-the-verifier"), "kakao_rejected"),
        (Value::Null, Value::Null, "invalid_request"),
    ];
    for (verifier, nonce, expected) in cases {
        let code = stack.kakao.code_with(&user, &challenge).await;
        let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": verifier, "nonce": nonce});
        let response = stack.login(&body).await;
        assert_eq!(response.code(), expected, "{verifier} {nonce}");
        assert_eq!(response.status == StatusCode::OK, expected.is_empty(), "{verifier} {nonce}");
    }
}

#[tokio::test]
async fn a_code_needs_the_nonce_of_its_login() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    for (began_with, nonce, expected) in [
        (json!({"nonce": "n-1"}), "n-1", StatusCode::OK),
        (json!({"nonce": "n-1"}), "n-2", StatusCode::BAD_REQUEST),
        (json!({}), "n-1", StatusCode::BAD_REQUEST),
    ] {
        let code = stack.kakao.code_with(&user, &began_with).await;
        let response = stack.login(&json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": nonce})).await;
        assert_eq!(response.status, expected, "{began_with} {nonce}");
    }
}

/// Otherwise an attacker could log a visitor in with a code from another browser, by leaving the nonce out.
#[tokio::test]
async fn the_nonce_of_a_login_cannot_be_left_out() {
    // RFC 7636 appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let began_with = json!({"nonce": "n-1", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    for (nonce, expected) in [(json!("n-1"), ""), (json!(null), "kakao_rejected"), (json!(""), "kakao_rejected")] {
        let code = stack.kakao.code_with(&user, &began_with).await;
        let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": verifier, "nonce": nonce});
        let response = stack.login(&body).await;
        assert_eq!((response.code(), response.cookie.is_none()), (expected, !expected.is_empty()), "{nonce}");
    }
}

#[tokio::test]
async fn another_redirect_uri_never_reaches_kakao() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let mut body = stack.kakao.code_body(&user).await;
    for wrong in [
        "http://localhost:9000",
        "http://localhost:9000/?x=1",
        "http://localhost:9000/cb",
        "https://localhost:9000/",
        "http://localhost:9000@evil.example/",
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
    ] {
        body["redirect_uri"] = json!(wrong);
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{wrong}");
    }
    body["redirect_uri"] = json!(REDIRECT_URI);
    let response = stack.login(&body).await;
    assert_eq!(response.status, StatusCode::OK, "none of these spent the code");
}

#[tokio::test]
async fn a_token_of_another_kakao_app_is_refused() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.foreign_token(&user).await;
    let response = stack.login(&json!({"access_token": token})).await;
    assert_eq!(
        (response.status, response.code(), response.cookie.as_deref()),
        (StatusCode::BAD_REQUEST, "kakao_wrong_app", None)
    );
}

#[tokio::test]
async fn a_credential_that_kakao_does_not_know_is_refused() {
    let stack = Remote::start().await;
    for body in [
        json!({"access_token": "never-issued"}),
        json!({"access_token": "a".repeat(600)}),
        json!({"code": "never-issued", "redirect_uri": REDIRECT_URI, "nonce": "n"}),
        json!({"code": "never-issued", "redirect_uri": REDIRECT_URI, "code_verifier": "v".repeat(43)}),
    ] {
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"), "{body}");
        assert_eq!(response.body["non_field_errors"], json!([response.body["detail"]]));
    }
}

#[tokio::test]
async fn users_can_log_in_however_little_kakao_shares_of_them() {
    let stack = Remote::start().await;
    let nobody = json!({"nickname": null, "profile_image": null, "email": "", "email_verified": false, "username": ""});
    for (name, expected) in [
        ("choonsik", json!({"nickname": "춘식이", "email": "choonsik@example.com", "email_verified": true})),
        ("apeach", json!({"nickname": "어피치", "email": "", "email_verified": false})),
        ("muzi", json!({"nickname": "무지", "email": "", "email_verified": false})),
        ("frodo", json!({"nickname": "프로도", "email": "", "email_verified": false})),
        ("con", nobody),
        ("neo", json!({"nickname": "네오", "profile_image": null})),
    ] {
        let response = stack.log_in_as(name).await;
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(response.body["user"][field], *value, "{name}, {field}");
        }
        let profile = stack.profile(response.access()).await;
        assert_eq!(profile.body, response.body["user"], "{name}");
    }
}

#[tokio::test]
async fn a_user_whom_kakao_refuses_cannot_log_in() {
    let stack = Remote::start().await;
    for (name, code) in [("tube", "kakao_underage"), ("jordy", "kakao_rejected")] {
        let token = stack.kakao.token(name).await;
        let response = stack.login(&json!({"access_token": token})).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, code), "{name}");
    }
}

#[tokio::test]
async fn two_people_with_one_email_are_two_users() {
    let stack = Remote::start().await;
    let one = stack.kakao.user(&json!({"email": "shared@example.com"})).await;
    let two = stack.kakao.user(&json!({"email": "shared@example.com"})).await;
    let (one, two) = (stack.log_in_as(&one).await, stack.log_in_as(&two).await);
    assert_ne!(one.body["user"]["pk"], two.body["user"]["pk"]);
}

#[tokio::test]
async fn every_login_starts_a_session_of_its_own() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    assert_eq!(phone.body["user"], laptop.body["user"]);
    assert_ne!(phone.token(), laptop.token());
    stack.logout(&phone.token()).await;
    assert_eq!(stack.refresh(&laptop.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_ends_the_session_in_the_browsers_cookie_and_never_adopts_it() {
    let stack = Remote::start().await;
    let planted = stack.log_in().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&planted.token()));
    let response = stack.send(request.json(&json!({"access_token": token}))).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_ne!(response.body["user"]["pk"], planted.body["user"]["pk"]);
    assert_eq!(stack.refresh(&planted.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_ends_every_session_in_the_browsers_cookies() {
    let stack = Remote::start().await;
    let (one, other) = (stack.log_in().await.token(), stack.log_in().await.token());
    let user = stack.kakao.new_user().await;
    let cookies = [cookie_pair(&one), cookie_pair("planted"), cookie_pair(&other)].join("; ");
    let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookies);
    let response = stack.send(request.json(&json!({"access_token": stack.kakao.token(&user).await}))).await;
    assert_eq!(response.status, StatusCode::OK);
    for token in [&one, &other] {
        assert_eq!(stack.refresh(token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_bearer_or_an_invalid_cookie_does_not_prevent_a_login() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    for (name, value) in [
        ("authorization", "Bearer expired.or.forged".to_owned()),
        ("authorization", "Basic eDp5".to_owned()),
        ("cookie", cookie_pair("garbage")),
        ("cookie", format!("{}; {}", cookie_pair("a"), cookie_pair("b"))),
    ] {
        let token = stack.kakao.token(&user).await;
        let request = stack.request(Method::POST, "/auth/kakao").header(name, &value);
        let response = stack.send(request.json(&json!({"access_token": token}))).await;
        assert_eq!(response.status, StatusCode::OK, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_get_returns_204_to_anybody_and_changes_no_session() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    for (name, value) in [
        ("cookie", cookie_pair(&logged_in.token())),
        ("cookie", cookie_pair("planted")),
        ("authorization", "Bearer x".to_owned()),
        ("origin", "https://evil.example".to_owned()),
        // As the web client sends it.
        ("sec-fetch-site", "cross-site".to_owned()),
    ] {
        for path in ["/auth/kakao", "/auth/kakao/", "/auth/kakao?code=x&access_token=x"] {
            let response = stack.request(Method::GET, path).header(name, &value).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{path} with {name}");
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(header("cache-control").as_deref(), Some("no-store"));
            assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
            assert_eq!((header("set-cookie"), header("content-type"), header("etag")), (None, None, None));
            assert_eq!(response.text().await.unwrap(), "");
        }
    }
    assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::OK, "the session is unchanged");
}
