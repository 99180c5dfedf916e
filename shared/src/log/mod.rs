//! The log: one line of JSON for each request, with no token, code, cookie, header, body, email or nickname in it.

mod audit;
mod pseudonyms;
mod subscriber;
mod work;

use std::{cell::RefCell, fmt, sync::OnceLock, time::Instant};

use serde_json::{Map, Value, json};
use tracing::Level;
use tracing_subscriber::util::SubscriberInitExt;

use self::subscriber::LINE;
pub use self::{
    audit::{Audit, By, Ending, audit},
    pseudonyms::Pseudonyms,
    subscriber::{levels, subscriber},
    work::{Ended, work},
};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    id::UserId,
};

/// What the code that handles a request adds to the request's line.
#[derive(Debug, Default)]
pub struct Notes {
    /// The outcome, in a word.
    pub outcome: &'static str,
    user: String,
    session: String,
    refresh_reuse: bool,
    audit: Vec<audit::Noted>,
    calls: Vec<Call>,
    kakao_outages: u64,
    /// A metric in seconds.
    age: Option<(&'static str, u64)>,
}

/// A call to DynamoDB or Kakao.
#[derive(Debug)]
struct Call {
    name: &'static str,
    milliseconds: u64,
    /// Only for calls that are counted as a metric.
    outcome: Option<&'static str>,
}

/// The name of the stack, a dimension of each metric.
static STACK: OnceLock<String> = OnceLock::new();

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

/// Sends the log to standard output. `stack` is the name of the stack.
pub fn start(stack: String) {
    // A second call in one process fails and changes nothing.
    let _ = STACK.set(stack);
    let _ = subscriber(std::io::stdout, &[]).try_init();
}

/// Sets the outcome of the request, in a word.
pub fn outcome(outcome: &'static str) {
    change(|notes| notes.outcome = outcome);
}

/// Adds an age to the line, as a metric.
pub fn age(metric: &'static str, seconds: u64) {
    change(|notes| notes.age = Some((metric, seconds)));
}

/// Logs a failure that the client is not told about: as an error if an operator must act, otherwise as a warning.
pub fn failure(event: &'static str, needs_an_operator: bool, text: fmt::Arguments<'_>) {
    if needs_an_operator {
        tracing::error!(event, "{text}");
    } else {
        tracing::warn!(event, "{text}");
    }
}

/// Logs that a spent refresh token was presented: two parties hold it, and its session was ended for both.
pub fn refresh_reuse() {
    change(|notes| notes.refresh_reuse = true);
    audit(Audit::SessionEnded(Ending::Reuse));
    tracing::warn!(event = "refresh_reuse", "A spent refresh token came back: its session was ended");
}

/// Logs that a user was deleted, on purpose with the user's id: the line is the receipt, and after a restore it tells whom to delete
/// again. A user may have several of these lines, with the same time.
pub fn account_deleted(user: UserId, deleted_at: Timestamp) {
    let text = format_args!("The account was deleted at {}", deleted_at.to_rfc3339());
    tracing::info!(event = "account_deleted", user_id = %user, deleted_at = deleted_at.unix_seconds(), "{text}");
}

/// Awaits a call to DynamoDB or Kakao and notes how long it took.
pub async fn timed<F: Future>(name: &'static str, call: F) -> F::Output {
    note_call(name, call, |_| None).await
}

/// Like [`timed`], for a call that is also counted by its outcome, as a metric.
pub(crate) async fn counted<F: Future>(
    name: &'static str,
    call: F,
    outcome: impl FnOnce(&F::Output) -> &'static str,
) -> F::Output {
    note_call(name, call, |output| Some(outcome(output))).await
}

/// Counts a call that Kakao did not answer, or that was not made because Kakao is down, as a metric for an alarm.
pub(crate) fn kakao_outage() {
    change(|notes| notes.kakao_outages += 1);
}

async fn note_call<F: Future>(
    name: &'static str,
    call: F,
    outcome: impl FnOnce(&F::Output) -> Option<&'static str>,
) -> F::Output {
    let started = Instant::now();
    let output = call.await;
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let call = Call { name, milliseconds, outcome: outcome(&output) };
    change(|notes| notes.calls.push(call));
    output
}

/// Awaits the handling of one request, and returns its output with what it noted.
pub(crate) async fn noting<F: Future>(handling: F) -> (F::Output, Notes) {
    NOTES
        .scope(RefCell::default(), async {
            let output = handling.await;
            (output, NOTES.with(RefCell::take))
        })
        .await
}

fn change(add: impl FnOnce(&mut Notes)) {
    // There is no line to add to outside of a request, for example in a unit test.
    let _ = NOTES.try_with(|notes| add(&mut notes.borrow_mut()));
}

impl Notes {
    /// Writes the line of a request to this function with this outcome, and lines for what happened besides.
    ///
    /// Counted calls are also metrics, in `CloudWatch`'s embedded metric format:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    pub(crate) fn write(mut self, level: Level, function: &str, outcome: &'static str, mut line: Map<String, Value>) {
        let besides = self.audit_lines(function, outcome, &mut line);
        let calls: Vec<Value> =
            self.calls.iter().map(|call| json!({"name": call.name, "ms": call.milliseconds})).collect();
        line.insert("calls".to_owned(), Value::from(calls));
        line.insert("user".to_owned(), Value::from(self.user));
        line.insert("session".to_owned(), Value::from(self.session));
        if self.refresh_reuse {
            line.insert("refresh_reuse".to_owned(), Value::from(true));
        }

