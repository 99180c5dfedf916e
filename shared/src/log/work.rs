//! The line of a piece of work that no request waits for.

use std::time::Instant;

use serde_json::{Map, Value};
use tracing::Level;

use super::noting;

/// How a piece of work has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The outcome, in a word.
    pub outcome: &'static str,
    /// Why it did not succeed, or empty. Never a Kakao id.
    pub reason: String,
    /// Whether an operator must act.
    pub needs_an_operator: bool,
}

impl Ended {
    /// It was done.
    #[must_use]
    pub const fn well(outcome: &'static str) -> Self {
        Self { outcome, reason: String::new(), needs_an_operator: false }
    }
}

/// Does a piece of work and writes its line. `kind` says what it is, in a word.
pub async fn work(function: &'static str, kind: &'static str, work: impl Future<Output = Ended>) -> Ended {
    let started = Instant::now();
    let (ended, notes) = noting(work).await;
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut line = Map::new();
    line.insert("message".to_owned(), Value::from(format!("{function} {kind}: {}", ended.outcome)));
    line.insert("function".to_owned(), Value::from(function));
    line.insert("kind".to_owned(), Value::from(kind));
    line.insert("outcome".to_owned(), Value::from(ended.outcome));
    line.insert("duration_ms".to_owned(), Value::from(milliseconds));
    if !ended.reason.is_empty() {
        line.insert("error_reason".to_owned(), Value::from(ended.reason.as_str()));
    }
    let level = match &ended {
        Ended { needs_an_operator: true, .. } => Level::ERROR,
        Ended { reason, .. } if !reason.is_empty() => Level::WARN,
        Ended { .. } => Level::INFO,
    };
    notes.write(level, function, ended.outcome, line);
    ended
}
