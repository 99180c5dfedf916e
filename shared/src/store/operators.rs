//! What operators see of a user, and what they change: whether the person may log in, and the roles.
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

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update, builders::UpdateBuilder},
};
use serde_json::Value;

use super::{
    DeviceSession, Store, StoreError, call, devices,
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

/// A person, as an operator sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user. `None` if the person has none and may not get one.
    pub user: Option<UserId>,
    /// The person at Kakao. `None` if the profile does not say it, as it is an older release's or the user was deleted. While an
    /// identity names the user, [`Store::kakao_of`] finds it.
    pub kakao: Option<KakaoId>,
    /// The first login. `None` if the user was deleted.
    pub created_at: Option<Timestamp>,
    /// The latest login, if there was one.
    pub last_login_at: Option<Timestamp>,
    /// All logins.
    pub logins: u64,
    /// Since when the person may not log in.
    pub disabled_at: Option<Timestamp>,
    /// When the deletion began that is under way.
    pub deleting_at: Option<Timestamp>,
    /// When the user was deleted.
    pub deleted_at: Option<Timestamp>,
    /// What operators have given.
    pub roles: Roles,
    /// The user's pseudonym in the log. `None` until a login has written it.
    pub log_name: Option<String>,
    /// The living sessions, the one that was used last first.
    pub sessions: Vec<DeviceSession>,
}

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

/// The positions of a change's writes.
const PROFILE: usize = 0;
const IDENTITY: usize = 1;

/// How often a change of an identity is tried while logins and deletions change what it says.
const TRIES: u32 = 3;

impl Store {
    /// The person with this id at Kakao. `None` if nothing is stored, or only what a deletion leaves.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn person_by_kakao(&self, kakao: KakaoId, now: Timestamp) -> Result<Option<Person>, StoreError> {
        let identity = self.identity(kakao).await?;
        match identity {
            Identity { user: Some(user), .. } => Ok(Some(self.person(user, Some((kakao, identity)), now).await?)),
            Identity { disabled_at: Some(_), .. } => Ok(Some(Person::without_a_user(kakao, &identity))),
            Identity { .. } => Ok(None),
        }
    }

    /// The person who is this user. `None` if the table has no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn person_by_user(&self, user: UserId, now: Timestamp) -> Result<Option<Person>, StoreError> {
        let person = self.person(user, None, now).await?;
        Ok((person.created_at.is_some() || person.deleted_at.is_some()).then_some(person))
    }

    /// The person at Kakao who is this user, where the profile does not say it. Reads the whole table.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn kakao_of(&self, user: UserId) -> Result<Option<KakaoId>, StoreError> {
        let mut from = None;
        loop {
            let scan = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .filter_expression("sk = :identity AND user_id = :user")
                .projection_expression("pk")
                .expression_attribute_values(":identity", item::text(item::IDENTITY))
                .expression_attribute_values(":user", item::text(user.to_string()))
                .set_exclusive_start_key(from);
            let page = unconditional("Scan", call("Scan", scan.send()).await?)?;
            if let Some(found) = page.items.unwrap_or_default().first() {
                let kakao = item::read_text(found, "pk")?.strip_prefix("KAKAO#").and_then(|kakao| kakao.parse().ok());
                return kakao.ok_or(StoreError::Corrupt("pk")).map(Some);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(None);
            }
        }
    }

    /// Everything that is stored about a user, as the user's own export has it. `None` if the user is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn export_of(&self, user: UserId) -> Result<Option<Value>, StoreError> {
        let (profile, sessions) = self.partition(user).await?;
        profile.filter(is_living).map(|profile| super::account::export(user, &profile, &sessions, None)).transpose()
    }

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
    async fn copy_roles(&self, user: UserId, roles: &Roles) -> Result<usize, StoreError> {
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

    async fn person(
        &self,
        user: UserId,
        named_by: Option<(KakaoId, Identity)>,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        let (profile, sessions) = self.partition(user).await?;
        let profile = profile.unwrap_or_default();
        let kakao = item::optional(&profile, "kakao_id", item::read_text)?.map(str::parse).transpose();
        let kakao = kakao.map_err(|_| StoreError::Corrupt("kakao_id"))?;
        let (kakao, identity) = match (named_by, kakao) {
            (Some((kakao, identity)), _) => (Some(kakao), identity),
            (None, Some(kakao)) => {
                let identity = self.identity(kakao).await?;
                // Another user's says nothing of this one.
                (Some(kakao), if identity.user == Some(user) { identity } else { Identity::default() })
            }
            (None, None) => (None, Identity::default()),
        };
        let disabled_at = item::optional(&profile, item::DISABLED_AT, item::read_time)?;
        Ok(Person {
            user: Some(user),
            kakao,
            created_at: item::optional(&profile, "created_at", item::read_time)?,
            last_login_at: item::optional(&profile, "last_login_at", item::read_time)?,
            logins: item::optional(&profile, "logins", item::read_number)?.unwrap_or_default(),
            disabled_at: disabled_at.or(identity.disabled_at),
            deleting_at: identity.deleting_at,
            deleted_at: item::optional(&profile, item::DELETED_AT, item::read_time)?,
            roles: item::read_roles(&profile),
            log_name: item::optional(&profile, "log_name", item::read_text)?.map(str::to_owned),
            sessions: devices::living(&sessions, now)?,
        })
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

impl Person {
    fn without_a_user(kakao: KakaoId, identity: &Identity) -> Self {
        Self {
            user: None,
            kakao: Some(kakao),
            created_at: None,
            last_login_at: None,
            logins: 0,
            disabled_at: identity.disabled_at,
            deleting_at: None,
            deleted_at: None,
            roles: Roles::default(),
            log_name: None,
            sessions: Vec::new(),
        }
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
