//! Derives from a request the actions it performs, on which resources, and the partition keys that it names.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// An action on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) action: String,
    /// The name of a table, or `*` if the operation names none.
    pub(super) resource: String,
    /// `dynamodb:LeadingKeys`, if the action has them.
    pub(super) leading_keys: Option<Vec<String>>,
}

/// Every access that must be allowed for this request. Never empty.
pub(super) fn accesses(operation: &str, body: &Value, partition_keys: &BTreeMap<String, String>) -> Vec<Access> {
    let access = |operation: &str, resource: &str, leading_keys| Access {
        action: format!("dynamodb:{operation}"),
        resource: resource.to_owned(),
        leading_keys,
    };
    let keys_of = |table: &str, items: Vec<&Value>| {
        let partition_key = partition_keys.get(table)?;
        items.into_iter().map(|item| key_text(&item[partition_key])).collect::<Option<Vec<_>>>()
    };
    let one = |operation: &str, request: &Value| {
        let table = table_name(&request["TableName"]);
        let resource = match request["IndexName"].as_str() {
            Some(index) => format!("{table}/index/{index}"),
            None => table.to_owned(),
        };
        let keys = match operation {
            "GetItem" | "UpdateItem" | "DeleteItem" | "ConditionCheckItem" => keys_of(table, vec![&request["Key"]]),
            "PutItem" => keys_of(table, vec![&request["Item"]]),
            "Query" => partition_keys.get(&resource).and_then(|key| query_key(request, key)).map(|key| vec![key]),
            _ => None,
        };
        access(operation, &resource, keys)
    };
    let accesses: Vec<Access> = match operation {
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables
                .map(|(table, request)| access(operation, table_name_of(table), keys_of(table, batch_items(request))))
                .collect()
        }
        // A transaction needs the permissions of its parts.
        "TransactGetItems" | "TransactWriteItems" => {
            let parts = body["TransactItems"].as_array().into_iter().flatten();
            let parts = parts.filter_map(Value::as_object).flatten();
            parts
                .map(|(kind, request)| {
                    let operation =
                        if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
                    one(&operation, request)
                })
                .collect()
        }
        "ListStreams" | "DescribeStream" | "GetShardIterator" | "GetRecords" => {
            stream_table(body).map(|table| access(operation, &format!("{table}/stream"), None)).into_iter().collect()
        }
        _ => vec![one(operation, body)],
    };
    if accesses.is_empty() { vec![access(operation, "*", None)] } else { accesses }
}

/// The table's name, also if the request gives its ARN; `*` if it names no table.
fn table_name(table: &Value) -> &str {
    table_name_of(table.as_str().unwrap_or("*"))
}

fn table_name_of(table: &str) -> &str {
    table.split_once(":table/").map_or(table, |(_, name)| name)
}

/// The table whose stream a request names: by the table, the stream's ARN, or an iterator, which has the table's name in it.
fn stream_table(request: &Value) -> Option<String> {
    if let Some(table) = request["TableName"].as_str() {
        return Some(table.to_owned());
    }
    if let Some(arn) = request["StreamArn"].as_str() {
        return Some(arn.split_once(":table/")?.1.split_once('/')?.0.to_owned());
    }
    let iterator = BASE64_STANDARD.decode(request["ShardIterator"].as_str()?).ok()?;
    let iterator: Value = serde_json::from_slice(&iterator).ok()?;
    iterator["table_name"].as_str().map(str::to_owned)
}

/// The keys to read, or the items and keys to write.
fn batch_items(request: &Value) -> Vec<&Value> {
    if let Some(keys) = request["Keys"].as_array() {
        return keys.iter().collect();
    }
    let writes = request.as_array().into_iter().flatten();
    writes.map(|write| write["PutRequest"].get("Item").unwrap_or(&write["DeleteRequest"]["Key"])).collect()
}

/// `{"S": "…"}`, `{"N": "…"}` or `{"B": "…"}`.
fn key_text(value: &Value) -> Option<String> {
    ["S", "N", "B"].iter().find_map(|kind| value[kind].as_str()).map(str::to_owned)
}

/// The partition key of a query, from `KeyConditions` or `KeyConditionExpression`.
fn query_key(request: &Value, partition_key: &str) -> Option<String> {
    if let Some(condition) = request["KeyConditions"].get(partition_key) {
        return key_text(&condition["AttributeValueList"][0]);
    }
    let names = &request["ExpressionAttributeNames"];
    let expression = request["KeyConditionExpression"].as_str()?;
    let spaced = expression.replace('=', " = ").replace(['(', ')'], " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let value = words.windows(3).find_map(|words| match words {
        [name, "=", value] => (names[*name].as_str().unwrap_or(name) == partition_key).then_some(*value),
        _ => None,
    })?;
    key_text(&request["ExpressionAttributeValues"][value])
}
