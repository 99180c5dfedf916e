//! The dashboard shows what there is: each alarm, metric, log and member of a line in it exists.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    cloud_watch::{Metric, What},
    declared::{Declared, resources},
    fired::recordings,
};

/// Metrics of AWS's own for an HTTP API, and for a table.
const OF_APIS: [&str; 6] = ["Count", "4xx", "5xx", "Latency", "IntegrationLatency", "DataProcessed"];
const OF_TABLES: [&str; 4] =
    ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"];
/// Commands and functions of Logs Insights in the queries.
const WORDS: [&str; 10] = ["SOURCE", "filter", "ispresent", "stats", "count", "as", "by", "sort", "desc", "asc"];

fn widgets(kind: &str) -> Vec<Value> {
    let dashboards = resources("AWS::CloudWatch::Dashboard");
    let body = dashboards["Operations"]["DashboardBody"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap().iter();
    widgets.filter(|widget| widget["type"] == kind).map(|widget| widget["properties"].clone()).collect()
}

/// The metrics that the functions' logs have in some run.
fn logged() -> BTreeSet<Metric> {
    let declared = Declared::read();
    let lines = recordings().values().flatten().filter(|entry| matches!(entry.what, What::Line(..)));
    lines.flat_map(|entry| declared.points(entry)).map(|(metric, _)| metric).collect()
}

/// `["AWS/ApiGateway", "Count", "ApiId", "HttpApi"]`
fn read(metric: &Value) -> Metric {
    let texts: Vec<&str> = metric.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let [namespace, name, dimensions @ ..] = texts.as_slice() else { panic!("{metric}") };
    let pairs = dimensions.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
    Metric { namespace: (*namespace).to_owned(), name: (*name).to_owned(), dimensions: pairs.collect() }
}

#[test]
fn each_metric_is_one_that_aws_or_a_function_sends() {
    let logged = logged();
    let metrics: Vec<(Value, Metric)> = widgets("metric")
        .into_iter()
        .flat_map(|widget| {
            let metrics: Vec<Metric> = widget["metrics"].as_array().unwrap().iter().map(read).collect();
            metrics.into_iter().map(move |metric| (widget["region"].clone(), metric))
        })
        .collect();
    assert!(metrics.len() > 20 && metrics.len() <= 50, "more than 50 metrics are not free");
    for (region, metric) in metrics {
        let name = metric.name.as_str();
        let is_sent = match metric.namespace.as_str() {
            "AWS/ApiGateway" => {
                metric == Metric::new("AWS/ApiGateway", name, ("ApiId", "HttpApi")) && OF_APIS.contains(&name)
            }
            "AWS/DynamoDB" => {
                let tables = ["Table", "Keys"].map(|table| Metric::new("AWS/DynamoDB", name, ("TableName", table)));
                tables.contains(&metric) && OF_TABLES.contains(&name)
            }
            "AWS/WAFV2" => is_of_the_firewall(&metric),
            _ => is_logged(&metric, &logged),
        };
        assert!(is_sent, "{metric:?}");
        let expected = if metric.namespace == "AWS/WAFV2" { "us-east-1" } else { "AWS::Region" };
        assert_eq!(region, expected, "{metric:?}");
    }
}

/// A metric that was logged, or that of a call to Kakao and an outcome that both were, if not together.
fn is_logged(metric: &Metric, logged: &BTreeSet<Metric>) -> bool {
    let is_beside = |other: &&Metric| (&other.namespace, &other.dimensions) == (&metric.namespace, &metric.dimensions);
    let names: BTreeSet<&str> = logged.iter().filter(is_beside).map(|other| other.name.as_str()).collect();
    let parts: Vec<(&str, &str)> = names.iter().filter_map(|name| name.rsplit_once('_')).collect();
    let (call, outcome) = metric.name.rsplit_once('_').unwrap_or_default();
    names.contains(metric.name.as_str())
        || (parts.iter().any(|(other, _)| *other == call) && parts.iter().any(|(_, other)| *other == outcome))
}

/// A rule of the firewall in the edge stack of this stack.
fn is_of_the_firewall(metric: &Metric) -> bool {
    let edge = include_str!("../../../edge.yaml");
    let names = ["WebACL", "Rule"].map(|dimension| metric.dimensions[dimension].strip_prefix("local-edge-").unwrap());
    let is_declared = |name: &str| edge.contains(&format!("MetricName: !Sub \"${{AWS::StackName}}-{name}\""));
    metric.dimensions.len() == 2
        && ["BlockedRequests", "CountedRequests"].contains(&metric.name.as_str())
        && names[0] == "all"
        && names.iter().all(|name| is_declared(name))
}

#[test]
fn it_shows_every_alarm_that_each_stack_has() {
    let [alarms] = widgets("alarm").try_into().unwrap();
    let shown: BTreeSet<&str> =
        alarms["alarms"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let declared = Declared::read();
    let only_with_user_events = |name: &&str| !name.starts_with("UserEvents");
    assert_eq!(shown, declared.alarms.keys().map(String::as_str).filter(only_with_user_events).collect());
}

#[test]
fn each_query_reads_logs_that_exist_and_members_that_lines_have() {
    let logs: BTreeSet<String> = resources("AWS::Logs::LogGroup").into_keys().collect();
    let lines = recordings()["quiet"].iter().filter_map(|entry| match &entry.what {
        What::Line(_, line) => line.as_object(),
        What::Point(..) => None,
    });
    let members: BTreeSet<String> = lines.flat_map(|line| line.keys().cloned()).collect();
    let queries = widgets("log");
    assert!(queries.len() >= 2);
    for widget in queries {
        let query = widget["query"].as_str().unwrap();
        let mut named = BTreeSet::new();
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let mut before = "";
        for word in words {
            if before == "as" {
                named.insert(word);
            } else if before == "SOURCE" {
                assert!(logs.contains(word), "{query}: there is no log {word}");
            } else {
                assert!(WORDS.contains(&word) || named.contains(word) || members.contains(word), "{query}: {word}");
            }
            before = word;
        }
    }
}
