//! Requests that a role allows or refuses, with policies written as in the template.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{evaluate::allows, request::accesses};
use crate::{assemble::TEMPLATE, template::Template};

/// A statement in YAML, to replace those of the function profile.
fn statement(effect: &str, actions: &str, condition: &str) -> String {
    format!(
        "            - Effect: {effect}\n              Action: [{actions}]\n              Resource: !GetAtt Table.Arn\n{condition}"
    )
}

fn is_allowed(statements: &str, operation: &str, body: &Value) -> bool {
    let (before, rest) = TEMPLATE.split_once("  Profile:\n").unwrap();
    let (head, rest) = rest.split_once("          Statement:\n").unwrap();
    let (_, rest) = rest.split_once("      Events:\n").unwrap();
    let yaml = format!("{before}  Profile:\n{head}          Statement:\n{statements}      Events:\n{rest}");
    let given = [
        ("Issuer", "https://a.example"),
        ("AllowedOrigins", "https://a.example"),
        ("KakaoAppId", "1"),
        ("RedirectUris", "https://a.example/"),
        ("KakaoRestApiKey", "0123456789abcdef0123456789abcdef"),
        ("Architecture", "arm64"),
    ];
    let template =
        Template::read(&yaml, &given.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap();
    let keys = BTreeMap::from([("Table".to_owned(), "pk".to_owned()), ("Other".to_owned(), "id".to_owned())]);
    let accesses = accesses(operation, body, &keys);
    assert!(!accesses.is_empty(), "{operation}");
    accesses.iter().all(|access| allows(&template.functions["profile"].policies, access))
}

const ONLY_USERS: &str = "              Condition:\n                ForAllValues:StringLike: { dynamodb:LeadingKeys: [\"USER#*\"] }\n                \"Null\": { dynamodb:LeadingKeys: \"false\" }\n";
const OPEN: &str =
    "              Condition:\n                ForAllValues:StringLike: { dynamodb:LeadingKeys: [\"USER#*\"] }\n";
const ONE: &str =
    "              Condition:\n                ForAllValues:StringEquals: { dynamodb:LeadingKeys: [\"USER#a\"] }\n";

fn key(pk: &str) -> Value {
    json!({"pk": {"S": pk}, "sk": {"S": "x"}})
}

#[test]
fn actions_and_tables_that_are_not_listed_are_refused() {
    let role = statement("Allow", "dynamodb:GetItem, dynamodb:BatchGetItem", "");
    for (operation, body, expected) in [
        ("GetItem", json!({"TableName": "Table", "Key": key("USER#a")}), true),
        ("GetItem", json!({"TableName": "arn:aws:dynamodb:x:1:table/Table", "Key": key("USER#a")}), true),
        ("GetItem", json!({"TableName": "Other", "Key": key("USER#a")}), false),
        ("PutItem", json!({"TableName": "Table", "Item": key("USER#a")}), false),
        ("Query", json!({"TableName": "Table"}), false),
        ("Scan", json!({"TableName": "Table"}), false),
        ("ListTables", json!({}), false),
        ("ExecuteStatement", json!({"Statement": "SELECT * FROM Table"}), false),
        ("BatchGetItem", json!({"RequestItems": {"Table": {"Keys": [key("a")]}}}), true),
        ("BatchGetItem", json!({"RequestItems": {"Table": {"Keys": [key("a")]}, "Other": {"Keys": [{}]}}}), false),
        ("BatchGetItem", json!({}), false),
        ("TransactGetItems", json!({"TransactItems": [{"Get": {"TableName": "Table", "Key": key("a")}}]}), true),
        ("TransactGetItems", json!({"TransactItems": []}), false),
    ] {
        assert_eq!(is_allowed(&role, operation, &body), expected, "{operation} {body}");
    }
}

/// `BatchGetItem` is an action of its own; a transaction needs the actions of its parts.
#[test]
fn batches_and_transactions_need_the_same_actions_as_on_aws() {
    let role = statement("Allow", "dynamodb:GetItem, dynamodb:PutItem, dynamodb:ConditionCheckItem", "");
    let write = |kind: &str, member: &str| json!({kind: {"TableName": "Table", member: key("a")}});
    for (operation, body, expected) in [
        ("BatchGetItem", json!({"RequestItems": {"Table": {"Keys": [key("a")]}}}), false),
        ("BatchWriteItem", json!({"RequestItems": {"Table": [{"PutRequest": {"Item": key("a")}}]}}), false),
        ("TransactWriteItems", json!({"TransactItems": [write("Put", "Item"), write("ConditionCheck", "Key")]}), true),
        ("TransactWriteItems", json!({"TransactItems": [write("Put", "Item"), write("Delete", "Key")]}), false),
        ("TransactWriteItems", json!({"TransactItems": [write("Update", "Key")]}), false),
    ] {
        assert_eq!(is_allowed(&role, operation, &body), expected, "{operation} {body}");
    }
}

#[test]
fn a_request_with_a_partition_key_outside_the_condition_is_refused() {
    let all = "dynamodb:GetItem, dynamodb:PutItem, dynamodb:Query, dynamodb:Scan, dynamodb:BatchGetItem, \
               dynamodb:BatchWriteItem, dynamodb:UpdateItem";
    let role = statement("Allow", all, ONLY_USERS);
    let query = |expression: &str| {
        json!({"TableName": "Table", "KeyConditionExpression": expression, "ExpressionAttributeNames": {"#p": "pk"},
            "ExpressionAttributeValues": {":u": {"S": "USER#a"}, ":k": {"S": "KAKAO#1"}}})
    };
    let batch =
        |keys: &[&str]| json!({"RequestItems": {"Table": {"Keys": keys.iter().map(|pk| key(pk)).collect::<Vec<_>>()}}});
    let writes = json!([{"PutRequest": {"Item": key("USER#a")}}, {"DeleteRequest": {"Key": key("CLAIM#b")}}]);
    for (operation, body, expected) in [
        ("GetItem", json!({"TableName": "Table", "Key": key("USER#a")}), true),
        ("GetItem", json!({"TableName": "Table", "Key": key("KAKAO#1")}), false),
        ("UpdateItem", json!({"TableName": "Table", "Key": key("USER")}), false),
        ("PutItem", json!({"TableName": "Table", "Item": key("KAKAO#1")}), false),
        ("PutItem", json!({"TableName": "Table", "Item": {"sk": {"S": "USER#a"}}}), false),
        ("Query", query("pk = :u AND begins_with(sk, :k)"), true),
        ("Query", query("begins_with(sk, :u) AND #p=:k"), false),
        ("Query", query("(#p = :u)"), true),
        ("Query", json!({"TableName": "Table", "IndexName": "I", "KeyConditionExpression": "pk = :u"}), false),
        ("Scan", json!({"TableName": "Table"}), false),
        ("BatchGetItem", batch(&["USER#a", "USER#b"]), true),
        ("BatchGetItem", batch(&["USER#a", "KAKAO#1"]), false),
        ("BatchGetItem", batch(&[]), false),
        ("BatchWriteItem", json!({"RequestItems": {"Table": writes}}), false),
    ] {
        assert_eq!(is_allowed(&role, operation, &body), expected, "{operation} {body}");
    }
    let one = statement("Allow", all, ONE);
    let get = |pk: &str| json!({"TableName": "Table", "Key": key(pk)});
    assert!(is_allowed(&one, "GetItem", &get("USER#a")) && !is_allowed(&one, "GetItem", &get("USER#ab")));
}

/// This is why the template adds a `Null` condition.
#[test]
fn for_all_values_alone_lets_a_request_without_keys_pass() {
    let role = statement("Allow", "dynamodb:Scan", OPEN);
    assert!(is_allowed(&role, "Scan", &json!({"TableName": "Table"})));
}

#[test]
fn deny_overrides_allow() {
    let role =
        statement("Allow", "dynamodb:GetItem, dynamodb:PutItem", "") + &statement("Deny", "dynamodb:PutItem", "");
    assert!(is_allowed(&role, "GetItem", &json!({"TableName": "Table", "Key": key("USER#a")})));
    assert!(!is_allowed(&role, "PutItem", &json!({"TableName": "Table", "Item": key("USER#a")})));
}

/// AWS knows the table of an iterator, and so does the guard.
#[test]
fn a_stream_is_read_with_the_permission_for_the_stream_and_not_that_for_the_table() {
    let actions = "dynamodb:ListStreams, dynamodb:DescribeStream, dynamodb:GetShardIterator, dynamodb:GetRecords";
    let for_the_table = statement("Allow", actions, "");
    let for_the_stream = for_the_table.replace("Table.Arn", "Table.StreamArn");
    let arn = |table: &str| json!({"StreamArn": format!("arn:aws:dynamodb:x:1:table/{table}/stream/2027")});
    let iterator =
        |table: &str| json!({"ShardIterator": BASE64_STANDARD.encode(json!({"table_name": table}).to_string())});
    for (operation, body, expected) in [
        ("ListStreams", json!({"TableName": "Table"}), true),
        ("ListStreams", json!({}), false),
        ("DescribeStream", arn("Table"), true),
        ("DescribeStream", arn("Other"), false),
        ("GetShardIterator", arn("Table"), true),
        ("GetRecords", iterator("Table"), true),
        ("GetRecords", iterator("Other"), false),
        ("GetRecords", json!({"ShardIterator": "?"}), false),
        ("GetItem", json!({"TableName": "Table", "Key": key("USER#a")}), false),
    ] {
        assert_eq!(is_allowed(&for_the_stream, operation, &body), expected, "{operation} {body}");
        assert!(!is_allowed(&for_the_table, operation, &body), "{operation} {body}");
    }
}
