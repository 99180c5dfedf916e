//! What the webhooks leave in the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::Stack;

/// The items of the outbox as JSON, in the order of their keys. The webhooks write nothing else.
pub(crate) async fn outbox(stack: &Stack) -> Vec<Value> {
    let items = stack.dump().await.into_iter();
    let items = items.filter(|item| item["pk"].as_s().is_ok_and(|pk| pk == "OUTBOX"));
    items.map(|item| object(&item)).collect()
}

fn object(members: &HashMap<String, AttributeValue>) -> Value {
    members.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => json!(number.parse::<i64>().unwrap()),
        AttributeValue::L(list) => list.iter().map(plain).collect(),
        AttributeValue::M(members) => object(members),
        other => panic!("{other:?}"),
    }
}
