//! `admin replay-deletions`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::Value;

use super::{CommandError, StackName};
use crate::{
    deletions::{self, Command, Receipt},
    stack::Stack,
};

/// How many receipts one invocation gets.
const BATCH: usize = 100;
/// The log groups with receipts, by their names in the template.
const LOGS: [&str; 2] = ["AccountLogs", "FinishDeletionsLogs"];

/// Delete again who had been deleted, after the table was restored from a backup.
///
/// Reads the receipts of all deletions from the stack's logs and marks their users as deleted. finish-deletions ends that within two
/// minutes of its next run. Run it before routes and schedules are switched on again. It may be run several times.
#[derive(Args)]
pub(super) struct ReplayDeletions {
    #[command(flatten)]
    stack: StackName,
}

impl ReplayDeletions {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let stack = Stack::describe(&self.stack.stack)?;
        let function = stack.output("FinishDeletionsFunction")?.to_owned();
        let resources = stack.resources()?;
        let mut receipts = BTreeMap::new();
        for name in LOGS {
            let missing = || format!("the stack {} has no log group {name}, so receipts are missing", self.stack.stack);
            let group = resources.get(name).ok_or_else(|| CommandError::Other(missing()))?;
            receipts.extend(deletions::receipts(group)?);
        }
        println!("{} receipts of deletions in the logs.", receipts.len());

        let mut counts = Counts::default();
        let all: Vec<Receipt> = receipts.values().cloned().collect();
        counts.send(&function, &all)?;
        // Profiles of an older release do not say who the user is at Kakao. The scan does.
        let unknown = std::mem::take(&mut counts.without_kakao_id);
        if !unknown.is_empty() {
            let identities = deletions::identities(stack.output("TableName")?)?;
            counts.gone += unknown.len();
            let named = with_kakao_ids(&unknown, &identities.users, &receipts);
            counts.gone -= named.len();
            counts.send(&function, &named)?;
        }
        println!("{} are deleted, and {} were not in this table.", counts.deleted, counts.gone);
        Ok(())
    }
}

/// What became of the receipts.
#[derive(Default)]
struct Counts {
    deleted: usize,
    gone: usize,
    without_kakao_id: Vec<String>,
}

impl Counts {
    fn send(&mut self, function: &str, receipts: &[Receipt]) -> Result<(), CommandError> {
        for batch in receipts.chunks(BATCH) {
            let result = deletions::invoke(function, &Command::ReplayDeletions { receipts: batch })?;
            self.add(&result["replayed"]);
        }
        Ok(())
    }

    fn add(&mut self, replayed: &Value) {
        let count = |name: &str| replayed[name].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        self.deleted += count("deleted");
        self.gone += count("gone");
        let unknown = replayed["without_kakao_id"].as_array().into_iter().flatten();
        self.without_kakao_id.extend(unknown.filter_map(|id| id.as_str().map(str::to_owned)));
    }
}

/// The receipts of these users with their ids at Kakao, as far as an identity names the user.
fn with_kakao_ids(
    users: &[String],
    identities: &BTreeMap<String, String>,
    receipts: &BTreeMap<String, Receipt>,
) -> Vec<Receipt> {
    let kakao_ids: BTreeMap<&str, &str> =
        identities.iter().map(|(kakao, user)| (user.as_str(), kakao.as_str())).collect();
    let named = users.iter().filter_map(|user| {
        let kakao_id = Some((*kakao_ids.get(user.as_str())?).to_owned());
        Some(Receipt { kakao_id, ..receipts.get(user)?.clone() })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_whose_profile_does_not_say_it_is_found_by_the_identity() {
        let receipt = |id: &str| Receipt { id: id.to_owned(), deleted_at: 7, kakao_id: None };
        let receipts = BTreeMap::from(["a", "b"].map(|id| (id.to_owned(), receipt(id))));
        let identities = BTreeMap::from([("1".to_owned(), "a".to_owned()), ("3".to_owned(), "c".to_owned())]);
        let named = with_kakao_ids(&["a".to_owned(), "b".to_owned()], &identities, &receipts);
        assert_eq!(named, [Receipt { kakao_id: Some("1".to_owned()), ..receipt("a") }]);
    }

    #[test]
    fn results_of_batches_are_added_up() {
        let mut counts = Counts::default();
        for _ in 0..2 {
            counts.add(&json!({"deleted": 2, "gone": 1, "without_kakao_id": ["a"]}));
        }
        assert_eq!((counts.deleted, counts.gone, counts.without_kakao_id.len()), (4, 2, 2));
    }
}
