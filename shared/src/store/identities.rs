//! Identities: which user a person at Kakao is, and when Kakao last said that it does not link the person.
//!
//! | attribute of `IDENTITY` | |
//! |---|---|
//! | `user_id`, `created_at` | the person's user. Missing in a tombstone, which a deletion leaves for two days |
//! | `deleting_at` | when the deletion that is under way was requested |
//! | `unlinked_at` | when Kakao last said that it does not link this person |
//! | `disabled_at`, `roles` | see [`operators`](super::operators) |
//! | `expires_at` | TTL, only without `user_id` and `disabled_at` |
//!
//! The conditions are those of [`Identity`].

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, UpdateItemOutput},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use lambda_http::BoxFuture;

use super::{Store, StoreError, call, item, transaction::until_settled, unconditional};
use crate::{
    account::{Identity, LoginVerdict, ProvenAt, TOMBSTONE_TTL, UserIds},
    clock::Timestamp,
    id::{KakaoId, UserId},
    roles::Roles,
};

/// How often a stamp is tried while logins and deletions change whether the identity names a user.
const STAMPS: u32 = 3;

impl Store {
    /// The identity of this person, by a consistent read. It is empty if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn identity(&self, kakao: KakaoId) -> Result<Identity, StoreError> {
        self.identity_and_roles(kakao).await.map(|(identity, _)| identity)
    }

    /// Like [`identity`](Self::identity), with the roles of the person's user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn identity_and_roles(&self, kakao: KakaoId) -> Result<(Identity, Roles), StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(identity_key(kakao)));
        let found = unconditional("GetItem", call("GetItem", get.consistent_read(true).send()).await?)?;
        let found = found.item.unwrap_or_default();
        Ok((read_identity(&found)?, item::read_roles(&found)))
    }

    /// Creates a user for a Kakao id, on the conditions of [`Identity::with_new_user`]. Of several first logins at the same time, one
    /// creates the user and all get it: [`LoginVerdict::Known`]. With [`UserIds::Numbers`] this is one write more, and those that come too
    /// late waste their numbers.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn create_user(
        &self,
        kakao: KakaoId,
        ids: UserIds,
        proven_at: ProvenAt,
        now: Timestamp,
    ) -> Result<LoginVerdict, StoreError> {
        let user = match ids {
            UserIds::Random => UserId::generate(),
            UserIds::Numbers => self.next_number().await?,
        };
        let create = || {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(identity_key(kakao)))
                .update_expression("SET user_id = :user, created_at = :now REMOVE expires_at")
                .condition_expression(
                    "attribute_not_exists(user_id) AND attribute_not_exists(disabled_at) \
                     AND (attribute_not_exists(unlinked_at) OR unlinked_at < :proven_at)",
                )
                .expression_attribute_values(":user", item::text(user.to_string()))
                .expression_attribute_values(":now", item::time(now))
                .expression_attribute_values(":proven_at", item::time(proven_at.at()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            call("UpdateItem", update.send())
        };
        match until_settled(create).await? {
            Ok(_) => Ok(LoginVerdict::Known(user)),
            Err(UpdateItemError::ConditionalCheckFailedException(lost)) => {
                match read_identity(lost.item().ok_or(StoreError::Corrupt("user_id"))?)?.judge_login(proven_at) {
                    // The condition and the verdict agree about every item, so DynamoDB cannot have returned this one.
                    LoginVerdict::New => Err(StoreError::Corrupt("unlinked_at")),
                    verdict => Ok(verdict),
                }
            }
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }

    /// Writes down when Kakao said that it does not link this person, unless a later time is stored ([`Identity::stamped`]). Returns
    /// the identity with the latest time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn stamp(&self, kakao: KakaoId, unlinked_at: Timestamp) -> Result<Identity, StoreError> {
        for _ in 0..STAMPS {
            // Which of the two expressions is right depends on whether the item is a tombstone: nothing else expires.
            for (update, expires) in [
                ("SET unlinked_at = :at REMOVE expires_at", false),
                ("SET unlinked_at = :at, expires_at = :expires_at", true),
            ] {
                match until_settled(|| self.write_stamp(kakao, unlinked_at, update, expires)).await? {
                    Ok(stamped) => {
                        return read_identity(&stamped.attributes.ok_or(StoreError::Corrupt("unlinked_at"))?);
                    }
                    Err(UpdateItemError::ConditionalCheckFailedException(lost)) => {
                        let stored = lost.item().map_or_else(|| Ok(Identity::default()), read_identity)?;
                        if stored.unlinked_at.is_some_and(|stored| stored >= unlinked_at) {
                            return Ok(stored);
                        }
                    }
                    Err(error) => return unconditional("UpdateItem", Err(error)),
                }
            }
        }
        let reason = "logins and deletions came first each time".to_owned();
        Err(StoreError::Unavailable { operation: "UpdateItem", reason })
    }

    fn write_stamp(
        &self,
        kakao: KakaoId,
        unlinked_at: Timestamp,
        expression: &str,
        expires: bool,
    ) -> BoxFuture<'static, Result<Result<UpdateItemOutput, UpdateItemError>, StoreError>> {
        let state = if expires {
            "attribute_not_exists(user_id) AND attribute_not_exists(disabled_at)"
        } else {
            "(attribute_exists(user_id) OR attribute_exists(disabled_at))"
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(identity_key(kakao)))
            .update_expression(expression)
            .condition_expression(format!("{state} AND (attribute_not_exists(unlinked_at) OR unlinked_at < :at)"))
            .expression_attribute_values(":at", item::time(unlinked_at))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if expires {
            update = update.expression_attribute_values(":expires_at", item::time(unlinked_at + TOMBSTONE_TTL));
        }
        call("UpdateItem", update.send())
    }
}

pub(super) fn identity_key(kakao: KakaoId) -> item::Item {
    item::key(item::kakao_pk(kakao), item::text(item::IDENTITY))
}

pub(super) fn read_identity(identity: &item::Item) -> Result<Identity, StoreError> {
    let user = item::optional(identity, "user_id", item::read_text)?;
    Ok(Identity {
        user: user.map(str::parse).transpose().map_err(|_| StoreError::Corrupt("user_id"))?,
        deleting_at: item::optional(identity, "deleting_at", item::read_time)?,
        unlinked_at: item::optional(identity, "unlinked_at", item::read_time)?,
        disabled_at: item::optional(identity, item::DISABLED_AT, item::read_time)?,
        expires_at: item::optional(identity, "expires_at", item::read_time)?,
    })
}
