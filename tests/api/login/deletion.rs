//! `POST /auth/kakao` of somebody whose account is being deleted, or whom Kakao has unlinked.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::table::Item;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::clock::Timestamp;
use tests::{
    Credential, Stack,
    client::Response,
    fault_proxy::{Fault, Moment},
};

use super::id_token::hash;

const KINDS: [Credential; 3] = [Credential::AccessToken, Credential::Code, Credential::IdToken];
const SECOND: Duration = Duration::from_secs(1);
/// What an ID token is given beyond its `iat`.
const LEEWAY: Duration = Duration::from_mins(1);

fn time(moment: Timestamp) -> AttributeValue {
    AttributeValue::N(moment.unix_seconds().to_string())
}

fn is(item: &Item, sk: &str) -> bool {
    item["sk"].as_s().is_ok_and(|found| found == sk)
}

async fn find(stack: &Stack, sk: &str) -> Option<Item> {
    stack.dump().await.into_iter().find(|item| is(item, sk))
}

/// Changes the identity of the only user.
async fn change_identity(stack: &Stack, change: impl FnOnce(&mut Item)) {
    let mut identity = find(stack, "IDENTITY").await.unwrap();
    change(&mut identity);
    stack.restore(&[identity]).await;
}

/// What the mark of a deletion leaves of the only user's profile.
async fn delete_profile(stack: &Stack) -> Item {
    let mut profile = find(stack, "PROFILE").await.unwrap();
    profile.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
    profile.insert("deleted_at".to_owned(), time(stack.now()));
    stack.restore(std::slice::from_ref(&profile)).await;
    profile
}

/// Marks the only user as deleted.
async fn mark(stack: &Stack) {
    let now = time(stack.now());
    change_identity(stack, |identity| drop(identity.insert("deleting_at".to_owned(), now))).await;
    delete_profile(stack).await;
}

/// A stack with a known user who is logged out.
async fn with_a_user() -> (Stack, String) {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.logout(&stack.log_in_as(&user).await.token()).await;
    (stack, user)
}

fn assert_being_deleted(response: &Response, case: &str) {
    assert_eq!(
        (response.status, response.code(), response.set_cookie()),
        (StatusCode::CONFLICT, "account_being_deleted", ""),
        "{case}: {}",
        response.body
    );
    assert_eq!(response.headers["retry-after"], "60", "{case}");
}

fn assert_rejected(response: &Response, case: &str) {
    assert_eq!(
        (response.status, response.code(), response.set_cookie()),
        (StatusCode::BAD_REQUEST, "kakao_rejected", ""),
        "{case}: {}",
        response.body
    );
}

#[tokio::test]
async fn while_the_account_is_being_deleted_a_login_is_a_409_with_every_credential() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        mark(&stack).await;
        let before = stack.dump().await;
        let body = stack.kakao.credential(&user, kind).await;
        assert_being_deleted(&stack.login(&body).await, &format!("{kind:?}"));
        let mut after = stack.dump().await;
        after.retain(|item| !is(item, "CLAIM"));
        let of_users: Vec<_> = before.into_iter().filter(|item| !is(item, "CLAIM")).collect();
        assert_eq!(after, of_users, "{kind:?}: nothing is written but the redemption");
    }
}

/// The login has read the identity before the mark, and writes after it.
#[tokio::test]
async fn a_login_that_a_deletion_overtakes_is_a_409_and_leaves_no_session_and_no_data() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let deleted = delete_profile(&stack).await;
        let body = stack.kakao.credential(&user, kind).await;
        let _ = stack.table_proxy.take_traffic();
        assert_being_deleted(&stack.login(&body).await, &format!("{kind:?}"));
        let operations = stack.table_proxy.take_traffic().operations;
        assert!(operations.contains(&"DeleteItem".to_owned()), "{kind:?}: its session was started, and ends");
        assert_eq!(stack.count("SESSION#").await, 0, "{kind:?}");
        assert_eq!(find(&stack, "PROFILE").await, Some(deleted), "{kind:?}");
    }
}

