//! Commands for the function finish-deletions, receipts of deletions in the logs, and the identities in the table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{
    aws::{self, AwsError},
    lambda::{self, InvokeError},
};

/// What finish-deletions is invoked with by an operator. The function has the same list, as what it reads.
#[derive(Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command<'a> {
    ReplayDeletions { receipts: &'a [Receipt] },
    ListKakaoUsers { from: Option<&'a str> },
    Inquire { kakao_ids: &'a [&'a str] },
    CloseDeletion { user: &'a str },
}

/// A line of the log that says that a user was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Receipt {
    pub id: String,
    pub deleted_at: i64,
    /// Where the restored profile does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kakao_id: Option<String>,
}

/// Who has a user, by the scan of the table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identities {
    /// Users by their ids at Kakao.
    pub users: BTreeMap<String, String>,
    /// The ids at Kakao of people whose deletion is under way.
    pub deleting: Vec<String>,
}

/// Invokes the function and returns its result.
pub(crate) fn invoke(function: &str, command: &Command<'_>) -> Result<Value, InvokeError> {
    lambda::invoke("finish-deletions", function, command)
}

/// The receipts in a log group, by user.
pub(crate) fn receipts(log_group: &str) -> Result<BTreeMap<String, Receipt>, AwsError> {
    let pattern = r#"{ $.event = "account_deleted" }"#;
    let found = aws::call(&["logs", "filter-log-events", "--log-group-name", log_group, "--filter-pattern", pattern])?;
    Ok(read_receipts(&found))
}

fn read_receipts(found: &Value) -> BTreeMap<String, Receipt> {
    let lines = found["events"].as_array().into_iter().flatten();
    let lines = lines.filter_map(|event| serde_json::from_str::<Value>(event["message"].as_str()?).ok());
    // The service filters the lines already. Who is deleted again must not depend on how it reads a pattern.
    let receipts = lines.filter(|line| line["event"] == "account_deleted").filter_map(|line| {
        let (id, deleted_at) = (line["user_id"].as_str()?.to_owned(), line["deleted_at"].as_i64()?);
        Some((id.clone(), Receipt { id, deleted_at, kakao_id: None }))
    });
    receipts.collect()
}

/// Everybody who has a user, by a scan of the table.
pub(crate) fn identities(table: &str) -> Result<Identities, AwsError> {
    let scanned = aws::call(&[
        "dynamodb",
        "scan",
        "--table-name",
        table,
        "--consistent-read",
        "--filter-expression",
        "sk = :identity AND attribute_exists(user_id)",
        "--projection-expression",
        "pk, user_id, deleting_at",
        "--expression-attribute-values",
        r#"{":identity": {"S": "IDENTITY"}}"#,
    ])?;
    Ok(read_identities(&scanned))
}

fn read_identities(scanned: &Value) -> Identities {
    let mut identities = Identities::default();
    for item in scanned["Items"].as_array().into_iter().flatten() {
        let kakao = item["pk"]["S"].as_str().and_then(|pk| pk.strip_prefix("KAKAO#"));
        let (Some(kakao), Some(user)) = (kakao, item["user_id"]["S"].as_str()) else { continue };
        identities.users.insert(kakao.to_owned(), user.to_owned());
        if item.get("deleting_at").is_some() {
            identities.deleting.push(kakao.to_owned());
        }
    }
    identities
}

#[cfg(test)]
mod tests {
    use finish_deletions::Event;
    use serde_json::json;

    use super::*;

    const USER: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn every_command_is_one_that_the_function_reads() {
        let read = |command: Command<'_>| serde_json::from_slice::<Event>(&serde_json::to_vec(&command).unwrap());
        let receipt = |kakao_id| Receipt { id: USER.to_owned(), deleted_at: 1, kakao_id };
        for kakao_id in [None, Some("1".to_owned())] {
            let replay = read(Command::ReplayDeletions { receipts: &[receipt(kakao_id.clone())] });
            let Ok(Event::ReplayDeletions { receipts }) = replay else { panic!("{kakao_id:?}") };
            assert_eq!(receipts[0].kakao_id.map(|id| id.to_string()), kakao_id);
        }
        assert!(matches!(read(Command::ListKakaoUsers { from: None }), Ok(Event::ListKakaoUsers { from: None })));
        assert!(matches!(
            read(Command::ListKakaoUsers { from: Some("1") }),
            Ok(Event::ListKakaoUsers { from: Some(_) })
        ));
        let inquire = read(Command::Inquire { kakao_ids: &["1376016924429759228"] });
        assert!(
            matches!(inquire, Ok(Event::Inquire { kakao_ids }) if kakao_ids[0].to_string() == "1376016924429759228")
        );
        assert!(matches!(read(Command::CloseDeletion { user: USER }), Ok(Event::CloseDeletion { .. })));
    }

    #[test]
    fn receipts_are_read_from_the_lines_of_the_log_once_for_each_user() {
        let line = |user: &str| json!({"message": json!({"event": "account_deleted", "user_id": user, "deleted_at": 7}).to_string()});
        let other = json!({"message": json!({"event": "other", "user_id": "c", "deleted_at": 7}).to_string()});
        let found = read_receipts(&json!({"events": [line("a"), line("b"), line("a"), other, {"message": "x"}, {}]}));
        let expected = |id: &str| (id.to_owned(), Receipt { id: id.to_owned(), deleted_at: 7, kakao_id: None });
        assert_eq!(found, BTreeMap::from([expected("a"), expected("b")]));
        assert_eq!(read_receipts(&Value::Null), BTreeMap::new());
    }

    #[test]
    fn identities_are_read_from_a_scan() {
        let item = |kakao: &str, user: &str| json!({"pk": {"S": format!("KAKAO#{kakao}")}, "user_id": {"S": user}});
        let mut deleting = item("2", "b");
        deleting["deleting_at"] = json!({"N": "1"});
        let found = read_identities(&json!({"Items": [item("1", "a"), deleting, {"pk": {"S": "KAKAO#3"}}]}));
        let users = [("1", "a"), ("2", "b")].map(|(kakao, user)| (kakao.to_owned(), user.to_owned()));
        assert_eq!(found, Identities { users: users.into(), deleting: vec!["2".to_owned()] });
    }
}
