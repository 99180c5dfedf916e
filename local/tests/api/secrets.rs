//! Secrets Manager slow, denied, down and corrupt: at a cold start, and while requests are answered.

use std::time::{Duration, Instant};

use local::{Settings, Stack, secrets, wire::Fault};
use reqwest::StatusCode;
use serde_json::json;

const FAULTS: [Fault; 5] = [Fault::Down, Fault::Hang, Fault::Throttle, Fault::Deny, Fault::FailAfter];

#[tokio::test]
async fn a_cold_start_without_secrets_manager_is_unavailable_in_time_and_recovers_by_itself() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        stack.secrets_wire.fail(fault);
        let user = stack.kakao.new_user().await;
        let token = stack.kakao.token(&user).await;
        for attempt in 0..2 {
            let started = Instant::now();
            for answer in [
                stack.login(&json!({"access_token": token})).await,
                stack.refresh(&"A".repeat(119)).await,
                stack.profile("a.b.c").await,
                stack.verify("a.b.c").await,
            ] {
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?} {attempt} {}", answer.body);
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{fault:?}: {:?} for four", started.elapsed());
        }
        stack.secrets_wire.heal();
        assert_eq!(stack.sign_in_as(&user).await.status, StatusCode::OK, "{fault:?} has passed");
    }
}

#[tokio::test]
async fn a_warm_function_goes_on_with_what_it_has_for_as_long_as_it_takes() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let mut cookie = stack.sign_in().await.token();
        assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK, "refresh has its keys");
        stack.secrets_wire.fail(fault);
        for minutes in [6, 11, 60, 1_440] {
            stack.advance(Duration::from_mins(minutes));
            let answer = stack.refresh(&cookie).await;
            assert_eq!(answer.status, StatusCode::OK, "{fault:?} after {minutes} min");
            cookie = answer.token();
        }
    }
}

#[tokio::test]
async fn a_corrupt_secret_is_refused_and_what_was_read_before_stays() {
    for corrupt in ["", "{", "[]", r#"{"version": 99999999999}"#, r#"{"version": 99999999999, "signing_keys": []}"#] {
        let stack = Stack::start().await;
        let mut cookie = stack.sign_in().await.token();
        assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK, "refresh has its keys");
        secrets::put(&stack.secrets, &stack.secret_name("KEY_RING_ID"), corrupt).await.unwrap();
        for minutes in [6, 11] {
            stack.advance(Duration::from_mins(minutes));
            let answer = stack.refresh(&cookie).await;
            assert_eq!(answer.status, StatusCode::OK, "{corrupt}");
            cookie = answer.token();
        }
        let cold = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
        secrets::put(&cold.secrets, &cold.secret_name("KEY_RING_ID"), corrupt).await.unwrap();
        assert_eq!(cold.refresh(&cookie).await.status, StatusCode::SERVICE_UNAVAILABLE, "{corrupt}");
    }
}

#[tokio::test]
async fn a_secret_is_read_at_most_every_five_minutes() {
    let stack = Stack::start().await;
    let access = stack.sign_in().await.access().to_owned();
    stack.profile(&access).await;
    let _ = stack.secrets_wire.take_traffic();
    for _ in 0..14 {
        stack.advance(Duration::from_secs(20));
        stack.profile(&access).await;
    }
    assert!(stack.secrets_wire.take_traffic().operations.is_empty(), "280 seconds");
    stack.advance(Duration::from_secs(20));
    stack.profile(&access).await;
    for _ in 0..100 {
        if !stack.secrets_wire.take_traffic().operations.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not read again after five minutes");
}

/// A request does not wait for a reading that is merely due.
#[tokio::test]
async fn a_reading_that_hangs_holds_up_nobody() {
    let stack = Stack::start().await;
    let cookie = stack.sign_in().await.token();
    assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK);
    stack.secrets_wire.fail(Fault::Hang);
    stack.advance(Duration::from_mins(6));
    let started = Instant::now();
    assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK);
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
}

#[tokio::test]
async fn kakaos_secrets_may_be_put_later_and_changed() {
    let stack = Stack::with_setting("KAKAO_CLIENT_SECRET", "NotTheSecretOfThisRestApiKey0001").await;
    let user = stack.kakao.new_user().await;
    assert_eq!(stack.login(&stack.kakao.code_body(&user).await).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let right = json!({"KAKAO_CLIENT_SECRET": local::kakao::SHOP.client_secret, "KAKAO_ADMIN_KEY": ""}).to_string();
    secrets::put(&stack.secrets, &stack.secret_name("KAKAO_SECRET_ID"), &right).await.unwrap();
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.login(&stack.kakao.code_body(&user).await).await.status, StatusCode::OK);
}
