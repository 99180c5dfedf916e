//! The counter of numeric user ids: the item `COUNTER`, `USERS`.
//!
//! | attribute | |
//! |---|---|
//! | `last_number` | the last number that was given to a new user, or reserved for an import |
//! | `reserved_after`, `reserved_to` | the numbers of imported users: those above the first, up to the second |
//!
//! The rule is [`Counter`].

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    account::{Counter, Reserved},
    id::UserId,
};

/// How often numbers are tried to be reserved while first logins change the counter.
const TRIES: u32 = 10;

impl Store {
    /// The next numeric id ([`Counter::next`]). If a response is lost, a number is lost with it.
    pub(super) async fn next_number(&self) -> Result<UserId, StoreError> {
        let count = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key()))
            .update_expression("ADD last_number :one")
            .expression_attribute_values(":one", item::number(1))
            .return_values(ReturnValue::UpdatedNew);
        let counted = unconditional("UpdateItem", call("UpdateItem", count.send()).await?)?;
        let number = item::read_number(&counted.attributes.unwrap_or_default(), "last_number")?;
        UserId::from_number(number).ok_or(StoreError::Corrupt("last_number"))
    }

    /// The counter, by a consistent read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn counter(&self) -> Result<Counter, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key()));
        let found = unconditional("GetItem", call("GetItem", get.consistent_read(true).send()).await?)?;
        found.item.as_ref().map_or_else(|| Ok(Counter::default()), read_counter)
    }

    /// Reserves the numbers up to `highest` for an import ([`Counter::reserve`]). Returns the counter as it is then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The numbers may be reserved; it is safe to try again.
    pub async fn reserve_numbers(&self, highest: u64) -> Result<Counter, StoreError> {
        for _ in 0..TRIES {
            let counter = self.counter().await?;
            let Some(reserved) = counter.reserve(highest) else { return Ok(counter) };
            if self.write_counter(counter, reserved).await? {
                return Ok(reserved);
            }
        }
        let reason = "first logins came first each time".to_owned();
        Err(StoreError::Unavailable { operation: "UpdateItem", reason })
    }

    /// Whether the counter was still `before`: each change of it raises `last`.
    async fn write_counter(&self, before: Counter, after: Counter) -> Result<bool, StoreError> {
        let Reserved { after: reserved_after, to } = after.reserved.ok_or(StoreError::Corrupt("reserved_to"))?;
        let is_new = before == Counter::default();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key()))
            .update_expression("SET last_number = :last, reserved_after = :after, reserved_to = :to")
            .condition_expression(if is_new { "attribute_not_exists(pk)" } else { "last_number = :before" })
            .expression_attribute_values(":last", number(after.last))
            .expression_attribute_values(":after", number(reserved_after))
            .expression_attribute_values(":to", number(to));
        let update = if is_new { update } else { update.expression_attribute_values(":before", number(before.last)) };
        match call("UpdateItem", update.send()).await? {
            Err(error) if error.is_conditional_check_failed_exception() => Ok(false),
            updated => unconditional("UpdateItem", updated).map(|_| true),
        }
    }
}

fn key() -> item::Item {
    item::key(item::text("COUNTER"), item::text("USERS"))
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn read_counter(counter: &item::Item) -> Result<Counter, StoreError> {
    let to = item::optional(counter, "reserved_to", item::read_number)?;
    let reserved = to.map(|to| item::read_number(counter, "reserved_after").map(|after| Reserved { after, to }));
    Ok(Counter { last: item::read_number(counter, "last_number")?, reserved: reserved.transpose()? })
}
