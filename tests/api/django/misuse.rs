//! What is not a good refresh token of Django's is refused, and starts nothing.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::id::UserId;
use tests::{
    Stack,
    django::{SECRET_KEY, TOKEN_TTL, claims, django_pair, jwt, signed},
};

use super::once::{REFRESH, assert_logged_out, exchange};

/// Nothing of these has started a session or was kept.
async fn assert_refused(stack: &Stack, case: &str, token: &str, is_cleared: bool) {
    let before = stack.dump().await;
    let refused = exchange(stack, token).await;
    assert_logged_out(&refused, case);
    assert_eq!(!refused.set_cookies().is_empty(), is_cleared, "{case}: {:?}", refused.set_cookies());
    assert_eq!(stack.dump().await, before, "{case}");
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn a_token_that_django_did_not_sign_is_refused_and_its_cookie_stays() {
    let stack = Stack::from_django().await;
    stack.import_one(17, 1_700_000_001).await;
    let good = claims(17, stack.now() + TOKEN_TTL);
    let header = |alg: &str| json!({"alg": alg, "typ": "JWT"});
    let public_key = stack.jwks().await["keys"][0].to_string();
    let unsigned = jwt(&header("none"), &good, SECRET_KEY);
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    for (case, token) in [
        ("another key", jwt(&header("HS256"), &good, "another key")),
        ("no algorithm", format!("{unsigned}.AA")),
        ("no algorithm, signed", jwt(&header("none"), &good, SECRET_KEY)),
        ("RS256 by HMAC", jwt(&header("RS256"), &good, SECRET_KEY)),
        ("HS512 by HS256", jwt(&header("HS512"), &good, SECRET_KEY)),
        ("our public key as an HMAC key", jwt(&header("HS256"), &good, &public_key)),
        ("an access token of ours", stack.log_in().await.access().to_owned()),
        ("critical header", jwt(&json!({"alg": "HS256", "crit": ["x"], "x": 1}), &good, SECRET_KEY)),
        ("no jti", signed(&json!({"token_type": "refresh", "exp": good["exp"], "user_id": "17"}))),
        ("an empty jti", signed(&with(&good, "jti", json!("")))),
        ("a long jti", signed(&with(&good, "jti", json!("j".repeat(256))))),
        ("no exp", signed(&with(&good, "exp", json!(null)))),
        ("a huge token", signed(&with(&good, "more", json!("x".repeat(3_000))))),
    ] {
        assert_refused(&stack, case, &token, false).await;
    }
}

/// The parameter's key may be wrong, so only what can never be good is cleared.
#[tokio::test]
async fn a_token_that_django_signed_and_that_can_never_be_exchanged_is_refused_and_its_cookie_cleared() {
    let stack = Stack::from_django().await;
    stack.import_one(17, 1_700_000_001).await;
    let good = claims(17, stack.now() + TOKEN_TTL);
    for (case, token) in [
        ("an access token", signed(&with(&good, "token_type", json!("access")))),
        ("expired", signed(&claims(17, stack.now()))),
        ("a number with a zero", signed(&with(&good, "user_id", json!("017")))),
        ("a text", signed(&with(&good, "user_id", json!(UserId::generate().to_string())))),
        ("a fraction", signed(&with(&good, "user_id", json!(17.0)))),
        ("zero", signed(&with(&good, "user_id", json!(0)))),
        ("too large", signed(&with(&good, "user_id", json!(UserId::MAX_NUMBER + 1)))),
    ] {
        assert_refused(&stack, case, &token, true).await;
    }
    let number = signed(&with(&good, "user_id", json!(17)));
    assert_eq!(exchange(&stack, &number).await.status, StatusCode::OK, "as simplejwt wrote it before 5.5");
}

/// A person who logged in here first has a number that somebody else had at Django.
#[tokio::test]
async fn a_number_that_was_given_out_here_is_not_djangos_user_of_that_number() {
    let stack = Stack::from_django_with(&[("USER_IDS", "numbers")]).await;
    let number = stack.log_in().await.body["user"]["pk"].as_u64().unwrap();
    assert_refused(&stack, "a stranger's number", &stack.django_token(number), false).await;
}

/// The operator may have been too early.
#[tokio::test]
async fn the_token_of_a_user_who_was_not_imported_yet_is_refused_and_exchanged_after_the_import() {
    let stack = Stack::from_django().await;
    let token = stack.django_token(17);
    assert_refused(&stack, "not imported", &token, false).await;
    stack.import_one(17, 1_700_000_001).await;
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_another_origin_exchanges_nothing() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = stack.with_django_cookie(REFRESH, &token).header(name, value);
        assert_eq!(stack.send(request).await.code(), "origin_not_allowed", "{value}");
        // A form of another site, which Django accepted.
        let form = stack.request(Method::POST, REFRESH).header("cookie", django_pair(&token)).header(name, value);
        let form = form.header("content-type", "application/x-www-form-urlencoded").body("");
        assert_eq!(stack.send(form).await.code(), "origin_not_allowed", "{value}");
    }
    assert_eq!(stack.count("SIMPLEJWT#").await, 0);
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_token_is_refused_whether_it_was_exchanged_or_not() {
    let stack = Stack::from_django().await;
    let (used, unused) = (stack.import_one(17, 1_700_000_001).await, stack.django_token(17));
    assert_eq!(exchange(&stack, &used).await.status, StatusCode::OK);
    stack.advance(TOKEN_TTL.saturating_sub(Duration::from_secs(1)));
    assert_eq!(exchange(&stack, &unused).await.status, StatusCode::OK);
    stack.advance(Duration::from_secs(1));
    for token in [&used, &unused] {
        assert_logged_out(&exchange(&stack, token).await, "expired");
    }
}

#[tokio::test]
async fn the_same_token_in_another_spelling_is_refused() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let padded = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
    let raw = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let spaced = BASE64_URL_SAFE_NO_PAD.encode([b" ", raw.as_slice()].concat());
    for other in [
        format!("{header}.{claims}.{}", padded(signature)),
        format!("{header}.{spaced}.{signature}"),
        format!("{header}.{claims}.{signature}."),
        format!(" {header}.{claims}.{signature}x"),
    ] {
        assert_logged_out(&exchange(&stack, &other).await, &other);
    }
    assert_eq!(stack.count("SIMPLEJWT#").await, 0);
}
