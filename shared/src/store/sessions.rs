//! Refresh sessions: one item for each device that logged in.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use futures_util::stream::{self, TryStreamExt};
use lambda_http::BoxFuture;

use super::{Store, StoreError, call, item, name_failure, unconditional};
use crate::{
    clock::Timestamp,
    log,
    session::{RefreshToken, RefreshTokenKeys, Session, Verdict, judge},
};

/// How many sessions are deleted at the same time. All sessions of a user have one partition key, and DynamoDB writes 1,000 small items
/// of a partition in a second: at 4 ms a write four at a time reach that, so more than eight would only be throttled.
const DELETES_AT_ONCE: usize = 8;

/// What a person needs to recognise a device in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// As the browser calls itself.
    pub user_agent: String,
    /// The client's network: the first 24 bits of an IPv4 address, 48 of an IPv6 one.
    pub ip_prefix: String,
}

/// What became of a refresh. A session that lives says when the login was that began it.
#[derive(Debug)]
pub enum Rotation {
    /// The session has a new token.
    Rotated {
        /// The token.
        successor: RefreshToken,
        /// The time of the login.
        logged_in_at: Timestamp,
    },
    /// The presented token stays.
    Current {
        /// The time of the login.
        logged_in_at: Timestamp,
    },
    /// The session had a new token already.
    Repeated {
        /// The token.
        successor: RefreshToken,
        /// The time of the login.
        logged_in_at: Timestamp,
    },
    /// There is no session to renew.
    Ended(Ended),
}

/// Why there is no session to renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was logged out, or it expired.
    Gone,
    /// A spent token came back, and the session was ended for it.
    Reused,
    /// The table is older than the token: it was restored from a backup.
    Ahead,
}

impl Store {
    /// Starts a session with its first token.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn start_session(
        &self,
        first: &RefreshToken,
        device: &Device,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let begun = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::new_session(first, device, expires_at, now)))
            // A first try that was thought lost and arrives late must not put a rotated token back.
            .condition_expression("attribute_not_exists(pk)");
        match call("PutItem", begun.send()).await? {
            // Session ids are random, so what is there already is what the lost try wrote.
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            result => unconditional("PutItem", result).map(drop),
        }
    }

    /// Spends a token for its successor: one request, except that a reuse costs a second one, which ends the session.
    ///
    /// `expires_at` is when the session ends unless it is renewed again, should it be renewed now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The write may have happened: the same token may be presented again.
    pub async fn rotate(
        &self,
        presented: &RefreshToken,
        keys: &RefreshTokenKeys,
        window: Duration,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let successor = keys.successor(presented, now);
        let rotated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::session_key(presented.user, presented.session)))
            .update_expression(
                "SET token_hash = :next, generation = generation + :one, \
                 rotated_at = :now, last_used_at = :now, expires_at = :expires_at",
            )
            .condition_expression("token_hash = :presented AND rotated_at <= :settled AND expires_at > :now")
            .expression_attribute_values(":next", item::hash(successor.hash()))
            .expression_attribute_values(":one", item::number(1))
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":expires_at", item::time(expires_at))
            .expression_attribute_values(":presented", item::hash(presented.hash()))
            .expression_attribute_values(":settled", item::time(now - window))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let session = match call("UpdateItem", rotated.send()).await? {
            Ok(rotated) => {
                let logged_in_at = item::read_time(&rotated.attributes.unwrap_or_default(), "created_at")?;
                return Ok(Rotation::Rotated { successor, logged_in_at });
            }
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                refused.item().map(item::read_session).transpose()?
            }
            Err(error) => return unconditional("UpdateItem", Err(error)),
        };
        match (judge(presented, session.as_ref(), keys, now, window), session) {
            (Verdict::Current, Some(Session { logged_in_at, .. })) => Ok(Rotation::Current { logged_in_at }),
            (Verdict::Repeat(successor), Some(Session { logged_in_at, .. })) => {
                Ok(Rotation::Repeated { successor, logged_in_at })
            }
            (Verdict::Reuse, _) => {
                self.end_session(presented).await?;
                Ok(Rotation::Ended(Ended::Reused))
            }
            (Verdict::Ended, _) => Ok(Rotation::Ended(Ended::Gone)),
            (Verdict::Ahead, _) => Ok(Rotation::Ended(Ended::Ahead)),
            // The condition and `judge` say the same of one item, so DynamoDB answered what it cannot.
            (Verdict::Rotate | Verdict::Current | Verdict::Repeat(_), _) => Err(StoreError::Corrupt("rotated_at")),
        }
    }

    /// Ends the session of this token, whatever its generation, and returns it as it was. Ending it twice is no error, and the
    /// second time nothing is returned.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn end_session(&self, token: &RefreshToken) -> Result<Option<Session>, StoreError> {
        let key = item::session_key(token.user, token.session);
        let ended = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        let ended = ended.return_values(ReturnValue::AllOld);
        let ended = unconditional("DeleteItem", call("DeleteItem", ended.send()).await?)?;
        // It has ended, readable or not.
        Ok(ended.attributes.and_then(|session| item::read_session(&session).ok()))
    }

    /// Ends all sessions of this token's user if the token [may](Verdict::may_end_all_sessions), and else its own; returns what
    /// the token was found to be.
    ///
    /// Otherwise an old cookie, once stolen, could log its owner out everywhere, again and again. The token's own session goes
    /// last, so that a request that fails or runs out of time midway can be made again: it goes on with the sessions that are left.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some sessions may have ended, the token's own has not.
    pub async fn end_all_sessions(
        &self,
        token: &RefreshToken,
        keys: &RefreshTokenKeys,
        window: Duration,
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let own_sk = item::session_sk(token.session);
        let (mut others, mut own, mut from) = (Vec::new(), None, None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sessions)")
                // A Query costs by the size of the items and not of the response: this saves bytes, not read units.
                .projection_expression(format!("sk, {}", item::SESSION_ATTRIBUTES))
                .expression_attribute_values(":pk", item::user_pk(token.user))
                .expression_attribute_values(":sessions", item::text(item::SESSION_PREFIX))
                .set_exclusive_start_key(from);
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            for session in page.items.unwrap_or_default() {
                if session.get("sk") == Some(&own_sk) {
                    own = Some(item::read_session(&session)?);
                } else if let Some(sk) = session.get("sk") {
                    others.push(item::key(item::user_pk(token.user), sk.clone()));
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        let verdict = judge(token, own.as_ref(), keys, now, window);
        if verdict.may_end_all_sessions() {
            // The log names one call: the line of a request must not have thousands of them.
            log::timed("DeleteItem", self.delete_all(others)).await?;
        }
        if own.is_some() {
            self.end_session(token).await?;
        }
        Ok(verdict)
    }

    /// Not with `BatchWriteItem`: the permission for it covers puts too, so logout's role could make sessions.
    fn delete_all(&self, keys: Vec<item::Item>) -> BoxFuture<'_, Result<(), StoreError>> {
        let delete = move |key| {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
            Box::pin(async { unconditional("DeleteItem", name_failure("DeleteItem", delete.send().await)?).map(drop) })
        };
        Box::pin(stream::iter(keys.into_iter().map(Ok)).try_for_each_concurrent(DELETES_AT_ONCE, delete))
    }
}
