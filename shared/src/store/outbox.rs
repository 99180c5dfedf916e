//! The outbox: work that is left, such as the end of a deletion. A worker takes the items that are due.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | work | `OUTBOX` | `WORK#<user id>` for a deletion, `WORK#<jti>` for a security event token, `WORK#<random>` for a webhook, `WORK#settle-<user id>` for an operator's change |
//! | security event token | `OUTBOX` | `SEEN#<jti>`, kept for 14 days |
//!
//! A worker leases an item before it works on it, and each of its writes to the item names the lease. Items of work never expire.

use std::fmt;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Store, StoreError, call, item, transaction::until_settled, unconditional};
use crate::{
    account::{Deletion, Inquiry, LEASE, SecurityEvent, Settling},
    clock::Timestamp,
    id::{KakaoId, UserId},
    random,
};

pub(super) const OUTBOX: &str = "OUTBOX";
pub(super) const WORK_PREFIX: &str = "WORK#";
pub(super) const DELETION: &str = "deletion";
pub(super) const FINAL_SWEEP: &str = "final_sweep";
const INQUIRY: &str = "inquiry";
const EVENTS: &str = "events";
pub(super) const SETTLING: &str = "settle";
/// How long a security event token is remembered. Kakao sends one again for a few days if it gets no response.
const SEEN: std::time::Duration = std::time::Duration::from_hours(14 * 24);

/// Names an item of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkKey(String);

/// As the sort key names it. It has no Kakao id.
impl fmt::Display for WorkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An item of work that this worker holds.
#[derive(Debug)]
pub struct Lease {
    key: WorkKey,
    value: String,
}

/// What is left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A deletion that is under way.
    Deletion {
        /// The user.
        user: UserId,
        /// The person at Kakao.
        kakao: KakaoId,
        /// How far it is.
        deletion: Deletion,
    },
    /// What is left of a deletion after its close.
    FinalSweep {
        /// The user.
        user: UserId,
    },
    /// Kakao says that it has unlinked this person.
    Inquiry {
        /// The person at Kakao.
        kakao: KakaoId,
        /// How far it is.
        inquiry: Inquiry,
    },
    /// An operator has changed this user.
    Settling {
        /// The user.
        user: UserId,
        /// How far it is.
        change: Settling,
    },
    /// Security events about a person.
    Events {
        /// The person at Kakao.
        kakao: KakaoId,
        /// The events.
        events: Vec<SecurityEvent>,
        /// When they were received.
        received_at: Timestamp,
        /// How far it is, if one of them means that Kakao has unlinked the person.
        inquiry: Inquiry,
    },
}

/// How a worker gives an item back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It failed: try again then.
    Failed {
        /// When it is due.
        until: Timestamp,
    },
    /// Kakao said "linked", first at this time: ask again then.
    Linked {
        /// When Kakao first said so.
        since: Timestamp,
        /// When it is due.
        until: Timestamp,
    },
    /// It is to be done once more then.
    Again {
        /// When it is due.
        until: Timestamp,
    },
    /// Start over at once.
    StartOver,
}

impl WorkKey {
    /// The work for a deletion of this user.
    #[must_use]
    pub fn of_user(user: UserId) -> Self {
        Self(user.to_string())
    }

    /// The work for an operator's change of this user.
    pub(super) fn of_change(user: UserId) -> Self {
        Self(format!("settle-{user}"))
    }

    /// The work for a security event token with this id.
    fn of_token(jti: &str) -> Self {
        Self(jti.to_owned())
    }

    /// The key with this sort key.
    pub(super) fn of_sk(sk: &str) -> Self {
        Self(sk.trim_start_matches(WORK_PREFIX).to_owned())
    }

