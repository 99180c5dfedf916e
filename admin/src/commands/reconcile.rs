//! `admin reconcile`.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use clap::Args;

use super::{CommandError, StackName};
use crate::{
    deletions::{self, Command, Identities},
    stack::Stack,
};

/// Kakao lists up to 100 people in a call and allows an app 100 calls a minute.
const PAUSE: Duration = Duration::from_millis(700);
/// How many people one invocation asks about.
const BATCH: usize = 100;

/// Compare who has a user here with whom Kakao links to the app.
///
/// Finds people whom Kakao has unlinked without our knowing, as its unlink webhook is not sent again if it is lost. A user id is printed
/// for each. With --apply, Kakao is asked about each of them once more, and those whom it does not link are deleted.
#[derive(Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    stack: StackName,
    /// Delete the users whom Kakao does not link any more.
    #[arg(long)]
    apply: bool,
}

impl Reconcile {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let stack = Stack::describe(&self.stack.stack)?;
        let function = stack.output("FinishDeletionsFunction")?.to_owned();
        // The table first: somebody who joins meanwhile is at Kakao too, or is asked about, which is harmless.
        let identities = deletions::identities(stack.output("TableName")?)?;
        let linked = linked_users(|from| {
            thread::sleep(PAUSE);
            let listed = deletions::invoke(&function, &Command::ListKakaoUsers { from })?;
            let ids = listed["kakao_users"].as_array().into_iter().flatten();
            Ok(ids.filter_map(|id| id.as_str().map(str::to_owned)).collect())
        })?;
        let difference = Difference::between(&identities, &linked);
        println!("{} people have a user here, and {} are linked at Kakao.", identities.users.len(), linked.len());
        println!("{} deletions are under way.", identities.deleting.len());
        println!("{} are linked at Kakao only: they have no user here.", difference.there_only);
        println!("{} have a user here and are not linked at Kakao:", difference.here_only.len());
        for user in difference.here_only.values() {
            println!("  {user}");
        }
        if self.apply {
            let kakao_ids: Vec<&str> = difference.here_only.keys().map(String::as_str).collect();
            for batch in kakao_ids.chunks(BATCH) {
                deletions::invoke(&function, &Command::Inquire { kakao_ids: batch })?;
            }
            println!("Kakao is asked about each of them within a few minutes.");
        }
        Ok(())
    }
}

/// All pages of Kakao's list. The next page begins with the last id of the one before, or after it: Kakao does not document which.
fn linked_users(
    mut page: impl FnMut(Option<&str>) -> Result<Vec<String>, CommandError>,
) -> Result<BTreeSet<String>, CommandError> {
    let (mut all, mut from) = (BTreeSet::new(), None::<String>);
    loop {
        let ids = page(from.as_deref())?;
        from = ids.last().cloned();
        let before = all.len();
        all.extend(ids);
        if all.len() == before {
            return Ok(all);
        }
    }
}

/// Who is known on one side only.
struct Difference {
    /// Users by their ids at Kakao.
    here_only: BTreeMap<String, String>,
    there_only: usize,
}

impl Difference {
    /// People whose deletion is under way are on neither side.
    fn between(identities: &Identities, linked: &BTreeSet<String>) -> Self {
        let here_only = identities.users.iter().filter(|(kakao, _)| !linked.contains(*kakao));
        let here_only = here_only.filter(|(kakao, _)| !identities.deleting.contains(kakao));
        Self {
            here_only: here_only.map(|(kakao, user)| (kakao.clone(), user.clone())).collect(),
            there_only: linked.iter().filter(|kakao| !identities.users.contains_key(*kakao)).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pages_are_read_whether_or_not_a_page_begins_with_the_last_id_of_the_one_before() {
        let everybody: Vec<u64> = (1..=250).collect();
        for is_inclusive in [true, false] {
            let all = linked_users(|from| {
                let from = from.map_or(0, |from| from.parse().unwrap());
                let next = everybody.iter().filter(|id| **id > from || (is_inclusive && **id == from));
                Ok(next.take(100).map(ToString::to_string).collect())
            });
            assert_eq!(all.unwrap().len(), 250, "{is_inclusive}");
        }
    }

    #[test]
    fn who_is_here_only_is_named_by_user_and_a_deletion_under_way_is_not() {
        let users = [("1", "a"), ("2", "b"), ("3", "c")].map(|(kakao, user)| (kakao.to_owned(), user.to_owned()));
        let identities = Identities { users: users.into(), deleting: vec!["3".to_owned()] };
        let linked = ["1", "4"].map(str::to_owned).into();
        let difference = Difference::between(&identities, &linked);
        assert_eq!(difference.here_only.into_iter().collect::<Vec<_>>(), [("2".to_owned(), "b".to_owned())]);
        assert_eq!(difference.there_only, 1);
    }
}
