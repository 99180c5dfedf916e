//! `POST /auth/kakao` with an ID token that is sent twice: it is valid for one login.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::client::cookie_pair;

use super::id_token::{body, hash, warm};

#[tokio::test]
async fn an_id_token_logs_in_once() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let body = body(&stack, &user, "seen-in-the-token", "seen-in-the-token").await;
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
    let again = stack.login(&body).await;
    assert_eq!(
        (again.status, again.code(), again.cookie.as_deref()),
        (StatusCode::BAD_REQUEST, "kakao_rejected", None)
    );
    assert_eq!(stack.count("SESSION#").await, 2, "the session that warmed up the function, and one");
}

#[tokio::test]
async fn the_client_that_started_a_login_may_retry_it_and_gets_the_same_session() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let body = body(&stack, &user, &hash("preimage"), "preimage").await;
    let first = stack.login(&body).await;
    stack.advance(Duration::from_secs(29));
    let again = stack.login(&body).await;
    assert_eq!((again.status, again.token()), (StatusCode::OK, first.token()));
    let with_its_cookie = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&first.token()));
    assert_eq!(stack.send(with_its_cookie.json(&body)).await.token(), first.token());
    assert_eq!(stack.refresh(&first.token()).await.status, StatusCode::OK, "a retry does not end its own session");
    assert_eq!(stack.count("SESSION#").await, 2);
    stack.advance(Duration::from_secs(1));
    assert_eq!(stack.login(&body).await.code(), "kakao_rejected", "30 s");
    assert_eq!(stack.refresh(&first.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_intercepted_id_token_cannot_be_replayed() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let body = body(&stack, &user, &hash("preimage"), "preimage").await;
    stack.login(&body).await;
    for nonce in [hash("preimage"), "guess".to_owned()] {
        let response = stack.login(&json!({"id_token": body["id_token"], "nonce": nonce})).await;
        assert_eq!(response.code(), "kakao_rejected", "{nonce}");
    }
}

#[tokio::test]
async fn twenty_concurrent_logins_with_one_id_token_start_one_session() {
    let stack = warm().await;
    let user = stack.kakao.new_user().await;
    let body = body(&stack, &user, &hash("p"), "p").await;
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let (functions, body) = ((*stack).clone(), body.clone());
            tokio::spawn(async move { functions.login(&body).await })
        })
        .collect();
    let mut tokens = Vec::new();
    for request in requests {
        tokens.push(request.await.unwrap().token());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), stack.count("SESSION#").await), (1, 2));
}
