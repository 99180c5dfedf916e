//! The partitions that the functions of a deletion may access.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use local::{iam::access_key, table};
use tests::Stack;

use crate::roles::code;

const DENIED: &str = "AccessDeniedException";

fn key(pk: &str) -> [(String, AttributeValue); 2] {
    [("pk", pk), ("sk", "PROFILE")].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
}

#[tokio::test]
async fn each_function_of_a_deletion_is_denied_the_partitions_that_it_does_not_need() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let user = format!("USER#{}", logged_in.body["user"]["pk"].as_str().unwrap());
    let table = &stack.template().table.name;
    let events = table::client_as(&access_key("kakao-events"), stack.table_proxy.url());
    for (pk, expected) in [("OUTBOX", ""), (user.as_str(), DENIED), ("KAKAO#1", DENIED), ("OUTBOX2", DENIED)] {
        let put = events.put_item().table_name(table).set_item(Some(key(pk).into())).send().await;
        assert_eq!(code(put), expected, "kakao-events PutItem {pk}");
        let get = events.get_item().table_name(table).set_key(Some(key(pk).into())).send().await;
        assert_eq!(code(get), DENIED, "kakao-events GetItem {pk}");
        let delete = events.delete_item().table_name(table).set_key(Some(key(pk).into())).send().await;
        assert_eq!(code(delete), DENIED, "kakao-events DeleteItem {pk}");
    }
    let worker = table::client_as(&access_key("finish-deletions"), stack.table_proxy.url());
    for (pk, get, delete) in
        [(user.as_str(), "", ""), ("KAKAO#1", "", DENIED), ("OUTBOX", DENIED, ""), ("CLAIM#1", DENIED, DENIED)]
    {
        let item = worker.get_item().table_name(table).set_key(Some(key(pk).into())).send().await;
        assert_eq!(code(item), get, "finish-deletions GetItem {pk}");
        let deleted = worker.delete_item().table_name(table).set_key(Some(key(pk).into())).send().await;
        assert_eq!(code(deleted), delete, "finish-deletions DeleteItem {pk}");
    }
    assert_eq!(code(worker.scan().table_name(table).send().await), DENIED, "finish-deletions Scan");
    // A deletion writes users, identities and the outbox, each in its own way.
    let account = table::client_as(&access_key("account"), stack.table_proxy.url());
    for (pk, [reads, puts, updates, deletes]) in [
        (user.as_str(), ["", "", DENIED, ""]),
        ("KAKAO#1", [DENIED, DENIED, "", DENIED]),
        ("OUTBOX", [DENIED, "", DENIED, DENIED]),
        ("CLAIM#1", [DENIED; 4]),
    ] {
        let query = account.query().table_name(table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", key(pk)[0].1.clone()).send().await;
        assert_eq!(code(query), reads, "account Query {pk}");
        let put = account.put_item().table_name(table).set_item(Some(key(pk).into())).send().await;
        assert_eq!(code(put), puts, "account PutItem {pk}");
        let update = account.update_item().table_name(table).set_key(Some(key(pk).into())).send().await;
        assert_eq!(code(update), updates, "account UpdateItem {pk}");
        let delete = account.delete_item().table_name(table).set_key(Some(key(pk).into())).send().await;
        assert_eq!(code(delete), deletes, "account DeleteItem {pk}");
        // The same in a transaction, whose permissions are those of its parts.
        let put = Put::builder().table_name(table).set_item(Some(key(pk).into())).build().unwrap();
        let put = account.transact_write_items().transact_items(TransactWriteItem::builder().put(put).build());
        assert_eq!(code(put.send().await), puts, "account Put in a transaction {pk}");
    }
}
