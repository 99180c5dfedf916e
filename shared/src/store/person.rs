//! The names that a person chooses here: `username`, `first_name` and `last_name` of `PROFILE`. Kakao's fields are not among them.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{Store, StoreError, call, item, transaction::until_settled, unconditional};
use crate::{id::UserId, user::User};

/// The names to change. The others stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameChange {
    /// The new name instead of the nickname.
    pub username: Option<String>,
    /// The new given name. Empty removes it.
    pub first_name: Option<String>,
    /// The new family name. Empty removes it.
    pub last_name: Option<String>,
}

impl Store {
    /// Sets the names that are given, on the condition of [`Profile::with_change`](crate::account::Profile::with_change). An empty
    /// one is removed. Returns the user as it is now, or `None` if the user is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The write may have happened; it is safe to try again.
    pub async fn change_names(&self, user: UserId, names: &NameChange) -> Result<Option<User>, StoreError> {
        let given = [("username", &names.username), ("first_name", &names.first_name), ("last_name", &names.last_name)];
        let (mut set, mut remove, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in given {
            match value.as_deref() {
                None => {}
                Some("") => remove.push(name),
                Some(value) => {
                    set.push(format!("{name} = :{name}"));
                    values.push((format!(":{name}"), item::text(value)));
                }
            }
        }
        let mut clauses = Vec::new();
        if !set.is_empty() {
            clauses.push(format!("SET {}", set.join(", ")));
        }
        if !remove.is_empty() {
            clauses.push(format!("REMOVE {}", remove.join(", ")));
        }
        if !clauses.is_empty() {
            clauses.push("ADD revision :one".to_owned());
            values.push((":one".to_owned(), item::number(1)));
        }
        let values = (!values.is_empty()).then(|| values.into_iter().collect());
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::profile_key(user)))
            .set_update_expression((!clauses.is_empty()).then(|| clauses.join(" ")))
            .condition_expression("attribute_exists(created_at) AND attribute_not_exists(deleted_at)")
            .set_expression_attribute_values(values)
            .return_values(ReturnValue::AllNew);
        match until_settled(|| call("UpdateItem", update.clone().send())).await? {
            Err(error) if error.is_conditional_check_failed_exception() => Ok(None),
            changed => {
                let changed = unconditional("UpdateItem", changed)?.attributes;
                item::read_user(user, &changed.ok_or(StoreError::Corrupt("created_at"))?).map(Some)
            }
        }
    }
}
