//! Drills for a leaked key: one command each.

use std::time::Duration;

use reqwest::StatusCode;
use rotate_keys::document::Reason;
use secrecy::ExposeSecret;
use shared::{
    id::{SessionId, UserId},
    keys::{Document, IssuingKeys},
    roles::Roles,
};
use tests::{
    Stack,
    client::{Response, jwt_part},
};

use super::rotation::{STALE, audience, key_ids};

/// Signs an access token for this session with the current key ring and this lifetime.
async fn sign(stack: &Stack, logged_in: &Response, lifetime: Duration) -> String {
    let ring = stack.key_document(Document::Issuing).await.unwrap();
    let (_, keys) = IssuingKeys::read(&ring, &audience(), lifetime).unwrap();
    let claims = jwt_part(logged_in.access(), 1);
    let user: UserId = claims["sub"].as_str().unwrap().parse().unwrap();
    let session: SessionId = claims["sid"].as_str().unwrap().parse().unwrap();
    keys.signer.sign(user, session, stack.now(), &Roles::default(), stack.now()).text.expose_secret().to_owned()
}

/// One command; after ten minutes every token that the leaked key signed is refused.
#[tokio::test]
async fn a_leaked_signing_key_is_replaced_at_once_and_no_session_is_lost() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let forged = sign(&stack, &logged_in, Duration::from_hours(8_000)).await;
    assert_eq!(
        stack.profile(&forged).await.status,
        StatusCode::OK,
        "a forged token is accepted while its key is in use"
    );

    stack.rotate(Reason::SigningKeys).await;
    stack.advance(STALE);
    for access in [forged.as_str(), logged_in.access()] {
        assert_eq!(stack.profile(access).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stack.verify(access).await.status, StatusCode::UNAUTHORIZED);
    }
    let leaked_id = jwt_part(&forged, 0)["kid"].clone();
    assert!(!key_ids(&stack.jwks().await).contains(&leaked_id.as_str().unwrap()));

    let refreshed = stack.refresh(&logged_in.token()).await;
    assert_eq!(refreshed.status, StatusCode::OK, "the session is unchanged");
    assert_ne!(jwt_part(refreshed.access(), 0)["kid"], leaked_id);
    assert_eq!(stack.profile(refreshed.access()).await.status, StatusCode::OK);
}

/// A function that already has the new key must not have to wait for the others.
#[tokio::test]
async fn unknown_key_ids_cause_one_read_of_the_keys_a_minute() {
    let stack = Stack::start().await;
    let first = stack.log_in().await;
    assert_eq!(stack.profile(first.access()).await.status, StatusCode::OK);
    stack.rotate(Reason::SigningKeys).await;
    let token = sign(&stack, &first, STALE).await;
    assert_eq!(stack.profile(&token).await.status, StatusCode::OK);

    let _ = stack.keys_proxy.take_traffic();
    let (head, rest) = token.split_once('.').unwrap();
    for number in 0..50 {
        let other = head.replace(head.get(20..24).unwrap(), &format!("{number:04}"));
        assert_eq!(stack.profile(&format!("{other}.{rest}")).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stack.refresh(&"A".repeat(119)).await.status, StatusCode::UNAUTHORIZED);
    }
    let asked = stack.keys_proxy.take_traffic().operations.len();
    assert!(asked <= 2, "once for each document, and not {asked} times");
}

#[tokio::test]
async fn a_leaked_session_secret_ends_every_session_and_new_ones_begin_at_once() {
    let stack = Stack::start().await;
    let before = stack.log_in().await.token();
    assert_eq!(stack.logout("x").await.status, StatusCode::OK, "logout has its keys");
    stack.rotate(Reason::RefreshTokenKeys).await;
    stack.advance(STALE);
    let refused = stack.refresh(&before).await;
    assert_eq!((refused.status, refused.cookie.as_deref()), (StatusCode::UNAUTHORIZED, Some("")));
    let after = stack.log_in().await;
    stack.advance(Duration::from_secs(30));
    assert_eq!(stack.refresh(&after.token()).await.status, StatusCode::OK);
    assert_eq!(stack.profile(after.access()).await.status, StatusCode::OK);
    assert_eq!(stack.logout(&after.token()).await.status, StatusCode::OK);
    assert_eq!(stack.count("SESSION#").await, 1, "logout knew the new secret: only the dead session's item is left");
}
