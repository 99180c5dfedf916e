//! Redemptions: before a credential that is good for one login is used, a conditional put redeems it.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | redemption | `CLAIM#<SHA-256 of the credential>` | `CLAIM` |
//!
//! An item holds what [`Redemption`] has and nothing secret. Its key and attributes are those of earlier releases, so that two
//! releases can run side by side. Every write names the attempt that it belongs to, so no request can undo the write of another.

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use super::{SessionStart, Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    redemption::{Attempt, Redemption},
};

/// The redemption is open, and `:attempt` holds it.
const OPEN_AND_OURS: &str = "attempt = :attempt AND attribute_not_exists(user_id)";

/// Names the redemption of a credential.
#[derive(Clone, Debug)]
pub struct RedemptionKey(String);

impl RedemptionKey {
    /// Names the redemption of this code or ID token.
    #[must_use]
    pub fn new(credential: &SecretString) -> Self {
        let hash = digest(&SHA256, credential.expose_secret().as_bytes());
        Self(format!("CLAIM#{}", BASE64_URL_SAFE_NO_PAD.encode(hash)))
    }

    fn item(&self) -> item::Item {
        item::key(item::text(&self.0), item::text("CLAIM"))
    }
}

impl Store {
    /// Redeems a credential. Returns `None` if this attempt is the first, otherwise the existing redemption. `expires_at` is when the
    /// credential has expired for everybody.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The redemption may have been written.
    pub async fn redeem(
        &self,
        key: &RedemptionKey,
        new: &Redemption,
        expires_at: Timestamp,
    ) -> Result<Option<Redemption>, StoreError> {
        let mut redemption = key.item();
        redemption.extend(attributes(new, expires_at));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(redemption))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call("PutItem", put.send()).await? {
            Ok(_) => Ok(None),
            Err(PutItemError::ConditionalCheckFailedException(lost)) => found(lost.item(), new),
            // Another request is completing it at this moment.
            Err(PutItemError::TransactionConflictException(_)) => self.redemption_in_conflict(key).await.map(Some),
            Err(error) => unconditional("PutItem", Err(error)),
        }
    }

    /// Takes a redemption over from an abandoned attempt. Returns `None` if this attempt holds it now, otherwise the existing
    /// redemption.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The redemption may have been taken over.
    pub async fn take_over(
        &self,
        key: &RedemptionKey,
        abandoned: &Attempt,
        new: &Redemption,
        expires_at: Timestamp,
    ) -> Result<Option<Redemption>, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression(OPEN_AND_OURS)
            .expression_attribute_values(":attempt", item::text(abandoned.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut set = Vec::new();
        for (name, value) in attributes(new, expires_at) {
            set.push(format!("{name} = :new_{name}"));
            update = update.expression_attribute_values(format!(":new_{name}"), value);
        }
        let update = update.update_expression(format!("SET {}", set.join(", ")));
        match call("UpdateItem", update.send()).await? {
            Ok(_) => Ok(None),
            Err(UpdateItemError::ConditionalCheckFailedException(lost)) => found(lost.item(), new),
            Err(UpdateItemError::TransactionConflictException(_)) => self.redemption_in_conflict(key).await.map(Some),
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }

    /// Completes a redemption and starts its session, both or neither, if this attempt still holds the redemption and it is open. A
    /// late copy of this write finds the redemption completed, so it cannot bring back a session that has ended since.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails, or another request has taken the redemption over. The session may have been started.
    pub async fn complete(
        &self,
        key: &RedemptionKey,
        attempt: &Attempt,
        start: &SessionStart<'_>,
    ) -> Result<(), StoreError> {
        let (attempt, user) = (item::text(attempt.as_str()), item::text(start.first.user.to_string()));
        let completed = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression("SET user_id = :user")
            .condition_expression(OPEN_AND_OURS)
            .expression_attribute_values(":attempt", attempt.clone())
            .expression_attribute_values(":user", user.clone())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let started = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::new_session(start)))
            .condition_expression("attribute_not_exists(pk)");
        let completed = completed.build().map_err(|_| StoreError::Corrupt("user_id"))?;
        let started = started.build().map_err(|_| StoreError::Corrupt("session_id"))?;
        let writes =
            [TransactWriteItem::builder().update(completed).build(), TransactWriteItem::builder().put(started).build()];
        let Err(cancelled) = self.transact(&writes).await? else { return Ok(()) };
        let is_ours =
            |stored: &item::Item| stored.get("attempt") == Some(&attempt) && stored.get("user_id") == Some(&user);
        if cancelled.item(0).is_some_and(is_ours) {
            // An earlier try of this request completed it, and its response was lost.
            return Ok(());
        }
        let reason = "the redemption is another request's".to_owned();
        Err(StoreError::Unavailable { operation: "TransactWriteItems", reason })
    }

    /// Gives back a credential that started no session, so that its client can try again: the redemption now belongs to no attempt
    /// and counts as abandoned. If it is completed, or another attempt holds it, nothing happens.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn cancel(&self, key: &RedemptionKey, attempt: &Attempt) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression("SET attempt = :nobody, claimed_at = :long_ago")
            .condition_expression(OPEN_AND_OURS)
            .expression_attribute_values(":attempt", item::text(attempt.as_str()))
            .expression_attribute_values(":nobody", item::text(Attempt::generate().as_str()))
            .expression_attribute_values(":long_ago", item::number(0));
        match call("UpdateItem", update.send()).await? {
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            result => unconditional("UpdateItem", result).map(drop),
        }
    }

    /// The redemption of this key, by a consistent read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn redemption(&self, key: &RedemptionKey) -> Result<Option<Redemption>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key.item())).consistent_read(true);
        let found = unconditional("GetItem", call("GetItem", get.send()).await?)?;
        found.item.as_ref().map(read).transpose()
    }

    /// The redemption after a write failed because a transaction was writing the item.
    async fn redemption_in_conflict(&self, key: &RedemptionKey) -> Result<Redemption, StoreError> {
        self.redemption(key).await?.ok_or_else(gone)
    }
}