    /// Work of which there may be several for a person.
    fn generate() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()))
    }

    pub(super) fn item(&self) -> item::Item {
        item::key(item::text(OUTBOX), item::text(format!("{WORK_PREFIX}{}", self.0)))
    }

    /// The item of a deletion that begins.
    pub(super) fn deletion(&self, user: UserId, kakao: KakaoId, deletion: &Deletion) -> item::Item {
        let mut work = self.item();
        work.extend(
            [
                ("kind", item::text(DELETION)),
                ("user_id", item::text(user.to_string())),
                ("kakao_id", item::text(kakao.to_string())),
                ("marked_at", item::time(deletion.marked_at)),
                ("due_at", item::time(deletion.due_at())),
                ("failures", item::number(deletion.failures.into())),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        work
    }

    /// The item of an operator's change.
    pub(super) fn settling(&self, user: UserId, change: Settling) -> item::Item {
        let mut work = self.item();
        work.extend(
            [
                ("kind", item::text(SETTLING)),
                ("user_id", item::text(user.to_string())),
                ("changed_at", item::time(change.changed_at)),
                ("due_at", item::time(change.due_at())),
                ("failures", item::number(0)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        work
    }

    /// The item of something that Kakao says about a person, which is due at once.
    fn of_kakao(&self, kind: &str, kakao: KakaoId, now: Timestamp) -> item::Item {
        let mut work = self.item();
        work.extend(
            [
                ("kind", item::text(kind)),
                ("kakao_id", item::text(kakao.to_string())),
                ("received_at", item::time(now)),
                ("due_at", item::time(now)),
                ("failures", item::number(0)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        work
    }
}

impl Lease {
    fn new(key: WorkKey) -> Self {
        Self { key, value: BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()) }
    }

    pub(super) const fn key(&self) -> &WorkKey {
        &self.key
    }

    pub(super) fn value(&self) -> aws_sdk_dynamodb::types::AttributeValue {
        item::text(&self.value)
    }
}

impl Store {
    /// Puts into the outbox that Kakao says it has unlinked this person.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The item may have been written; another one is harmless.
    pub async fn put_inquiry(&self, kakao: KakaoId, now: Timestamp) -> Result<(), StoreError> {
        let work = WorkKey::generate().of_kakao(INQUIRY, kakao, now);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(work));
        unconditional("PutItem", call("PutItem", put.send()).await?).map(drop)
    }

    /// Puts the events of a security event token into the outbox. Returns `false` if the token was received before.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The item may have been written; it is safe to try again.
    pub async fn put_events(
        &self,
        jti: &str,
        kakao: KakaoId,
        events: &[SecurityEvent],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut work = WorkKey::of_token(jti).of_kakao(EVENTS, kakao, now);
        let list = events.iter().map(|event| {
            let scopes = event.scopes.iter().map(item::text).collect();
            item::map([("uri", item::text(&event.uri)), ("scopes", item::list(scopes))])
        });
        work.insert("events".to_owned(), item::list(list.collect()));
        let mut seen = item::key(item::text(OUTBOX), item::text(format!("SEEN#{jti}")));
        seen.insert("expires_at".to_owned(), item::time(now + SEEN));
        let unbuilt = |_| StoreError::Corrupt("key");
        let put = |new| Put::builder().table_name(&self.table).set_item(Some(new));
        let seen = put(seen).condition_expression("attribute_not_exists(pk)").build().map_err(unbuilt)?;
        let work = put(work).build().map_err(unbuilt)?;
        let writes = [seen, work].map(|put| TransactWriteItem::builder().put(put).build());
        Ok(self.transact(&writes).await?.is_ok())
    }

    /// Takes an item of work. Returns `None` if it is done, not due, or another worker has it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The item may be leased; it becomes free when the lease ends.
    pub async fn take_work(&self, key: &WorkKey, now: Timestamp) -> Result<Option<(Lease, Work)>, StoreError> {
        self.take(key, "attribute_exists(pk) AND due_at <= :now", now).await
    }

    /// Takes the deletion of this user for an operator, also before it is due again. Returns `None` if there is none, or a worker
    /// has it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The item may be leased; it becomes free when the lease ends.
    pub async fn take_deletion(&self, user: UserId, now: Timestamp) -> Result<Option<(Lease, Work)>, StoreError> {
        // What follows the close has the same key, and no Kakao id.
        self.take(&WorkKey::of_user(user), "attribute_exists(kakao_id)", now).await
    }

    async fn take(&self, key: &WorkKey, condition: &str, now: Timestamp) -> Result<Option<(Lease, Work)>, StoreError> {
        let lease = Lease::new(key.clone());
        let take = || {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key.item()))
                .update_expression("SET lease = :lease, leased_until = :leased_until")
                .condition_expression(format!(
                    "{condition} AND (attribute_not_exists(leased_until) OR leased_until <= :now)"
                ))
                .expression_attribute_values(":lease", lease.value())
                .expression_attribute_values(":leased_until", item::time(now + LEASE))
                .expression_attribute_values(":now", item::time(now))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            call("UpdateItem", update.send())
        };
        let taken = match until_settled(take).await? {
            Ok(taken) => taken.attributes.unwrap_or_default(),
            Err(UpdateItemError::ConditionalCheckFailedException(lost)) => match lost.item {
                // An earlier try has taken it, and its response was lost.
                Some(stored) if stored.get("lease") == Some(&lease.value()) => stored,
                _ => return Ok(None),
            },
            Err(error) => return unconditional("UpdateItem", Err(error)),
        };
        let work = read_work(&taken)?;
        Ok(Some((lease, work)))
    }

    /// Writes down that Kakao is about to be told to unlink the person. Returns `false` if another worker has the deletion now: then
    /// Kakao must not be told.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn note_attempt(&self, lease: &Lease, now: Timestamp) -> Result<bool, StoreError> {
        let noted = || {
            let update = self.client.update_item().table_name(&self.table).set_key(Some(lease.key.item()));
            let update = update
                .update_expression("SET attempted_at = :now")
                .condition_expression("lease = :lease AND kind = :deletion")
                .expression_attribute_values(":now", item::time(now))
                .expression_attribute_values(":lease", lease.value())
                .expression_attribute_values(":deletion", item::text(DELETION));
            call("UpdateItem", update.send())
        };
        match until_settled(noted).await? {
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            result => unconditional("UpdateItem", result).map(|_| true),
        }
    }

    /// Gives an item back, to be taken again later. Nothing happens if another worker has it now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The item becomes free when the lease ends.
    pub async fn release_work(&self, lease: &Lease, release: Release, now: Timestamp) -> Result<(), StoreError> {
        let (set, remove, due_at) = match release {
            Release::Failed { until } => (", failures = failures + :one", "", until),
            Release::Linked { until, .. } => (", failures = :zero, linked_at = :linked_at", "", until),
            Release::Again { until } => (", failures = :zero", "", until),
            Release::StartOver => (", failures = :zero", ", linked_at", now),
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(lease.key.item()))
            .update_expression(format!("SET due_at = :due_at{set} REMOVE leased_until, lease{remove}"))
            .condition_expression("lease = :lease")
            .expression_attribute_values(":due_at", item::time(due_at))
            .expression_attribute_values(":lease", lease.value());
        update = match release {
            Release::Failed { .. } => update.expression_attribute_values(":one", item::number(1)),
            Release::Linked { .. } | Release::Again { .. } | Release::StartOver => {
                update.expression_attribute_values(":zero", item::number(0))
            }
        };
        if let Release::Linked { since, .. } = release {
            update = update.expression_attribute_values(":linked_at", item::time(since));
        }
        match call("UpdateItem", update.send()).await? {
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            result => unconditional("UpdateItem", result).map(drop),
        }
    }

    /// Removes an item whose work is done. Nothing happens if another worker has it now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The work is done again when the lease ends, which is harmless.
    pub async fn finish_work(&self, lease: &Lease) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(lease.key.item()))
            .condition_expression("lease = :lease")
            .expression_attribute_values(":lease", lease.value());
        match call("DeleteItem", delete.send()).await? {
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            result => unconditional("DeleteItem", result).map(drop),
        }
    }
}

