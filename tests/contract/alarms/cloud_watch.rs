//! What `CloudWatch` gets while a stack runs: the lines of each function's log, and data points from AWS's own services.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use local::lambda::RUNNING;
use serde_json::Value;

/// A metric with its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Metric {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric with one dimension.
    pub(super) fn new(namespace: &str, name: &str, (dimension, value): (&str, &str)) -> Self {
        let dimensions = BTreeMap::from([(dimension.to_owned(), value.to_owned())]);
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }
}

/// Something that `CloudWatch` got.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// In seconds since the stack was made.
    pub(super) at: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A line in the log of the function with this binary.
    Line(String, Value),
    /// A data point.
    Point(Metric, f64),
}

/// Collects what `CloudWatch` gets. Its clock is moved together with the stack's.
#[derive(Clone, Debug, Default)]
pub(super) struct CloudWatch(Arc<Mutex<Collected>>);

#[derive(Debug, Default)]
struct Collected {
    now: u64,
    entries: Vec<Entry>,
}

impl CloudWatch {
    pub(super) fn now(&self) -> u64 {
        self.0.lock().unwrap().now
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.0.lock().unwrap().now += seconds;
    }

    /// Takes a data point of this time.
    pub(super) fn take_point(&self, at: u64, metric: Metric, value: f64) {
        self.0.lock().unwrap().entries.push(Entry { at, what: What::Point(metric, value) });
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap().entries.clone()
    }
}

/// Writes the log of the functions whose tasks write to it. Each write is a line.
impl io::Write for CloudWatch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = serde_json::from_slice(bytes)?;
        // The clients of the test itself have no log.
        if let Ok(function) = RUNNING.try_with(|name| (*name).to_owned()) {
            let mut collected = self.0.lock().unwrap();
            let at = collected.now;
            collected.entries.push(Entry { at, what: What::Line(function, line) });
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The metrics in a line in the embedded metric format.
pub(super) fn embedded(line: &Value) -> Vec<(Metric, f64)> {
    let mut found = Vec::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
        for names in directive["Dimensions"].as_array().into_iter().flatten() {
            let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
            let dimensions: BTreeMap<String, String> = names
                .map(|name| (name.to_owned(), line[name].as_str().expect("a dimension is a text").to_owned()))
                .collect();
            for metric in directive["Metrics"].as_array().into_iter().flatten() {
                let name = metric["Name"].as_str().expect("a metric has a name").to_owned();
                let value = line[&name].as_f64().expect("a metric has a value");
                let namespace = directive["Namespace"].as_str().expect("a namespace").to_owned();
                found.push((Metric { namespace, name, dimensions: dimensions.clone() }, value));
            }
        }
    }
    found
}
