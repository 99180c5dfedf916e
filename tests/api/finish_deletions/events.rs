//! Kakao's security events.

use std::time::Duration;

use shared::account::SecurityEvent;
use tests::Stack;

use super::person::{Person, SECOND, items_of, run, user_of};

fn event(name: &str, scopes: &[&str]) -> SecurityEvent {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    SecurityEvent { uri: format!("https://schemas.openid.net/secevent/x/event-type/{name}"), scopes }
}

/// The person's profile as the table has it, by attribute.
async fn profile(stack: &Stack, person: &Person) -> Vec<String> {
    let items = person.items(stack).await;
    let profile = items.into_iter().find(|item| item["sk"].as_s().unwrap() == "PROFILE").unwrap();
    let mut names: Vec<String> = profile.into_keys().collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_compromised_account_loses_the_sessions_that_it_had_and_keeps_the_newer_ones() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let received_at = stack.now();
    for (index, name) in
        ["sessions-revoked", "account-disabled", "account-credential-change-required", "credential-compromise"]
            .into_iter()
            .enumerate()
    {
        assert!(stack.store().put_events(name, person.kakao, &[event(name, &[])], received_at).await.unwrap());
        stack.advance(SECOND);
        let newer = stack.log_in_as(&person.name).await.token();
        run(&stack, 1).await;
        assert_eq!(stack.refresh(&person.token).await.status, 401, "{name}");
        assert_eq!(stack.refresh(&newer).await.status, 200, "{name} {index}");
        assert_eq!(items_of(&stack, "OUTBOX").await.len(), index + 1, "only what was seen is left");
    }
}

#[tokio::test]
async fn withdrawn_consent_clears_what_kakao_has_taken_back() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let before = profile(&stack, &person).await;
    let withdrawn = [event("user-scope-withdraw", &["account_email"])];
    stack.store().put_events("one", person.kakao, &withdrawn, stack.now()).await.unwrap();
    run(&stack, 1).await;
    let after = profile(&stack, &person).await;
    let gone: Vec<&str> = before.iter().filter(|name| !after.contains(name)).map(String::as_str).collect();
    assert_eq!(gone, ["email", "fetched_at"]);
    assert_eq!(stack.refresh(&person.token).await.status, 200, "still logged in");
    stack.store().put_events("two", person.kakao, &[event("identifier-changed", &[])], stack.now()).await.unwrap();
    run(&stack, 1).await;
    let after = profile(&stack, &person).await;
    assert!(!after.iter().any(|name| ["email", "nickname", "profile_image"].contains(&name.as_str())), "{after:?}");
}

#[tokio::test]
async fn withdrawn_consent_of_a_deleted_user_writes_nothing() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.store().put_events("one", person.kakao, &[event("identifier-changed", &[])], stack.now()).await.unwrap();
    person.delete(&stack).await;
    let before = person.items(&stack).await;
    run(&stack, 1).await;
    assert_eq!(person.items(&stack).await, before);
}

#[tokio::test]
async fn an_unlinked_person_is_deleted_and_other_events_change_nothing() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let before = person.items(&stack).await;
    let harmless = ["user-linked", "tokens-revoked", "account-enabled", "something-new"].map(|name| event(name, &[]));
    stack.store().put_events("one", person.kakao, &harmless, stack.now()).await.unwrap();
    run(&stack, 1).await;
    assert_eq!(person.items(&stack).await, before);

    let events = [event("user-linked", &[]), event("user-unlinked", &[])];
    stack.store().put_events("two", person.kakao, &events, stack.now()).await.unwrap();
    run(&stack, 1).await;
    stack.advance(Duration::from_mins(10));
    run(&stack, 1).await;
    assert_eq!(stack.refresh(&person.token).await.status, 200, "Kakao says that the person is linked");

    stack.unlink_silently(person.kakao).await;
    stack.store().put_events("three", person.kakao, &events, stack.now()).await.unwrap();
    run(&stack, 1).await;
    assert_eq!(stack.refresh(&person.token).await.status, 401);
}

#[tokio::test]
async fn an_event_that_is_asked_about_again_does_not_end_newer_sessions_or_clear_newer_fields() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let events = ["user-unlinked", "sessions-revoked", "identifier-changed"].map(|name| event(name, &[]));
    stack.store().put_events("one", person.kakao, &events, stack.now()).await.unwrap();
    run(&stack, 1).await;
    stack.advance(SECOND);
    let login = stack.log_in_as(&person.name).await;
    assert_eq!(user_of(&login), person.user);
    let before = profile(&stack, &person).await;
    stack.advance(Duration::from_mins(10));
    run(&stack, 1).await;
    assert_eq!(profile(&stack, &person).await, before);
    assert_eq!(stack.refresh(&login.token()).await.status, 200);
}
