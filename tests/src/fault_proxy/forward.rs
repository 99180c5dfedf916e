//! Forwards a request, records its cost, and keeps earlier responses of reads to serve them stale.

use axum::{
    body::Bytes,
    http::{
        HeaderMap, Method, Uri,
        header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Fault, Shared, lock};

/// A request that is being forwarded.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    pub(super) operation: String,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Crossing {
    pub(super) fn without_token(&self) -> Self {
        let mut crossing = self.clone();
        if let Ok(Value::Object(mut members)) = serde_json::from_slice(&self.body) {
            members.remove("ClientRequestToken");
            crossing.body = Value::Object(members).to_string().into();
        }
        crossing
    }
}

/// Forwards the request with `ReturnConsumedCapacity`, and takes the consumed capacity out of the response.
pub(super) async fn forward(state: &Shared, crossing: &Crossing) -> Result<Response, reqwest::Error> {
    let mut headers = crossing.headers.clone();
    headers.remove(CONTENT_LENGTH);
    let mut body = crossing.body.clone();
    let request: Option<Value> = serde_json::from_slice(&body).ok().filter(|_| is_dynamodb(crossing));
    if let Some(mut request) = request.clone() {
        request["ReturnConsumedCapacity"] = json!("TOTAL");
        body = request.to_string().into();
    }
    let url = format!("{}{}", state.target, crossing.uri);
    let response = state.client.request(crossing.method.clone(), url).headers(headers).body(body).send().await?;
    let (status, mut headers) = (response.status(), response.headers().clone());
    let mut body = response.bytes().await?;
    if request.is_some() {
        body = without_price(state, &crossing.operation, &body);
    }
    if status.is_success() && request.is_some_and(|request| may_be_stale(&crossing.operation, &request)) {
        body = read(state, crossing, body);
    }
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    // The checksum covers the body with the consumed capacity.
    headers.remove("x-amz-crc32");
    let mut response = (status, body).into_response();
    *response.headers_mut() = headers;
    Ok(response)
}

fn is_dynamodb(crossing: &Crossing) -> bool {
    crossing.headers.get("x-amz-target").is_some_and(|target| target.as_bytes().starts_with(b"DynamoDB_"))
}

fn without_price(state: &Shared, operation: &str, body: &Bytes) -> Bytes {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(consumed) = body.as_object_mut().and_then(|body| body.remove("ConsumedCapacity")) {
        let units = units(&consumed);
        let mut traffic = lock(&state.traffic);
        match operation {
            "GetItem" | "BatchGetItem" | "Query" => traffic.read_units += units,
            _ => traffic.write_units += units,
        }
    }
    body.to_string().into()
}

fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}

fn may_be_stale(operation: &str, request: &Value) -> bool {
    let tables = request["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
    let is_consistent = std::iter::once(request).chain(tables).any(|table| table["ConsistentRead"] == json!(true));
    matches!(operation, "GetItem" | "BatchGetItem" | "Query") && !is_consistent
}

/// The response to this read or, if reads are stale, the one before its last change; empty if there was none.
fn read(state: &Shared, crossing: &Crossing, body: Bytes) -> Bytes {
    let mut reads = lock(&state.reads);
    let [older, newer] = reads.entry(crossing.body.clone()).or_insert_with(|| [empty(&body), body.clone()]);
    if *newer != body {
        *older = std::mem::replace(newer, body.clone());
    }
    if *lock(&state.fault) == Some(Fault::Stale) { older.clone() } else { body }
}

/// This response without any items.
fn empty(body: &Bytes) -> Bytes {
    let mut response: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(response) = response.as_object_mut() {
        response.remove("Item");
        for (name, nothing) in [("Items", json!([])), ("Count", json!(0)), ("ScannedCount", json!(0))] {
            response.entry(name).and_modify(|found| *found = nothing);
        }
        let tables = response.get_mut("Responses").and_then(Value::as_object_mut);
        tables.into_iter().flatten().for_each(|(_, found)| *found = json!([]));
    }
    response.to_string().into()
}