fn read_work(work: &item::Item) -> Result<Work, StoreError> {
    let user = || item::read_text(work, "user_id")?.parse().map_err(|_| StoreError::Corrupt("user_id"));
    let kakao = || item::read_text(work, "kakao_id")?.parse().map_err(|_| StoreError::Corrupt("kakao_id"));
    let failures = item::read_number(work, "failures")?;
    let inquiry = || Ok(Inquiry { linked_at: item::optional(work, "linked_at", item::read_time)?, failures });
    match item::read_text(work, "kind")? {
        DELETION => {
            let attempted_at = item::optional(work, "attempted_at", item::read_time)?;
            let deletion = Deletion { marked_at: item::read_time(work, "marked_at")?, attempted_at, failures };
            Ok(Work::Deletion { user: user()?, kakao: kakao()?, deletion })
        }
        FINAL_SWEEP => Ok(Work::FinalSweep { user: user()? }),
        SETTLING => {
            Ok(Work::Settling { user: user()?, change: Settling { changed_at: item::read_time(work, "changed_at")? } })
        }
        INQUIRY => Ok(Work::Inquiry { kakao: kakao()?, inquiry: inquiry()? }),
        EVENTS => {
            let events =
                work.get("events").and_then(|events| events.as_l().ok()).ok_or(StoreError::Corrupt("events"))?;
            let events = events.iter().map(read_event).collect::<Option<_>>().ok_or(StoreError::Corrupt("events"))?;
            let received_at = item::read_time(work, "received_at")?;
            Ok(Work::Events { kakao: kakao()?, events, received_at, inquiry: inquiry()? })
        }
        _ => Err(StoreError::Corrupt("kind")),
    }
}

fn read_event(event: &aws_sdk_dynamodb::types::AttributeValue) -> Option<SecurityEvent> {
    let event = event.as_m().ok()?;
    let scopes = event.get("scopes")?.as_l().ok()?;
    let scopes = scopes.iter().map(|scope| scope.as_s().ok().cloned()).collect::<Option<_>>()?;
    Some(SecurityEvent { uri: event.get("uri")?.as_s().ok()?.clone(), scopes })
}
