//! What exchanging a token from Django costs.

use std::time::Duration;

use tests::{Stack, client::Response, fault_proxy::Traffic};

use crate::costs::{sorted, units};

const REFRESH: &str = "/auth/refresh";

async fn cost(stack: &Stack, path: &str, token: &str) -> (Response, Traffic, usize) {
    let _ = (stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic());
    let response = stack.send(stack.with_django_cookie(path, token)).await;
    (response, stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic().operations.len())
}

#[tokio::test]
async fn an_exchange_is_one_transaction_and_a_repeat_one_write_more_and_the_key_is_read_once() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    stack.refresh("garbage").await;
    stack.logout("garbage").await;
    let spent = stack.django_token(17);
    for (case, path, token, status, operations, keys) in [
        ("an exchange", REFRESH, &token, 200, &["TransactWriteItems"][..], 1),
        ("a repeat", REFRESH, &token, 200, &["TransactWriteItems", "UpdateItem"], 0),
        ("not imported", REFRESH, &stack.django_token(18), 401, &["TransactWriteItems"], 0),
        ("a logout", "/auth/logout", &spent, 200, &["PutItem"], 1),
        ("again", "/auth/logout", &spent, 200, &["PutItem"], 0),
        ("spent", REFRESH, &spent, 401, &["TransactWriteItems"], 0),
        ("a logout after it was exchanged", "/auth/logout", &token, 200, &["PutItem", "DeleteItem"], 0),
        ("garbage", REFRESH, &"a.b.c".to_owned(), 401, &[], 0),
    ] {
        let (response, traffic, reads) = cost(&stack, path, token).await;
        assert_eq!(
            (response.status.as_u16(), sorted(&traffic, operations.len()), reads),
            (status, operations.to_vec(), keys),
            "{case}"
        );
    }
}

/// DynamoDB charges a transaction twice, and its checks as writes.
#[tokio::test]
async fn an_exchange_costs_eight_units_and_a_refresh_one_as_before() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let (exchanged, traffic, _) = cost(&stack, REFRESH, &token).await;
    assert_eq!(units(&traffic), (8.0, 0.0));
    stack.advance(Duration::from_secs(30));
    let _ = stack.table_proxy.take_traffic();
    assert_eq!(stack.refresh(&exchanged.token()).await.status, 200);
    let refreshed = stack.table_proxy.take_traffic();
    assert_eq!((refreshed.operations.as_slice(), units(&refreshed)), (&["UpdateItem".to_owned()][..], (1.0, 0.0)));
}
