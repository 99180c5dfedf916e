//! The Lambda Runtime API: hands out events one after another and takes the answers.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use local::server::Server;
use serde_json::Value;
use tokio::sync::Notify;

/// A running Runtime API for one process.
pub struct Runtime {
    server: Server,
    state: Arc<Shared>,
}

/// What the process did, and when.
#[derive(Clone, Default)]
pub struct Record {
    /// When it first asked for an event.
    pub ready: Option<Instant>,
    /// When each event was handed out, and its answer came.
    pub invocations: Vec<(Instant, Instant)>,
    pub last_answer: Value,
}

struct Shared {
    event: String,
    /// How many times the event is handed out.
    times: usize,
    /// How long the last one is waited for.
    pause: Duration,
    /// Called once, when the process is ready and before it gets its first event.
    on_ready: Box<dyn Fn() + Send + Sync>,
    given: Mutex<Option<Instant>>,
    record: Mutex<Record>,
    done: Notify,
}

impl Runtime {
    /// Hands `event` out `times` times, the last time after a pause.
    pub async fn start(
        event: &str,
        times: usize,
        pause: Duration,
        on_ready: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let state = Arc::new(Shared {
            event: event.to_owned(),
            times,
            pause,
            on_ready: Box::new(on_ready),
            given: Mutex::default(),
            record: Mutex::default(),
            done: Notify::new(),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(take))
            .with_state(Arc::clone(&state));
        Ok(Self { server: Server::start_on_free_port(routes).await?, state })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` says.
    pub fn address(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }

    /// Waits until the last event is answered and the next one asked for.
    pub async fn finished(&self, patience: Duration) -> Result<Record, String> {
        let done = tokio::time::timeout(patience, self.state.done.notified()).await;
        let record = lock(&self.state.record).clone();
        done.map(|()| record.clone()).map_err(|_| format!("no answer after {} events", record.invocations.len()))
    }
}

async fn next(State(state): State<Arc<Shared>>) -> Response {
    let answered = {
        let mut record = lock(&state.record);
        if record.ready.is_none() {
            record.ready = Some(Instant::now());
            (state.on_ready)();
        }
        record.invocations.len()
    };
    if answered == state.times {
        state.done.notify_one();
        std::future::pending::<()>().await;
    }
    if answered + 1 == state.times {
        tokio::time::sleep(state.pause).await;
    }
    *lock(&state.given) = Some(Instant::now());
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-2:123456789012:function:f"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    ];
    (headers, state.event.clone()).into_response()
}

async fn take(State(state): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let now = Instant::now();
    let given = lock(&state.given).take().unwrap_or(now);
    let mut record = lock(&state.record);
    record.invocations.push((given, now));
    record.last_answer = serde_json::from_slice(&body).unwrap_or_default();
    StatusCode::ACCEPTED
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
