//! A login that an operator's change overtakes: it has read the identity before, and writes after it.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::StatusCode;
use serde_json::json;
use shared::store::Change;
use tests::{Credential, Stack, fault_proxy::Moment};

use super::{
    super::finish_deletions::person::{MINUTE, Person, run},
    disabled::assert_disabled,
};

const KINDS: [Credential; 3] = [Credential::AccessToken, Credential::Code, Credential::IdToken];

#[tokio::test]
async fn a_login_of_a_person_who_is_disabled_meanwhile_is_a_403_and_leaves_no_session() {
    for kind in KINDS {
        let stack = Stack::start().await;
        let person = Person::join(&stack, 3_100_000_001).await;
        stack.logout(&person.token).await;
        // What such a login finds: the identity as it was, and the profile as it is now.
        let identity = person.identity(&stack).await;
        person.disable(&stack).await;
        let disabled = person.items(&stack).await;
        stack.restore(&[identity]).await;
        // In another minute, so that not the count of logins refuses it.
        stack.advance(MINUTE);
        let _ = stack.table_proxy.take_traffic();
        let body = stack.kakao.credential(&person.name, kind).await;
        assert_disabled(&stack.login(&body).await, &format!("{kind:?}"));
        let operations = stack.table_proxy.take_traffic().operations;
        assert!(operations.contains(&"DeleteItem".to_owned()), "{kind:?}: its session was started, and ends");
        assert_eq!(person.items(&stack).await, disabled, "{kind:?}");
    }
}

/// Somebody who was disabled as another user, who is gone, comes back while an operator looks away.
#[tokio::test]
async fn a_first_login_of_a_person_who_is_disabled_meanwhile_is_a_403_and_leaves_nothing() {
    for (kind, requests_before) in [(Credential::AccessToken, 1), (Credential::Code, 2), (Credential::IdToken, 2)] {
        let stack = Stack::start().await;
        let user = stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await;
        let body = stack.kakao.credential(&user, kind).await;
        let mut held = stack.table_proxy.hold(requests_before, Moment::Before);
        let request = tokio::spawn({
            let functions = (*stack).clone();
            async move { functions.login(&body).await }
        });
        held.arrived().await;
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let disabled_at = AttributeValue::N(stack.now().unix_seconds().to_string());
        let disabled = [("pk", text("KAKAO#3100000001")), ("sk", text("IDENTITY")), ("disabled_at", disabled_at)];
        stack.restore(&[disabled.map(|(name, value)| (name.to_owned(), value)).into()]).await;
        drop(held);
        assert_disabled(&request.await.unwrap(), &format!("{kind:?}"));
        assert_eq!((stack.count("SESSION#").await, stack.count("PROFILE").await), (0, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn a_person_who_is_disabled_during_many_logins_has_no_session_when_the_change_is_settled() {
    let stack = Arc::new(Stack::start().await);
    let person = Person::join(&stack, 3_100_000_001).await;
    let mut bodies = Vec::new();
    for _ in 0..18 {
        bodies.push(stack.kakao.credential(&person.name, Credential::AccessToken).await);
    }
    let logins: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            let functions = (**stack).clone();
            tokio::spawn(async move { functions.login(&body).await })
        })
        .collect();
    assert!(matches!(person.disable(&stack).await, Change::Made { .. }));
    let mut tokens = Vec::new();
    for login in logins {
        let response = login.await.unwrap();
        if response.status == StatusCode::OK {
            tokens.push(response.token());
        } else {
            assert_disabled(&response, "a login at the same time");
        }
    }
    stack.advance(MINUTE);
    run(&stack, 1).await;
    assert_eq!(stack.count("SESSION#").await, 0);
    for token in tokens {
        assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED);
    }
}
