//! Reads a table's stream, with the permissions of the function that gets its records.

use serde_json::{Value, json};

use crate::{client::http_client, iam::access_key};

/// How many records DynamoDB returns at most.
const PAGE: usize = 1_000;

const DATE: &str = "20270115";

/// A place in the stream of a table, which has one shard in the embedded DynamoDB.
#[derive(Debug)]
pub(super) struct Reader {
    client: reqwest::Client,
    url: String,
    authorization: String,
    table: String,
    iterator: Option<String>,
    /// Of the stream and its shard.
    pub(super) place: Value,
}

impl Reader {
    /// The beginning of the stream, read through the guard at `url`.
    pub(super) fn new(url: &str, function: &str, table: &str) -> Self {
        let key = access_key(function);
        Self {
            client: http_client(),
            url: url.to_owned(),
            // Nothing here checks signatures.
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential={key}/{DATE}/ap-northeast-2/dynamodb/aws4_request, SignedHeaders=host, Signature=none"
            ),
            table: table.to_owned(),
            iterator: None,
            place: Value::Null,
        }
    }

    /// The records after those that were read. Empty if there are none.
    pub(super) async fn read(&mut self) -> Result<Vec<Value>, String> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => self.beginning().await?,
        };
        match self.call("GetRecords", &json!({"ShardIterator": iterator, "Limit": PAGE})).await {
            Ok(mut page) => {
                self.iterator = page["NextShardIterator"].as_str().map(str::to_owned);
                let Value::Array(records) = page["Records"].take() else { return Err("no records".to_owned()) };
                Ok(records)
            }
            Err(error) => {
                self.iterator = Some(iterator);
                Err(error)
            }
        }
    }

    async fn beginning(&mut self) -> Result<String, String> {
        let streams = self.call("ListStreams", &json!({"TableName": self.table})).await?;
        let arn = &streams["Streams"][0]["StreamArn"];
        let stream = self.call("DescribeStream", &json!({"StreamArn": arn})).await?;
        let shard = match stream["StreamDescription"]["Shards"].as_array().map(Vec::as_slice) {
            Some([shard]) => &shard["ShardId"],
            _ => return Err("a stream with one shard is read here".to_owned()),
        };
        self.place = json!({"streamArn": arn, "shardId": shard});
        let request = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let found = self.call("GetShardIterator", &request).await?;
        found["ShardIterator"].as_str().map(str::to_owned).ok_or_else(|| "no iterator".to_owned())
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Value, String> {
        let call = self.client.post(&self.url).body(request.to_string());
        let call = call.header("x-amz-date", format!("{DATE}T000000Z"));
        let call = call.header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"));
        let call =
            call.header("content-type", "application/x-amz-json-1.0").header("authorization", &self.authorization);
        let response = call.send().await.map_err(|error| format!("{operation}: {error}"))?;
        let is_success = response.status().is_success();
        let body: Value = response.json().await.map_err(|error| format!("{operation}: {error}"))?;
        if is_success { Ok(body) } else { Err(format!("{operation}: {body}")) }
    }
}
