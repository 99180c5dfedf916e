//! Sessions: one item for each login on a device.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use futures_util::stream::{self, TryStreamExt};
use lambda_http::BoxFuture;

use super::{Store, StoreError, answers::Found, call, item, name_failure, unconditional};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    log,
    per_minute::Count,
    roles::Roles,
    session::{
        Answered, Facts, Kind, LINK_PACE, LinkHash, PresentedLinks, RefreshToken, RefreshTokenKeys, Session, Standing,
        Verdict, judge, judge_links,
    },
};

/// How many sessions are deleted at the same time. All sessions of a user share a partition, and DynamoDB writes 1,000 small items a
/// second to a partition. At 4 ms a write, four at a time reach that, so more than eight would only be throttled.
const DELETES_AT_ONCE: usize = 8;

/// What lets a person recognise a device in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The client's network: the first 24 bits of an IPv4 address, 48 of an IPv6 one.
    pub ip_prefix: String,
    /// What its owner calls it, or `""`.
    pub name: String,
    /// What it runs, or `""`.
    pub platform: String,
}

/// What is stored of a session that starts.
#[derive(Clone, Copy, Debug)]
pub struct SessionStart<'a> {
    /// The session's first token.
    pub first: &'a RefreshToken,
    /// The device of the login.
    pub device: &'a Device,
    /// The client's first link, if the session is linked.
    pub link: Option<LinkHash>,
    /// When the user was at Kakao's login page for it, if an ID token says so. No refresh changes it.
    pub authenticated_at: Option<Timestamp>,
    /// The user's roles.
    pub roles: &'a Roles,
    /// When the session expires if it is not renewed.
    pub expires_at: Timestamp,
    /// The time of the login.
    pub now: Timestamp,
}

/// What a logout of other devices covers.
#[derive(Clone, Copy, Debug)]
pub struct Others<'a> {
    /// The sessions that stay.
    pub kept: &'a [SessionId],
    /// Whether it also covers the user's tokens from Django, which have started no session yet.
    pub carried: bool,
}

/// The result of a refresh, with what the new access token says.
#[derive(Debug)]
pub enum Rotation {
    /// The session has a new token.
    Rotated {
        /// The token.
        successor: RefreshToken,
        /// Of the session.
        facts: Facts,
    },
    /// The presented token stays.
    Current {
        /// Of the session.
        facts: Facts,
        /// Whether the limit of such answers is reached.
        answered: Answered,
    },
    /// The session had the new token already.
    Repeated {
        /// The token.
        successor: RefreshToken,
        /// Of the session.
        facts: Facts,
    },
    /// The session cannot be renewed.
    Ended(Ended),
}

/// Why a session cannot be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was logged out, or it expired.
    Gone,
    /// A spent token was presented, and the session was ended for it.
    Reused,
    /// The table is older than the token: it was restored from a backup.
    Ahead,
}

/// The result of the write that replaces a token.
enum Replacement {
    Done(Rotation),
    /// The condition failed on this item, or there was none.
    Refused(Option<item::Item>),
}

