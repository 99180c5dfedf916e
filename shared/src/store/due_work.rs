//! Which work is due. An item that cannot be read is left out and named, so that it stops none of the others.

use std::collections::HashSet;

use super::{
    Store, StoreError, call, item,
    outbox::{FINAL_SWEEP, OUTBOX, SETTLING, WORK_PREFIX, WorkKey},
    unconditional,
};
use crate::{account::may_take, clock::Timestamp};

/// The work that is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DueWork {
    /// The items that may be taken, the longest overdue first. Of several about one person at Kakao only the first, and none while
    /// another worker has one of them.
    pub keys: Vec<WorkKey>,
    /// Since when the oldest item waits: since the mark of a deletion, or since something of Kakao's was received. What ends
    /// deletions and changes waits on purpose.
    pub oldest: Option<Timestamp>,
    /// The items that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// An item of work that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub key: WorkKey,
    /// The attribute.
    pub attribute: &'static str,
}

/// What a worker knows of an item before it takes it.
struct Waiting {
    due_at: Timestamp,
    leased_until: Option<Timestamp>,
    /// Missing in what is only about a user.
    kakao: Option<String>,
    since: Option<Timestamp>,
}

impl Store {
    /// The work that is due.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn due_work(&self, now: Timestamp) -> Result<DueWork, StoreError> {
        let (mut waiting, mut unreadable, mut from) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :outbox AND begins_with(sk, :work)")
                .projection_expression("sk, kind, due_at, leased_until, kakao_id, marked_at, received_at")
                .expression_attribute_values(":outbox", item::text(OUTBOX))
                .expression_attribute_values(":work", item::text(WORK_PREFIX))
                .set_exclusive_start_key(from);
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            for work in page.items.unwrap_or_default() {
                let key = WorkKey::of_sk(item::read_text(&work, "sk")?);
                match read_waiting(&work) {
                    Ok(item) => waiting.push((key, item)),
                    Err(StoreError::Corrupt(attribute)) => unreadable.push(Unreadable { key, attribute }),
                    Err(error) => return Err(error),
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        let oldest = waiting.iter().filter_map(|(_, item)| item.since).min();
        waiting.sort_by_key(|(_, item)| item.due_at);
        let is_leased = |item: &Waiting| item.leased_until.is_some_and(|until| until > now);
        let mut taken: HashSet<String> =
            waiting.iter().filter(|(_, item)| is_leased(item)).filter_map(|(_, item)| item.kakao.clone()).collect();
        let due = waiting.into_iter().filter(|(_, item)| may_take(item.due_at, item.leased_until, now));
        let due = due.filter(|(_, item)| item.kakao.as_ref().is_none_or(|kakao| taken.insert(kakao.clone())));
        Ok(DueWork { keys: due.map(|(key, _)| key).collect(), oldest, unreadable })
    }
}

fn read_waiting(work: &item::Item) -> Result<Waiting, StoreError> {
    let waits_on_purpose = [FINAL_SWEEP, SETTLING].contains(&item::read_text(work, "kind")?);
    let since = if work.contains_key("marked_at") { "marked_at" } else { "received_at" };
    Ok(Waiting {
        due_at: item::read_time(work, "due_at")?,
        leased_until: item::optional(work, "leased_until", item::read_time)?,
        kakao: item::optional(work, "kakao_id", item::read_text)?.map(str::to_owned),
        since: if waits_on_purpose { None } else { Some(item::read_time(work, since)?) },
    })
}
