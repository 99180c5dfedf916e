//! Keys replaced by command, deleted, or carried over from the release before.

use std::time::Duration;

use reqwest::StatusCode;
use rotate_keys::{Event, Outcome, ROTATE_AFTER, RotationError, document::Reason, new_attempt};
use secrecy::SecretString;
use shared::keys::Document;
use tests::{
    Settings, Stack,
    client::jwt_part,
    fault_proxy::{Fault, Moment},
};

use super::rotation::{STALE, assert_whole, key_ids, key_ring};

/// The SDK gives up after three attempts, the first of which DynamoDB carried out.
#[tokio::test]
async fn a_replacement_whose_responses_are_lost_is_not_made_twice() {
    for reason in [Reason::SigningKeys, Reason::RefreshTokenKeys, Reason::Schedule] {
        let stack = Stack::start().await;
        let before = assert_whole(&stack).await;
        let _ = stack.keys_proxy.take_traffic();
        stack.keys_proxy.fail_after(1, Fault::LoseResponses(3));
        let replaced = stack.rotate_with(Event::Replace { keys: reason, attempt: new_attempt() }).await;
        assert_eq!(replaced.unwrap(), Outcome::Rotated, "{reason:?}");
        let operations = stack.keys_proxy.take_traffic().operations;
        let write = "TransactWriteItems";
        assert_eq!(operations, ["GetItem", write, write, write, "GetItem"], "{reason:?}");
        assert_whole(&stack).await;
        assert_eq!(key_ring(&stack).await["follows"], before, "{reason:?}: there was one rotation");
    }
}

/// A network may delay a write: that of a scheduled rotation arrives after a leaked key was replaced.
#[tokio::test]
async fn a_scheduled_rotation_that_arrives_late_does_not_undo_a_replacement() {
    let stack = Stack::start().await;
    let leaked = key_ring(&stack).await["signing_keys"][0]["jwk"]["kid"].clone();
    stack.advance(ROTATE_AFTER);
    let mut held = stack.keys_proxy.hold(1, Moment::Before);
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

/// The other order: a scheduled rotation writes after the replacement has read the ring.
#[tokio::test]
async fn a_replacement_retries_until_it_succeeds() {
    let stack = Stack::start().await;
    stack.advance(ROTATE_AFTER);
    let leaked = key_ring(&stack).await["signing_keys"][0]["jwk"]["kid"].clone();
    let mut held = stack.keys_proxy.hold(1, Moment::Before);
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
async fn a_deleted_key_ring_is_not_recreated_by_itself() {
    for left in [Document::Verifying, Document::Logout, Document::Marker] {
        let stack = Stack::start().await;
        let logged_in = stack.log_in().await;
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
        assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stack.log_in().await.status, StatusCode::OK);
    }
}

/// Keys from another stack, carried over by an export: no user is logged out.
#[tokio::test]
async fn every_session_survives_carrying_over_a_key_ring() {
    let from = Stack::start().await;
    from.rotate(Reason::Schedule).await;
    let ring = from.key_document(Document::Issuing).await.unwrap();
    let cookie = from.log_in().await.token();
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

/// A login under one secret is retried under the next, and all earlier tokens can be refreshed.
#[tokio::test]
async fn a_session_secret_takes_over_between_a_login_and_its_retry() {
    let stack = Stack::start().await;
    let early = stack.log_in().await.token();
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
