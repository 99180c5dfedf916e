//! The log: one line of JSON for each request, with no token, code, cookie, header, body, email or nickname in it.

use std::{
    cell::RefCell,
    fmt::{self, Debug, Write},
    time::Instant,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Map, Value, json};
use tracing::{Event, Level, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{Format, Json, JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    clock::{Clock, SystemClock},
    id::{SessionId, UserId},
};

/// Makes pseudonyms: the log tells sessions of one user apart without saying which user it is.
#[derive(Debug)]
pub struct Pseudonyms(hmac::Key);

/// What the handling of one request adds to its line.
#[derive(Debug, Default)]
pub struct Notes {
    /// What happened, in a word.
    pub outcome: &'static str,
    user: String,
    session: String,
    refresh_reuse: bool,
    calls: Vec<Call>,
}

/// A call to somebody else.
#[derive(Debug)]
struct Call {
    name: &'static str,
    milliseconds: u64,
    /// Only for calls that are counted as a metric.
    outcome: Option<&'static str>,
}

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

impl Pseudonyms {
    /// From a key of 32 bytes in base64url.
    ///
    /// # Errors
    ///
    /// What is wrong, if it is anything else.
    pub fn from_base64url(key: &str) -> Result<Self, String> {
        let key = BASE64_URL_SAFE_NO_PAD.decode(key).map_err(|_| "not base64url".to_owned())?;
        if key.len() == 32 {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
        } else {
            Err(format!("{} bytes, not 32", key.len()))
        }
    }

    /// Notes whose request this is.
    pub fn note(&self, user: UserId, session: SessionId) {
        let (user, session) = (self.of(user.as_bytes()), self.of(session.as_bytes()));
        change(|notes| (notes.user, notes.session) = (user, session));
    }

    fn of(&self, id: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, id).as_ref()[..9])
    }
}

/// Notes what happened, in a word.
pub fn outcome(outcome: &'static str) {
    change(|notes| notes.outcome = outcome);
}

/// Logs a failure that the client is not told of: as an error if somebody must act.
pub fn failure(event: &'static str, needs_an_operator: bool, text: fmt::Arguments<'_>) {
    if needs_an_operator {
        tracing::error!(event, "{text}");
    } else {
        tracing::warn!(event, "{text}");
    }
}

/// Says that a spent refresh token came back: two parties hold it, and its session was ended for both.
pub fn refresh_reuse() {
    change(|notes| notes.refresh_reuse = true);
    tracing::warn!(event = "refresh_reuse", "A spent refresh token came back: its session was ended");
}

/// Awaits an outside call and notes how long it took.
pub async fn timed<F: Future>(name: &'static str, call: F) -> F::Output {
    note_call(name, call, |_| None).await
}

/// The same for a call that is also counted, by its outcome.
pub(crate) async fn counted<F: Future>(
    name: &'static str,
    call: F,
    outcome: impl FnOnce(&F::Output) -> &'static str,
) -> F::Output {
    note_call(name, call, |output| Some(outcome(output))).await
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

/// Runs the handling of one request and gives back what it noted.
pub(crate) async fn noting<F: Future>(handling: F) -> (F::Output, Notes) {
    NOTES
        .scope(RefCell::default(), async {
            let output = handling.await;
            (output, NOTES.with(RefCell::take))
        })
        .await
}

fn change(add: impl FnOnce(&mut Notes)) {
    // Outside of a request, as in a test of one module, there is no line to add to.
    let _ = NOTES.try_with(|notes| add(&mut notes.borrow_mut()));
}

impl Notes {
    /// Writes the line of a request.
    ///
    /// Counted calls are metrics as well, in `CloudWatch`'s embedded metric format:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    pub(crate) fn write(self, level: Level, mut line: Map<String, Value>) {
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
        if !counters.is_empty() {
            let metrics: Vec<Value> = counters.keys().map(|name| json!({"Name": name, "Unit": "Count"})).collect();
            line.insert(
                "_aws".to_owned(),
                json!({
                    "Timestamp": SystemClock.now().unix_seconds() * 1_000,
                    "CloudWatchMetrics": [{"Namespace": "kakao-login", "Dimensions": [[]], "Metrics": metrics}],
                }),
            );
            line.extend(counters);
        }
        let line = Value::Object(line);
        // A call for each level, as a level is part of a call's static description.
        match level {
            Level::ERROR => tracing::error!(target: LINE, %line),
            Level::WARN => tracing::warn!(target: LINE, %line),
            _ => tracing::info!(target: LINE, %line),
        }
    }
}

/// Sends the log to standard output. What the modules `quiet` say is left out.
pub fn start(quiet: &[&str]) {
    // A second start in one process keeps the first one's log.
    let _ = subscriber(std::io::stdout, quiet).try_init();
}

/// What the log lets through. The levels are constants and no variable of the environment changes them: at TRACE the AWS SDK prints the
/// bodies of requests and responses, and so every key in them.
#[must_use]
pub fn levels(quiet: &[&str]) -> Targets {
    let quiet = quiet.iter().map(|module| ((*module).to_owned(), LevelFilter::OFF));
    let levels = Targets::new().with_default(Level::WARN).with_target("shared", Level::INFO);
    levels.with_targets(quiet)
}

/// The log as JSON, of what [`levels`] lets through.
pub fn subscriber<W>(writer: W, quiet: &[&str]) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::format().json().flatten_event(true).with_current_span(false).with_target(false);
    let lines = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(Lines(json));
    tracing_subscriber::registry().with(levels(quiet)).with(lines.with_writer(writer))
}

/// The target of events that are a whole line already. Their JSON nests, which events cannot.
const LINE: &str = "shared::line";

struct Lines(Format<Json>);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != LINE {
            return self.0.format_event(context, writer, event);
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        writer.write_str(r#"{"timestamp":""#)?;
        SystemTime.format_time(&mut writer)?;
        let rest = line.0.strip_prefix('{').unwrap_or_default();
        writeln!(writer, r#"","level":"{}",{rest}"#, event.metadata().level())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value:?}");
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

    #[test]
    fn a_pseudonym_depends_on_the_key_and_hides_the_id() {
        let user = UserId::generate();
        let one = Pseudonyms::from_base64url("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let two = Pseudonyms::from_base64url("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
        assert_eq!(one.of(user.as_bytes()), one.of(user.as_bytes()));
        assert_ne!(one.of(user.as_bytes()), two.of(user.as_bytes()));
        assert!(!user.to_string().contains(&one.of(user.as_bytes())));
        assert!(Pseudonyms::from_base64url("AAAA").is_err());
    }
}
