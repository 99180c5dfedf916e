//! Ends the sessions of a user beyond the [limit](session::KEPT_SESSIONS).

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    id::UserId,
    log,
    session::{self, UsedSession},
};

impl Store {
    /// Counts the user's living sessions after one has started, and ends the [surplus](session::surplus). Returns how many these were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some sessions may have ended.
    pub async fn prune_sessions(&self, user: UserId, now: Timestamp) -> Result<usize, StoreError> {
        let (mut settled, mut from) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sessions)")
                .filter_expression("expires_at > :now AND created_at <= :settled")
                .projection_expression("sk, last_used_at")
                .expression_attribute_values(":pk", item::user_pk(user))
                .expression_attribute_values(":sessions", item::text(item::SESSION_PREFIX))
                .expression_attribute_values(":now", item::time(now))
                .expression_attribute_values(":settled", item::time(now - session::SETTLED_AFTER))
                .set_exclusive_start_key(from);
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            for found in page.items.unwrap_or_default() {
                settled.push(read_used(&found)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        let surplus = session::surplus(settled);
        if surplus.is_empty() {
            return Ok(0);
        }
        let keys: Vec<_> = surplus.into_iter().map(|session| item::session_key(user, session)).collect();
        let count = keys.len();
        log::timed("DeleteItem", self.delete_all(keys)).await.map(|()| count)
    }
}

fn read_used(found: &item::Item) -> Result<UsedSession, StoreError> {
    let id = item::read_text(found, "sk")?.strip_prefix(item::SESSION_PREFIX).and_then(|id| id.parse().ok());
    let id = id.ok_or(StoreError::Corrupt("sk"))?;
    Ok(UsedSession { id, last_used_at: item::read_time(found, "last_used_at")? })
}