#[tokio::test]
async fn a_first_login_whose_user_another_login_created_and_deleted_meanwhile_is_a_409() {
    for (kind, requests_before) in [(Credential::AccessToken, 1), (Credential::Code, 2), (Credential::IdToken, 2)] {
        let (stack, other) = with_a_user().await;
        mark(&stack).await;
        let identity = find(&stack, "IDENTITY").await.unwrap();
        stack.clear().await;
        let body = stack.kakao.credential(&other, kind).await;
        let mut held = stack.table_proxy.hold(requests_before, Moment::Before);
        let request = tokio::spawn({
            let functions = (*stack).clone();
            async move { functions.login(&body).await }
        });
        held.arrived().await;
        stack.restore(&[identity]).await;
        drop(held);
        assert_being_deleted(&request.await.unwrap(), &format!("{kind:?}"));
        assert_eq!((stack.count("SESSION#").await, stack.count("PROFILE").await), (0, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn a_profile_that_is_deleted_while_user_me_is_asked_is_not_written_again() {
    let stack = Stack::start().await;
    let person = async |picture: &str| {
        let url = format!("https://k.kakaocdn.net/dn/{picture}/img.jpg");
        let profile = json!({"nickname": "라이언", "profile_image_url": url, "thumbnail_image_url": url});
        stack.kakao.user(&json!({"id": 4_747_474_747_i64, "account": {"profile": profile}})).await
    };
    let user = person("one").await;
    stack.logout(&stack.login(&stack.kakao.code_body(&user).await).await.token()).await;
    stack.advance(Duration::from_hours(24));
    let body = stack.kakao.code_body(&person("two").await).await;
    let mut held = stack.kakao_proxy.hold(1, Moment::Before);
    let request = tokio::spawn({
        let functions = (*stack).clone();
        async move { functions.login(&body).await }
    });
    held.arrived().await;
    let deleted = delete_profile(&stack).await;
    drop(held);
    assert_being_deleted(&request.await.unwrap(), "after user/me");
    assert_eq!((stack.count("SESSION#").await, find(&stack, "PROFILE").await), (0, Some(deleted)));
}

/// A login by ID token that its client may send again.
async fn by_id_token(stack: &Stack, user: &str) -> Value {
    let token = stack.kakao.id_token(user, &json!({"nonce": hash("preimage")})).await;
    json!({"id_token": token, "nonce": "preimage"})
}

#[tokio::test]
async fn a_credential_that_met_a_deletion_is_given_back() {
    let (stack, user) = with_a_user().await;
    let (code, id_token) = (stack.kakao.code_body(&user).await, by_id_token(&stack, &user).await);
    mark(&stack).await;
    for body in [&code, &id_token] {
        assert_being_deleted(&stack.login(body).await, "first");
    }
    let calls = stack.kakao.calls().await;
    assert_rejected(&stack.login(&code).await, "Kakao accepts a code once");
    assert_eq!(stack.kakao.calls().await - calls, 1, "which Kakao itself says");
    assert_being_deleted(&stack.login(&id_token).await, "again");
    // The deletion ends. The person had joined again at Kakao before the token was issued.
    unlink(&stack, stack.now() - LEEWAY - SECOND).await;
    let response = stack.login(&id_token).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
}

/// As with a login over the limit: the credential has started a session, if only for a moment.
#[tokio::test]
async fn a_credential_whose_session_a_deletion_ended_is_used() {
    let (stack, user) = with_a_user().await;
    let login = by_id_token(&stack, &user).await;
    delete_profile(&stack).await;
    assert_being_deleted(&stack.login(&login).await, "first");
    assert_rejected(&stack.login(&login).await, "again");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_credential_from_before_kakao_unlinked_the_person_logs_nobody_in() {
    for kind in KINDS {
        for is_known in [true, false] {
            let (stack, user) = with_a_user().await;
            let proven_at = if kind == Credential::IdToken { stack.now() - LEEWAY } else { stack.now() };
            let unlink_at = async |moment: Timestamp| {
                change_identity(&stack, |identity| {
                    if !is_known {
                        identity.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
                        identity.insert("expires_at".to_owned(), time(moment + Duration::from_hours(48)));
                    }
                    identity.insert("unlinked_at".to_owned(), time(moment));
                })
                .await;
            };
            let case = format!("{kind:?}, known: {is_known}");
            for unlinked_at in [proven_at + SECOND, proven_at] {
                unlink_at(unlinked_at).await;
                let body = stack.kakao.credential(&user, kind).await;
                let identity = find(&stack, "IDENTITY").await;
                for _ in 0..2 {
                    assert_rejected(&stack.login(&body).await, &case);
                }
                assert_eq!((stack.count("SESSION#").await, find(&stack, "IDENTITY").await), (0, identity), "{case}");
            }
            unlink_at(proven_at - SECOND).await;
            let response = stack.login(&stack.kakao.credential(&user, kind).await).await;
            assert_eq!(response.status, StatusCode::OK, "{case}: {}", response.body);
            let identity = find(&stack, "IDENTITY").await.unwrap();
            assert_eq!(identity["user_id"].as_s().unwrap(), response.body["user"]["pk"].as_str().unwrap(), "{case}");
            assert_eq!(
                (identity.get("expires_at"), &identity["unlinked_at"]),
                (None, &time(proven_at - SECOND)),
                "{case}"
            );
        }
    }
}

/// What a webhook and the worker have left of the only user in the meantime.
async fn unlink(stack: &Stack, at: Timestamp) {
    change_identity(stack, |identity| {
        identity.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
        identity.insert("unlinked_at".to_owned(), time(at));
    })
    .await;
}

/// Kakao is asked about one access token once in ten seconds. In between it may have unlinked the person.
#[tokio::test]
async fn a_reused_check_of_an_access_token_proves_a_link_only_up_to_when_kakao_was_asked() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = json!({"access_token": stack.kakao.token(&user).await});
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
    let calls = stack.kakao.calls().await;
    stack.advance(SECOND * 3);
    unlink(&stack, stack.now()).await;
    stack.advance(SECOND * 3);
    assert_rejected(&stack.login(&body).await, "reused");
    assert_eq!((stack.kakao.calls().await, stack.count("PROFILE").await), (calls, 1), "nobody is created");
    stack.advance(SECOND * 4);
    let asked_again = stack.login(&body).await;
    assert_eq!((asked_again.status, stack.count("PROFILE").await), (StatusCode::OK, 2), "{}", asked_again.body);
}

#[tokio::test]
async fn requests_that_share_a_check_share_its_time() {
    let (stack, user) = with_a_user().await;
    let body = json!({"access_token": stack.kakao.token(&user).await});
    let login = |body: &Value| {
        let (functions, body) = ((*stack).clone(), body.clone());
        tokio::spawn(async move { functions.login(&body).await })
    };
    let mut held = stack.kakao_proxy.hold(1, Moment::After);
    let first = login(&body);
    held.arrived().await;
    stack.advance(SECOND * 3);
    unlink(&stack, stack.now()).await;
    stack.advance(SECOND * 3);
    let second = login(&body);
    drop(held);
    for (request, which) in [(first, "the request that asked"), (second, "the one that waited for it")] {
        assert_rejected(&request.await.unwrap(), which);
    }
}

/// DynamoDB refuses a write while the transaction of a mark writes the same item.
#[tokio::test]
async fn a_login_that_conflicts_with_a_transaction_is_tried_three_times() {
    let (stack, user) = with_a_user().await;
    stack.table_proxy.fail(Fault::ConflictOnce("UpdateItem"));
    assert_eq!(stack.log_in_as(&user).await.status, StatusCode::OK);
    stack.advance(Duration::from_mins(1));
    let body = stack.kakao.credential(&user, Credential::AccessToken).await;
    let _ = stack.table_proxy.take_traffic();
    stack.table_proxy.fail_after(1, Fault::Refuse("TransactionConflictException"));
    assert_eq!(stack.login(&body).await.code(), "unavailable");
    stack.table_proxy.heal();
    let operations = stack.table_proxy.take_traffic().operations;
    let updates = operations.iter().filter(|operation| *operation == "UpdateItem");
    assert_eq!(updates.count(), 3, "{operations:?}");
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}
