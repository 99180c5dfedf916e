//! The table of keys slow, denied, down and corrupt: at a cold start, and while requests are served.

use std::time::{Duration, Instant};

use local::keys;
use reqwest::StatusCode;
use rotate_keys::{Event, document::Reason};
use serde_json::{Value, json};
use shared::keys::Document;
use tests::{Settings, Stack, fault_proxy::Fault};

const FAULTS: [Fault; 5] = [Fault::Down, Fault::Hang, Fault::Throttle, Fault::Deny, Fault::FailAfter];

#[tokio::test]
async fn a_cold_start_without_keys_is_a_503_in_time_and_recovers_by_itself() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        stack.keys_proxy.fail(fault);
        let user = stack.kakao.new_user().await;
        let token = stack.kakao.token(&user).await;
        for attempt in 0..2 {
            let started = Instant::now();
            for response in [
                stack.login(&json!({"access_token": token})).await,
                stack.refresh(&"A".repeat(119)).await,
                stack.profile("a.b.c").await,
                stack.verify("a.b.c").await,
            ] {
                assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?} {attempt} {}", response.body);
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{fault:?}: {:?} for four", started.elapsed());
        }
        stack.keys_proxy.heal();
        assert_eq!(stack.log_in_as(&user).await.status, StatusCode::OK, "{fault:?} has passed");
    }
}

#[tokio::test]
async fn a_warm_function_uses_its_cached_keys_however_long_the_outage_lasts() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let mut cookie = stack.log_in().await.token();
        assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK, "refresh has its keys");
        stack.keys_proxy.fail(fault);
        for minutes in [6, 11, 60, 1_440] {
            stack.advance(Duration::from_mins(minutes));
            let response = stack.refresh(&cookie).await;
            assert_eq!(response.status, StatusCode::OK, "{fault:?} after {minutes} min");
            cookie = response.token();
        }
    }
}

#[tokio::test]
async fn a_corrupt_key_document_is_refused_and_cached_keys_stay_in_use() {
    for corrupt in ["", "{", "[]", r#"{"version": 99999999999}"#, r#"{"version": 99999999999, "signing_keys": []}"#] {
        let stack = Stack::start().await;
        let mut cookie = stack.log_in().await.token();
        assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK, "refresh has its keys");
        stack.overwrite_keys(Document::Issuing, corrupt).await;
        for minutes in [6, 11] {
            stack.advance(Duration::from_mins(minutes));
            let response = stack.refresh(&cookie).await;
            assert_eq!(response.status, StatusCode::OK, "{corrupt}");
            cookie = response.token();
        }
        let cold = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
        cold.overwrite_keys(Document::Issuing, corrupt).await;
        assert_eq!(cold.refresh(&cookie).await.status, StatusCode::SERVICE_UNAVAILABLE, "{corrupt}");
    }
}

/// An eventually consistent read could bring a leaked key back.
#[tokio::test]
async fn a_read_of_the_keys_never_lags_behind_a_replacement() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::OK, "profile has its keys");
    stack.rotate(Reason::SigningKeys).await;
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
    stack.keys_proxy.fail(Fault::Stale);
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.profile(stack.log_in().await.access()).await.status, StatusCode::OK);
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_are_read_at_most_every_five_minutes() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    stack.profile(&access).await;
    let _ = stack.keys_proxy.take_traffic();
    for _ in 0..14 {
        stack.advance(Duration::from_secs(20));
        stack.profile(&access).await;
    }
    assert!(stack.keys_proxy.take_traffic().operations.is_empty(), "280 seconds");
    stack.advance(Duration::from_secs(20));
    stack.profile(&access).await;
    for _ in 0..100 {
        if !stack.keys_proxy.take_traffic().operations.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not read again after five minutes");
}

/// A request does not wait for a read of the keys that is merely due.
#[tokio::test]
async fn a_key_read_that_hangs_delays_no_request() {
    let stack = Stack::start().await;
    let cookie = stack.log_in().await.token();
    assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK);
    stack.keys_proxy.fail(Fault::Hang);
    stack.advance(Duration::from_mins(6));
    let started = Instant::now();
    assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK);
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
}

#[tokio::test]
async fn kakaos_secrets_can_be_set_later_and_changed() {
    let stack = Stack::with_setting("KAKAO_CLIENT_SECRET", "NotTheSecretOfThisRestApiKey0001").await;
    let user = stack.kakao.new_user().await;
    assert_eq!(stack.login(&stack.kakao.code_body(&user).await).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let wrong = stack.rotate_with(keys::put_kakao("", "")).await;
    assert!(wrong.unwrap_err().to_string().contains("KAKAO_CLIENT_SECRET"), "an empty secret is refused");
    stack.rotate_with(keys::put_kakao(local::kakao::SHOP.client_secret, "")).await.unwrap();
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.login(&stack.kakao.code_body(&user).await).await.status, StatusCode::OK);
}

#[tokio::test]
async fn describe_shows_the_state_of_the_keys_and_no_part_of_a_key() {
    let stack = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
    let describe = async || serde_json::to_value(stack.rotate_with(Event::Describe).await.unwrap()).unwrap();
    let with_django = |keys: &str, rotated_at, admin_key: bool, django_key: bool| {
        json!({"described": {
            "keys": keys, "rotated_at": rotated_at, "kakao_client_secret": true, "kakao_admin_key": admin_key,
            "django_key": django_key,
        }})
    };
    let described = |keys: &str, rotated_at, admin_key| with_django(keys, rotated_at, admin_key, false);
    assert_eq!(describe().await, described("none", json!(null), true));
    stack.rotate_with(Event::RotateIfDue).await.unwrap();
    let ring: Value = serde_json::from_str(&stack.key_document(Document::Issuing).await.unwrap()).unwrap();
    stack.rotate_with(keys::put_kakao("another", "")).await.unwrap();
    assert_eq!(describe().await, described("made", ring["created_at"].clone(), false));
    stack.put_django_key("a key of Django's").await;
    assert_eq!(describe().await, with_django("made", ring["created_at"].clone(), false, true));
    stack.put_django_key("").await;
    stack.delete_keys(Document::Issuing).await;
    assert_eq!(describe().await, described("lost", json!(null), false));
}

#[tokio::test]
async fn a_key_of_djangos_is_stored_as_it_is_and_with_another_algorithm_it_is_refused() {
    let stack = Stack::start().await;
    let put = async |algorithm: &str, key: &str| {
        stack.rotate_with(Event::PutDjangoKey { algorithm: algorithm.to_owned(), key: key.into() }).await
    };
    for algorithm in ["none", "RS256", "ES256", "hs256", ""] {
        let refused = put(algorithm, "s3cret").await.unwrap_err().to_string();
        assert_eq!(refused, "the algorithm must be HS256, HS384 or HS512", "{algorithm}");
    }
    assert_eq!(stack.key_document(Document::Django).await, None);
    put("HS512", " with spaces\"and\u{ac00} ").await.unwrap();
    let stored: Value = serde_json::from_str(&stack.key_document(Document::Django).await.unwrap()).unwrap();
    assert_eq!(stored, json!({"algorithm": "HS512", "key": " with spaces\"and\u{ac00} "}));
    put("HS256", "").await.unwrap();
    assert!(!stack.key_document(Document::Django).await.unwrap().contains("spaces"), "it is removed");
}
