//! `POST /auth/kakao` with an ID token.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::{kakao::SHOP, keys};
use reqwest::StatusCode;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tests::{Stack, client::unique};

const JAVASCRIPT_KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

const NATIVE_KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";

pub(crate) fn hash(nonce: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, nonce.as_bytes()))
}

pub(super) async fn body(stack: &Stack, user: &str, claim: &str, nonce: &str) -> Value {
    json!({"id_token": stack.kakao.id_token(user, &json!({"nonce": claim})).await, "nonce": nonce})
}

/// A stack whose login function has already cached Kakao's keys.
pub(super) async fn warm() -> Stack {
    let stack = Stack::start().await;
    let somebody = stack.kakao.new_user().await;
    let body = body(&stack, &somebody, "warm", "warm").await;
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
    let _ = stack.table_proxy.take_traffic();
    stack
}

#[tokio::test]
async fn a_known_user_logs_in_without_a_call_to_kakao_in_two_round_trips() {
    let stack = warm().await;
    let user = stack.kakao.user(&json!({"nickname": "춘식이", "email": "c@example.com"})).await;
    let first = stack.log_in_as(&user).await;
    stack.advance(Duration::from_mins(1));
    let _ = stack.table_proxy.take_traffic();
    let calls = stack.kakao.calls().await;

    let response = stack.login(&body(&stack, &user, "n", "n").await).await;
    assert_eq!((response.status, &response.body["user"]), (StatusCode::OK, &first.body["user"]));
    assert_eq!(stack.kakao.calls().await, calls);
    let mut traffic = stack.table_proxy.take_traffic();
    traffic.operations[..2].sort();
    traffic.operations[2..].sort();
    assert_eq!(traffic.operations, ["GetItem", "PutItem", "TransactWriteItems", "UpdateItem"]);
    assert_eq!((traffic.write_units, traffic.read_units), (6.0, 1.0));
    assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_user_is_fetched_from_kakao_once() {
    let stack = warm().await;
    let user = stack.kakao.user(&json!({"nickname": "어피치"})).await;
    let before = stack.kakao.calls().await;
    let response = stack.login(&body(&stack, &user, "n", "n").await).await;
    assert_eq!(response.body["user"]["nickname"], "어피치");
    assert!(response.body["user"]["profile_image"].is_string(), "user/me has more than the ID token");
    assert_eq!(stack.kakao.calls().await - before, 1);
}

#[tokio::test]
async fn without_an_admin_key_the_profile_comes_from_the_id_token() {
    let stack = Stack::with_setting("KAKAO_ADMIN_KEY", "").await;
    let user = stack.kakao.user(&json!({"nickname": "어피치", "email": "a@example.com"})).await;
    let response = stack.login(&body(&stack, &user, "n", "n").await).await;
    assert_eq!(
        (&response.body["user"]["nickname"], &response.body["user"]["email"]),
        (&json!("어피치"), &json!("a@example.com"))
    );
    assert_eq!(stack.kakao.calls().await, 1, "the keys");
}

#[tokio::test]
async fn a_new_user_is_not_created_by_a_user_me_response_about_another() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let users = stack.count("KAKAO#").await;
    let answer = json!({"kind": "answer", "status": 200, "body": r#"{"id": 1029384756}"#});
    stack.kakao.fail("/v2/user/me", &answer).await;
    let response = stack.login(&body(&stack, &user, "n", "n").await).await;
    assert_eq!((response.code(), response.set_cookie()), ("kakao_rejected", ""));
    assert_eq!((stack.count("KAKAO#").await, stack.count("SESSION#").await), (users, 1), "the one of `warm`");
}

#[tokio::test]
async fn a_wrong_admin_key_is_a_503_and_the_id_token_stays_valid() {
    let stack = Stack::with_setting("KAKAO_ADMIN_KEY", "adadadadadadadadadadadadadadad99").await;
    let user = stack.kakao.new_user().await;
    let body = body(&stack, &user, "n", "n").await;
    for _ in 0..2 {
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    }
    let users = (stack.count("KAKAO#").await, stack.count("USER#").await, stack.count("SESSION#").await);
    assert_eq!(users, (0, 0, 0));
    stack.rotate_with(keys::put_kakao(SHOP.client_secret, SHOP.admin_key)).await.unwrap();
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn id_tokens_for_each_of_our_app_keys_are_accepted() {
    let stack = warm().await;
    for aud in ["5f0ab1c2d3e4f5061728394a5b6c7d8e", JAVASCRIPT_KEY, NATIVE_KEY] {
        let token = stack.kakao.id_token("choonsik", &json!({"nonce": "n", "aud": aud})).await;
        let response = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
        assert_eq!(response.status, StatusCode::OK, "{aud}: {}", response.body);
    }
    assert_eq!(stack.count("KAKAO#1376016924429759228").await, 1, "all are one user");
}

#[tokio::test]
async fn every_invalid_id_token_is_refused_without_a_call_to_kakao() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let before = stack.kakao.calls().await;
    for (kind, code) in [
        ("other_aud", "kakao_wrong_app"),
        ("aud_list", "kakao_rejected"),
        ("other_iss", "kakao_rejected"),
        ("expired", "kakao_rejected"),
        ("future", "kakao_rejected"),
        ("old", "kakao_rejected"),
        ("no_nonce", "kakao_rejected"),
        ("no_sub", "kakao_rejected"),
        ("odd_sub", "kakao_rejected"),
        ("no_iat", "kakao_rejected"),
        ("alg_none", "kakao_rejected"),
        ("hs256_public_key", "kakao_rejected"),
        ("no_kid", "kakao_rejected"),
        ("crit", "kakao_rejected"),
        ("jku", "kakao_rejected"),
    ] {
        let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "kind": kind})).await;
        let response = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, code), "{kind}");
    }
    assert_eq!(stack.kakao.calls().await, before);
    for garbage in ["x", "a.b.c", "e30.e30.", "....", &"x".repeat(8 * 1024)] {
        let response = stack.login(&json!({"id_token": garbage, "nonce": "n"})).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"), "{garbage}");
    }
    let response = stack.login(&json!({"id_token": "x".repeat(8 * 1024 + 1), "nonce": "n"})).await;
    assert_eq!(response.code(), "invalid_request");
    for kind in ["just_expired", "almost_old", "fractions"] {
        let good = stack.kakao.id_token(&user, &json!({"nonce": "n", "kind": kind})).await;
        assert_eq!(stack.login(&json!({"id_token": good, "nonce": "n"})).await.status, StatusCode::OK, "{kind}");
    }
}

