//! Refresh tokens from Django. [`judge_carried`](crate::session::judge_carried) has the rule.
//!
//! | attribute | |
//! |---|---|
//! | `user_id`, `session_id` | the session that the token has started. Missing if it was logged out before, or Django had revoked it |
//! | `at` | when that was |
//! | `expires_at` | an hour after the token's own end |

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{ConditionCheck, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{
    SessionStart, Store, StoreError, call,
    imports::marker_key,
    item,
    profile::LIVING,
    transaction::{Cancelled, until_settled},
    unconditional,
    users::may_log_in,
};
use crate::{
    clock::Timestamp,
    id::UserId,
    roles::Roles,
    session::{Carried, CarriedVerdict, RefreshToken, Session, judge_carried},
    simplejwt::{SimplejwtId, SimplejwtToken},
};

/// How long an item outlives its token, for functions whose clocks are behind.
const KEPT_AFTER: Duration = Duration::from_hours(1);
/// How many tokens are written at the same time.
const SPENT_AT_ONCE: usize = 16;

/// The positions of the checks in an exchange's transaction.
const LIVING_USER: usize = 2;
const IMPORTED_USER: usize = 3;
/// How often an exchange is tried while an operator changes the user's roles.
const EXCHANGES: u32 = 4;

/// The result of exchanging a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// It has started the session.
    Started {
        /// The user's roles, which the session has too.
        roles: Roles,
    },
    /// It was presented before, or Django had revoked it.
    Before(Carried),
    /// Its user was not imported.
    NotImported,
    /// Its user was deleted or disabled, or has logged out everywhere.
    Closed,
}

/// The result of spending a token, so that it starts no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It has never started one.
    Now,
    /// It had been spent before.
    Before,
    /// It had started one, which has ended now. `None` if it had ended before.
    WithSession(UserId, Option<Session>),
}

impl Store {
    /// Exchanges a token from Django for this session, both or neither, if it is presented for the first time and its user was
    /// imported and lives here. The session gets the roles of the profile: if there are any, a first transaction finds them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The session may have been started; it is safe to present the same token again.
    pub async fn exchange(&self, token: &SimplejwtToken, start: &SessionStart<'_>) -> Result<Exchange, StoreError> {
        let mut roles = Roles::default();
        for _ in 0..EXCHANGES {
            let Err(cancelled) = self.try_exchange(token, &SessionStart { roles: &roles, ..*start }).await? else {
                return Ok(Exchange::Started { roles });
            };
            if let Some(stored) = cancelled.item(0) {
                return read(stored).map(Exchange::Before);
            }
            let profile = cancelled.item(LIVING_USER).filter(|profile| may_log_in(profile));
            match profile.map(item::read_roles) {
                Some(found) if found != roles && cancelled.item(IMPORTED_USER).is_none() => roles = found,
                // A profile or a mark that refuses stays so; one that is missing may still be imported.
                _ if [LIVING_USER, IMPORTED_USER].into_iter().any(|check| cancelled.item(check).is_some()) => {
                    return Ok(Exchange::Closed);
                }
                _ => return Ok(Exchange::NotImported),
            }
        }
        let reason = "an operator changed the roles each time".to_owned();
        Err(StoreError::Unavailable { operation: "TransactWriteItems", reason })
    }

    async fn try_exchange(
        &self,
        token: &SimplejwtToken,
        start: &SessionStart<'_>,
    ) -> Result<Result<(), Cancelled>, StoreError> {
        let mut exchanged = carried_item(&token.id, token.expires_at, start.now);
        exchanged.insert("user_id".to_owned(), item::text(start.first.user.to_string()));
        exchanged.insert("session_id".to_owned(), item::text(start.first.session.to_string()));
        let mut session = item::new_session(start);
        session.insert(item::CARRIED.to_owned(), item::flag(true));
        let all_old = || ReturnValuesOnConditionCheckFailure::AllOld;
        let check = |key, condition: String| {
            let check = ConditionCheck::builder().table_name(&self.table).set_key(Some(key));
            check.condition_expression(condition).return_values_on_condition_check_failure(all_old())
        };
        let put = |new| {
            let put = Put::builder().table_name(&self.table).set_item(Some(new));
            put.condition_expression("attribute_not_exists(pk)")
        };
        let corrupt = |_| StoreError::Corrupt("session_id");
        let exchanged = put(exchanged).return_values_on_condition_check_failure(all_old()).build().map_err(corrupt)?;
        let session = put(session).build().map_err(corrupt)?;
        let roles = start.roles.to_stored();
        let same_roles = if roles.is_some() { "#roles = :roles" } else { "attribute_not_exists(#roles)" };
        let living = check(
            item::profile_key(start.first.user),
            format!("{LIVING} AND attribute_not_exists(disabled_at) AND {same_roles}"),
        );
        let living = living
            .expression_attribute_names("#roles", item::ROLES)
            .set_expression_attribute_values(roles.map(|roles| [(":roles".to_owned(), item::text(roles))].into()));
        let living = living.build().map_err(corrupt)?;
        let imported = "attribute_exists(pk) AND attribute_not_exists(closed_at)".to_owned();
        let imported = check(marker_key(start.first.user), imported);
        let imported = imported.build().map_err(corrupt)?;
        let write = TransactWriteItem::builder;
        let writes = [
            write().put(exchanged).build(),
            write().put(session).build(),
            write().condition_check(living).build(),
            write().condition_check(imported).build(),
        ];
        self.transact(&writes).await
    }

