//! Store and keys on another DynamoDB implementation: moto's, at `MOTO_URL`. Without it, on the embedded one.
//!
//! Moto serves one request at a time, so tests of concurrent requests are not here.

use std::{env, time::Duration};

use reqwest::StatusCode;
use rotate_keys::{Event, Outcome, ROTATE_AFTER, document::Reason};
use serde_json::{Value, json};
use shared::{keys::Document, session::LINK_PACE, store::ImportStanding};
use tests::{Chain, Settings, Stack, chain};

const WINDOW: Duration = Duration::from_secs(30);

async fn stack() -> Stack {
    Stack::with(Settings { dynamodb: env::var("MOTO_URL").ok(), ..Settings::default() }).await
}

#[tokio::test]
async fn a_session_is_started_rotated_retried_used_and_ended() {
    let stack = stack().await;
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await;
    assert_eq!(stack.log_in_as(&user).await.body["user"], first.body["user"], "the same user again");
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
    let stolen = stack.log_in().await.token();
    stack.advance(WINDOW);
    let rotated = stack.refresh(&stolen).await.token();
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&stolen).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&rotated).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.count("SESSION#").await, 0);
}

/// The first growth and later ones have expressions of their own, as one that reads `l1` fails where there is none.
#[tokio::test]
async fn a_linked_session_grows_is_repeated_and_ends_at_a_fork() {
    let stack = stack().await;
    let (user, first) = (stack.kakao.new_user().await, chain::link());
    let login = json!({"access_token": stack.kakao.token(&user).await, "link": first});
    let mut chain = Chain::begun(&stack.login(&login).await);
    let response_lost = Chain { prev: None, next: first, ..chain.clone() };
    assert_eq!(chain::confirmed(&response_lost.ask(&stack).await), chain.prev);
    for growth in 1..=3 {
        stack.advance(LINK_PACE);
        let lost = chain::confirmed(&chain.ask(&stack).await);
        assert!(lost.is_some(), "growth {growth}");
        assert_eq!(chain::confirmed(&chain.renew(&stack).await), lost, "growth {growth} again");
        assert_eq!(chain.ask(&stack).await.status, StatusCode::OK, "too early to grow");
    }
    assert_eq!(response_lost.ask(&stack).await.code(), "link_required");
    let copy = Chain { next: chain::link(), ..chain.clone() };
    stack.advance(LINK_PACE);
    assert_eq!(chain.renew(&stack).await.status, StatusCode::OK);
    assert_eq!(copy.ask(&stack).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn users_are_imported_once_and_new_ones_get_the_numbers_above() {
    let environment = [("USER_IDS".to_owned(), "numbers".to_owned())].into();
    let stack = Stack::with(Settings { dynamodb: env::var("MOTO_URL").ok(), environment, ..Settings::default() }).await;
    let ryan = stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await;
    let people =
        [1, 2].map(|person| (16 + person, (3_100_000_000 + i64::try_from(person).unwrap()).try_into().unwrap()));
    assert_eq!(stack.import(900, &people[..1]).await, [ImportStanding::Created]);
    stack.advance(WINDOW);
    let unchanged = ImportStanding::Unchanged { differs: Vec::new() };
    assert_eq!(stack.import(901, &people).await, [unchanged, ImportStanding::Created]);
    assert_eq!(stack.log_in_as(&ryan).await.body["user"]["pk"], 17);
    assert_eq!(
        [stack.log_in().await.body["user"]["pk"].clone(), stack.log_in().await.body["user"]["pk"].clone()],
        [902, 903]
    );
    let taken = stack.import(950, &[(903, people[0].1), (17, 3_100_000_003.try_into().unwrap())]).await;
    assert_eq!(taken, [ImportStanding::OtherUser("17".parse().unwrap()), ImportStanding::NumberTaken]);
}

/// Conditions in a transaction, and what their failure returns.
#[tokio::test]
async fn a_code_starts_one_session_and_its_logout_is_final() {
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
        assert_eq!(stack.table_proxy.repeat_last(late).await.unwrap(), StatusCode::BAD_REQUEST, "{late}");
    }
    assert_eq!(stack.login(&login).await.code(), "kakao_rejected");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn expiry_is_checked_by_the_second() {
    let stack = stack().await;
    let (early, late) = (stack.log_in().await.token(), stack.log_in().await.token());
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
        stack.advance(Duration::from_mins(1));
        last = stack.log_in_as(&user).await.token();
    }
    let other = stack.log_in().await.token();
    assert_eq!(stack.logout_everywhere(&last).await.status, StatusCode::OK);
    assert_eq!(stack.count("SESSION#").await, 1);
    assert_eq!(stack.refresh(&other).await.status, StatusCode::OK);
}

/// Transactions and their conditions in another implementation.
#[tokio::test]
async fn keys_are_made_rotated_and_replaced() {
    let stack = stack().await;
    let logged_in = stack.log_in().await;
    let kids = async || {
        let ring: Value = serde_json::from_str(&stack.key_document(Document::Issuing).await.unwrap()).unwrap();
        ring["signing_keys"].as_array().unwrap().iter().map(|key| key["jwk"]["kid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::NotDue);
    stack.rotate(Reason::Schedule).await;
    assert_eq!(kids().await.len(), 2);
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::OK);

    // The write arrives again, as if the network had delayed a copy.
    let ring = stack.key_document(Document::Issuing).await;
    stack.keys_proxy.repeat_last("TransactWriteItems").await.unwrap();
    assert_eq!(stack.key_document(Document::Issuing).await, ring);
    stack.rotate(Reason::SigningKeys).await;
    assert_eq!(kids().await.len(), 1);
    stack.rotate(Reason::RefreshTokenKeys).await;
    stack.advance(Duration::from_mins(10));
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.profile(stack.log_in().await.access()).await.status, StatusCode::OK);
    stack.advance(ROTATE_AFTER);
    assert_eq!(stack.rotate_with(Event::RotateIfDue).await.unwrap(), Outcome::Rotated);
}

#[tokio::test]
async fn withdrawn_profile_fields_are_removed() {
    let stack = stack().await;
    let account = json!({"profile": {"nickname": "라이언"}, "email_needs_agreement": true});
    for (account, nickname) in
        [(account, json!("라이언")), (json!({"profile_nickname_needs_agreement": true}), json!(null))]
    {
        let user = stack.kakao.user(&json!({"id": 4_242_424_242_i64, "account": account})).await;
        assert_eq!(stack.log_in_as(&user).await.body["user"]["nickname"], nickname);
    }
}