#[tokio::test]
async fn a_jwt_of_another_type_is_not_accepted_as_an_id_token() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    for (typ, expected) in [
        (r#""at+jwt""#, StatusCode::BAD_REQUEST),
        (r#""secevent+jwt""#, StatusCode::BAD_REQUEST),
        (r#""""#, StatusCode::BAD_REQUEST),
        ("7", StatusCode::BAD_REQUEST),
        (r#""jwt""#, StatusCode::OK),
        ("null", StatusCode::OK),
    ] {
        let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "header": {"/typ": typ}})).await;
        assert_eq!(stack.login(&json!({"id_token": token, "nonce": "n"})).await.status, expected, "{typ}");
    }
}

#[tokio::test]
async fn an_id_token_is_valid_for_ten_minutes_and_its_redemption_is_kept_as_long() {
    for (setting, seconds) in [("600", 600), ("60", 60), ("43200", 21_599)] {
        let stack = Stack::with_setting("ID_TOKEN_MAX_AGE", setting).await;
        let user = stack.kakao.new_user().await;
        let mut bodies = Vec::new();
        for nonce in ["first", "last", "late"] {
            bodies.push(body(&stack, &user, nonce, nonce).await);
        }
        let [first, last, late] = bodies.try_into().unwrap();
        assert_eq!(stack.login(&first).await.status, StatusCode::OK);
        let dump = stack.dump().await;
        let claim = dump.iter().find(|item| item["pk"].as_s().unwrap().starts_with("CLAIM#")).unwrap();
        let time = |name: &str| claim[name].as_n().unwrap().parse::<u64>().unwrap();
        assert_eq!(time("expires_at") - time("claimed_at"), seconds + 60, "{setting}");
        stack.advance(Duration::from_secs(seconds + 59));
        assert_eq!(stack.login(&last).await.status, StatusCode::OK, "{setting}, with a minute of leeway");
        stack.advance(Duration::from_secs(1));
        assert_eq!(stack.login(&late).await.code(), "kakao_rejected", "{setting}");
    }
}

