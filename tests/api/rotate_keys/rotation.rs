//! Key rotation drills: on schedule, under load, and with writes that fail, get lost or arrive late.

use std::time::Duration;

use reqwest::StatusCode;
use rotate_keys::{Event, Outcome, ROTATE_AFTER, document::Reason, new_attempt};
use serde_json::{Value, json};
use shared::{
    access_token::{Audience, VerificationJwk, Verifier},
    clock::{Clock, SystemClock, Timestamp},
    keys::Document,
};
use tests::{Settings, Stack, client::jwt_part, fault_proxy::Fault};

/// By then every function has read its keys again.
pub(crate) const STALE: Duration = Duration::from_mins(10);

pub(crate) fn audience() -> Audience {
    Audience { issuer: "http://localhost:9000".to_owned(), audience: "api".to_owned() }
}

pub(crate) async fn key_ring(stack: &Stack) -> Value {
    serde_json::from_str(&stack.key_document(Document::Issuing).await.unwrap()).unwrap()
}

pub(crate) fn key_ids(set: &Value) -> Vec<&str> {
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

/// A service that verifies access tokens: it fetches the keys every two hours, and never in between.
struct Verifying {
    verifier: Verifier,
    fetched_at: Timestamp,
}

impl Verifying {
    async fn fetch(stack: &Stack, now: Timestamp) -> Self {
        let set = stack.jwks().await;
        let keys = set["keys"].as_array().unwrap().iter().map(|key| json!({"jwk": key}));
        let keys: Vec<VerificationJwk> = keys.map(|key| serde_json::from_value(key).unwrap()).collect();
        Self { verifier: Verifier::new(&keys, audience()).unwrap(), fetched_at: now }
    }
}

#[tokio::test]
async fn a_scheduled_rotation_fails_no_request_and_no_verifier_with_two_hours_old_keys() {
    let stack = Stack::start().await;
    let step = Duration::from_secs(280);
    let (mut now, start) = (SystemClock.now(), SystemClock.now());
    let mut cookies = Vec::new();
    for _ in 0..4 {
        cookies.push(stack.log_in().await.token());
    }
    let mut verifiers = Vec::new();
    for age in [0, 30, 60, 90, 119] {
        verifiers.push(Verifying::fetch(&stack, now - Duration::from_mins(age)).await);
    }
    let (mut signed_by, mut last) = (Vec::new(), Vec::<String>::new());
    for round in 0..100 {
        if round == 10 {
            stack.rotate(Reason::Schedule).await;
        }
        for verifier in &mut verifiers {
            if now >= verifier.fetched_at + Duration::from_hours(2) {
                *verifier = Verifying::fetch(&stack, now).await;
            }
        }
        let mut issued = Vec::new();
        for cookie in &mut cookies {
            let response = stack.refresh(cookie).await;
            assert_eq!(response.status, StatusCode::OK, "round {round}");
            if response.cookie.is_some() {
                *cookie = response.token();
            }
            assert_eq!(stack.profile(response.access()).await.status, StatusCode::OK, "round {round}");
            issued.push(response.access().to_owned());
        }
        for access in last.iter().chain(&issued) {
            for verifier in &verifiers {
                assert!(verifier.verifier.verify(access, now).is_ok(), "round {round}, {:?}", verifier.fetched_at);
            }
            assert_eq!(stack.verify(access).await.status, StatusCode::OK, "round {round}");
        }
        let signer = jwt_part(&issued[0], 0)["kid"].clone();
        if !signed_by.contains(&signer) {
            signed_by.push(signer);
        }
        last = issued;
        stack.advance(step);
        now = now + step;
    }
    assert!(now > start + Duration::from_hours(7));
    assert_eq!(signed_by.len(), 2, "the new key has taken over: {signed_by:?}");
    let set = stack.jwks().await;
    assert_eq!(key_ids(&set), [signed_by[1].as_str().unwrap()], "the old one is gone from the JWK Set by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_fails_no_request() {
    // No access token expires between a refresh and the profile, however the clock jumps.
    let stack = Stack::with_setting("ACCESS_TTL", "3600").await;
    let mut cookies = Vec::new();
    for _ in 0..8 {
        cookies.push(stack.log_in().await.token());
    }
    let calls = cookies.into_iter().map(|mut cookie| {
        let functions = (*stack).clone();
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..40 {
                let response = functions.refresh(&cookie).await;
                statuses.push(response.status);
                cookie = response.cookie.clone().unwrap_or(cookie);
                statuses.push(functions.profile(response.access()).await.status);
            }
            statuses
        })
    });
    let calls: Vec<_> = calls.collect();
    for _ in 0..3 {
        stack.rotate(Reason::Schedule).await;
        stack.advance(Duration::from_mins(9));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for call in calls {
        assert!(call.await.unwrap().iter().all(|status| *status == StatusCode::OK));
    }
}

#[tokio::test]
async fn the_schedule_makes_keys_once_and_rotates_them_after_thirty_days() {
    let stack = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
    assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::Rotated);
    let first = key_ring(&stack).await;
    for _ in 0..2 {
        assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::NotDue, "an event that comes twice");
    }
    stack.advance(Duration::from_hours(30 * 24 - 1));
    assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::NotDue);
    assert_eq!(key_ring(&stack).await, first);
    stack.advance(Duration::from_hours(1));
    assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::Rotated);
    assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::NotDue);
    assert_eq!(key_ring(&stack).await["signing_keys"].as_array().unwrap().len(), 2);
}

