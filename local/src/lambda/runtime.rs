//! The Runtime API of one process: hands out events and accepts responses.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Failed, Invocation, deadline, lock};
use crate::server::Server;

/// The Runtime API of one process.
#[derive(Debug)]
pub struct Runtime {
    next: tokio::sync::Mutex<mpsc::UnboundedReceiver<Work>>,
    current: Mutex<Option<oneshot::Sender<Answered>>>,
    /// When the process last asked for an event.
    pub asked: watch::Sender<Option<Instant>>,
    pub(super) answered: AtomicU64,
}

/// An event for the process, and where its caller waits.
#[derive(Debug)]
pub struct Work {
    /// The event.
    pub invocation: Invocation,
    /// Receives the moment at which the process takes the event.
    pub given: oneshot::Sender<Instant>,
    /// Receives the response.
    pub answer: oneshot::Sender<Answered>,
}

/// A response, and the moment at which it arrived.
#[derive(Debug)]
pub struct Answered {
    /// The moment.
    pub at: Instant,
    /// What the function returned.
    pub response: Result<Value, Failed>,
}

impl Runtime {
    /// A Runtime API, and the sender for its work.
    #[must_use]
    pub fn new() -> (mpsc::UnboundedSender<Work>, Arc<Self>) {
        let (work, next) = mpsc::unbounded_channel();
        let runtime = Self {
            next: tokio::sync::Mutex::new(next),
            current: Mutex::default(),
            asked: watch::Sender::new(None),
            answered: AtomicU64::new(0),
        };
        (work, Arc::new(runtime))
    }

    /// Serves it at a free port.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn serve(self: &Arc<Self>) -> io::Result<Server> {
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_event))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(take_answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(take_error))
            .route("/2018-06-01/runtime/init/error", post(take_error))
            .with_state(Arc::clone(self));
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Server::start(tokio::net::TcpListener::from_std(listener)?, routes)
    }

    fn answer(&self, answered: Answered) -> StatusCode {
        if let Some(current) = lock(&self.current).take() {
            let _ = current.send(answered);
        }
        StatusCode::ACCEPTED
    }
}

async fn next_event(State(runtime): State<Arc<Runtime>>) -> Response {
    runtime.asked.send_replace(Some(Instant::now()));
    let work = loop {
        match runtime.next.lock().await.recv().await {
            // The caller has given up, because the process took too long to ask.
            Some(late) if late.answer.is_closed() => {}
            Some(work) => break work,
            // The process is about to be stopped.
            None => return std::future::pending().await,
        }
    };
    let headers = [
        ("lambda-runtime-aws-request-id", work.invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline(work.invocation.timeout).to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-2:123456789012:function:f".to_owned()),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    *lock(&runtime.current) = Some(work.answer);
    let event = work.invocation.event.to_string();
    let _ = work.given.send(Instant::now());
    (headers, event).into_response()
}

async fn take_answer(State(runtime): State<Arc<Runtime>>, body: Bytes) -> StatusCode {
    let at = Instant::now();
    runtime.answered.fetch_add(1, Ordering::SeqCst);
    runtime.answer(Answered { at, response: serde_json::from_slice(&body).map_err(|_| Failed::Crashed) })
}

async fn take_error(State(runtime): State<Arc<Runtime>>) -> StatusCode {
    runtime.answer(Answered { at: Instant::now(), response: Err(Failed::Crashed) })
}
