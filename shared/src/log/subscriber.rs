//! How lines are written to standard output.

use std::fmt::{self, Debug, Write};

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
};

/// Which levels the log has. They are constants that no environment variable can change: at TRACE the AWS SDK prints the bodies of
/// requests and responses, with every key in them.
#[must_use]
pub fn levels(quiet: &[&str]) -> Targets {
    let quiet = quiet.iter().map(|module| ((*module).to_owned(), LevelFilter::OFF));
    let levels = Targets::new().with_default(Level::WARN).with_target("shared", Level::INFO);
    levels.with_targets(quiet)
}

/// Writes what [`levels`] lets through as JSON.
pub fn subscriber<W>(writer: W, quiet: &[&str]) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::format().json().flatten_event(true).with_current_span(false).with_target(false);
    let lines = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(Lines(json));
    tracing_subscriber::registry().with(levels(quiet)).with(lines.with_writer(writer))
}

/// The target of events that are a complete line of JSON. Fields of ordinary events cannot nest.
pub(super) const LINE: &str = "shared::line";

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
