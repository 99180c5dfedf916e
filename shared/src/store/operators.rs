//! What operators change of a user: whether the person may log in, and the roles.
//!
//! | attribute | of | |
//! |---|---|---|
//! | `disabled_at` | profile, identity | since when the person may not log in. Set and removed in both by one transaction. It outlives a deletion, on the identity alone: the person does not come back as a new user |
//! | `roles` | profile, copied to the identity and to each session | a JSON array as text. Missing if there are none |
//! | `log_name` | profile | the user's pseudonym in the log, since the latest login |
//!
//! Ending sessions also needs `UpdateItem` of `IMPORTED#…`, so that no token from Django starts one afterwards.
//!
//! A change also puts `WORK#settle-<user>` into the outbox: a login that read the identity before the change may be about to start a
//! session, which the worker then [settles](Store::settle).

use super::{
    Store, StoreError, call,
    identities::identity_key,
    item,
    outbox::WorkKey,
    profile::LIVING,
    transaction::{Cancelled, until_settled},
    unconditional,
    users::is_living,
};
use crate::{
    account::{Identity, Settling, TOMBSTONE_TTL},
    clock::Timestamp,
    id::{KakaoId, UserId},
    roles::Roles,
};
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update, builders::UpdateBuilder},
};

/// The result of an operator's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is made. So many sessions were ended or changed.
    Made {
        /// How many.
        sessions: usize,
    },
    /// It had been made before. So many sessions were ended or changed all the same.
    Unchanged {
        /// How many.
        sessions: usize,
    },
    /// There is no such user, or the user is being deleted.
    Gone,
}

/// The positions of a change's writes.
const PROFILE: usize = 0;
const IDENTITY: usize = 1;

/// How often a change of an identity is tried while logins and deletions change what it says.
const TRIES: u32 = 3;

