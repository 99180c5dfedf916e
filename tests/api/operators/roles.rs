//! Roles that an operator has given: in access tokens, in the user, and at what price.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::{
    id::UserId,
    roles::Roles,
    session::{LINK_PACE, Version},
    store::Change,
};
use tests::{
    Stack,
    client::{Response, jwt_part},
};

use super::super::{
    finish_deletions::person::{Person, user_of},
    transports::{Beginner, renew},
};

const WINDOW: Duration = Duration::from_secs(30);

pub(super) async fn give(stack: &Stack, user: UserId, names: &[&str]) -> Change {
    let store = stack.operators_store();
    let kakao = store.person_by_user(user, stack.now()).await.unwrap().unwrap().kakao.unwrap();
    let roles = Roles::new(names.iter().map(|name| (*name).to_owned())).unwrap();
    store.set_roles(user, kakao, &roles, stack.now()).await.unwrap()
}

/// The claim, or `null` if there is none.
pub(super) fn claim(response: &Response) -> Value {
    jwt_part(response.access(), 1).get("roles").cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_token_of_a_user_without_roles_has_the_claims_of_before() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let expected = ["aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "sid", "sub", "token_type", "user_id"];
    for response in [&logged_in, &stack.refresh(&logged_in.token()).await] {
        let claims = jwt_part(response.access(), 1);
        assert_eq!(claims.as_object().unwrap().keys().collect::<Vec<_>>(), expected);
    }
    assert_eq!(logged_in.body["user"]["roles"], json!([]));
}

#[tokio::test]
async fn roles_are_in_the_next_token_of_every_kind_of_session_and_a_refresh_costs_no_request_more() {
    let stack = Stack::with_setting("COMPATIBILITY", "dj-rest-auth").await;
    let beginner = Beginner::new(&stack).await;
    for version in Version::ALL {
        let begun = beginner.begin(version).await;
        let (before, requests) = renew(&stack, version, &begun).await;
        assert_eq!((claim(&before), requests), (Value::Null, 1), "{version:?}");
        for (names, expected) in [
            (&["shop:admin", "editor"][..], json!(["editor", "shop:admin"])),
            (&["editor"], json!(["editor"])),
            (&[], Value::Null),
        ] {
            give(&stack, beginner.user, names).await;
            let (refreshed, requests) = renew(&stack, version, &begun).await;
            assert_eq!((claim(&refreshed), requests), (expected, 1), "{version:?}");
        }
    }
}

#[tokio::test]
async fn roles_outlive_every_way_to_renew_a_session() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let mut chain = stack.log_in_linked_as(&person.name).await;
    give(&stack, person.user, &["editor"]).await;
    let expected = json!(["editor"]);
    let mut token = person.token.clone();
    for _ in 0..3 {
        stack.advance(WINDOW.max(LINK_PACE));
        let rotated = stack.refresh(&token).await;
        let repeated = stack.refresh(&token).await;
        let current = stack.refresh(&rotated.token()).await;
        token = rotated.token();
        assert_eq!([claim(&rotated), claim(&repeated), claim(&current)], [(); 3].map(|()| expected.clone()));
        let grown = chain.renew(&stack).await;
        let stay = chain.ask(&stack).await;
        assert_eq!([claim(&grown), claim(&stay)], [expected.clone(), expected.clone()]);
    }
}

#[tokio::test]
async fn a_login_has_the_roles_at_once_and_no_write_of_a_login_or_a_person_changes_them() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    assert_eq!(give(&stack, person.user, &["editor"]).await, Change::Made { sessions: 1 });
    assert_eq!(give(&stack, person.user, &["editor"]).await, Change::Unchanged { sessions: 0 });
    let body = stack.kakao.code_body(&person.name).await;
    let (first, again) = (stack.login(&body).await, stack.login(&body).await);
    let linked = stack.log_in_linked_as(&person.name).await;
    assert_eq!(jwt_part(&linked.access, 1)["roles"], json!(["editor"]));
    for response in [&first, &again, &stack.refresh_with_user(&first.token()).await] {
        assert_eq!((claim(response), &response.body["user"]["roles"]), (json!(["editor"]), &json!(["editor"])));
    }
    let changed = stack.change_profile(first.access(), &json!({"username": "x", "roles": ["admin"]})).await;
    assert_eq!(stack.profile(first.access()).await.body["roles"], json!(["editor"]), "{}", changed.body);
    assert_eq!(stack.verify(first.access()).await.status, StatusCode::OK);
}

/// The identity says so: a session does not wait for the worker.
#[tokio::test]
async fn a_session_that_a_login_starts_has_the_roles_from_the_start() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    give(&stack, person.user, &["editor"]).await;
    let logged_in = stack.log_in_as(&person.name).await;
    assert_eq!(claim(&stack.refresh(&logged_in.token()).await), json!(["editor"]));
}

#[tokio::test]
async fn somebody_who_comes_back_as_a_new_user_has_no_roles() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    give(&stack, person.user, &["admin"]).await;
    person.delete_and_wait(&stack).await;
    stack.finish_deletions().await.unwrap();
    stack.advance(Duration::from_secs(1));
    let back = stack.login(&stack.kakao.code_body(&person.name).await).await;
    assert_ne!(user_of(&back), person.user);
    assert_eq!((claim(&back), &back.body["user"]["roles"]), (Value::Null, &json!([])));
    for logged_in in [back, stack.log_in_as(&person.name).await] {
        assert_eq!(claim(&stack.refresh(&logged_in.token()).await), Value::Null);
    }
}

/// As many as there may be, in a header of each request.
#[tokio::test]
async fn the_largest_roles_are_accepted_by_every_route() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in_at_kakao(&stack.kakao.new_user().await).await;
    let names: Vec<String> = (0..15).map(|at| format!("{}{at:02}", "a".repeat(62))).chain(["b".repeat(15)]).collect();
    give(&stack, user_of(&logged_in), &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let refreshed = stack.refresh(&logged_in.token()).await;
    assert!(refreshed.access().len() > 1_800, "{}", refreshed.access().len());
    for response in [
        stack.profile(refreshed.access()).await,
        stack.sessions(refreshed.access()).await,
        stack.export(refreshed.access()).await,
        stack.verify(refreshed.access()).await,
    ] {
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
    assert_eq!(stack.delete_account(refreshed.access()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn services_are_told_of_new_roles_and_not_of_a_disabled_person() {
    let stack = Stack::with_setting("USER_EVENTS", "on").await;
    let person = Person::join(&stack, 3_100_000_001).await;
    give(&stack, person.user, &["editor"]).await;
    person.disable(&stack).await;
    person.enable(&stack).await;
    stack.publish_user_events().await;
    let events = stack.user_events();
    let kinds: Vec<_> = events.iter().map(|(kind, detail)| (kind.as_str(), &detail["user"]["roles"])).collect();
    assert_eq!(kinds, [("user.created", &json!([])), ("user.updated", &json!(["editor"]))]);
    let profile = person.items(&stack).await.into_iter().find(|item| item.contains_key("revision")).unwrap();
    assert_eq!(profile["revision"].as_n().unwrap(), "4", "each change is a version");
}