/// Asserts that all key documents have the same version, and returns it.
pub(super) async fn assert_whole(stack: &Stack) -> u64 {
    let ring = key_ring(stack).await;
    for document in [Document::Verifying, Document::Logout] {
        let derived: Value = serde_json::from_str(&stack.key_document(document).await.unwrap()).unwrap();
        assert_eq!(derived["version"], ring["version"], "{document:?}");
    }
    ring["version"].as_u64().unwrap()
}

#[tokio::test]
async fn a_rotation_that_fails_at_any_call_leaves_the_old_keys_or_the_new_ones_whole() {
    let faults =
        [Fault::Down, Fault::FailBefore, Fault::FailAfter, Fault::Throttle, Fault::Deny, Fault::LoseResponses(9)];
    for fault in faults {
        for command in ["schedule", "replace"] {
            let stack = Stack::start().await;
            stack.advance(ROTATE_AFTER);
            let before = assert_whole(&stack).await;
            let attempt = new_attempt();
            let event = || match command {
                "schedule" => Event::RotateIfDue,
                _ => Event::Replace { keys: Reason::SigningKeys, attempt: attempt.clone() },
            };
            // The read fails; or the read succeeds and the write does not.
            for spared in [0, 1] {
                stack.keys_proxy.fail_after(spared, fault);
                let rotated = stack.rotate_with(event()).await;
                stack.keys_proxy.heal();
                let after = assert_whole(&stack).await;
                assert!(rotated.is_err() || after > before, "{fault:?} after {spared}: {rotated:?}");
            }
            stack.rotate_with(event()).await.unwrap();
            let after = assert_whole(&stack).await;
            assert!(after > before, "{fault:?} {command}");
            stack.rotate_with(event()).await.unwrap();
            assert_eq!(
                assert_whole(&stack).await,
                after,
                "{fault:?} {command}: the same command again changes nothing"
            );
            assert_eq!(stack.log_in().await.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_new_stack_has_no_keys_until_rotate_keys_has_run() {
    let stack = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    for response in [
        stack.login(&json!({"access_token": token})).await,
        stack.refresh(&"A".repeat(119)).await,
        stack.profile("a.b.c").await,
        stack.verify("a.b.c").await,
        stack.logout_everywhere(&"A".repeat(119)).await,
        stack.send(stack.request(reqwest::Method::GET, "/.well-known/jwks.json")).await,
    ] {
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            "{}",
            response.body
        );
        assert_eq!(response.cookie, None, "nobody is logged out by it");
    }
    assert_eq!(stack.logout(&"A".repeat(119)).await.status, StatusCode::OK, "a logout always succeeds");
    stack.rotate(Reason::Schedule).await;
    assert_eq!(stack.log_in().await.status, StatusCode::OK, "no function has to be restarted");
}
