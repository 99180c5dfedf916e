//! Key rotations as drills: on schedule, under load, and with writes that fail, get lost or arrive late.

use std::time::Duration;

use local::{
    Settings, Stack,
    client::jwt_part,
    wire::{Fault, Moment},
};
use reqwest::StatusCode;
use rotate_keys::{Event, Outcome, ROTATE_AFTER, RotationError, document::Reason, new_attempt};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, SystemClock, Timestamp},
    jwt::{Audience, VerificationJwk, Verifier},
    key_table::Document,
};

/// By then every function has read its secret again.
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

/// All documents have the same version, whatever happened.
async fn assert_whole(stack: &Stack) -> u64 {
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
        [Fault::Down, Fault::FailBefore, Fault::FailAfter, Fault::Throttle, Fault::Deny, Fault::LoseAnswers(9)];
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
                stack.keys_wire.fail_after(spared, fault);
                let rotated = stack.rotate_with(event()).await;
                stack.keys_wire.heal();
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
            assert_eq!(stack.sign_in().await.status, StatusCode::OK);
        }
    }
}

/// The SDK gives up after three attempts, the first of which DynamoDB carried out.
#[tokio::test]
async fn a_replacement_whose_answers_are_lost_is_found_to_be_done_and_not_made_twice() {
    for reason in [Reason::SigningKeys, Reason::SessionSecrets, Reason::Schedule] {
        let stack = Stack::start().await;
        let before = assert_whole(&stack).await;
        let _ = stack.keys_wire.take_traffic();
        stack.keys_wire.fail_after(1, Fault::LoseAnswers(3));
        let replaced = stack.rotate_with(Event::Replace { keys: reason, attempt: new_attempt() }).await;
        assert_eq!(replaced.unwrap(), Outcome::Rotated, "{reason:?}");
        let operations = stack.keys_wire.take_traffic().operations;
        let write = "TransactWriteItems";
        assert_eq!(operations, ["GetItem", write, write, write, "GetItem"], "{reason:?}");
        assert_whole(&stack).await;
        assert_eq!(key_ring(&stack).await["follows"], before, "{reason:?}: there was one rotation");
    }
}

/// What a network does that had held a copy of the write back: the write of a scheduled rotation arrives after a leaked key was
/// replaced.
#[tokio::test]
async fn a_scheduled_rotation_that_arrives_late_does_not_undo_a_replacement() {
    let stack = Stack::start().await;
    let leaked = key_ring(&stack).await["signing_keys"][0]["jwk"]["kid"].clone();
    stack.advance(ROTATE_AFTER);
    let mut held = stack.keys_wire.hold(1, Moment::Before);
    let scheduled = stack.rotate_with(Event::RotateIfDue);
    let replaced = async {
        held.arrived().await;
        stack.rotate(Reason::SigningKeys).await;
        let ring = key_ring(&stack).await;
        held.release();
        ring
    };
    let (scheduled, ring) = tokio::join!(scheduled, replaced);
    assert_eq!(scheduled.unwrap(), Outcome::GaveWay);
    assert_eq!(key_ring(&stack).await, ring, "nothing was written");
    stack.advance(STALE);
    assert!(!key_ids(&stack.jwks().await).contains(&leaked.as_str().unwrap()));
    assert!(!ring.to_string().contains(leaked.as_str().unwrap()));
}

/// The other order: the replacement has read the ring when the scheduled rotation comes first.
#[tokio::test]
async fn a_replacement_tries_again_until_it_has_won() {
    let stack = Stack::start().await;
    stack.advance(ROTATE_AFTER);
    let leaked = key_ring(&stack).await["signing_keys"][0]["jwk"]["kid"].clone();
    let mut held = stack.keys_wire.hold(1, Moment::Before);
    let replace = stack.rotate_with(Event::Replace { keys: Reason::SigningKeys, attempt: new_attempt() });
    let scheduled = async {
        held.arrived().await;
        assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::Rotated);
        held.release();
    };
    let (replaced, ()) = tokio::join!(replace, scheduled);
    assert_eq!(replaced.unwrap(), Outcome::Rotated);
    let ring = key_ring(&stack).await;
    assert_eq!(ring["signing_keys"].as_array().unwrap().len(), 1);
    assert!(
        !ring.to_string().contains(leaked.as_str().unwrap()),
        "neither the leaked key nor the scheduled one is left"
    );
    assert_whole(&stack).await;
}

#[tokio::test]
async fn a_ring_that_was_deleted_does_not_become_a_new_one_by_itself() {
    for left in [Document::Verifying, Document::Logout, Document::Marker] {
        let stack = Stack::start().await;
        let signed_in = stack.sign_in().await;
        let documents = [Document::Issuing, Document::Verifying, Document::Logout, Document::Marker];
        for document in documents.into_iter().filter(|document| *document != left) {
            stack.delete_keys(document).await;
        }
        for event in [Event::RotateIfDue, Event::Replace { keys: Reason::Schedule, attempt: new_attempt() }] {
            let refused = stack.rotate_with(event).await;
            assert!(matches!(refused, Err(RotationError::RingLost)), "{left:?}: {refused:?}");
        }
        let attempt = new_attempt();
        for _ in 0..2 {
            let begun = stack.rotate_with(Event::BeginAfresh { attempt: attempt.clone() }).await.unwrap();
            assert_eq!(begun, Outcome::Rotated);
        }
        let again = stack.rotate_with(Event::BeginAfresh { attempt: new_attempt() }).await;
        assert!(matches!(again, Err(RotationError::KeysExist)), "{again:?}");
        assert_whole(&stack).await;
        stack.advance(STALE);
        assert_eq!(stack.refresh(&signed_in.token()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stack.sign_in().await.status, StatusCode::OK);
    }
}

/// Keys that were elsewhere before, as an export of them says: nobody is logged out.
#[tokio::test]
async fn a_ring_is_carried_over_and_every_session_goes_on() {
    let from = Stack::start().await;
    from.rotate(Reason::Schedule).await;
    let ring = from.key_document(Document::Issuing).await.unwrap();
    let cookie = from.sign_in().await.token();
    let items = from.dump().await;

    let environment = [("FIRST_KEYS".to_owned(), "wait".to_owned())].into();
    let to = Stack::with(Settings { environment, without_keys: true, ..Settings::default() }).await;
    to.restore(&items).await;
    assert_eq!(to.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::Waiting);
    assert_eq!(to.refresh(&cookie).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let carry = |ring: &str| Event::CarryOver { ring: SecretString::from(ring) };
    for wrong in ["", "{", "[]", r#"{"version": 1}"#] {
        assert!(to.rotate_with(carry(wrong)).await.is_err(), "{wrong}");
    }
    for _ in 0..2 {
        assert_eq!(to.rotate_with(carry(&ring)).await.unwrap(), Outcome::Rotated);
    }
    assert_eq!(to.refresh(&cookie).await.status, StatusCode::OK);
    assert_eq!(to.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::NotDue);
    to.rotate(Reason::Schedule).await;
    let late = to.rotate_with(carry(&ring)).await;
    assert!(matches!(late, Err(RotationError::KeysExist)), "{late:?}");
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
    let exported = serde_json::to_value(stack.rotate_with(Event::ExportSymmetricKeys).await.unwrap()).unwrap();
    assert_eq!(exported["exported"], json!([key_ring(&stack).await["signing_keys"][0]["jwk"]]));
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
