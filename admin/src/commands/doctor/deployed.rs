//! Which version of the functions users meet, and the table with the users.

use std::thread;

use serde_json::Value;

use super::{Examination, unread};
use crate::{
    aws,
    finding::Finding,
    users_table::{self, Stream},
    versions,
};

impl Examination {
    pub(super) fn examine_versions(&mut self) {
        let subject = "which version of the functions users meet";
        let resources = match self.stack.resources() {
            Ok(resources) => resources,
            Err(error) => {
                self.unchecked(subject, "cloudformation:ListStackResources", &error);
                return;
            }
        };
        let listed = self.look(subject, "lambda:ListFunctions", &["lambda", "list-functions"]);
        let Some(listed) = listed else { return };
        let unpublished = |function: &str| {
            let functions = listed["Functions"].as_array().into_iter().flatten();
            functions.into_iter().find(|listed| listed["FunctionName"] == function)
        };
        let aliased: Vec<_> = self.template.aliased();
        let live = |name: &str| {
            let function = resources.get(name)?;
            let live = ["lambda", "get-function-configuration", "--function-name", function, "--qualifier", "live"];
            Some((function, aws::call(&live)))
        };
        // Each starts the command line, which takes half a second.
        let found: Vec<_> = thread::scope(|scope| {
            let calls: Vec<_> = aliased.iter().map(|name| scope.spawn(|| live(name))).collect();
            calls.into_iter().map(|call| call.join().ok().flatten()).collect()
        });
        for (name, found) in aliased.into_iter().zip(found) {
            let finding = match found {
                None => Some(versions::missing(name)),
                Some((_, Err(error))) if error.code() == Some("ResourceNotFoundException") => {
                    Some(versions::missing(name))
                }
                Some((_, Err(error))) => Some(unread(subject, "lambda:GetFunctionConfiguration", &error.to_string())),
                Some((function, Ok(live))) => {
                    versions::examine(name, unpublished(function).unwrap_or(&Value::Null), &live)
                }
            };
            if finding.as_ref().is_none_or(|finding| !self.findings.contains(finding)) {
                self.findings.extend(finding);
            }
        }
    }

    pub(super) fn examine_users_table(&mut self) {
        let table = match self.stack.output("TableName") {
            Ok(table) => table.to_owned(),
            Err(error) => {
                self.findings.push(Finding::Error(error.to_string()));
                return;
            }
        };
        let parameter = |name: &str| self.stack.parameters.get(name).map(String::as_str).unwrap_or_default().to_owned();
        let (events, existing, label) =
            (parameter("UserEvents"), parameter("ExistingTable"), parameter("ExistingTableStream"));
        let stream = match (events.as_str(), existing.as_str()) {
            ("on", "") => Stream::Own,
            ("on", _) => Stream::Labelled(&label),
            _ => Stream::NotNeeded,
        };
        let describe = |operation| ["dynamodb", operation, "--table-name", &table];
        let described = self.look("the table of users", "dynamodb:DescribeTable", &describe("describe-table"));
        self.findings.extend(described.iter().flat_map(|described| users_table::examine(described, stream)));
        let recovery = describe("describe-continuous-backups");
        let subject = "point-in-time recovery of the table of users";
        let recovery = self.look(subject, "dynamodb:DescribeContinuousBackups", &recovery);
        self.findings.extend(recovery.iter().filter_map(users_table::examine_continuous_backups));
        let expiry = describe("describe-time-to-live");
        let expiry = self.look("expiry in the table of users", "dynamodb:DescribeTimeToLive", &expiry);
        self.findings.extend(expiry.iter().filter_map(users_table::examine_time_to_live));
    }
}
