//! What operators see of a person, and the other things they do.

use serde_json::json;
use shared::{
    account::MarkedBy,
    store::{Change, Marked},
};
use tests::Stack;

use super::super::{
    finish_deletions::person::{MINUTE, Person},
    recorder::{Log, lines_with},
};

#[tokio::test]
async fn a_person_is_found_by_either_number_with_sessions_and_the_name_in_the_log() {
    let log = Log::start();
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    stack.advance(MINUTE);
    stack.log_in_as(&person.name).await;
    let store = stack.operators_store();
    let by_user = store.person_by_user(person.user, stack.now()).await.unwrap().unwrap();
    let by_kakao = store.person_by_kakao(person.kakao, stack.now()).await.unwrap().unwrap();
    assert_eq!(by_user, by_kakao);
    assert_eq!((by_user.user, by_user.kakao, by_user.logins), (Some(person.user), Some(person.kakao), 2));
    assert_eq!((by_user.created_at, by_user.last_login_at), (Some(stack.now() - MINUTE), Some(stack.now())));
    assert_eq!((by_user.sessions.len(), by_user.disabled_at, by_user.deleting_at), (2, None, None));
    let lines = lines_with(&log, &by_user.log_name.unwrap());
    let outcomes: Vec<_> = lines.iter().filter_map(|line| line["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["logged_in", "logged_in"], "{lines:?}");
    let nobody = (
        store.person_by_user("7".parse().unwrap(), stack.now()).await.unwrap(),
        store.person_by_kakao(7.try_into().unwrap(), stack.now()).await.unwrap(),
    );
    assert_eq!(nobody, (None, None));
}

/// Profiles that no login has written since an older release.
#[tokio::test]
async fn the_person_of_a_profile_without_a_kakao_id_is_found_in_the_table() {
    let stack = Stack::start().await;
    let people = [Person::join(&stack, 3_100_000_001).await, Person::join(&stack, 3_100_000_002).await];
    let mut items = stack.dump().await;
    for item in &mut items {
        item.remove("kakao_id");
    }
    stack.restore(&items).await;
    let store = stack.operators_store();
    for person in people {
        assert_eq!(store.person_by_user(person.user, stack.now()).await.unwrap().unwrap().kakao, None);
        assert_eq!(store.kakao_of(person.user).await.unwrap(), Some(person.kakao));
    }
    assert_eq!(store.kakao_of("7".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_operators_export_is_the_users_own() {
    let stack = Stack::start().await;
    let person = stack.kakao.user(&json!({"nickname": "라이언", "email": "ryan@example.com"})).await;
    let logged_in = stack.log_in_as(&person).await;
    let user = logged_in.body["user"]["pk"].as_str().unwrap().parse().unwrap();
    super::roles::give(&stack, user, &["editor"]).await;
    let mut own = stack.export(logged_in.access()).await.body;
    assert_eq!(own["account"]["roles"], json!(["editor"]));
    assert_eq!(own["sessions"][0]["current"], true);
    own["sessions"][0]["current"] = false.into();
    let store = stack.operators_store();
    assert_eq!(store.export_of(user).await.unwrap(), Some(own));
    assert_eq!(store.export_of("7".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_operator_ends_all_sessions_and_the_person_may_log_in_again() {
    let stack = Stack::from_django().await;
    let django = stack.import_one(17, 1_700_000_001).await;
    let name = stack.kakao.user(&json!({"id": 1_700_000_001_i64})).await;
    let (first, second) = (stack.log_in_as(&name).await, stack.log_in_as(&name).await);
    let store = stack.operators_store();
    assert_eq!(store.end_sessions_of("17".parse().unwrap(), stack.now()).await.unwrap(), 2);
    for token in [first.token(), second.token()] {
        assert_eq!(stack.refresh(&token).await.status, 401);
    }
    super::super::django::once::assert_logged_out(
        &super::super::django::once::exchange(&stack, &django).await,
        "ended",
    );
    assert_eq!(stack.log_in_as(&name).await.status, 200);
    assert_eq!(store.end_sessions_of("17".parse().unwrap(), stack.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn an_operator_deletes_a_person_as_the_person_would() {
    let log = Log::start();
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_100_000_001).await;
    let store = stack.operators_store();
    let mark = async || store.mark_deleted(person.user, person.kakao, MarkedBy::Operator, stack.now()).await.unwrap();
    assert_eq!(mark().await, Marked::Now);
    assert_eq!(person.try_to_log_in(&stack).await, 409);
    let being_deleted = store.person_by_kakao(person.kakao, stack.now()).await.unwrap().unwrap();
    assert_eq!((being_deleted.deleting_at, being_deleted.deleted_at), (Some(stack.now()), Some(stack.now())));
    stack.advance(MINUTE);
    stack.finish_deletions().await.unwrap();
    person.assert_closed(&stack).await;
    let receipts = lines_with(&log, &person.user.to_string());
    assert!(receipts.iter().any(|line| line["event"] == "account_deleted"), "for a restore: {receipts:?}");
    assert!(matches!(mark().await, Marked::Before(_)));
    assert_eq!(person.disable(&stack).await, Change::Gone);
}
