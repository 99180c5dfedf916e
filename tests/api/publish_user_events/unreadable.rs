//! Profiles that somebody has edited.

use aws_sdk_dynamodb::types::AttributeValue;
use local::streams::Step;
use tests::Stack;

use super::changes::{about, profile, publishing};
use crate::recorder::{Log, lines_with};

async fn is_skipped(stack: &Stack, id: &str, attributes: &[(&str, AttributeValue)]) -> bool {
    stack.restore(&[profile(id, attributes)]).await;
    let next = stack.log_in().await.body["user"]["pk"].clone();
    let step = stack.publish_user_events().await;
    step == Step::Idle && about(stack, &next).len() == 1
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_holds_up_nobody_and_is_reported() {
    let log = Log::start();
    let stack = publishing().await;
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let before = lines_with(&log, "profile_unreadable").len();
    assert!(is_skipped(&stack, "17", &[]).await);
    assert!(is_skipped(&stack, "18", &[("created_at", AttributeValue::Bool(true))]).await);
    assert!(is_skipped(&stack, "19", &[("created_at", number("1")), ("revision", number("-1"))]).await);
    assert!(is_skipped(&stack, "not-an-id", &[("created_at", number("1"))]).await);
    let lines = lines_with(&log, "profile_unreadable");
    assert_eq!(lines.len(), before + 4);
    assert!(lines[before..].iter().all(|line| line["level"] == "ERROR" && line["sequence_number"].is_string()));
}
