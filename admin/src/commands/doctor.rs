//! `admin doctor`.

mod deployed;

use std::{fmt::Display, process::ExitCode};

use clap::Args;
use serde_json::Value;
use shared::clock::{Clock, SystemClock};

use super::StackName;
use crate::{
    aws, backup_plans,
    finding::Finding,
    keys_policy, keys_table,
    rotate_keys::{self, Command},
    settings::{self, DJANGO_KEY, KEY_RING, STORED, Settings},
    stack::{Stack, pairs},
    template::Template,
};

/// Find what is wrong with a stack before a user does.
///
/// Examines the parameters and whether users meet them, whether keys and Kakao's secrets are there, and how both tables are protected.
/// What it may not read it names as unchecked. Status 0 if nothing is wrong, 1 if something is, 2 if the stack cannot be read.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    stack: StackName,
    /// Where browsers reach the API, if that is not the stack's own address.
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
}

impl Doctor {
    pub(super) fn run(&self) -> ExitCode {
        let stack = match Stack::describe(&self.stack.stack) {
            Ok(stack) => stack,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(2);
            }
        };
        let mut examination = Examination { template: Template::new(), stack, findings: Vec::new() };
        examination.examine_settings(self.api_url.as_deref());
        examination.examine_versions();
        examination.examine_users_table();
        examination.examine_keys_table();
        report(&examination.findings)
    }
}

