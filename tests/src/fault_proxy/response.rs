//! Responses that a fault makes, delays or cuts off.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::{Interval, interval};

/// An error response of DynamoDB.
pub(super) fn failure(status: StatusCode, code: &str) -> Response {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    response(status, &json!({"__type": kind, "message": "by request of a test"}))
}

/// DynamoDB's response while a transaction is writing the same item.
pub(super) fn conflict(operation: &str) -> Response {
    if operation != "TransactWriteItems" {
        return failure(StatusCode::BAD_REQUEST, "TransactionConflictException");
    }
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons = json!([{"Code": "TransactionConflict", "Message": "by request of a test"}, {"Code": "None"}]);
    response(StatusCode::BAD_REQUEST, &json!({"__type": kind, "message": "cancelled", "CancellationReasons": reasons}))
}

/// The response of a batch read that processed no key; `None` for other operations.
pub(super) fn unprocessed(operation: &str, body: &[u8]) -> Option<Response> {
    if operation != "BatchGetItem" {
        return None;
    }
    let request: Value = serde_json::from_slice(body).ok()?;
    Some(response(StatusCode::OK, &json!({"Responses": {}, "UnprocessedKeys": request["RequestItems"]})))
}

fn response(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

/// Sends the response one byte every 100 ms.
pub(super) async fn drip(response: Response) -> Response {
    slowly(response, usize::MAX).await
}

/// Cuts the response off after its first bytes.
pub(super) async fn truncate(response: Response) -> Response {
    slowly(response, 3).await
}

async fn slowly(response: Response, last: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let body = Drip { bytes, at: 0, last, interval: interval(Duration::from_millis(100)) };
    Response::from_parts(parts, Body::new(body))
}

struct Drip {
    bytes: Bytes,
    at: usize,
    /// The position at which it fails.
    last: usize,
    interval: Interval,
}

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.at == self.bytes.len() {
            return Poll::Ready(None);
        }
        ready!(self.interval.poll_tick(context));
        if self.at == self.last {
            return Poll::Ready(Some(Err(io::Error::other("cut off by a test"))));
        }
        let byte = self.bytes.slice(self.at..=self.at);
        self.at += 1;
        Poll::Ready(Some(Ok(Frame::data(byte))))
    }
}