impl Store {
    /// Starts a session with its first token.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn start_session(&self, start: &SessionStart<'_>) -> Result<(), StoreError> {
        let begun = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::new_session(start)))
            // An earlier try that arrives late must not put a rotated token back.
            .condition_expression("attribute_not_exists(pk)");
        match call("PutItem", begun.send()).await? {
            // Session ids are random, so an existing item was written by an earlier try, whose response was lost.
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            result => unconditional("PutItem", result).map(drop),
        }
    }

    /// Replaces a token with its successor. One request, or two for a reuse, which ends the session.
    ///
    /// `expires_at` is when the session expires if it is renewed now and not again. With `count` the answer is counted instead, as the
    /// token is known to be too young.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The write may have happened; it is safe to present the same token again.
    pub async fn rotate(
        &self,
        presented: &RefreshToken,
        keys: &RefreshTokenKeys,
        window: Duration,
        expires_at: Timestamp,
        count: Option<Count>,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let found = match count {
            Some(count) => self.count_answer(presented, count, None).await?,
            None => match self.replace(presented, keys, window, expires_at, now).await? {
                Replacement::Done(rotated) => return Ok(rotated),
                Replacement::Refused(stored) => Found::uncounted(stored),
            },
        };
        let session = found.item.as_ref().map(item::read_session).transpose()?;
        let verdict = match judge(presented, session.as_ref(), keys, now, window) {
            // A token that was answered is due only if the table was restored meanwhile. The next refresh rotates it.
            Verdict::Rotate if count.is_some() => Verdict::Current,
            verdict => verdict,
        };
        let facts = || item::facts(found.item.as_ref().ok_or(StoreError::Corrupt("pk"))?);
        match (verdict, session) {
            (Verdict::Current, Some(Session { rotated_at, .. })) => {
                Ok(Rotation::Current { facts: facts()?, answered: found.answered(rotated_at + window)? })
            }
            (Verdict::Repeat(successor), Some(_)) => Ok(Rotation::Repeated { successor, facts: facts()? }),
            (Verdict::Reuse, _) => {
                self.end_session(presented.user, presented.session).await?;
                Ok(Rotation::Ended(Ended::Reused))
            }
            (Verdict::Ended, _) => Ok(Rotation::Ended(Ended::Gone)),
            (Verdict::Ahead, _) => Ok(Rotation::Ended(Ended::Ahead)),
            // The condition and `judge` agree about every item, so DynamoDB cannot have returned this one.
            (Verdict::Rotate | Verdict::Current | Verdict::Repeat(_), _) => Err(StoreError::Corrupt("rotated_at")),
        }
    }

    /// The replacement of a token as one conditional write.
    async fn replace(
        &self,
        presented: &RefreshToken,
        keys: &RefreshTokenKeys,
        window: Duration,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Replacement, StoreError> {
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
        match call("UpdateItem", rotated.send()).await? {
            Ok(rotated) => {
                let facts = item::facts(&rotated.attributes.unwrap_or_default())?;
                Ok(Replacement::Done(Rotation::Rotated { successor, facts }))
            }
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Replacement::Refused(refused.item)),
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }

    /// Ends a session and returns it as it was. Returns `None` if it had ended already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, StoreError> {
        let key = item::session_key(user, session);
        let ended = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        let ended = ended.return_values(ReturnValue::AllOld);
        let ended = unconditional("DeleteItem", call("DeleteItem", ended.send()).await?)?;
        // The session has ended, whether or not its item was readable.
        Ok(ended.attributes.and_then(|session| item::read_session(&session).ok()))
    }

    /// Ends all sessions of this token's user but those that are kept, if the token is [alive](Standing::Alive), and returns how the
    /// token stands. The token of a linked session needs its links.
    ///
    /// If the token is not alive, its own session ends at most: always if it is spent, never if it is stale or unlinked, and otherwise
    /// if it is not kept.
    ///
    /// Without that rule an old cookie, once stolen, could log its owner out everywhere again and again. The token's own session is
    /// deleted last, so a request that fails or times out midway can be repeated and continues with the remaining sessions.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some sessions may have ended, but not the token's own.
    pub async fn end_all_sessions(
        &self,
        token: &RefreshToken,
        links: Option<&PresentedLinks>,
        covered: Others<'_>,
        keys: &RefreshTokenKeys,
        window: Duration,
        now: Timestamp,
    ) -> Result<Standing, StoreError> {
        let stands = |own: Option<&item::Item>| {
            Ok(match (token.kind(), links) {
                (Kind::Rotating | Kind::Fixed, _) => {
                    Standing::from(&judge(token, own.map(item::read_session).transpose()?.as_ref(), keys, now, window))
                }
                (Kind::Linked, Some(links)) => {
                    let own = own.map(item::read_linked_session).transpose()?;
                    judge_links(token, links, own.as_ref(), now, LINK_PACE).into()
                }
                (Kind::Linked, None) => Standing::Unlinked,
            })
        };
        let (mut others, own) = self.others_and_own(token, covered.kept).await?;
        let standing = stands(own.as_ref())?;
        if standing == Standing::Alive {
            if covered.carried && token.user.number().is_some() && self.close_carried(token.user, now).await? {
                // Until it was closed, another session may have started.
                others = self.others_and_own(token, covered.kept).await?.0;
            }
            // The log has one call for all of them: a line must not have thousands.
            log::timed("DeleteItem", self.delete_all(others)).await?;
        }
        let own_ends = match standing {
            Standing::Spent => true,
            Standing::Alive | Standing::Ended | Standing::Ahead => !covered.kept.contains(&token.session),
            Standing::Stale | Standing::Unlinked => false,
        };
        if own.is_some() && own_ends {
            self.end_session(token.user, token.session).await?;
        }
        Ok(standing)
    }

    /// The keys of the sessions of a token's user that are not kept, and the token's own session.
    async fn others_and_own(
        &self,
        token: &RefreshToken,
        kept: &[SessionId],
    ) -> Result<(Vec<item::Item>, Option<item::Item>), StoreError> {
        let own_sk = item::session_sk(token.session);
        let kept_sks: Vec<_> = kept.iter().map(|session| item::session_sk(*session)).collect();
        let (mut others, mut own, mut from) = (Vec::new(), None, None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sessions)")
                // This saves bytes but no read units: a Query is charged by the size of the items, not of the response.
                .projection_expression(format!("sk, {}", item::SESSION_ATTRIBUTES))
                .expression_attribute_values(":pk", item::user_pk(token.user))
                .expression_attribute_values(":sessions", item::text(item::SESSION_PREFIX))
                .set_exclusive_start_key(from);
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            for session in page.items.unwrap_or_default() {
                if session.get("sk") == Some(&own_sk) {
                    own = Some(session);
                } else if let Some(sk) = session.get("sk").filter(|sk| !kept_sks.contains(*sk)) {
                    others.push(item::key(item::user_pk(token.user), sk.clone()));
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok((others, own));
            }
        }
    }

    /// Not with `BatchWriteItem`: its permission covers puts as well, so logout's role could create sessions.
    pub(super) fn delete_all(&self, keys: Vec<item::Item>) -> BoxFuture<'_, Result<(), StoreError>> {
        let delete = move |key| {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
            Box::pin(async { unconditional("DeleteItem", name_failure("DeleteItem", delete.send().await)?).map(drop) })
        };
        Box::pin(stream::iter(keys.into_iter().map(Ok)).try_for_each_concurrent(DELETES_AT_ONCE, delete))
    }
}
