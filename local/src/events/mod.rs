//! A strict stand-in for `EventBridge`'s `PutEvents`, with the template's roles.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

mod destination;
mod entry;

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use shared::{clock::Clock, random};
use tokio::net::TcpListener;

pub use self::destination::Destination;
use self::entry::{Entry, Refusal};
use crate::{
    iam::{Gate, access_key_of},
    server::Server,
};

/// What one request may have.
const ENTRIES: usize = 10;
const BYTES: usize = 256 * 1024;
/// How many events are remembered.
const REMEMBERED: usize = 1_000;

/// `EventBridge` with one bus. Dropping it stops it.
#[derive(Debug)]
pub struct EventBus {
    server: Server,
    state: Arc<Shared>,
}

/// What gets each event.
pub type Target = Box<dyn Fn(&Value) + Send + Sync>;

struct Shared {
    bus: String,
    gate: Gate,
    clock: Arc<dyn Clock>,
    target: Option<Target>,
    events: Mutex<VecDeque<Value>>,
    refusals: Mutex<Vec<Refused>>,
}

/// Entries to refuse.
struct Refused {
    containing: String,
    code: String,
    times: usize,
}

impl EventBus {
    /// Starts `EventBridge` with this bus. `target` gets each event, as a rule would send it.
    ///
    /// # Errors
    ///
    /// If the listener has no address.
    pub fn start(
        listener: TcpListener,
        bus: &str,
        gate: Gate,
        clock: Arc<dyn Clock>,
        target: Option<Target>,
    ) -> io::Result<Self> {
        let (events, refusals) = (Mutex::default(), Mutex::default());
        let state = Arc::new(Shared { bus: bus.to_owned(), gate, clock, target, events, refusals });
        let routes = Router::new().fallback(put_events).with_state(Arc::clone(&state));
        Ok(Self { server: Server::start(listener, routes)?, state })
    }

    /// The URL it listens on.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The last events, the oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        lock(&self.state.events).iter().cloned().collect()
    }

    /// Refuses the next entries whose detail contains this text, with this error code.
    pub fn refuse(&self, containing: &str, code: &str, times: usize) {
        let refused = Refused { containing: containing.to_owned(), code: code.to_owned(), times };
        lock(&self.state.refusals).push(refused);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("bus", &self.bus).finish_non_exhaustive()
    }
}

async fn put_events(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match state.put(&headers, &body) {
        Ok(results) => {
            let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
            Json(json!({"FailedEntryCount": failed, "Entries": results})).into_response()
        }
        Err((code, message)) => {
            (StatusCode::BAD_REQUEST, [("x-amzn-errortype", code)], Json(json!({"__type": code, "message": message})))
                .into_response()
        }
    }
}

impl Shared {
    /// A result for each entry, or why the whole request is refused.
    fn put(&self, headers: &HeaderMap, body: &Bytes) -> Result<Vec<Value>, (&'static str, String)> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if header("x-amz-target") != "AWSEvents.PutEvents" {
            return Err(("UnknownOperationException", "only PutEvents is here".to_owned()));
        }
        if !header("content-type").starts_with("application/x-amz-json-1.1") {
            return Err(("SerializationException", "the content type must be application/x-amz-json-1.1".to_owned()));
        }
        let is_for_events = header("authorization").contains("/events/aws4_request");
        let Some(key) = access_key_of(headers).filter(|_| is_for_events) else {
            return Err(("MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()));
        };
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return Err(("SerializationException", "the body is not JSON".to_owned()));
        };
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=ENTRIES).contains(&entries.len()) {
            let message = format!("1 validation error detected: {} entries at 'entries'", entries.len());
            return Err(("ValidationException", message));
        }
        let entries: Vec<Entry<'_>> = entries.iter().map(Entry::of).collect();
        if entries.iter().map(Entry::size).sum::<usize>() > BYTES {
            return Err((
                "ValidationException",
                "Total size of the entries in the request is over the limit.".to_owned(),
            ));
        }
        for entry in &entries {
            self.gate.check(key, "events:PutEvents", entry.bus)?;
        }
        Ok(entries.iter().map(|entry| self.put_one(entry)).collect())
    }

    fn put_one(&self, entry: &Entry<'_>) -> Value {
        let refusal = if entry.bus == self.bus { entry.check().err() } else { Some(Refusal::no_bus(entry.bus)) };
        if let Some(Refusal { code, message }) = refusal.or_else(|| self.refusal_of(entry)) {
            return json!({"ErrorCode": code, "ErrorMessage": message});
        }
        let id = uuid();
        let event = entry.event(&id, &self.clock.now().to_rfc3339());
        if let Some(target) = &self.target {
            target(&event);
        }
        let mut events = lock(&self.events);
        if events.len() == REMEMBERED {
            events.pop_front();
        }
        events.push_back(event);
        json!({"EventId": id})
    }

    fn refusal_of(&self, entry: &Entry<'_>) -> Option<Refusal> {
        let mut refusals = lock(&self.refusals);
        let due = |refused: &&mut Refused| refused.times > 0 && entry.detail.contains(&refused.containing);
        let refused = refusals.iter_mut().find(due)?;
        refused.times -= 1;
        Some(Refusal { code: refused.code.clone(), message: "on purpose".to_owned() })
    }
}

/// A random id of version 4 (RFC 9562).
fn uuid() -> String {
    let mut bytes = random::bytes::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
