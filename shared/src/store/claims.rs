//! Claims: a credential that is good for one sign-in is claimed by a conditional put before it is used.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | claim | `CLAIM#<SHA-256 of the credential>` | `CLAIM` |
//!
//! It holds the id of the session that the credential begins, and its user once that is known: nothing secret.

use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
};

/// The name of a credential that is good once.
#[derive(Clone, Debug)]
pub struct ClaimKey(String);

/// What became of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The session that it begins.
    pub session: SessionId,
    /// The user who signs in with it, once that is known.
    pub user: Option<UserId>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

/// Whose the claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Ours: nobody had used the credential.
    First,
    /// Somebody's before, perhaps our own client's.
    Again(Claim),
}

impl ClaimKey {
    /// The claim on this code or ID token.
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
    /// Claims a credential for a session. `expires_at` is when nobody would accept the credential any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The claim may have been made.
    pub async fn claim(
        &self,
        key: &ClaimKey,
        session: SessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        // Tells our own retry of a put that had succeeded from somebody else's claim.
        let attempt = item::text(SessionId::generate().to_string());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key.item()))
            .item("session_id", item::text(session.to_string()))
            .item("attempt", attempt.clone())
            .item("claimed_at", item::time(now))
            .item("expires_at", item::time(expires_at))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call("PutItem", put.send()).await? {
            Ok(_) => Ok(Claimed::First),
            Err(PutItemError::ConditionalCheckFailedException(lost)) => {
                let claim = lost.item().ok_or(StoreError::Corrupt("session_id"))?;
                if claim.get("attempt") == Some(&attempt) {
                    Ok(Claimed::First)
                } else {
                    Ok(Claimed::Again(read(claim)?))
                }
            }
            Err(error) => unconditional("PutItem", Err(error)),
        }
    }

    /// Writes down who signed in with a claimed credential.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn fulfil(&self, key: &ClaimKey, user: UserId) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression("SET user_id = :user")
            .expression_attribute_values(":user", item::text(user.to_string()));
        unconditional("UpdateItem", call("UpdateItem", update.send()).await?).map(drop)
    }

    /// Gives up a claim whose credential began no session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn release(&self, key: &ClaimKey) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key.item()));
        unconditional("DeleteItem", call("DeleteItem", delete.send()).await?).map(drop)
    }

    /// The claim as it is now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn claim_now(&self, key: &ClaimKey) -> Result<Option<Claim>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key.item())).consistent_read(true);
        let found = unconditional("GetItem", call("GetItem", get.send()).await?)?;
        found.item.as_ref().map(read).transpose()
    }
}

fn read(claim: &item::Item) -> Result<Claim, StoreError> {
    let session = item::read_text(claim, "session_id")?.parse().map_err(|_| StoreError::Corrupt("session_id"))?;
    let user = claim.get("user_id").map(|_| item::read_text(claim, "user_id")).transpose()?;
    let user = user.map(str::parse).transpose().map_err(|_| StoreError::Corrupt("user_id"))?;
    Ok(Claim { session, user, claimed_at: item::read_time(claim, "claimed_at")? })
}
