//! A person whom an operator has disabled.

use reqwest::StatusCode;
use serde_json::json;
use shared::{
    session::{Kind, Transport, Version},
    store::Change,
};
use tests::{
    Credential, Stack,
    client::{Response, jwt_part},
};

use super::super::{
    finish_deletions::person::{HOUR, MINUTE, Person, SECOND, run},
    hosted::visitor::{Visitor, choose, hosted, location, page_with},
    recorder::{Log, line_of},
    transports::{Beginner, renew},
};

const KINDS: [Credential; 3] = [Credential::AccessToken, Credential::Code, Credential::IdToken];

impl Person {
    pub(super) async fn disable(&self, stack: &Stack) -> Change {
        stack.operators_store().disable(self.user, self.kakao, stack.now()).await.unwrap()
    }

    pub(super) async fn enable(&self, stack: &Stack) -> Change {
        stack.operators_store().enable(self.kakao, stack.now()).await.unwrap()
    }
}

pub(super) fn assert_disabled(response: &Response, case: &str) {
    let found = (response.status, response.code(), response.set_cookie());
    assert_eq!(found, (StatusCode::FORBIDDEN, "account_disabled", ""), "{case}: {}", response.body);
}

/// And the log says why.
#[tokio::test]
async fn a_disabled_person_gets_a_403_with_every_credential_until_an_operator_enables_the_person() {
    let log = Log::start();
    for kind in KINDS {
        let stack = Stack::start().await;
        let person = Person::join(&stack, 3_100_000_001).await;
        assert_eq!(person.disable(&stack).await, Change::Made { sessions: 1 });
        assert_eq!(person.disable(&stack).await, Change::Made { sessions: 0 }, "the same request again");
        stack.advance(MINUTE);
        assert_eq!(person.disable(&stack).await, Change::Unchanged { sessions: 0 });
        let before = (person.items(&stack).await, person.identity(&stack).await);
        let body = stack.kakao.credential(&person.name, kind).await;
        let _ = stack.table_proxy.take_traffic();
        let refused = stack.login(&body).await;
        assert_disabled(&refused, &format!("{kind:?}"));
        let operations = stack.table_proxy.take_traffic().operations;
        let of_users = operations.iter().filter(|operation| *operation == "GetItem").count();
        assert_eq!(of_users, 1, "{kind:?}: the identity, which every login reads: {operations:?}");
        assert!(!operations.iter().any(|one| one == "PutItem" && kind == Credential::AccessToken), "{operations:?}");
        assert_eq!((person.items(&stack).await, person.identity(&stack).await), before, "{kind:?}");
        let line = line_of(&log, &refused);
        assert_eq!((&line["outcome"], &line["level"]), (&json!("account_disabled"), &json!("INFO")), "{line}");

        assert_eq!(person.enable(&stack).await, Change::Made { sessions: 0 });
        assert_eq!(person.enable(&stack).await, Change::Unchanged { sessions: 0 });
        let body = stack.kakao.credential(&person.name, kind).await;
        let logged_in = stack.login(&body).await;
        assert_eq!(logged_in.status, StatusCode::OK, "{kind:?}: {}", logged_in.body);
        assert_eq!(logged_in.body["user"]["pk"], person.user.to_string(), "{kind:?}: the same user");
    }
}

/// Otherwise anybody could ask whether a person is disabled.
#[tokio::test]
async fn without_kakaos_proof_nobody_is_told_that_a_person_is_disabled() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.disable(&stack).await;
    let foreign = json!({"access_token": "not-from-kakao"});
    let expired = json!({"claims": {"/exp": (stack.now().unix_seconds() - 600).to_string()}, "nonce": "n"});
    let expired = json!({"id_token": stack.kakao.id_token(&person.name, &expired).await, "nonce": "n"});
    for body in [foreign, expired] {
        let refused = stack.login(&body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"), "{}", refused.body);
    }
}

#[tokio::test]
async fn the_page_of_a_hosted_login_is_told_that_the_account_is_disabled() {
    let stack = hosted().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.disable(&stack).await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&stack, "?next=/shop").await;
    let response = visitor.finish(&stack, &choose(&page, &person.name).await).await;
    assert_eq!(location(&response).as_str(), page_with("/shop", "account_disabled"));
    assert_eq!(response.cookie, None);
}

