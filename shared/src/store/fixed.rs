//! Renewing sessions whose token never changes: those of pages in compatibility mode.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    session::{Facts, RefreshToken},
};

impl Store {
    /// Postpones the end of a session in one write, and returns what its access token says. `None` if it was logged out or has expired.
    ///
    /// `expires_at` is when the session expires if it is renewed now and not again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The write may have happened; it is safe to present the same token again.
    pub async fn renew_fixed(
        &self,
        token: &RefreshToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Facts>, StoreError> {
        let renewed = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::session_key(token.user, token.session)))
            .update_expression("SET last_used_at = :now, expires_at = :expires_at")
            .condition_expression("token_hash = :presented AND expires_at > :now")
            .expression_attribute_values(":presented", item::hash(token.hash()))
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":expires_at", item::time(expires_at))
            .return_values(ReturnValue::AllNew);
        match call("UpdateItem", renewed.send()).await? {
            Ok(renewed) => item::facts(&renewed.attributes.unwrap_or_default()).map(Some),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }
}
