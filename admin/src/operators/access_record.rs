//! The record of what an operator does: who, when, whose data, what, why and from which machine. It is in a log group of its own.
//!
//! A record has two lines. The first one is written before anything is read, so that there is no access without it. The second one has
//! the result, and is written before anything is printed.

use std::{env, process::Command};

use serde_json::{Map, Value, json};
use shared::{clock::Timestamp, id::SessionId};

use crate::aws::{self, AwsError};

/// Why nothing was done: there is no record of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// STS or `CloudWatch` Logs could not be asked, or has refused.
    #[error("{0}\nThe access could not be recorded")]
    Aws(#[from] AwsError),
    /// `CloudWatch` Logs has taken the request, but not the line.
    #[error("CloudWatch Logs does not take the access record: {0}. Is the clock of this machine right?")]
    Rejected(Value),
    /// STS has told nothing.
    #[error("`aws sts get-caller-identity` does not say who you are, so the access cannot be recorded")]
    Nobody,
}

/// What an operator is about to do.
pub(crate) struct Access<'a> {
    /// The command's name.
    pub command: &'static str,
    /// The stack's name.
    pub stack: &'a str,
    /// The user, if the operator has named one.
    pub user: Option<String>,
    /// The person at Kakao, if the operator has named one.
    pub kakao_id: Option<String>,
    /// Why.
    pub reason: &'a str,
}

/// A record whose first line is written.
pub(crate) struct AccessRecord {
    group: String,
    stream: String,
    line: Map<String, Value>,
}

impl AccessRecord {
    /// Records what is about to be done.
    pub(crate) fn begin(group: &str, access: &Access<'_>, now: Timestamp) -> Result<Self, RecordError> {
        let identity = aws::call(&["sts", "get-caller-identity"])?;
        let operator = identity["Arn"].as_str().ok_or(RecordError::Nobody)?;
        // Random, so that two operators never write to one stream.
        let id = SessionId::generate().to_string();
        let stream = format!("{}/{id}", now.to_rfc3339().get(..10).unwrap_or_default().replace('-', "/"));
        aws::call(&["logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", &stream])?;
        let members = json!({
            "record": id,
            "operator": operator,
            "command": access.command,
            "stack": access.stack,
            "user": access.user,
            "kakao_id": access.kakao_id,
            "reason": access.reason,
            "host": host(),
            "admin": env!("CARGO_PKG_VERSION"),
        });
        let Value::Object(line) = members else { return Err(RecordError::Nobody) };
        let record = Self { group: group.to_owned(), stream, line };
        record.write("begun", None, now)?;
        Ok(record)
    }

    /// Records the result. `user` is the user whom it was about, if that is known now.
    pub(crate) fn end(mut self, result: &str, user: Option<String>, now: Timestamp) -> Result<(), RecordError> {
        if let Some(user) = user {
            self.line.insert("user".to_owned(), user.into());
        }
        self.write("ended", Some(result), now)
    }

    fn write(&self, step: &str, result: Option<&str>, now: Timestamp) -> Result<(), RecordError> {
        let mut line = self.line.clone();
        line.insert("step".to_owned(), step.into());
        line.insert("at".to_owned(), now.to_rfc3339().into());
        if let Some(result) = result {
            line.insert("result".to_owned(), result.into());
        }
        let events =
            json!([{"timestamp": now.unix_seconds() * 1_000, "message": Value::Object(line).to_string()}]).to_string();
        let to = ["--log-group-name", &self.group, "--log-stream-name", &self.stream];
        // Through standard input: other users of this machine can see a process's arguments.
        let put = [&["logs", "put-log-events"], to.as_slice(), &["--log-events", "file:///dev/stdin"]].concat();
        let written = aws::run(&put, Some(events.as_bytes()))?;
        let written: Value = serde_json::from_slice(&written).unwrap_or_default();
        match &written["rejectedLogEventsInfo"] {
            Value::Null => Ok(()),
            rejected => Err(RecordError::Rejected(rejected.clone())),
        }
    }
}

/// The name of this machine. `CloudTrail` has its address.
fn host() -> String {
    let printed = Command::new("hostname").output().ok().filter(|output| output.status.success());
    let printed = printed.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    printed.or_else(|| env::var("HOSTNAME").ok()).unwrap_or_default()
}