impl Store {
    /// Lets this person log in no more, and ends all sessions ([`Identity::disabled`], [`Profile::disabled`]).
    ///
    /// [`Profile::disabled`]: crate::account::Profile::disabled
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The person may be disabled, and some sessions ended; it is safe to try again.
    pub async fn disable(&self, user: UserId, kakao: KakaoId, now: Timestamp) -> Result<Change, StoreError> {
        let profile = self
            .profile_update(user)
            .update_expression("SET disabled_at = :now ADD revision :one")
            .condition_expression(format!("{LIVING} AND attribute_not_exists(disabled_at)"))
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":one", item::number(1));
        let identity = self
            .identity_update(user, kakao)
            .update_expression("SET disabled_at = if_not_exists(disabled_at, :now)")
            .expression_attribute_values(":now", item::time(now));
        let is_made = match self.change(user, profile, identity, now).await? {
            Ok(()) => true,
            Err(cancelled) => match disabled_before(&cancelled)? {
                // At this time exactly, it was an earlier try of this request, whose response was lost.
                Some(disabled_at) => disabled_at == now,
                None => return Ok(Change::Gone),
            },
        };
        let sessions = self.end_sessions_of(user, now).await?;
        Ok(if is_made { Change::Made { sessions } } else { Change::Unchanged { sessions } })
    }

    /// Lets this person log in again ([`Identity::enabled`], [`Profile::enabled`]). The sessions stay ended.
    ///
    /// [`Profile::enabled`]: crate::account::Profile::enabled
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The person may be enabled; it is safe to try again.
    pub async fn enable(&self, kakao: KakaoId, now: Timestamp) -> Result<Change, StoreError> {
        for _ in 0..TRIES {
            let identity = self.identity(kakao).await?;
            let is_enabled = match identity {
                Identity { user: None, disabled_at: None, .. } => return Ok(Change::Gone),
                Identity { disabled_at: None, .. } => return Ok(Change::Unchanged { sessions: 0 }),
                Identity { user: Some(user), deleting_at: None, .. } => self.enable_both(user, kakao).await?,
                // The profile is deleted, or about to be removed.
                Identity { .. } => self.enable_identity(kakao, &identity, now).await?,
            };
            if is_enabled {
                return Ok(Change::Made { sessions: 0 });
            }
        }
        let reason = "deletions came first each time".to_owned();
        Err(StoreError::Unavailable { operation: "TransactWriteItems", reason })
    }

    /// Gives a user these roles instead of those of before, and copies them to all sessions, whose next access tokens have them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some copies may be older; it is safe to try again.
    pub async fn set_roles(
        &self,
        user: UserId,
        kakao: KakaoId,
        roles: &Roles,
        now: Timestamp,
    ) -> Result<Change, StoreError> {
        let (profile, identity) = (self.profile_update(user), self.identity_update(user, kakao));
        let profile = profile.expression_attribute_values(":one", item::number(1));
        let (profile, identity) = match roles.to_stored() {
            Some(stored) => (
                profile
                    .update_expression("SET #roles = :roles ADD revision :one")
                    .condition_expression(format!("{LIVING} AND (attribute_not_exists(#roles) OR #roles <> :roles)"))
                    .expression_attribute_values(":roles", item::text(&stored)),
                identity
                    .update_expression("SET #roles = :roles")
                    .expression_attribute_values(":roles", item::text(stored)),
            ),
            None => (
                profile
                    .update_expression("REMOVE #roles ADD revision :one")
                    .condition_expression(format!("{LIVING} AND attribute_exists(#roles)")),
                identity.update_expression("REMOVE #roles"),
            ),
        };
        let named = |update: UpdateBuilder| update.expression_attribute_names("#roles", item::ROLES);
        let changed = self.change(user, named(profile), named(identity), now).await?;
        if let Err(cancelled) = &changed {
            let stored = cancelled.item(PROFILE).filter(|profile| is_living(profile));
            let has_them = stored.is_some_and(|profile| item::read_roles(profile) == *roles);
            if cancelled.is_refused(IDENTITY) || !has_them {
                return Ok(Change::Gone);
            }
        }
        let sessions = self.copy_roles(user, roles).await?;
        Ok(if changed.is_ok() { Change::Made { sessions } } else { Change::Unchanged { sessions } })
    }

    /// Ends all sessions of a user, also those that a token from Django has not started yet. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some sessions may have ended; it is safe to try again.
    pub async fn end_sessions_of(&self, user: UserId, now: Timestamp) -> Result<usize, StoreError> {
        if user.number().is_some() {
            self.close_carried(user, now).await?;
        }
        self.end_sessions(user, None).await
    }

    /// The transaction of a change, with the work that is left.
    async fn change(
        &self,
        user: UserId,
        profile: UpdateBuilder,
        identity: UpdateBuilder,
        now: Timestamp,
    ) -> Result<Result<(), Cancelled>, StoreError> {
        let work = WorkKey::of_change(user).settling(user, Settling { changed_at: now });
        let work = Put::builder().table_name(&self.table).set_item(Some(work)).build().map_err(unbuilt)?;
        let writes = [
            TransactWriteItem::builder().update(profile.build().map_err(unbuilt)?).build(),
            TransactWriteItem::builder().update(identity.build().map_err(unbuilt)?).build(),
            TransactWriteItem::builder().put(work).build(),
        ];
        self.transact(&writes).await
    }

    async fn enable_both(&self, user: UserId, kakao: KakaoId) -> Result<bool, StoreError> {
        let profile = self
            .profile_update(user)
            .update_expression("REMOVE disabled_at ADD revision :one")
            .condition_expression(LIVING)
            .expression_attribute_values(":one", item::number(1));
        let identity = self.identity_update(user, kakao).update_expression("REMOVE disabled_at");
        let writes = [
            TransactWriteItem::builder().update(profile.build().map_err(unbuilt)?).build(),
            TransactWriteItem::builder().update(identity.build().map_err(unbuilt)?).build(),
        ];
        Ok(self.transact(&writes).await?.is_ok())
    }

    /// The identity of a person without a living user. It expires from now on if it names nobody.
    async fn enable_identity(&self, kakao: KakaoId, identity: &Identity, now: Timestamp) -> Result<bool, StoreError> {
        let update = self.client.update_item().table_name(&self.table).set_key(Some(identity_key(kakao)));
        let update = if identity.user.is_some() {
            update
                .update_expression("REMOVE disabled_at")
                .condition_expression("attribute_exists(user_id) AND attribute_exists(deleting_at)")
        } else {
            update
                .update_expression("SET expires_at = :expires_at REMOVE disabled_at")
                .condition_expression("attribute_exists(disabled_at) AND attribute_not_exists(user_id)")
                .expression_attribute_values(":expires_at", item::time(now + TOMBSTONE_TTL))
        };
        match until_settled(|| call("UpdateItem", update.clone().send())).await? {
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            result => unconditional("UpdateItem", result).map(|_| true),
        }
    }

    fn profile_update(&self, user: UserId) -> UpdateBuilder {
        let update = Update::builder().table_name(&self.table).set_key(Some(item::profile_key(user)));
        update.return_values_on_condition_check_failure(AllOld)
    }

    fn identity_update(&self, user: UserId, kakao: KakaoId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(identity_key(kakao)))
            .condition_expression("user_id = :user AND attribute_not_exists(deleting_at)")
            .expression_attribute_values(":user", item::text(user.to_string()))
            .return_values_on_condition_check_failure(AllOld)
    }
}

/// Since when the person was disabled, if that is why the change was refused.
fn disabled_before(cancelled: &Cancelled) -> Result<Option<Timestamp>, StoreError> {
    let profile = cancelled.item(PROFILE).filter(|profile| is_living(profile));
    let disabled_at = profile.map(|profile| item::optional(profile, item::DISABLED_AT, item::read_time));
    Ok(if cancelled.is_refused(IDENTITY) { None } else { disabled_at.transpose()?.flatten() })
}

fn unbuilt<E>(_: E) -> StoreError {
    StoreError::Corrupt("key")
}
