//! The two transactions of a deletion: the mark begins it, and the close ends it. The conditions are those of [`Identity`] and of
//! the [`Profile`](crate::account::Profile).

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update, builders::PutBuilder,
};

use super::{
    Store, StoreError,
    identities::{identity_key, read_identity},
    item,
    outbox::{Lease, WorkKey},
};
use crate::{
    account::{Deletion, FinalSweep, Identity, MarkedBy, TOMBSTONE_TTL},
    clock::Timestamp,
    id::{KakaoId, UserId},
};

/// The result of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The user is deleted, by this request.
    Now,
    /// The user was deleted before, at this time.
    Before(Timestamp),
    /// Nothing was written: the identity names another user or nobody, or the user has logged in since Kakao was asked.
    Outdated,
}

/// The result of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The person may join again.
    Done,
    /// Another worker has taken the deletion over.
    LeaseLost,
    /// The identity does not name this user, or is marked at another time. An operator must look.
    IdentityChanged,
}

/// The positions of the writes, by which reasons of a cancelled transaction are read.
const IDENTITY: usize = 0;
const PROFILE: usize = 1;
const WORK: usize = 1;

/// How often a close is tried while an operator disables or enables the person.
const CLOSES: u32 = 3;

impl Store {
    /// Marks a user as deleted and puts the work that is left into the outbox, all or nothing. Nothing is left of the profile but
    /// `deleted_at`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The user may be marked; it is safe to try again.
    pub async fn mark_deleted(
        &self,
        user: UserId,
        kakao: KakaoId,
        by: MarkedBy,
        now: Timestamp,
    ) -> Result<Marked, StoreError> {
        let identity = Update::builder()
            .table_name(&self.table)
            .set_key(Some(identity_key(kakao)))
            .update_expression("SET deleting_at = :now")
            .condition_expression("user_id = :user AND attribute_not_exists(deleting_at)")
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":user", item::text(user.to_string()))
            .return_values_on_condition_check_failure(AllOld);
        let profile = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::profile_key(user)))
            .item(item::DELETED_AT, item::time(now))
            .return_values_on_condition_check_failure(AllOld);
        let work = Put::builder()
            .table_name(&self.table)
            .set_item(Some(WorkKey::of_user(user).deletion(user, kakao, &Deletion::new(now))))
            .condition_expression("attribute_not_exists(pk)");
        let writes = [
            TransactWriteItem::builder().update(identity.build().map_err(unbuilt)?).build(),
            TransactWriteItem::builder().put(on(by, profile).build().map_err(unbuilt)?).build(),
            TransactWriteItem::builder().put(work.build().map_err(unbuilt)?).build(),
        ];
        let Err(cancelled) = self.transact(&writes).await? else { return Ok(Marked::Now) };
        let identity = cancelled.item(IDENTITY).map(read_identity).transpose()?;
        if let Some(Identity { user: named, deleting_at: Some(deleting_at), .. }) = identity
            && named == Some(user)
        {
            // At this time exactly, it was an earlier try of this request, whose response was lost.
            return Ok(if deleting_at == now { Marked::Now } else { Marked::Before(deleting_at) });
        }
        // The close has removed the user's id from the identity, and the profile remembers the deletion for an hour.
        let profile = cancelled.item(PROFILE).map(|profile| item::optional(profile, item::DELETED_AT, item::read_time));
        Ok(profile.transpose()?.flatten().map_or(Marked::Outdated, Marked::Before))
    }

    /// Closes a deletion: the identity names nobody any more, and the work that is left is the last sweep, all or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The deletion may be closed; it is safe to try again.
    pub async fn close_deletion(
        &self,
        lease: &Lease,
        user: UserId,
        kakao: KakaoId,
        marked_at: Timestamp,
        now: Timestamp,
    ) -> Result<Closed, StoreError> {
        let identity = |is_disabled: bool| {
            let close = Update::builder()
                .table_name(&self.table)
                .set_key(Some(identity_key(kakao)))
                .expression_attribute_names("#roles", item::ROLES)
                .expression_attribute_values(":user", item::text(user.to_string()))
                .expression_attribute_values(":marked_at", item::time(marked_at))
                .return_values_on_condition_check_failure(AllOld);
            let close = if is_disabled {
                close.update_expression("REMOVE user_id, deleting_at, created_at, #roles").condition_expression(
                    "user_id = :user AND deleting_at = :marked_at AND attribute_exists(disabled_at)",
                )
            } else {
                close
                    .update_expression("SET expires_at = :expires_at REMOVE user_id, deleting_at, created_at, #roles")
                    .condition_expression(
                        "user_id = :user AND deleting_at = :marked_at AND attribute_not_exists(disabled_at)",
                    )
                    .expression_attribute_values(":expires_at", item::time(now + TOMBSTONE_TTL))
            };
            close.build().map_err(unbuilt)
        };
        let work = Update::builder()
            .table_name(&self.table)
            .set_key(Some(lease.key().item()))
            .update_expression(
                "SET kind = :final_sweep, due_at = :due_at REMOVE kakao_id, attempted_at, leased_until, lease",
            )
            .condition_expression("lease = :lease AND kind = :deletion")
            .expression_attribute_values(":final_sweep", item::text(super::outbox::FINAL_SWEEP))
            .expression_attribute_values(":due_at", item::time(FinalSweep { closed_at: now }.due_at()))
            .expression_attribute_values(":lease", lease.value())
            .expression_attribute_values(":deletion", item::text(super::outbox::DELETION))
            .return_values_on_condition_check_failure(AllOld);
        let work = TransactWriteItem::builder().update(work.build().map_err(unbuilt)?).build();
        let close = async |is_disabled| {
            let identity = TransactWriteItem::builder().update(identity(is_disabled)?).build();
            self.transact(&[identity, work.clone()]).await
        };
        let mut is_disabled = false;
        for _ in 0..CLOSES {
            let Err(cancelled) = close(is_disabled).await? else { return Ok(Closed::Done) };
            if cancelled.is_refused(WORK) {
                let kind = cancelled.item(WORK).and_then(|work| work.get("kind"));
                let is_closed = kind == Some(&AttributeValue::S(super::outbox::FINAL_SWEEP.to_owned()));
                // An earlier try of this run has closed it, and its response was lost. Nobody else closes what this run has leased.
                return Ok(if is_closed { Closed::Done } else { Closed::LeaseLost });
            }
            let was_disabled = is_disabled;
            is_disabled = cancelled.item(IDENTITY).is_some_and(|found| found.contains_key(item::DISABLED_AT));
            if is_disabled == was_disabled {
                break;
            }
        }
        Ok(Closed::IdentityChanged)
    }
}

/// The condition of [`Profile::marked`](crate::account::Profile::marked).
fn on(by: MarkedBy, profile: PutBuilder) -> PutBuilder {
    const NOT_DELETED: &str = "attribute_not_exists(deleted_at)";
    match by {
        MarkedBy::Person | MarkedBy::Operator => profile.condition_expression(NOT_DELETED),
        MarkedBy::Kakao { logins } => {
            let uncounted = if logins == 0 { " OR attribute_not_exists(logins)" } else { "" };
            profile
                .condition_expression(format!("{NOT_DELETED} AND (logins = :logins{uncounted})"))
                .expression_attribute_values(":logins", AttributeValue::N(logins.to_string()))
        }
    }
}

fn unbuilt<E>(_: E) -> StoreError {
    StoreError::Corrupt("key")
}
