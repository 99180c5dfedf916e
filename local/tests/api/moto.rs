//! Store and keys on a DynamoDB and a Secrets Manager of another make: moto's, at `MOTO_URL`. Without that, on the embedded ones
//! once more.
//!
//! Moto answers one request at a time, so what needs simultaneous requests is not here.

use std::{env, time::Duration};

use local::{Settings, Stack, secrets};
use reqwest::StatusCode;
use rotate_keys::{Event, RotationError, STEPS, Step, document::Reason};
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

/// Conditions in a transaction, and what their failure returns.
#[tokio::test]
async fn a_code_is_one_session_and_its_logout_is_final() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let login = stack.kakao.code_body(&user).await;
    stack.kakao.fail("/oauth/token", &json!({"kind": "down"})).await;
    assert_eq!(stack.login(&login).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.kakao.heal().await;
    let first = stack.login(&login).await;
    assert_eq!(stack.login(&login).await.token(), first.token(), "taken over, then sent again");
    stack.logout(&first.token()).await;
    for late in ["PutItem", "TransactWriteItems"] {
        assert_eq!(stack.wire.repeat_last(late).await.unwrap(), StatusCode::BAD_REQUEST, "{late}");
    }
    assert_eq!(stack.login(&login).await.code(), "kakao_rejected");
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

/// The labels of Secrets Manager as somebody else understood them.
#[tokio::test]
async fn keys_are_made_rotated_and_replaced_and_every_step_may_be_done_again() {
    let stack = stack().await;
    let signed_in = stack.sign_in().await;
    let (secret, version) = (stack.secret_name("KEY_RING_ID"), secrets::version());
    for step in STEPS {
        for _ in 0..2 {
            let event = Event::Step { step, secret: secret.clone(), version: version.clone() };
            stack.rotate_with(event).await.unwrap();
        }
    }
    let kids = async || {
        let ring =
            stack.secrets.get_secret_value().secret_id(&secret).version_stage("AWSCURRENT").send().await.unwrap();
        let ring: serde_json::Value = serde_json::from_str(ring.secret_string().unwrap()).unwrap();
        ring["signing_keys"].as_array().unwrap().iter().map(|key| key["jwk"]["kid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kids().await.len(), 2);
    assert_eq!(stack.profile(signed_in.access()).await.status, StatusCode::OK);

    let late = secrets::version();
    let event = |step| Event::Step { step, secret: secret.clone(), version: late.clone() };
    stack.rotate_with(event(Step::CreateSecret)).await.unwrap();
    stack.rotate(Reason::SigningKeys).await;
    assert!(matches!(stack.rotate_with(event(Step::SetSecret)).await, Err(RotationError::Superseded)));
    assert_eq!(kids().await.len(), 1);
    stack.rotate(Reason::SessionSecrets).await;
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.profile(signed_in.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&signed_in.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.profile(stack.sign_in().await.access()).await.status, StatusCode::OK);
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
