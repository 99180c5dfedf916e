//! What is left of an operator's change: the sessions that it has missed. [`Settling`](crate::account::Settling) says when it is due.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::{Store, StoreError, call, item, transaction::until_settled, unconditional};
use crate::{clock::Timestamp, id::UserId, roles::Roles};

/// What the worker found of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The person may not log in: so many sessions were left, and have ended.
    Ended(usize),
    /// So many sessions had other roles than the profile.
    Changed(usize),
    /// The user is gone.
    Gone,
}

impl Store {
    /// Does for the sessions what a change has missed: those of logins that were under way at that time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. It is safe to try again.
    pub async fn settle(&self, user: UserId, now: Timestamp) -> Result<Settled, StoreError> {
        let profile = self.profile(user).await?;
        if !profile.contains_key("created_at") {
            return Ok(Settled::Gone);
        }
        if profile.contains_key(item::DISABLED_AT) {
            if user.number().is_some() {
                self.close_carried(user, now).await?;
            }
            // Not those of later logins: an operator may be enabling the person at this moment.
            return self.end_sessions(user, Some(now)).await.map(Settled::Ended);
        }
        self.copy_roles(user, &item::read_roles(&profile)).await.map(Settled::Changed)
    }

    /// Copies the roles to all sessions that have others. Returns how many they were.
    pub(super) async fn copy_roles(&self, user: UserId, roles: &Roles) -> Result<usize, StoreError> {
        let (_, sessions) = self.partition(user).await?;
        let mut changed = 0;
        for session in sessions.iter().filter(|session| item::read_roles(session) != *roles) {
            let Some(sk) = session.get("sk") else { continue };
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(item::key(item::user_pk(user), sk.clone())))
                .expression_attribute_names("#roles", item::ROLES)
                // A session that has ended meanwhile stays ended.
                .condition_expression("attribute_exists(pk)");
            let update = match roles.to_stored() {
                Some(stored) => update
                    .update_expression("SET #roles = :roles")
                    .expression_attribute_values(":roles", item::text(stored)),
                None => update.update_expression("REMOVE #roles"),
            };
            match until_settled(|| call("UpdateItem", update.clone().send())).await? {
                Err(UpdateItemError::ConditionalCheckFailedException(_)) => {}
                result => {
                    unconditional("UpdateItem", result)?;
                    changed += 1;
                }
            }
        }
        Ok(changed)
    }
}