    /// What is stored of a token, by a consistent read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn carried(&self, token: &SimplejwtId) -> Result<Option<Carried>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(token))).consistent_read(true);
        unconditional("GetItem", call("GetItem", get.send()).await?)?.item.as_ref().map(read).transpose()
    }

    /// Gives out the first token of a session again, if it still is its token: [`CarriedVerdict::Repeat`]. Returns the session's roles
    /// then, and any other verdict as it is. A session that two parties use ends.
    ///
    /// `expires_at` is when the session expires if it is renewed now and not again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. It is safe to present the same token again.
    pub async fn repeat_exchange(
        &self,
        carried: &Carried,
        first: &RefreshToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Result<Roles, CarriedVerdict>, StoreError> {
        if carried.session != Some((first.user, first.session)) {
            return Ok(Err(judge_carried(Some(carried), None, first, now)));
        }
        let repeated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::session_key(first.user, first.session)))
            .update_expression("SET rotated_at = :now, last_used_at = :now, expires_at = :expires_at")
            .condition_expression("token_hash = :first AND expires_at > :now")
            .expression_attribute_values(":first", item::hash(first.hash()))
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":expires_at", item::time(expires_at))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let session = match until_settled(|| call("UpdateItem", repeated.clone().send())).await? {
            Ok(repeated) => return Ok(Ok(item::read_roles(&repeated.attributes.unwrap_or_default()))),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                refused.item().map(item::read_session).transpose()?
            }
            Err(error) => return unconditional("UpdateItem", Err(error)),
        };
        let verdict = judge_carried(Some(carried), session.as_ref(), first, now);
        if verdict == CarriedVerdict::Reuse {
            self.end_session(first.user, first.session).await?;
        }
        Ok(Err(verdict))
    }

    /// Makes sure that a token from Django starts no session any more, and ends the session that it has started.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. It is safe to try again.
    pub async fn spend_carried(
        &self,
        token: &SimplejwtId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Spent, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(carried_item(token, expires_at, now)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let stored = match until_settled(|| call("PutItem", put.clone().send())).await? {
            Ok(_) => return Ok(Spent::Now),
            Err(PutItemError::ConditionalCheckFailedException(refused)) => refused.item().map(read).transpose()?,
            Err(error) => return unconditional("PutItem", Err(error)),
        };
        match stored.and_then(|stored| stored.session) {
            Some((user, session)) => Ok(Spent::WithSession(user, self.end_session(user, session).await?)),
            None => Ok(Spent::Before),
        }
    }

    /// [Spends](Self::spend_carried) the tokens that Django had revoked, and returns the results in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some may be spent; it is safe to try again.
    pub async fn spend_all_carried(
        &self,
        tokens: &[(SimplejwtId, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<Spent>, StoreError> {
        let spend = |(token, expires_at): &(SimplejwtId, Timestamp)| {
            let (token, expires_at) = (*token, *expires_at);
            async move { self.spend_carried(&token, expires_at, now).await }
        };
        stream::iter(tokens.iter().map(spend)).buffered(SPENT_AT_ONCE).try_collect().await
    }

    /// Makes sure that no token from Django starts a session of this user any more. Returns whether the user was imported.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. It is safe to try again.
    pub async fn close_carried(&self, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(marker_key(user)))
            .update_expression("SET closed_at = if_not_exists(closed_at, :now)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", item::time(now));
        match until_settled(|| call("UpdateItem", update.clone().send())).await? {
            Err(error) if error.is_conditional_check_failed_exception() => Ok(false),
            result => unconditional("UpdateItem", result).map(|_| true),
        }
    }
}

/// The item of a token that starts no session.
fn carried_item(token: &SimplejwtId, expires_at: Timestamp, now: Timestamp) -> item::Item {
    let mut carried = key(token);
    carried.insert("at".to_owned(), item::time(now));
    carried.insert("expires_at".to_owned(), item::time(expires_at + KEPT_AFTER));
    carried
}

fn key(token: &SimplejwtId) -> item::Item {
    item::key(item::text(format!("SIMPLEJWT#{}", token.to_base64url())), item::text("SIMPLEJWT"))
}

fn read(stored: &item::Item) -> Result<Carried, StoreError> {
    let session = item::optional(stored, "session_id", item::read_text)?.map(|session| {
        let user = item::read_text(stored, "user_id")?.parse().map_err(|_| StoreError::Corrupt("user_id"))?;
        Ok((user, session.parse().map_err(|_| StoreError::Corrupt("session_id"))?))
    });
    Ok(Carried { session: session.transpose()?, at: item::read_time(stored, "at")? })
}