#[tokio::test]
async fn an_email_is_removed_when_kakao_no_longer_vouches_for_it() {
    let stack = warm().await;
    let named = async |account: Value| stack.kakao.user(&json!({"id": 4_343_434_343_i64, "account": account})).await;
    let mut account = json!({
        "profile": {"nickname": "라이언"}, "email_needs_agreement": false,
        "email": "r@example.com", "is_email_valid": true, "is_email_verified": true,
    });
    let with = named(account.clone()).await;
    let withdrawn = named(json!({"profile": {"nickname": "라이언"}, "email_needs_agreement": true})).await;
    account["is_email_valid"] = json!(false);
    let taken = named(account).await;
    let of = async |user: &str| {
        let nonce = unique();
        let response = stack.login(&body(&stack, user, &nonce, &nonce).await).await;
        let profile = stack.profile(response.access()).await;
        assert_eq!(profile.body, response.body["user"]);
        (profile.body["email"].clone(), profile.body["email_verified"].clone(), profile.body["nickname"].clone())
    };
    let (shown, gone) =
        ((json!("r@example.com"), json!(true), json!("라이언")), (json!(""), json!(false), json!("라이언")));
    for without in [withdrawn, taken] {
        assert_eq!(stack.log_in_as(&with).await.body["user"]["email"], "r@example.com");
        assert_eq!(of(&with).await, shown);
        assert_eq!(of(&without).await, gone, "{without}");
        assert_eq!(of(&with).await, shown, "{without}: Kakao vouches for it again");
    }
    assert_eq!(stack.count("KAKAO#4343434343").await, 1);
}

#[tokio::test]
async fn our_own_tokens_are_not_accepted_as_id_tokens() {
    let stack = warm().await;
    let logged_in = stack.log_in().await;
    for token in [logged_in.access(), &logged_in.token()] {
        let response = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
        assert_eq!(response.code(), "kakao_rejected");
    }
    let id_token = stack.kakao.id_token("ryan", &json!({"nonce": "n"})).await;
    assert_eq!(stack.profile(&id_token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.login(&json!({"access_token": id_token})).await.code(), "kakao_rejected");
}

#[tokio::test]
async fn an_unreadable_optional_claim_does_not_prevent_a_login() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await.body["user"].clone();
    let cut_letter = "\"\u{ea}\u{b0}\"";
    for claim in ["/nickname", "/email", "/picture", "/auth_time", "/amr", "/at_hash"] {
        for raw in
            [r#""\ud83d""#, cut_letter, "7", "[]", "{}", "true", "1e999", &format!(r#""a", "{}": "b""#, &claim[1..])]
        {
            // One user may log in 20 times a minute.
            stack.advance(Duration::from_mins(1));
            let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "claims": {claim: raw}})).await;
            let response = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
            assert_eq!((response.status, &response.body["user"]), (StatusCode::OK, &first), "{claim} {raw}");
        }
    }
    for (claim, raw) in [
        ("/sub", r#""0""#),
        ("/sub", r#""-5""#),
        ("/sub", r#""03000000000""#),
        ("/sub", "3000000000"),
        ("/sub", r#""1", "sub": "2""#),
        ("/iss", "7"),
        ("/aud", "null"),
        ("/iat", r#""1800000000""#),
        ("/exp", "1e999"),
        ("/exp", "1e18"),
        ("/exp", "-1"),
        ("/nonce", "7"),
        ("/nonce", r#""\ud83d""#),
    ] {
        let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "claims": {claim: raw}})).await;
        let response = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
        assert_eq!(response.code(), "kakao_rejected", "{claim} {raw}");
    }
    for header in ["/cty", "/x5c", "/jku"] {
        let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "header": {header: "7"}})).await;
        let response = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
        assert_eq!(response.status, StatusCode::OK, "{header}");
    }
}
