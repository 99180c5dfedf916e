//! What must hold of the table of keys: each function takes the JSON that the AWS command line prints.

use serde_json::Value;

use crate::finding::Finding;

/// Examines `aws dynamodb describe-table`.
pub(crate) fn examine(described: &Value) -> Vec<Finding> {
    let table = &described["Table"];
    let mut findings = Vec::new();
    if table["StreamSpecification"]["StreamEnabled"] == true {
        findings.push(error(
            "the table of keys has a stream, and whoever reads the stream gets the keys. Switch the stream off",
        ));
    }
    if table["Replicas"].as_array().is_some_and(|replicas| !replicas.is_empty()) {
        let why =
            "the table of keys has replicas in other regions, where its policy does not apply. Remove the replicas";
        findings.push(error(why));
    }
    if table["DeletionProtectionEnabled"] != true {
        let why = "the table of keys has no deletion protection, and without its keys everybody is logged out. Switch \
                   deletion protection on";
        findings.push(error(why));
    }
    findings
}

/// Examines `aws dynamodb describe-continuous-backups`.
pub(crate) fn examine_continuous_backups(described: &Value) -> Vec<Finding> {
    let recovery = &described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    if recovery["PointInTimeRecoveryStatus"] == "ENABLED" {
        let why = "the table of keys has point-in-time recovery, which keeps keys that were replaced after a leak. Switch it off";
        return vec![error(why)];
    }
    Vec::new()
}

/// Examines `aws dynamodb describe-kinesis-streaming-destination`.
pub(crate) fn examine_kinesis(described: &Value) -> Vec<Finding> {
    let destinations = described["KinesisDataStreamDestinations"].as_array().into_iter().flatten();
    let active = destinations.filter(|destination| {
        // Of the others, DISABLING goes on sending until it is DISABLED.
        !["DISABLED", "ENABLE_FAILED"].map(Value::from).contains(&destination["DestinationStatus"])
    });
    active
        .map(|destination| {
            let stream = destination["StreamArn"].as_str().unwrap_or("a Kinesis stream");
            error(&format!("the table of keys sends its changes, keys included, to {stream}. Switch that off"))
        })
        .collect()
}

/// Examines `aws dynamodb list-backups`.
pub(crate) fn examine_backups(listed: &Value) -> Vec<Finding> {
    let backups = listed["BackupSummaries"].as_array().into_iter().flatten();
    backups
        .map(|backup| {
            let name = backup["BackupArn"].as_str().unwrap_or("(without a name)");
            error(&format!(
                "there is a backup of the table of keys, which keeps keys that were replaced: {name}. Delete it"
            ))
        })
        .collect()
}

fn error(text: &str) -> Finding {
    Finding::Error(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_table_as_the_template_makes_it_is_right() {
        assert_eq!(examine(&json!({"Table": {"DeletionProtectionEnabled": true}})), []);
        let off = json!({"Table": {"DeletionProtectionEnabled": true, "Replicas": [],
            "StreamSpecification": {"StreamEnabled": false}}});
        assert_eq!(examine(&off), []);
    }

    #[test]
    fn a_stream_replicas_and_a_table_that_can_be_deleted_are_errors() {
        for (table, part) in [
            (
                json!({"DeletionProtectionEnabled": true, "StreamSpecification": {"StreamEnabled": true}}),
                "has a stream",
            ),
            (json!({"DeletionProtectionEnabled": true, "Replicas": [{"RegionName": "eu-west-1"}]}), "has replicas"),
            (json!({"DeletionProtectionEnabled": false}), "no deletion protection"),
            (json!({}), "no deletion protection"),
        ] {
            let found = texts(&examine(&json!({"Table": table})));
            let [one] = found.as_slice() else { panic!("{table}: {found:?}") };
            assert!(one.starts_with("error:") && one.contains(part), "{table}: {one}");
        }
    }

    #[test]
    fn whatever_keeps_or_copies_keys_is_an_error() {
        let recovery = |status| {
            json!({"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": status}}})
        };
        assert_eq!(examine_continuous_backups(&recovery("DISABLED")), []);
        assert_eq!(examine_continuous_backups(&recovery("ENABLED")).len(), 1);
        let kinesis = |status| {
            json!({"TableName": "Keys", "KinesisDataStreamDestinations": [
                {"StreamArn": "arn:aws:kinesis:x:1:stream/s", "DestinationStatus": status}]})
        };
        assert_eq!(examine_kinesis(&json!({"TableName": "Keys", "KinesisDataStreamDestinations": []})), []);
        for (status, count) in
            [("ACTIVE", 1), ("ENABLING", 1), ("UPDATING", 1), ("DISABLING", 1), ("DISABLED", 0), ("ENABLE_FAILED", 0)]
        {
            assert_eq!(examine_kinesis(&kinesis(status)).len(), count, "{status}");
        }
        assert_eq!(examine_backups(&json!({"BackupSummaries": []})), []);
        let backup = json!({"BackupSummaries": [{"BackupArn": "arn:aws:dynamodb:x:1:table/Keys/backup/0"}]});
        assert!(texts(&examine_backups(&backup))[0].contains("table/Keys/backup/0. Delete it"));
    }
}