/// What a failed condition found: `None` for an earlier try of this attempt, otherwise another attempt's redemption.
fn found(stored: Option<&item::Item>, new: &Redemption) -> Result<Option<Redemption>, StoreError> {
    let stored = read(stored.ok_or_else(gone)?)?;
    Ok(Some(stored).filter(|stored| stored.attempt != new.attempt))
}

fn gone() -> StoreError {
    StoreError::Unavailable { operation: "GetItem", reason: "the redemption has just been deleted".to_owned() }
}

fn attributes(new: &Redemption, expires_at: Timestamp) -> item::Item {
    let attributes = [
        ("attempt", item::text(new.attempt.as_str())),
        ("session_id", item::text(new.session.to_string())),
        ("claimed_at", item::time(new.redeemed_at)),
        ("expires_at", item::time(expires_at)),
    ];
    let is_bound = new.is_bound.map(|is_bound| ("is_bound", item::flag(is_bound)));
    attributes.into_iter().chain(is_bound).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn read(stored: &item::Item) -> Result<Redemption, StoreError> {
    let session = item::read_text(stored, "session_id")?.parse().map_err(|_| StoreError::Corrupt("session_id"))?;
    let user = stored.get("user_id").map(|_| item::read_text(stored, "user_id")).transpose()?;
    Ok(Redemption {
        attempt: Attempt::from_stored(item::read_text(stored, "attempt")?.to_owned()),
        session,
        redeemed_at: item::read_time(stored, "claimed_at")?,
        is_bound: stored.get("is_bound").and_then(|value| value.as_bool().ok()).copied(),
        user: user.map(str::parse).transpose().map_err(|_| StoreError::Corrupt("user_id"))?,
    })
}
