//! What the log says of the work: receipts, one line for each item, the age of the oldest, and never a Kakao id.

use std::time::Duration;

use serde_json::json;
use tests::Stack;

use super::person::{Person, run};
use crate::recorder::{Log, lines_with};

#[tokio::test]
async fn the_log_has_the_receipt_a_line_for_each_item_and_no_kakao_id() {
    let log = Log::start();
    let stack = Stack::start().await;
    let person = Person::join(&stack, 3_987_654_301).await;
    let deleted_at = stack.now().unix_seconds();
    person.delete_and_wait(&stack).await;
    stack.kakao.fail("/v1/user/unlink", &json!({"kind": "api_code", "code": -777_001})).await;
    run(&stack, 1).await;
    let [line]: [_; 1] = lines_with(&log, "kapi -777001").try_into().unwrap();
    assert_eq!(
        (&line["level"], &line["kind"], &line["outcome"]),
        (&json!("ERROR"), &json!("deletion"), &json!("not_unlinked"))
    );
    assert_eq!(line["kakao_unlink_unknown"], 1, "{line}");

    let receipts = lines_with(&log, &person.user.to_string());
    let receipt = receipts.iter().find(|line| line["event"] == "account_deleted").unwrap();
    assert_eq!((&receipt["user_id"], &receipt["deleted_at"]), (&json!(person.user.to_string()), &json!(deleted_at)));

    stack.advance(Duration::from_secs(4_317));
    run(&stack, 1).await;
    let ages = lines_with(&log, "\"oldest_work_seconds\":4377");
    let metrics = &ages[0]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!((&metrics["Namespace"], &metrics["Metrics"][0]["Unit"]), (&json!("kakao-login"), &json!("Seconds")));
    assert!(!log.text().contains("3987654301"), "a Kakao id in the log");
}
