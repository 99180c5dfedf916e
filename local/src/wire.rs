//! The wire to DynamoDB: counts what crosses it and, when told to, fails as DynamoDB and networks do.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_LENGTH},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use shared::random;

use crate::{
    client::http_client,
    server::{End, Server, hang_up},
};

/// A proxy in front of a DynamoDB. It stops when dropped.
#[derive(Debug)]
pub struct Wire {
    server: Server,
    state: Arc<Shared>,
}

/// What goes wrong, for every request until [`Wire::heal`] but where it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes without an answer and nothing reaches the table.
    Down,
    /// The connection is accepted and never answered. Nothing reaches the table.
    Hang,
    /// `ThrottlingException`, as on-demand tables answer. Nothing reaches the table.
    Throttle,
    /// `AccessDeniedException`. Nothing reaches the table.
    Deny,
    /// The same for this operation alone.
    DenyOnly(&'static str),
    /// 500 although the table did it.
    FailAfter,
    /// The connection closes without an answer although the table did it: for this many requests, which may be the tries
    /// of one call.
    LoseAnswers(u32),
    /// The batch calls leave everything undone and say so.
    Unprocessed,
}

/// What a busy day is like: each request is delayed, and some meet a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// How long every request takes at least.
    pub delay: Duration,
    /// How many of a thousand requests take 100 times as long.
    pub slow: u64,
    /// How many of a thousand requests are throttled.
    pub throttled: u64,
    /// How many of a thousand requests are done and answered with 500.
    pub failed_after: u64,
    /// How many of a thousand requests are done and lose their answer.
    pub lost: u64,
}

/// What crossed the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// The operations in the order of their arrival, such as `UpdateItem`.
    pub operations: Vec<String>,
    /// Read units that DynamoDB says it consumed.
    pub read_units: f64,
    /// Write units that DynamoDB says it consumed.
    pub write_units: f64,
}

#[derive(Debug)]
struct Shared {
    target: String,
    client: reqwest::Client,
    fault: Mutex<Option<Fault>>,
    weather: Mutex<Weather>,
    traffic: Mutex<Traffic>,
    /// The last request of each operation.
    last: Mutex<BTreeMap<String, (HeaderMap, Bytes)>>,
}

impl Wire {
    /// Begins to pass requests on to the DynamoDB at `target`.
    ///
    /// # Errors
    ///
    /// If no local port can be had.
    pub async fn start(target: &str) -> io::Result<Self> {
        let state = Arc::new(Shared {
            target: target.to_owned(),
            client: http_client(),
            fault: Mutex::default(),
            weather: Mutex::default(),
            traffic: Mutex::default(),
            last: Mutex::default(),
        });
        let routes = Router::new().fallback(pass).with_state(Arc::clone(&state));
        Ok(Self { server: Server::start_anywhere(routes).await?, state })
    }

    /// The address to give to a client.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// From now on this goes wrong.
    pub fn fail(&self, fault: Fault) {
        *lock(&self.state.fault) = Some(fault);
    }

    /// From now on all is well.
    pub fn heal(&self) {
        *lock(&self.state.fault) = None;
        *lock(&self.state.weather) = Weather::default();
    }

    /// From now on requests fare like this.
    pub fn change(&self, weather: Weather) {
        *lock(&self.state.weather) = weather;
    }

    /// Ends all connections that are open. New ones are served.
    pub fn end_connections(&self, end: End) {
        self.server.end_connections(end);
    }

    /// Sends the last request of this operation once more, as a network does that had held a copy back.
    ///
    /// # Errors
    ///
    /// If DynamoDB does not answer.
    ///
    /// # Panics
    ///
    /// If there was no such request.
    pub async fn repeat_last(&self, operation: &str) -> Result<StatusCode, reqwest::Error> {
        let last = lock(&self.state.last).get(operation).cloned();
        let (headers, body) = last.unwrap_or_else(|| panic!("no {operation} has crossed"));
        Ok(forward(&self.state, operation, &headers, &body).await?.status())
    }

    /// What has crossed since the last call of this.
    #[must_use]
    pub fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut *lock(&self.state.traffic))
    }
}

impl Weather {
    /// How long one request takes, and what it meets.
    fn draw(&self) -> (Duration, Option<Fault>) {
        let of_a_thousand = random::up_to(999);
        let delay = if random::up_to(999) < self.slow { self.delay * 100 } else { self.delay };
        let fault = if of_a_thousand < self.throttled {
            Some(Fault::Throttle)
        } else if of_a_thousand < self.throttled + self.failed_after {
            Some(Fault::FailAfter)
        } else if of_a_thousand < self.throttled + self.failed_after + self.lost {
            Some(Fault::LoseAnswers(0))
        } else {
            None
        };
        (delay, fault)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    lock(&state.traffic).operations.push(operation.to_owned());
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return hang_up();
    };

    lock(&state.last).insert(operation.to_owned(), (parts.headers.clone(), body.clone()));
    let weather = *lock(&state.weather);
    let (delay, luck) = weather.draw();
    tokio::time::sleep(delay).await;
    let fault = lock(&state.fault).or(luck);
    match fault {
        Some(Fault::Down) => return hang_up(),
        Some(Fault::Hang) => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return hang_up();
        }
        Some(Fault::Throttle) => return failure(StatusCode::BAD_REQUEST, "ThrottlingException"),
        Some(Fault::DenyOnly(denied)) if denied != operation => {}
        Some(Fault::Deny | Fault::DenyOnly(_)) => return failure(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Some(Fault::Unprocessed) => {
            if let Some(answer) = unprocessed(operation, &body) {
                return answer;
            }
        }
        Some(Fault::FailAfter | Fault::LoseAnswers(_)) | None => {}
    }
    let Ok(answer) = forward(&state, operation, &parts.headers, &body).await else {
        return hang_up();
    };
    match fault {
        Some(Fault::FailAfter) => failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Some(Fault::LoseAnswers(0)) => hang_up(),
        Some(Fault::LoseAnswers(left)) => {
            *lock(&state.fault) = (left > 1).then(|| Fault::LoseAnswers(left - 1));
            hang_up()
        }
        _ => answer,
    }
}

/// Passes the request on, asking what it costs; the price stays here.
async fn forward(
    state: &Shared,
    operation: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, reqwest::Error> {
    let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    let mut headers = headers.clone();
    headers.remove(CONTENT_LENGTH);
    let answer = state.client.post(&state.target).headers(headers).body(request.to_string()).send().await?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let mut body: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
    if let Some(consumed) = body.as_object_mut().and_then(|body| body.remove("ConsumedCapacity")) {
        let units = units(&consumed);
        let mut traffic = lock(&state.traffic);
        match operation {
            "GetItem" | "BatchGetItem" | "Query" => traffic.read_units += units,
            _ => traffic.write_units += units,
        }
    }
    // Both describe the body as it was with the price.
    headers.remove(CONTENT_LENGTH);
    headers.remove("x-amz-crc32");
    let mut response = (status, body.to_string()).into_response();
    *response.headers_mut() = headers;
    Ok(response)
}

fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}

fn unprocessed(operation: &str, body: &[u8]) -> Option<Response> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let body = match operation {
        "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": request["RequestItems"]}),
        "BatchWriteItem" => json!({"UnprocessedItems": request["RequestItems"]}),
        _ => return None,
    };
    Some(answer(StatusCode::OK, &body))
}

fn failure(status: StatusCode, code: &str) -> Response {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    answer(status, &json!({"__type": kind, "message": "by request of a test"}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
