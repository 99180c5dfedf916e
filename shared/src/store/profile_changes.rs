//! What the worker reads and clears of a profile.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    account::ProfileField,
    id::{KakaoId, UserId},
};

/// To whom a user belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This person at Kakao.
    Kakao(KakaoId),
    /// The user is deleted already.
    Deleted,
    /// There is no profile, or one of an older release.
    Unknown,
}

impl Store {
    /// How often a user has logged in, by a consistent read. 0 if there is no profile, or one without the count.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn logins(&self, user: UserId) -> Result<u64, StoreError> {
        let profile = self.profile(user).await?;
        Ok(item::optional(&profile, "logins", item::read_number)?.unwrap_or(0))
    }

    /// The person at Kakao to whom a user belongs, by the profile.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn owner(&self, user: UserId) -> Result<Owner, StoreError> {
        let profile = self.profile(user).await?;
        if profile.contains_key(item::DELETED_AT) {
            return Ok(Owner::Deleted);
        }
        match item::optional(&profile, "kakao_id", item::read_text)? {
            Some(kakao) => kakao.parse().map(Owner::Kakao).map_err(|_| StoreError::Corrupt("kakao_id")),
            None => Ok(Owner::Unknown),
        }
    }

    pub(super) async fn profile(&self, user: UserId) -> Result<item::Item, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(item::profile_key(user)));
        let found = unconditional("GetItem", call("GetItem", get.consistent_read(true).send()).await?)?;
        Ok(found.item.unwrap_or_default())
    }

    /// Clears what Kakao has taken back, on the condition of [`Profile::with_change`](crate::account::Profile::with_change): a user
    /// who is gone stays gone. The next login asks Kakao for what is still shared.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. It is safe to try again.
    pub async fn clear_fields(&self, user: UserId, fields: &[ProfileField]) -> Result<(), StoreError> {
        let names = fields.iter().map(|field| match field {
            ProfileField::Nickname => "nickname",
            ProfileField::ProfileImage => "profile_image",
            ProfileField::Email => "email",
        });
        let names: Vec<&str> = names.chain(["fetched_at", "id_token_profile"]).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::profile_key(user)))
            .update_expression(format!("REMOVE {} ADD revision :one", names.join(", ")))
            .expression_attribute_values(":one", item::number(1))
            .condition_expression(format!(
                "attribute_exists(created_at) AND attribute_not_exists({})",
                item::DELETED_AT
            ));
        match call("UpdateItem", update.send()).await? {
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            result => unconditional("UpdateItem", result).map(drop),
        }
    }
}
