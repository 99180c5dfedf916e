//! Removes what is stored of a user: the sessions, or everything.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Store, StoreError, call, item, unconditional};
use crate::{clock::Timestamp, id::UserId, log};

impl Store {
    /// Ends all sessions of a user, or only those that began at this time or before. Returns how many they were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some sessions may have ended; it is safe to try again.
    pub async fn end_sessions(&self, user: UserId, started_until: Option<Timestamp>) -> Result<usize, StoreError> {
        let has_begun = |session: &item::Item| {
            // A session that cannot be read has to end too.
            let logged_in_at = item::read_time(session, "created_at").ok();
            started_until.is_none_or(|until| logged_in_at.is_none_or(|at| at <= until))
        };
        self.sweep(user, Some(item::SESSION_PREFIX), has_begun).await
    }

    /// Removes everything in the partition of a user. The identity is in another one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some items may be gone; it is safe to try again.
    pub async fn remove_user(&self, user: UserId) -> Result<(), StoreError> {
        self.sweep(user, None, |_| true).await.map(drop)
    }

    async fn sweep(
        &self,
        user: UserId,
        prefix: Option<&str>,
        is_due: impl Fn(&item::Item) -> bool,
    ) -> Result<usize, StoreError> {
        let (mut swept, mut from) = (0, None);
        loop {
            let mut page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .projection_expression("sk, created_at")
                .expression_attribute_values(":pk", item::user_pk(user))
                .set_exclusive_start_key(from);
            if let Some(prefix) = prefix {
                page = page
                    .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                    .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
            }
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            let due = page.items.unwrap_or_default().into_iter().filter(&is_due);
            let due: Vec<_> =
                due.filter_map(|mut item| Some(item::key(item::user_pk(user), item.remove("sk")?))).collect();
            swept += due.len();
            // The log has one call for all of a page.
            log::timed("DeleteItem", self.delete_all(due)).await?;
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(swept);
            }
        }
    }
}
