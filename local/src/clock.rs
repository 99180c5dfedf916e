//! A clock that is set ahead over HTTP, so that tests in a browser wait for nothing.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;
use shared::clock::{Clock, SystemClock, Timestamp};
use tokio::net::TcpListener;

use crate::server::Server;

/// The machine's clock, or ahead of it.
#[derive(Debug, Default)]
pub struct AdjustableClock {
    seconds_ahead: AtomicU64,
}

impl AdjustableClock {
    /// Sets the clock further ahead.
    pub fn advance(&self, seconds: u64) {
        self.seconds_ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for AdjustableClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_secs(self.seconds_ahead.load(Ordering::SeqCst))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

/// Serves `POST / {"seconds"}`, which sets the clock further ahead, until the server is dropped.
///
/// # Errors
///
/// If the listener's local address cannot be read.
pub fn serve(clock: Arc<AdjustableClock>, listener: TcpListener) -> io::Result<Server> {
    Server::start(listener, routes("/", clock))
}

/// A route that sets the clock further ahead. Its body is JSON, which pages of other sites cannot send.
pub fn routes(path: &str, clock: Arc<AdjustableClock>) -> Router {
    Router::new().route(path, post(advance)).with_state(clock)
}

async fn advance(State(clock): State<Arc<AdjustableClock>>, Json(by): Json<Advance>) -> StatusCode {
    clock.advance(by.seconds);
    StatusCode::NO_CONTENT
}
