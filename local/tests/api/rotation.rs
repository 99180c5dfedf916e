//! Key rotations as drills: on schedule, under load, and with rotate-keys dying at any step.

use std::time::Duration;

use local::{Settings, Stack, client::jwt_part, secrets, wire::Fault};
use reqwest::StatusCode;
use rotate_keys::{Event, RotationError, STEPS, Step, document::Reason};
use serde_json::{Value, json};
use shared::{
    clock::{Clock, SystemClock, Timestamp},
    jwt::{Audience, VerificationJwk, Verifier},
};

/// By then every function has read its secret again.
pub(crate) const STALE: Duration = Duration::from_mins(10);

pub(crate) fn audience() -> Audience {
    Audience { issuer: "http://localhost:9000".to_owned(), audience: "api".to_owned() }
}

pub(crate) async fn text_of(stack: &Stack, variable: &str) -> String {
    let answer = stack.secrets.get_secret_value().secret_id(stack.secret_name(variable)).send().await.unwrap();
    answer.secret_string().unwrap().to_owned()
}

pub(crate) async fn key_ring(stack: &Stack) -> Value {
    serde_json::from_str(&text_of(stack, "KEY_RING_ID").await).unwrap()
}

pub(crate) fn key_ids(set: &Value) -> Vec<&str> {
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

/// Somebody else's service: it asks for the keys every two hours and never in between, whatever it is shown.
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
    let mut people = Vec::new();
    for _ in 0..4 {
        people.push(stack.sign_in().await.token());
    }
    let mut verifiers = Vec::new();
    for age in [0, 30, 60, 90, 119] {
        verifiers.push(Verifying::fetch(&stack, now - Duration::from_mins(age)).await);
    }
    let (mut signed_by, mut last) = (Vec::new(), Vec::<String>::new());
    let version = secrets::version();
    for round in 0..100 {
        // The second rotation's steps fall between requests, and its last one is late.
        if let Some(step) = [(10, STEPS[0]), (11, STEPS[1]), (12, STEPS[2]), (13, STEPS[3])]
            .into_iter()
            .find_map(|(at, step)| (at == round).then_some(step))
        {
            let secret = stack.secret_name("KEY_RING_ID");
            stack.rotate_with(Event::Step { step, secret, version: version.clone() }).await.unwrap();
        }
        for verifier in &mut verifiers {
            if now >= verifier.fetched_at + Duration::from_hours(2) {
                *verifier = Verifying::fetch(&stack, now).await;
            }
        }
        let mut issued = Vec::new();
        for person in &mut people {
            let answer = stack.refresh(person).await;
            assert_eq!(answer.status, StatusCode::OK, "round {round}");
            if answer.cookie.is_some() {
                *person = answer.token();
            }
            assert_eq!(stack.profile(answer.access()).await.status, StatusCode::OK, "round {round}");
            issued.push(answer.access().to_owned());
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
async fn a_rotation_while_many_call_fails_nobody() {
    // No access token expires between a refresh and the profile, however the clock jumps.
    let stack = Stack::with_setting("ACCESS_TTL", "3600").await;
    let mut people = Vec::new();
    for _ in 0..8 {
        people.push(stack.sign_in().await.token());
    }
    let calls = people.into_iter().map(|mut cookie| {
        let functions = (*stack).clone();
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..40 {
                let answer = functions.refresh(&cookie).await;
                statuses.push(answer.status);
                cookie = answer.cookie.clone().unwrap_or(cookie);
                statuses.push(functions.profile(answer.access()).await.status);
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
async fn rotate_keys_may_die_at_any_step_and_be_called_again() {
    for fault in [Fault::Down, Fault::FailAfter, Fault::Throttle, Fault::Deny] {
        for dies_at in STEPS {
            let stack = Stack::start().await;
            let signed_in = stack.sign_in().await;
            let (secret, version) = (stack.secret_name("KEY_RING_ID"), secrets::version());
            let before = key_ring(&stack).await["version"].as_u64();
            for step in STEPS {
                let event = || Event::Step { step, secret: secret.clone(), version: version.clone() };
                if step == dies_at {
                    stack.secrets_wire.fail(fault);
                    assert!(stack.rotate_with(event()).await.is_err(), "{fault:?} {step:?}");
                    stack.secrets_wire.heal();
                }
                stack.rotate_with(event()).await.unwrap();
                stack.rotate_with(event()).await.unwrap();
            }
            let ring = key_ring(&stack).await;
            assert!(ring["version"].as_u64() > before);
            assert_eq!(ring["signing_keys"].as_array().unwrap().len(), 2, "{fault:?} {dies_at:?}: one key more");
            let verifying: Value = serde_json::from_str(&text_of(&stack, "VERIFICATION_KEYS_ID").await).unwrap();
            assert_eq!(verifying["version"], ring["version"]);
            assert_eq!(stack.refresh(&signed_in.token()).await.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_rotation_that_lies_about_is_given_up_and_the_next_one_is_whole() {
    let stack = Stack::start().await;
    let (secret, version) = (stack.secret_name("KEY_RING_ID"), secrets::version());
    let event = |step: Step| Event::Step { step, secret: secret.clone(), version: version.clone() };
    stack.rotate_with(event(Step::CreateSecret)).await.unwrap();
    stack.advance(Duration::from_mins(16));
    let late = stack.rotate_with(event(Step::SetSecret)).await;
    assert!(matches!(late, Err(RotationError::TooLate)), "{late:?}");
    stack.rotate(Reason::Schedule).await;
    assert_eq!(key_ring(&stack).await["signing_keys"].as_array().unwrap().len(), 2);
}

/// A session that began under one secret is repeated under the next, and all tokens of before are renewed.
#[tokio::test]
async fn a_session_secret_takes_over_between_a_sign_in_and_its_repetition() {
    let stack = Stack::start().await;
    let early = stack.sign_in().await.token();
    stack.rotate(Reason::Schedule).await;
    let ring = key_ring(&stack).await;
    let (created, begins) = (ring["created_at"].as_u64().unwrap(), ring["session_secrets"][1]["mints_from"].as_u64());
    stack.advance(Duration::from_secs(begins.unwrap() - created - 10));

    let body = stack.kakao.code_body(&stack.kakao.new_user().await).await;
    let first = stack.login(&body).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    stack.advance(Duration::from_secs(20));
    let again = stack.login(&body).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    assert_ne!(first.token(), again.token(), "the new secret tags it");
    assert_eq!(jwt_part(first.access(), 1)["sid"], jwt_part(again.access(), 1)["sid"], "the same session");
    assert_eq!(stack.count("SESSION#").await, 2);
    for cookie in [first.token(), again.token(), early] {
        assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_overwrote_the_derived_keys_is_mended_when_the_last_step_is_done_again() {
    let stack = Stack::start().await;
    let before = text_of(&stack, "VERIFICATION_KEYS_ID").await;
    let (secret, version) = (stack.secret_name("KEY_RING_ID"), secrets::version());
    let event = |step: Step| Event::Step { step, secret: secret.clone(), version: version.clone() };
    for step in STEPS {
        stack.rotate_with(event(step)).await.unwrap();
    }
    let after = text_of(&stack, "VERIFICATION_KEYS_ID").await;
    secrets::put(&stack.secrets, &stack.secret_name("VERIFICATION_KEYS_ID"), &before).await.unwrap();
    stack.rotate_with(event(Step::FinishSecret)).await.unwrap();
    assert_eq!(text_of(&stack, "VERIFICATION_KEYS_ID").await, after);
}

#[tokio::test]
async fn another_secret_is_not_rotated() {
    let stack = Stack::start().await;
    let secret = stack.secret_name("KAKAO_SECRET_ID");
    let refused =
        stack.rotate_with(Event::Step { step: Step::CreateSecret, secret, version: secrets::version() }).await;
    assert!(matches!(refused, Err(RotationError::AnotherSecret)));
}

/// `CloudFormation` writes the template's value again should that ever change, and people make mistakes.
#[tokio::test]
async fn what_is_no_ring_over_one_costs_no_session() {
    for over in [r#"{"version":0}"#, "{", "[]", r#"{"version": 99999999999, "signing_keys": 1}"#] {
        let stack = Stack::start().await;
        let signed_in = stack.sign_in().await;
        assert_eq!(stack.refresh(&signed_in.token()).await.status, StatusCode::OK);
        secrets::put(&stack.secrets, &stack.secret_name("KEY_RING_ID"), over).await.unwrap();
        stack.advance(STALE);
        let cookie = stack.refresh(&signed_in.token()).await.token();
        stack.rotate(Reason::Schedule).await;
        stack.advance(STALE);
        assert_eq!(stack.refresh(&cookie).await.status, StatusCode::OK, "{over}: the ring goes on from the one before");
        assert_eq!(key_ring(&stack).await["session_secrets"].as_array().unwrap().len(), 2, "{over}");
    }
}

#[tokio::test]
async fn rsa_keys_are_made_published_and_taken_over_from_ec_keys() {
    let stack = Stack::with_setting("SIGNING_ALGORITHM", "RS256").await;
    let signed_in = stack.sign_in().await;
    assert_eq!(jwt_part(signed_in.access(), 0)["alg"], "RS256");
    assert_eq!(stack.profile(signed_in.access()).await.status, StatusCode::OK);
    let set = stack.jwks().await;
    let members: Vec<&String> = set["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(set["keys"][0]["n"].as_str().unwrap().len(), 342, "2048 bits");
    assert!(set.to_string().len() < 4_096);
}

#[tokio::test]
async fn a_symmetric_key_is_published_to_nobody_and_replaced_by_command_only() {
    let stack = Stack::with_setting("SIGNING_ALGORITHM", "HS256").await;
    let signed_in = stack.sign_in().await;
    assert_eq!(jwt_part(signed_in.access(), 0)["alg"], "HS256");
    assert_eq!(stack.profile(signed_in.access()).await.status, StatusCode::OK);
    assert_eq!(stack.jwks().await, json!({"keys": []}));
    let key = |ring: &Value| ring["signing_keys"][0]["jwk"]["kid"].clone();
    let before = key(&key_ring(&stack).await);
    stack.rotate(Reason::Schedule).await;
    assert_eq!(key(&key_ring(&stack).await), before, "who verifies holds a copy");
    stack.rotate(Reason::SigningKeys).await;
    assert_ne!(key(&key_ring(&stack).await), before);
}

#[tokio::test]
async fn a_new_stack_has_no_keys_until_rotate_keys_has_run() {
    let stack = Stack::with(Settings { without_keys: true, ..Settings::default() }).await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    for answer in [
        stack.login(&json!({"access_token": token})).await,
        stack.refresh(&"A".repeat(119)).await,
        stack.profile("a.b.c").await,
        stack.verify("a.b.c").await,
        stack.logout_everywhere(&"A".repeat(119)).await,
        stack.send(stack.request(reqwest::Method::GET, "/.well-known/jwks.json")).await,
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{}", answer.body);
        assert_eq!(answer.cookie, None, "nobody is logged out by it");
    }
    assert_eq!(stack.logout(&"A".repeat(119)).await.status, StatusCode::OK, "a log-out succeeds always");
    stack.rotate(Reason::Schedule).await;
    assert_eq!(stack.sign_in().await.status, StatusCode::OK, "and nothing has to be started again");
}
