//! Roles and disabled persons where the session begins with a token from Django.

use serde_json::{Value, json};
use shared::store::Change;
use tests::Stack;

use super::{
    super::django::once::{assert_logged_out, exchange},
    roles::{claim, give},
};

#[tokio::test]
async fn a_token_from_django_is_exchanged_for_a_session_with_the_users_roles() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    assert_eq!(give(&stack, "17".parse().unwrap(), &["editor"]).await, Change::Made { sessions: 0 });
    let exchanged = exchange(&stack, &token).await;
    let again = exchange(&stack, &token).await;
    let refreshed = stack.refresh(&exchanged.token()).await;
    assert_eq!([claim(&exchanged), claim(&again), claim(&refreshed)], [(); 3].map(|()| json!(["editor"])));
    give(&stack, "17".parse().unwrap(), &[]).await;
    assert_eq!(claim(&stack.refresh(&exchanged.token()).await), Value::Null);
}

#[tokio::test]
async fn without_roles_an_exchange_is_the_one_transaction_of_before() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let operations = async || {
        let _ = stack.table_proxy.take_traffic();
        exchange(&stack, &token).await;
        stack.table_proxy.take_traffic().operations
    };
    let transactions = operations().await.into_iter().filter(|one| one == "TransactWriteItems").count();
    assert_eq!(transactions, 1);
}

/// Also after the person was enabled: what was good before is not good again.
#[tokio::test]
async fn no_token_from_django_logs_a_disabled_person_in() {
    let stack = Stack::from_django().await;
    let (token, other) = (stack.import_one(17, 1_700_000_001).await, stack.django_token(17));
    let exchanged = exchange(&stack, &token).await;
    let (store, kakao) = (stack.operators_store(), 1_700_000_001.try_into().unwrap());
    let user = "17".parse().unwrap();
    assert_eq!(store.disable(user, kakao, stack.now()).await.unwrap(), Change::Made { sessions: 1 });
    assert_eq!(stack.refresh(&exchanged.token()).await.status, 401);
    for token in [&token, &other] {
        assert_logged_out(&exchange(&stack, token).await, "disabled");
    }
    store.enable(kakao, stack.now()).await.unwrap();
    assert_logged_out(&exchange(&stack, &stack.django_token(17)).await, "enabled");
}

/// The transaction of the change alone, as if the operator's machine had stopped after it.
#[tokio::test]
async fn a_token_from_django_is_refused_by_the_profile_alone() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let markers: Vec<_> = stack.dump().await.into_iter().filter(|item| item.contains_key("imported_at")).collect();
    let kakao = 1_700_000_001.try_into().unwrap();
    stack.operators_store().disable("17".parse().unwrap(), kakao, stack.now()).await.unwrap();
    stack.restore(&markers).await;
    assert_logged_out(&exchange(&stack, &token).await, "only the profile refuses");
    assert_eq!(stack.count("SESSION#").await, 0);
}