#[tokio::test]
async fn every_session_of_a_disabled_person_ends_at_once() {
    let stack = Stack::with_setting("COMPATIBILITY", "dj-rest-auth").await;
    let beginner = Beginner::new(&stack).await;
    let mut begun = Vec::new();
    for version in Version::ALL {
        begun.push((version, beginner.begin(version).await));
    }
    let chain = renew(&stack, begun[0].0, &begun[0].1).await.0;
    let store = stack.operators_store();
    let person = store.person_by_user(beginner.user, stack.now()).await.unwrap().unwrap();
    let change = store.disable(beginner.user, person.kakao.unwrap(), stack.now()).await.unwrap();
    assert_eq!(change, Change::Made { sessions: 1 + begun.len() });
    for (version, begun) in begun {
        let (refused, _) = renew(&stack, version, &begun).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{version:?}");
    }
    let profile = stack.profile(chain.access()).await;
    assert_eq!((profile.status, profile.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    let kinds = Version::ALL.map(|version| (version.kind(), version.transport()));
    assert!(kinds.contains(&(Kind::Fixed, Transport::Page)) && kinds.contains(&(Kind::Linked, Transport::App)));
}

/// Between the transaction and the end of the session, which is another item.
#[tokio::test]
async fn a_session_that_has_not_ended_yet_shows_nothing_of_a_disabled_person() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let sessions: Vec<_> =
        person.items(&stack).await.into_iter().filter(|item| item.contains_key("token_hash")).collect();
    let access = stack.refresh(&person.token).await.access().to_owned();
    person.disable(&stack).await;
    stack.restore(&sessions).await;
    for refused in [stack.profile(&access).await, stack.refresh_with_user(&person.token).await] {
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{}", refused.body);
    }
}

/// A repeated login gets the session of the first one, if that is alive.
#[tokio::test]
async fn a_code_that_is_presented_again_logs_nobody_in_who_was_disabled_meanwhile() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let body = stack.kakao.code_body(&person.name).await;
    let first = stack.login(&body).await;
    let sessions: Vec<_> =
        person.items(&stack).await.into_iter().filter(|item| item.contains_key("token_hash")).collect();
    person.disable(&stack).await;
    let refused = stack.login(&body).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    stack.restore(&sessions).await;
    let refused = stack.login(&body).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert_eq!(jwt_part(first.access(), 1)["sub"], person.user.to_string());
}

/// The identity remembers, and TTL never deletes it.
#[tokio::test]
async fn a_disabled_person_who_leaves_does_not_come_back_as_a_new_user() {
    for by_unlinking in [true, false] {
        let stack = Stack::start().await;
        let person = Person::join(&stack, 3_100_000_001).await;
        person.disable(&stack).await;
        if by_unlinking {
            stack.kakao.unlink_at_kakao(&person.name).await;
            run(&stack, 1).await;
        } else {
            person.delete(&stack).await;
        }
        for wait in [MINUTE, MINUTE, HOUR, HOUR] {
            stack.advance(wait);
            stack.finish_deletions().await.unwrap();
        }
        assert!(person.items(&stack).await.is_empty());
        let mut left: Vec<_> = person.identity(&stack).await.into_keys().collect();
        left.sort_unstable();
        assert_eq!(left, ["disabled_at", "pk", "sk", "unlinked_at"]);
        assert_disabled(&stack.login(&stack.kakao.code_body(&person.name).await).await, "gone");
        // Another unlink gives the identity no TTL either.
        stack.kakao.unlink_at_kakao(&person.name).await;
        run(&stack, 1).await;
        assert!(!person.identity(&stack).await.contains_key("expires_at"));
        let found = stack.operators_store().person_by_kakao(person.kakao, stack.now()).await.unwrap().unwrap();
        assert_eq!((found.user, found.disabled_at.is_some()), (None, true));

        assert_eq!(person.enable(&stack).await, Change::Made { sessions: 0 });
        assert!(person.identity(&stack).await.contains_key("expires_at"), "nothing lasting is left of it");
        // Kakao's proof must be newer than the unlink.
        stack.advance(SECOND);
        assert_eq!(stack.operators_store().person_by_kakao(person.kakao, stack.now()).await.unwrap(), None);
        let back = stack.login(&stack.kakao.code_body(&person.name).await).await;
        assert_eq!(back.status, StatusCode::OK, "{}", back.body);
        assert_ne!(back.body["user"]["pk"], person.user.to_string());
        assert_eq!(person.enable(&stack).await, Change::Unchanged { sessions: 0 });
    }
}

#[tokio::test]
async fn while_the_account_is_being_deleted_nobody_is_disabled_and_a_disabled_person_can_be_enabled() {
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    person.disable(&stack).await;
    person.delete(&stack).await;
    assert_eq!(person.disable(&stack).await, Change::Gone);
    assert_eq!(person.enable(&stack).await, Change::Made { sessions: 0 });
    stack.advance(MINUTE);
    stack.finish_deletions().await.unwrap();
    stack.advance(SECOND);
    assert_eq!(stack.login(&stack.kakao.code_body(&person.name).await).await.status, StatusCode::OK);
}
