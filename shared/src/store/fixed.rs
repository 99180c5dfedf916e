//! Renewing sessions whose token never changes: those of pages in compatibility mode.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};

use super::{
    Store, StoreError,
    answers::{Found, Postponed},
    call, item, unconditional,
};
use crate::{
    clock::Timestamp,
    per_minute::Count,
    session::{Answered, Facts, REMEMBERED_FOR, RefreshToken},
};

/// A session that is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedRenewal {
    /// What its access token says.
    pub facts: Facts,
    /// Whether the limit of answers is reached.
    pub answered: Answered,
}

impl Store {
    /// Postpones the end of a session in one write. `None` if it was logged out or has expired.
    ///
    /// `expires_at` is when the session expires if it is renewed now and not again. With `count` the same write counts the answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The write may have happened; it is safe to present the same token again.
    pub async fn renew_fixed(
        &self,
        token: &RefreshToken,
        expires_at: Timestamp,
        count: Option<Count>,
        now: Timestamp,
    ) -> Result<Option<FixedRenewal>, StoreError> {
        let found = match count {
            Some(count) => self.count_answer(token, count, Some(Postponed { expires_at, now })).await?,
            None => Found::uncounted(self.postpone(token, expires_at, now).await?),
        };
        let Some(stored) = &found.item else { return Ok(None) };
        let session = item::read_session(stored)?;
        if session.token_hash != token.hash() || session.expires_at <= now {
            return Ok(None);
        }
        let facts = item::facts(stored)?;
        let answered = found.answered(now + REMEMBERED_FOR)?;
        let answered = Answered { is_settled: answered.is_settled || count.is_none(), ..answered };
        Ok(Some(FixedRenewal { facts, answered }))
    }

    /// The renewal as one conditional write, and the session after it. `None` if its condition fails.
    async fn postpone(
        &self,
        token: &RefreshToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<item::Item>, StoreError> {
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
            Ok(renewed) => Ok(renewed.attributes),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }
}