        let mut counters = Map::new();
        for (call, outcome) in self.calls.iter().filter_map(|call| Some((call, call.outcome?))) {
            for counter in ["kakao_calls".to_owned(), format!("{}_{outcome}", call.name)] {
                let count = counters.get(&counter).and_then(Value::as_u64).unwrap_or_default();
                counters.insert(counter, Value::from(count + 1));
            }
        }
        if self.kakao_outages > 0 {
            counters.insert("kakao_outages".to_owned(), Value::from(self.kakao_outages));
        }
        let mut metrics: Vec<Value> = counters.keys().map(|name| json!({"Name": name, "Unit": "Count"})).collect();
        if let Some((name, seconds)) = self.age {
            metrics.push(json!({"Name": name, "Unit": "Seconds"}));
            line.insert(name.to_owned(), Value::from(seconds));
        }
        if !metrics.is_empty() {
            line.insert(
                "_aws".to_owned(),
                json!({
                    "Timestamp": SystemClock.now().unix_seconds() * 1_000,
                    "CloudWatchMetrics": [{"Namespace": "kakao-login", "Dimensions": [["stack"]], "Metrics": metrics}],
                }),
            );
            line.insert("stack".to_owned(), Value::from(STACK.get().map_or("local", String::as_str)));
            line.extend(counters);
        }
        let line = Value::Object(line);
        // Three calls, because the level of an event must be a constant.
        match level {
            Level::ERROR => tracing::error!(target: LINE, %line),
            Level::WARN => tracing::warn!(target: LINE, %line),
            _ => tracing::info!(target: LINE, %line),
        }
        for line in besides.into_iter().map(Value::Object) {
            tracing::info!(target: LINE, %line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_belong_to_their_own_request() {
        let request = async |name| {
            outcome(name);
            timed("GetItem", tokio::task::yield_now()).await;
            timed("PutItem", tokio::task::yield_now()).await;
        };
        let (((), one), ((), two)) = tokio::join!(noting(request("one")), noting(request("two")));
        assert_eq!((one.outcome, two.outcome), ("one", "two"));
        let names: Vec<&str> = one.calls.iter().map(|call| call.name).collect();
        assert_eq!(names, ["GetItem", "PutItem"]);
    }
}
