//! Store and keys on a DynamoDB and a Secrets Manager of another make: moto's, at `MOTO_URL`. Without that, on the embedded ones
//! once more.
//!
//! Moto answers one request at a time, so what needs simultaneous requests is not here.

use std::{env, time::Duration};

use local::{Settings, Stack};
use reqwest::StatusCode;
use serde_json::json;

const WINDOW: Duration = Duration::from_secs(30);

async fn stack() -> Stack {
    let moto = env::var("MOTO_URL").ok();
    Stack::with(Settings { dynamodb: moto.clone(), secrets_manager: moto, ..Settings::default() }).await
}

#[tokio::test]
async fn a_session_is_begun_rotated_repeated_shown_and_ended() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let first = stack.sign_in_as(&user).await;
    assert_eq!(stack.sign_in_as(&user).await.body["user"], first.body["user"], "the same user again");
    assert_eq!(stack.refresh(&first.token()).await.cookie, None, "inside the window");

    stack.advance(WINDOW);
    let second = stack.refresh_with_user(&first.token()).await;
    assert_eq!(second.body["user"], first.body["user"]);
    assert_eq!(stack.refresh(&first.token()).await.token(), second.token(), "the parent, inside the window");
    assert_eq!(stack.profile(second.access()).await.body, first.body["user"]);

    assert_eq!(stack.logout(&second.token()).await.status, StatusCode::OK);
    assert_eq!(stack.profile(second.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&second.token()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_reuse_ends_the_session() {
    let stack = stack().await;
    let stolen = stack.sign_in().await.token();
    stack.advance(WINDOW);
    let rotated = stack.refresh(&stolen).await.token();
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&stolen).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&rotated).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn expiry_is_checked_by_the_second() {
    let stack = stack().await;
    let (early, late) = (stack.sign_in().await.token(), stack.sign_in().await.token());
    stack.advance(Duration::from_secs(7 * 86_400 - 1));
    assert_eq!(stack.refresh(&early).await.status, StatusCode::OK);
    stack.advance(Duration::from_secs(1));
    assert_eq!(stack.refresh(&late).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn thirty_sessions_are_ended_at_once() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let mut last = String::new();
    for _ in 0..30 {
        last = stack.sign_in_as(&user).await.token();
    }
    let other = stack.sign_in().await.token();
    assert_eq!(stack.logout_everywhere(&last).await.status, StatusCode::OK);
    assert_eq!(stack.count("SESSION#").await, 1);
    assert_eq!(stack.refresh(&other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_withdrawn_is_removed() {
    let stack = stack().await;
    let account = json!({"profile": {"nickname": "라이언"}, "email_needs_agreement": true});
    for (account, nickname) in
        [(account, json!("라이언")), (json!({"profile_nickname_needs_agreement": true}), json!(null))]
    {
        let user = stack.kakao.user(&json!({"id": 4_242_424_242_i64, "account": account})).await;
        assert_eq!(stack.sign_in_as(&user).await.body["user"]["nickname"], nickname);
    }
}
