//! What the policies for operators allow: what the commands of `admin` do, and nothing else.

use std::collections::BTreeSet;

use local::{
    iam::{Use, access_key},
    table,
};
use serde_json::json;
use shared::{
    account::MarkedBy,
    id::{KakaoId, UserId},
    roles::Roles,
    store::{Change, Marked, Store, StoreError},
};
use tests::Stack;

const READ: &str = "operators-read";
const MANAGE: &str = "operators-manage";

fn store_as(stack: &Stack, operators: &str) -> Store {
    Store::new(table::client_as(&access_key(operators), stack.table_proxy.url()), stack.template().table.name.clone())
}

/// A user and the person at Kakao, with a session.
async fn logged_in(stack: &Stack, kakao: i64) -> (UserId, KakaoId) {
    let login = stack.log_in_as(&stack.kakao.user(&json!({"id": kakao})).await).await;
    (login.body["user"]["pk"].as_str().unwrap().parse().unwrap(), kakao.try_into().unwrap())
}

fn allowed(stack: &Stack, operators: &str) -> BTreeSet<Use> {
    let statements = stack.template().operators[operators].iter();
    let uses = statements.flat_map(|statement| {
        statement.actions.iter().flat_map(|action| {
            let resources = statement.resources.iter();
            resources.map(|resource| (access_key(operators), action.clone(), resource.clone()))
        })
    });
    uses.collect()
}

fn used(stack: &Stack, operators: &str) -> BTreeSet<Use> {
    stack.uses().into_keys().filter(|(key, ..)| *key == access_key(operators)).collect()
}

fn is_refused<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Refused { .. }))
}

#[tokio::test]
async fn who_may_look_can_find_show_and_export_users_and_change_nothing() {
    let stack = Stack::start().await;
    let ((user, kakao), now) = (logged_in(&stack, 3_300_000_001).await, stack.now());
    let store = store_as(&stack, READ);
    assert_eq!(store.person_by_kakao(kakao, now).await.unwrap().unwrap().user, Some(user));
    assert_eq!(store.person_by_user(user, now).await.unwrap().unwrap().sessions.len(), 1);
    assert!(store.export_of(user).await.unwrap().is_some());
    assert_eq!(used(&stack, READ), allowed(&stack, READ));
    let before = stack.dump().await;
    assert!(is_refused(&store.disable(user, kakao, now).await));
    assert!(is_refused(&store.set_roles(user, kakao, &Roles::new(["staff".to_owned()]).unwrap(), now).await));
    assert!(is_refused(&store.end_sessions_of(user, now).await));
    assert!(is_refused(&store.mark_deleted(user, kakao, MarkedBy::Operator, now).await));
    assert!(is_refused(&store.kakao_of(user).await), "a scan");
    assert_eq!(stack.dump().await, before);
}

#[tokio::test]
async fn who_may_manage_can_run_each_command_and_needs_all_that_is_allowed() {
    let stack = Stack::start().await;
    let now = stack.now();
    let store = store_as(&stack, MANAGE);
    let (user, kakao) = logged_in(&stack, 3_300_000_002).await;
    assert_eq!(store.kakao_of(user).await.unwrap(), Some(kakao));
    let roles = Roles::new(["staff".to_owned()]).unwrap();
    assert_eq!(store.set_roles(user, kakao, &roles, now).await.unwrap(), Change::Made { sessions: 1 });
    assert_eq!(store.disable(user, kakao, now).await.unwrap(), Change::Made { sessions: 1 });
    assert_eq!(store.enable(kakao, now).await.unwrap(), Change::Made { sessions: 0 });
    assert_eq!(store.person_by_kakao(kakao, now).await.unwrap().unwrap().roles, roles);
    assert_eq!(store.mark_deleted(user, kakao, MarkedBy::Operator, now).await.unwrap(), Marked::Now);
    let imported = 3_300_000_003_i64.try_into().unwrap();
    stack.import(900, &[(17, imported)]).await;
    assert_eq!(store.end_sessions_of(UserId::from_number(17).unwrap(), now).await.unwrap(), 0);
    assert_eq!(used(&stack, MANAGE), allowed(&stack, MANAGE));
}
