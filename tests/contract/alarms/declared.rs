//! The alarms and metric filters of the template, applied to what `CloudWatch` got.

use std::collections::{BTreeMap, BTreeSet};

use local::assemble::{self, TEMPLATE};
use serde_json::Value;

use super::{
    cloud_watch::{Entry, Metric, What, embedded},
    pattern::Pattern,
    rule::Rule,
};

/// A metric filter.
#[derive(Debug)]
pub(super) struct Filter {
    /// The binary of the function whose log it reads.
    pub(super) function: String,
    pub(super) pattern: Pattern,
    metric: Metric,
}

/// An alarm.
#[derive(Debug)]
pub(super) struct Alarm {
    /// Their sum, if there are several.
    pub(super) metrics: Vec<Metric>,
    statistic: Statistic,
    period: u64,
    rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Statistic {
    Sum,
    Maximum,
    Percentile(usize),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) alarms: BTreeMap<String, Alarm>,
    pub(super) filters: BTreeMap<String, Filter>,
}

/// The resources of this type in a stack that publishes user events.
pub(super) fn resources(kind: &str) -> BTreeMap<String, Value> {
    let given = BTreeMap::from([("USER_EVENTS".to_owned(), "on".to_owned())]);
    assemble::resources(TEMPLATE, kind, &given).unwrap()
}

impl Declared {
    pub(super) fn read() -> Self {
        let functions = resources("AWS::Serverless::Function");
        let logs: BTreeMap<String, String> = functions
            .iter()
            .map(|(name, function)| (text(&function["LoggingConfig"]["LogGroup"]), binary(name)))
            .collect();
        let filters = resources("AWS::Logs::MetricFilter").into_iter().map(|(name, filter)| {
            let filter = Filter::read(&filter, &logs).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, filter)
        });
        let alarms = resources("AWS::CloudWatch::Alarm").into_iter().map(|(name, alarm)| {
            let alarm = Alarm::read(&alarm).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, alarm)
        });
        Self { alarms: alarms.collect(), filters: filters.collect() }
    }

    /// The names of the alarms that fire.
    pub(super) fn fired(&self, entries: &[Entry]) -> BTreeSet<&str> {
        let points: Vec<(u64, Metric, f64)> =
            entries.iter().flat_map(|entry| self.points(entry).into_iter().map(|(m, v)| (entry.at, m, v))).collect();
        let fired = self.alarms.iter().filter(|(_, alarm)| alarm.rule.fires(&alarm.series(&points)));
        fired.map(|(name, _)| name.as_str()).collect()
    }

    /// The data points that an entry is or contains.
    pub(super) fn points(&self, entry: &Entry) -> Vec<(Metric, f64)> {
        match &entry.what {
            What::Point(metric, value) => vec![(metric.clone(), *value)],
            What::Line(function, line) => {
                let matching = self.filters.values().filter(|filter| filter.matches(function, line));
                matching.map(|filter| (filter.metric.clone(), 1.0)).chain(embedded(line)).collect()
            }
        }
    }
}

impl Filter {
    fn read(filter: &Value, logs: &BTreeMap<String, String>) -> Result<Self, String> {
        let group = text(&filter["LogGroupName"]);
        let function = logs.get(&group).ok_or_else(|| format!("no function writes to {group}"))?.clone();
        let [transformation] = filter["MetricTransformations"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err("it needs one MetricTransformation".to_owned());
        };
        if transformation["MetricValue"] != "1" || !transformation["DefaultValue"].is_null() {
            return Err("its value must be 1, without a default".to_owned());
        }
        let (namespace, name) = (text(&transformation["MetricNamespace"]), text(&transformation["MetricName"]));
        let metric = Metric { namespace, name, dimensions: BTreeMap::new() };
        Ok(Self { function, pattern: Pattern::read(&text(&filter["FilterPattern"]))?, metric })
    }

    pub(super) fn matches(&self, function: &str, line: &Value) -> bool {
        self.function == function && self.pattern.matches(line)
    }
}

impl Alarm {
    fn read(alarm: &Value) -> Result<Self, String> {
        let rule = Rule::read(alarm)?;
        if alarm["Metrics"].is_null() {
            let statistic = Statistic::read(alarm)?;
            let period = alarm["Period"].as_u64().ok_or("there is no Period")?;
            return Ok(Self { metrics: vec![read_metric(alarm)], statistic, period, rule });
        }
        let [sum, metrics @ ..] = alarm["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err("there are no metrics".to_owned());
        };
        if sum["Expression"] != "SUM(METRICS())" || metrics.is_empty() || metrics.len() > 10 {
            return Err(format!(
                "{} of {} metrics; only a sum of up to ten is allowed",
                sum["Expression"],
                metrics.len()
            ));
        }
        let stats: Vec<&Value> = metrics.iter().map(|metric| &metric["MetricStat"]).collect();
        let is_like_the_first = |one: &&&Value| one["Period"] == stats[0]["Period"] && one["Stat"] == "Sum";
        if stats.iter().filter(is_like_the_first).count() < stats.len() {
            return Err("the metrics differ in period or statistic".to_owned());
        }
        if metrics.iter().any(|metric| metric["ReturnData"] != false) {
            return Err("only the sum may return data".to_owned());
        }
        let period = stats[0]["Period"].as_u64().ok_or("there is no Period")?;
        let metrics = stats.iter().map(|stat| read_metric(&stat["Metric"])).collect();
        Ok(Self { metrics, statistic: Statistic::Sum, period, rule })
    }

    /// A data point for each period, from that in which the stack was made to the last one that has data.
    fn series(&self, points: &[(u64, Metric, f64)]) -> Vec<Option<f64>> {
        let end = points.iter().map(|(at, _, _)| at / self.period + 1).max().unwrap_or_default();
        let mut periods = vec![Vec::new(); usize::try_from(end).unwrap()];
        for (at, _, value) in points.iter().filter(|(_, metric, _)| self.metrics.contains(metric)) {
            periods[usize::try_from(at / self.period).unwrap()].push(*value);
        }
        periods.into_iter().map(|values| self.statistic.of(values)).collect()
    }
}

impl Statistic {
    fn read(alarm: &Value) -> Result<Self, String> {
        match (alarm["Statistic"].as_str(), alarm["ExtendedStatistic"].as_str()) {
            (Some("Sum"), None) => Ok(Self::Sum),
            (Some("Maximum"), None) => Ok(Self::Maximum),
            (None, Some("p99")) => Ok(Self::Percentile(99)),
            other => Err(format!("the statistic {other:?} is not supported here")),
        }
    }

    fn of(self, mut values: Vec<f64>) -> Option<f64> {
        values.sort_by(f64::total_cmp);
        match self {
            Self::Sum => (!values.is_empty()).then(|| values.iter().sum()),
            Self::Maximum => values.last().copied(),
            // The smallest value that so many of a hundred are not above.
            Self::Percentile(percent) => {
                let rank = (values.len() * percent).div_ceil(100);
                values.get(rank.checked_sub(1)?).copied()
            }
        }
    }
}

fn read_metric(metric: &Value) -> Metric {
    let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
    Metric {
        namespace: text(&metric["Namespace"]),
        name: text(&metric["MetricName"]),
        dimensions: dimensions.map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"]))).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// `KakaoLogin` -> `kakao-login`.
fn binary(resource: &str) -> String {
    let mut binary = String::new();
    for c in resource.chars() {
        if c.is_ascii_uppercase() && !binary.is_empty() {
            binary.push('-');
        }
        binary.push(c.to_ascii_lowercase());
    }
    binary
}