/// Prints the findings. Only an error makes the status 1.
fn report(findings: &[Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    if findings.iter().any(|finding| matches!(finding, Finding::Error(_))) {
        return ExitCode::FAILURE;
    }
    let unchecked = findings.iter().any(|finding| matches!(finding, Finding::Unchecked(_)));
    println!("Nothing is wrong{}.", if unchecked { " with what could be checked" } else { "" });
    ExitCode::SUCCESS
}

struct Examination {
    template: Template,
    stack: Stack,
    findings: Vec<Finding>,
}

impl Examination {
    fn examine_settings(&mut self, api_url: Option<&str>) {
        let mut settings = parameters(&self.stack, &self.template);
        let api_url = api_url.or(self.stack.output("ApiUrl").ok());
        settings.insert("API_URL".to_owned(), api_url.unwrap_or_default().to_owned());
        // Only the functions may read the keys, so rotate-keys says what there is.
        let function = self.stack.rotate_keys_function().map_err(|error| error.to_string());
        let described = function
            .and_then(|function| rotate_keys::invoke(&function, &Command::Describe).map_err(|error| error.to_string()));
        settings.extend(described.as_ref().map_or_else(|_| unknown_keys(), keys));
        if let Err(reason) = described {
            self.unchecked("whether there are keys and Kakao's secrets", "lambda:InvokeFunction", &reason);
        }
        self.findings.extend(settings::examine(&settings, SystemClock.now()));
    }

    fn examine_keys_table(&mut self) {
        let table = match self.stack.output("KeysTableName") {
            Ok(table) => table.to_owned(),
            Err(error) => {
                self.findings.push(Finding::Error(error.to_string()));
                return;
            }
        };
        let table = table.as_str();
        let subject = "the table of keys (stream, deletion protection)";
        let described = ["dynamodb", "describe-table", "--table-name", table];
        let Some(described) = self.look(subject, "dynamodb:DescribeTable", &described) else { return };
        self.findings.extend(keys_table::examine(&described));

        let recovery = ["dynamodb", "describe-continuous-backups", "--table-name", table];
        let recovery = self.look("point-in-time recovery", "dynamodb:DescribeContinuousBackups", &recovery);
        self.findings.extend(recovery.iter().flat_map(keys_table::examine_continuous_backups));
        let kinesis = ["dynamodb", "describe-kinesis-streaming-destination", "--table-name", table];
        let kinesis = self.look("streaming to Kinesis", "dynamodb:DescribeKinesisStreamingDestination", &kinesis);
        self.findings.extend(kinesis.iter().flat_map(keys_table::examine_kinesis));
        let backups = ["dynamodb", "list-backups", "--backup-type", "ALL", "--table-name", table];
        let backups = self.look("backups of the table of keys", "dynamodb:ListBackups", &backups);
        self.findings.extend(backups.iter().flat_map(keys_table::examine_backups));

        let arn = described["Table"]["TableArn"].as_str().unwrap_or_default();
        self.examine_policy(arn);
        self.examine_backup_plans(arn);
    }

    fn examine_policy(&mut self, table_arn: &str) {
        let deployed = match aws::call(&["dynamodb", "get-resource-policy", "--resource-arn", table_arn]) {
            Ok(deployed) => deployed,
            Err(error) if error.code() == Some("PolicyNotFoundException") => {
                self.findings.push(keys_policy::missing());
                return;
            }
            Err(error) => {
                self.unchecked("the policy of the table of keys", "dynamodb:GetResourcePolicy", &error);
                return;
            }
        };
        let deployed: Value =
            deployed["Policy"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let resources = match self.stack.resources() {
            Ok(resources) => resources,
            Err(error) => {
                let subject = "the policy of the table of keys, which names the stack's roles";
                self.unchecked(subject, "cloudformation:ListStackResources", &error);
                return;
            }
        };
        let expected = self.template.keys_policy(|role| role_arn(table_arn, resources.get(role)?));
        self.findings.extend(match expected {
            Ok(expected) => keys_policy::examine(&deployed, &expected),
            Err(role) => {
                let why = format!(
                    "the stack has no role {role}, which template.yaml of this release has. Deploy this release"
                );
                vec![Finding::Error(why)]
            }
        });
    }

    fn examine_backup_plans(&mut self, table_arn: &str) {
        let subject = "what AWS Backup has backed up";
        let protected = self.look(subject, "backup:ListProtectedResources", &["backup", "list-protected-resources"]);
        self.findings.extend(protected.iter().flat_map(|listed| backup_plans::examine_protected(listed, table_arn)));

        let subject = "the plans of AWS Backup";
        let Some(plans) = self.look(subject, "backup:ListBackupPlans", &["backup", "list-backup-plans"]) else {
            return;
        };
        let plans = pairs(&plans["BackupPlansList"], "BackupPlanId", "BackupPlanName");
        if plans.is_empty() {
            return;
        }
        let tags = ["dynamodb", "list-tags-of-resource", "--resource-arn", table_arn];
        let tags = self.look("the tags of the table of keys", "dynamodb:ListTagsOfResource", &tags);
        let tags = tags.map(|tags| pairs(&tags["Tags"], "Key", "Value"));
        for (id, plan) in plans {
            let subject = format!("what the backup plan {plan} includes");
            let listed = ["backup", "list-backup-selections", "--backup-plan-id", &id];
            let Some(listed) = self.look(&subject, "backup:ListBackupSelections", &listed) else { continue };
            let selections = pairs(&listed["BackupSelectionsList"], "SelectionId", "SelectionId").into_keys();
            for selection in selections {
                let described =
                    ["backup", "get-backup-selection", "--backup-plan-id", &id, "--selection-id", &selection];
                let described = self.look(&subject, "backup:GetBackupSelection", &described);
                self.findings.extend(
                    described.iter().flat_map(|described| {
                        backup_plans::examine_selection(described, &plan, table_arn, tags.as_ref())
                    }),
                );
            }
        }
    }

    /// Reads something. If it may not be read, or AWS does not answer, that becomes a finding.
    fn look(&mut self, subject: &str, permission: &str, arguments: &[&str]) -> Option<Value> {
        let read = aws::call(arguments);
        read.map_err(|error| self.unchecked(subject, permission, &error)).ok()
    }

    fn unchecked(&mut self, subject: &str, permission: &str, reason: &impl Display) {
        self.findings.push(unread(subject, permission, &reason.to_string()));
    }
}

/// The finding for something that could not be read, in one line.
fn unread(subject: &str, permission: &str, reason: &str) -> Finding {
    // What AWS says of it names the caller and the resource, and not what to ask for.
    if reason.contains("AccessDenied") {
        return Finding::Unchecked(format!("{subject}: you may not read that. Ask for the permission {permission}"));
    }
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    Finding::Unchecked(format!("{subject}: could not be read. {reason}"))
}

/// A role is in the account of its stack's tables. The template gives its roles no path.
fn role_arn(table_arn: &str, role: &str) -> Option<String> {
    let mut parts = table_arn.split(':');
    let (partition, account) = (parts.nth(1)?, parts.nth(2)?);
    Some(format!("arn:{partition}:iam::{account}:role/{role}"))
}

/// A stack's parameters by the names of settings.
fn parameters(stack: &Stack, template: &Template) -> Settings {
    let names = template.settings();
    let known = stack.parameters.iter().filter_map(|(parameter, value)| {
        let name = match parameter.as_str() {
            // No function knows these.
            "AlarmTopicArn" => "ALARM_TOPIC_ARN",
            "AlarmEmail" => "ALARM_EMAIL",
            "AllowHeaders" => "ALLOW_HEADERS",
            parameter => names.get(parameter)?,
        };
        Some((name.to_owned(), value.clone()))
    });
    known.collect()
}

/// What rotate-keys says. Of Kakao's secrets it is only known whether they are stored: what was put had the right shape.
fn keys(result: &Value) -> Settings {
    let described = &result["described"];
    let stored = |name: &str| if described[name] == true { STORED } else { "" }.to_owned();
    Settings::from([
        (KEY_RING.to_owned(), described["keys"].as_str().unwrap_or("none").to_owned()),
        ("KAKAO_CLIENT_SECRET".to_owned(), stored("kakao_client_secret")),
        ("KAKAO_ADMIN_KEY".to_owned(), stored("kakao_admin_key")),
        (DJANGO_KEY.to_owned(), stored("django_key")),
    ])
}

/// What could not be read is not reported as missing.
fn unknown_keys() -> Settings {
    ["KAKAO_CLIENT_SECRET", "KAKAO_ADMIN_KEY"].map(|name| (name.to_owned(), STORED.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_rotate_keys_says_is_read_and_nothing_counts_as_stored_without_its_word() {
        let described = json!({"described": {"keys": "made", "kakao_client_secret": true, "kakao_admin_key": false}});
        let expected =
            [("KEY_RING", "made"), ("KAKAO_CLIENT_SECRET", STORED), ("KAKAO_ADMIN_KEY", ""), ("DJANGO_KEY", "")];
        assert_eq!(keys(&described), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        for other in [json!({"described": {"keys": "none"}}), json!({"errorMessage": "x"}), json!(null)] {
            let stored = keys(&other);
            assert_eq!((stored[KEY_RING].as_str(), stored["KAKAO_CLIENT_SECRET"].as_str()), ("none", ""), "{other}");
        }
    }

    #[test]
    fn what_may_not_be_read_is_named_with_the_permission_and_what_fails_with_the_reason() {
        let denied = "`aws dynamodb describe-table` failed: An error occurred (AccessDeniedException) when calling the \
                      DescribeTable operation: User: arn:aws:iam::123456789012:user/eve is not authorized";
        let found = unread("the table", "dynamodb:DescribeTable", denied).to_string();
        assert_eq!(found, "unchecked: the table: you may not read that. Ask for the permission dynamodb:DescribeTable");
        let found = unread("the table", "dynamodb:DescribeTable", "Could not connect\n to the endpoint").to_string();
        assert_eq!(found, "unchecked: the table: could not be read. Could not connect to the endpoint");
    }

    #[test]
    fn a_roles_arn_is_in_the_partition_and_account_of_the_table() {
        let arn = role_arn("arn:aws-cn:dynamodb:cn-north-1:123456789012:table/Keys", "kakao-login-RefreshRole-1A");
        assert_eq!(arn.as_deref(), Some("arn:aws-cn:iam::123456789012:role/kakao-login-RefreshRole-1A"));
        assert_eq!(role_arn("", "x"), None);
    }
}
