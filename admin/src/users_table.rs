//! What must hold of the table of users: each function takes the JSON that the AWS command line prints. The template says so of a table
//! of its own. Of an `ExistingTable`, and of what somebody has changed since, nothing else does.

use serde_json::{Value, json};

use crate::finding::Finding;

/// The stream that `UserEvents` needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream<'a> {
    /// User events are off.
    NotNeeded,
    /// The template names the stream.
    Own,
    /// `ExistingTableStream`.
    Labelled(&'a str),
}

/// Examines `aws dynamodb describe-table`.
pub(crate) fn examine(described: &Value, stream: Stream<'_>) -> Vec<Finding> {
    let table = &described["Table"];
    let mut findings = Vec::new();
    let key = |name, kind| json!({"AttributeName": name, "KeyType": kind});
    let text = |name| json!({"AttributeName": name, "AttributeType": "S"});
    let types = |name| table["AttributeDefinitions"].as_array().is_some_and(|types| types.contains(&text(name)));
    if table["KeySchema"] != json!([key("pk", "HASH"), key("sk", "RANGE")]) || !types("pk") || !types("sk") {
        findings.push(error(
            "the table of users does not have the key pk and sk, two texts, so nobody can log in. Is it a table of this project?",
        ));
    }
    if table["DeletionProtectionEnabled"] != true {
        findings.push(error(
            "the table of users has no deletion protection. Run `make deploy`, or switch it on if it is an ExistingTable",
        ));
    }
    // DynamoDB leaves the mode out of tables that never had another than PROVISIONED.
    if table["BillingModeSummary"]["BillingMode"] != "PAY_PER_REQUEST" {
        let why = "the table of users is not on demand, so a burst of requests is throttled. Set PAY_PER_REQUEST";
        findings.push(Finding::Warning(why.to_owned()));
    }
    let specification = &table["StreamSpecification"];
    let is_on = specification["StreamEnabled"] == true && specification["StreamViewType"] == "NEW_AND_OLD_IMAGES";
    match stream {
        Stream::Own | Stream::Labelled(_) if !is_on => findings.push(error(
            "UserEvents=on needs a stream of the table of users with NEW_AND_OLD_IMAGES. Without it no change is published",
        )),
        Stream::Labelled(label) if table["LatestStreamLabel"] != label => {
            let latest = table["LatestStreamLabel"].as_str().unwrap_or_default();
            findings.push(error(&format!(
                "ExistingTableStream is {label}, and the table's stream is {latest}: no change is published. Deploy with the latter"
            )));
        }
        _ => {}
    }
    findings
}

/// Examines `aws dynamodb describe-continuous-backups`.
pub(crate) fn examine_continuous_backups(described: &Value) -> Option<Finding> {
    let recovery = &described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    let why = "the table of users has no point-in-time recovery: what is lost stays lost. Switch it on";
    (recovery["PointInTimeRecoveryStatus"] != "ENABLED").then(|| error(why))
}

/// Examines `aws dynamodb describe-time-to-live`.
pub(crate) fn examine_time_to_live(described: &Value) -> Option<Finding> {
    let expiry = &described["TimeToLiveDescription"];
    let is_on = ["ENABLED", "ENABLING"].map(Value::from).contains(&expiry["TimeToLiveStatus"]);
    let why = "the table of users does not expire items by expires_at: sessions and devices of users are kept for ever. Switch it on";
    (!is_on || expiry["AttributeName"] != "expires_at").then(|| error(why))
}

fn error(text: &str) -> Finding {
    Finding::Error(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "2026-12-20T15:00:00.000";

    /// As the template makes it, with user events.
    fn right() -> Value {
        json!({"Table": {
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": "sk", "AttributeType": "S"}, {"AttributeName": "pk", "AttributeType": "S"}],
            "DeletionProtectionEnabled": true, "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}, "LatestStreamLabel": LABEL}})
    }

    #[test]
    fn a_table_as_the_template_makes_it_is_right() {
        for stream in [Stream::NotNeeded, Stream::Own, Stream::Labelled(LABEL)] {
            assert_eq!(examine(&right(), stream), [], "{stream:?}");
        }
        let mut without = right();
        without["Table"].as_object_mut().unwrap().remove("StreamSpecification");
        assert_eq!(examine(&without, Stream::NotNeeded), []);
    }

    #[test]
    fn whatever_a_restored_table_lacks_is_named() {
        let labelled = Stream::Labelled(LABEL);
        for (member, value, stream, part) in [
            (
                "KeySchema",
                json!([{"AttributeName": "pk", "KeyType": "HASH"}]),
                labelled,
                "error:     the table of users does not have the key",
            ),
            ("AttributeDefinitions", json!([]), labelled, "does not have the key"),
            (
                "DeletionProtectionEnabled",
                json!(false),
                labelled,
                "error:     the table of users has no deletion protection",
            ),
            ("BillingModeSummary", json!(null), labelled, "warning:   the table of users is not on demand"),
            ("StreamSpecification", json!(null), labelled, "error:     UserEvents=on needs a stream"),
            ("StreamSpecification", json!(null), Stream::Own, "needs a stream"),
            (
                "StreamSpecification",
                json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}),
                labelled,
                "needs a stream",
            ),
            ("LatestStreamLabel", json!("2027"), labelled, "the table's stream is 2027"),
        ] {
            let mut table = right();
            table["Table"][member] = value;
            let found = examine(&table, stream);
            let [one] = found.as_slice() else { panic!("{member}: {found:?}") };
            assert!(one.to_string().contains(part), "{member}: {one}");
        }
    }

    #[test]
    fn a_table_without_backups_or_expiry_is_an_error() {
        let recovery = |status: &str| json!({"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": status}}});
        assert_eq!(examine_continuous_backups(&recovery("ENABLED")), None);
        assert!(examine_continuous_backups(&recovery("DISABLED")).is_some());
        for (status, attribute, is_right) in [
            ("ENABLED", "expires_at", true),
            ("ENABLING", "expires_at", true),
            ("ENABLED", "ttl", false),
            ("DISABLED", "expires_at", false),
            ("DISABLING", "expires_at", false),
        ] {
            let described = json!({"TimeToLiveDescription": {"TimeToLiveStatus": status, "AttributeName": attribute}});
            assert_eq!(examine_time_to_live(&described).is_none(), is_right, "{status} {attribute}");
        }
    }
}
