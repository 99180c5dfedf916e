//! The last lines of the functions' log, for the scenes that show what an operator sees.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How many lines are kept.
const KEPT: usize = 200;
/// The members that are shown. The log has neither tokens nor personal data; the ID of a deleted user, which it has on purpose, stays
/// out of the page too.
const SHOWN: [&str; 11] = [
    "timestamp",
    "level",
    "message",
    "function",
    "event",
    "outcome",
    "http_status",
    "error_reason",
    "refresh_reuse",
    "session",
    "command",
];

/// The last lines of the log.
#[derive(Clone, Debug, Default)]
pub struct RecentLog(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    /// The number of lines since the start.
    count: u64,
    last: VecDeque<Map<String, Value>>,
}

impl RecentLog {
    /// Sends the log to standard output, without the messages of the modules `quiet`, and keeps its last lines.
    #[must_use]
    pub fn start(quiet: &[&str]) -> Self {
        let log = Self::default();
        let copy = log.clone();
        // A second call in one process fails and changes nothing.
        let _ = tracing::subscriber::set_global_default(shared::log::subscriber(move || copy.clone(), quiet));
        log
    }

    fn keep(&self, line: &[u8]) {
        let Ok(Value::Object(mut line)) = serde_json::from_slice(line) else { return };
        line.retain(|name, _| SHOWN.contains(&name.as_str()));
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.count += 1;
        lines.last.push_back(line);
        if lines.last.len() > KEPT {
            lines.last.pop_front();
        }
    }

    /// The lines after the first `seen`, and how many there have been.
    fn since(&self, seen: u64) -> Value {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = usize::try_from(lines.count.saturating_sub(seen)).unwrap_or(KEPT).min(lines.last.len());
        let new: Vec<&Map<String, Value>> = lines.last.iter().skip(lines.last.len() - new).collect();
        json!({"count": lines.count, "lines": new})
    }
}

/// `tracing` writes each line in one piece.
impl Write for RecentLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.keep(line);
        io::stdout().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

#[derive(Deserialize)]
struct Seen {
    #[serde(default)]
    since: u64,
}

/// `GET ?since=`: the lines after that many, and how many there have been.
pub(super) fn routes(path: &str, log: RecentLog) -> Router {
    async fn lines(State(log): State<RecentLog>, Query(Seen { since }): Query<Seen>) -> Json<Value> {
        Json(log.since(since))
    }
    Router::new().route(path, get(lines)).with_state(log)
}
