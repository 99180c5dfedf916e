//! The stream of a table, and the mapping that invokes a function with its records.
//!
//! Whatever the local stack does not do, such as another starting position, is an error.

use std::time::Duration;

use serde_yaml_ng::{Mapping, Value, value::Tag};

use super::{Result, error, references::References, scalar};

/// An event source mapping. Records that a function fails on are sent again until they are too old, then their place in the stream
/// is sent to a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSource {
    /// The table whose stream it reads.
    pub table: String,
    /// The function gets the records that match one of them.
    pub patterns: Vec<serde_json::Value>,
    /// How many records the function gets at most.
    pub batch_size: usize,
    /// How long records are collected.
    pub window: Duration,
    /// When a record is given up.
    pub max_record_age: Duration,
    /// The queue for what is given up.
    pub queue: String,
}

impl EventSource {
    /// Whether the function gets this record: it has everything that one of the patterns names, of each list one value.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
    #[must_use]
    pub fn takes(&self, record: &serde_json::Value) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, record))
    }
}

fn matches(pattern: &serde_json::Value, record: &serde_json::Value) -> bool {
    match pattern {
        serde_json::Value::Object(members) => members.iter().all(|(name, pattern)| matches(pattern, &record[name])),
        serde_json::Value::Array(values) => values.contains(record),
        _ => false,
    }
}

/// What a mapping must say, exactly as here.
const FIXED: [(&str, &str); 3] = [
    ("StartingPosition", "TRIM_HORIZON"),
    ("FunctionResponseTypes", "ReportBatchItemFailures"),
    ("BisectBatchOnFunctionError", "true"),
];
const READ: [&str; 7] = [
    "FunctionName",
    "EventSourceArn",
    "FilterCriteria",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "DestinationConfig",
];

/// The logical name of the function, and what it gets.
pub(super) fn read(resource: &Value, references: &References, resources: &Mapping) -> Result<(String, EventSource)> {
    let properties = &resource["Properties"];
    for name in properties.as_mapping().into_iter().flat_map(Mapping::keys).filter_map(Value::as_str) {
        if !READ.contains(&name) && !FIXED.iter().any(|(fixed, _)| *fixed == name) {
            return error(format!("{name} is not supported here"));
        }
    }
    for (name, expected) in FIXED {
        let value = match properties.get(name) {
            Some(Value::Sequence(items)) => items.iter().map(scalar).collect::<Result<Vec<_>>>()?.join(","),
            Some(value) => scalar(value)?,
            None => String::new(),
        };
        if value != expected {
            return error(format!("{name} must be {expected} here"));
        }
    }
    let patterns = properties["FilterCriteria"]["Filters"].as_sequence().into_iter().flatten();
    let patterns = patterns.map(|filter| read_pattern(&filter["Pattern"])).collect::<Result<Vec<_>>>()?;
    if patterns.is_empty() {
        return error("FilterCriteria has no filter");
    }
    let number = |name: &str, range: std::ops::RangeInclusive<u64>| {
        let number = references.member(properties, name, References::number)?;
        if range.contains(&number) { Ok(number) } else { error(format!("{name} is out of range: {number}")) }
    };
    let table = attribute(&properties["EventSourceArn"], "StreamArn", "AWS::DynamoDB::Table", resources)?;
    if !read_specification(&resources[table.as_str()]["Properties"])? {
        return error(format!("EventSourceArn: {table} has no stream"));
    }
    let queue = &properties["DestinationConfig"]["OnFailure"]["Destination"];
    let source = EventSource {
        table,
        patterns,
        batch_size: usize::try_from(number("BatchSize", 1..=10_000)?).unwrap_or(usize::MAX),
        window: Duration::from_secs(number("MaximumBatchingWindowInSeconds", 0..=300)?),
        max_record_age: Duration::from_secs(number("MaximumRecordAgeInSeconds", 60..=604_800)?),
        queue: attribute(queue, "Arn", "AWS::SQS::Queue", resources)?,
    };
    Ok((references.member(properties, "FunctionName", References::text)?, source))
}

/// Whether a table has a stream.
pub(super) fn read_specification(table: &Value) -> Result<bool> {
    match table.get("StreamSpecification") {
        None => Ok(false),
        Some(stream) if stream["StreamViewType"].as_str() == Some("NEW_AND_OLD_IMAGES") => Ok(true),
        Some(_) => error("StreamSpecification: StreamViewType must be NEW_AND_OLD_IMAGES here"),
    }
}

/// The resource of which this is an attribute.
fn attribute(value: &Value, name: &str, kind: &str, resources: &Mapping) -> Result<String> {
    let named = match value {
        Value::Tagged(tagged) if tagged.tag == Tag::new("GetAtt") => scalar(&tagged.value)?,
        _ => String::new(),
    };
    match named.split_once('.') {
        Some((resource, attribute))
            if attribute == name && resources.get(resource).is_some_and(|resource| resource["Type"] == kind) =>
        {
            Ok(resource.to_owned())
        }
        _ => error(format!("expected !GetAtt of the {name} of a resource of type {kind}, not {value:?}")),
    }
}

/// Objects in objects, with lists of texts at their ends, one of which the record must have.
fn read_pattern(pattern: &Value) -> Result<serde_json::Value> {
    fn is_supported(pattern: &serde_json::Value) -> bool {
        match pattern {
            serde_json::Value::Object(members) => !members.is_empty() && members.values().all(is_supported),
            serde_json::Value::Array(values) => !values.is_empty() && values.iter().all(serde_json::Value::is_string),
            _ => false,
        }
    }
    match serde_json::from_str(&scalar(pattern)?) {
        Ok(pattern) if is_supported(&pattern) => Ok(pattern),
        _ => error(format!("FilterCriteria: {pattern:?} is not supported here")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_matches_if_it_has_one_value_of_each_list() {
        let record =
            json!({"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": "USER#1"}, "sk": {"S": "PROFILE"}}}});
        for (pattern, expected) in [
            (json!({"dynamodb": {"Keys": {"sk": {"S": ["PROFILE"]}}}}), true),
            (json!({"dynamodb": {"Keys": {"sk": {"S": ["SESSION", "PROFILE"]}}}}), true),
            (json!({"dynamodb": {"Keys": {"sk": {"S": ["SESSION"]}}}}), false),
            (json!({"dynamodb": {"Keys": {"sk": {"N": ["PROFILE"]}}}}), false),
            (json!({"dynamodb": {"Keys": {"sk": {"S": ["PROFILE"]}}}, "eventName": ["INSERT"]}), false),
            (json!({"dynamodb": {"NewImage": {"x": {"S": ["y"]}}}}), false),
        ] {
            assert_eq!(matches(&pattern, &record), expected, "{pattern}");
        }
    }
}
