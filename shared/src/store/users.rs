//! Users: what is stored about them. A profile with `deleted_at` is what a deletion leaves for an hour: it is not a user.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    session::{Kind, RefreshToken, RefreshTokenKeys, Standing, judge},
    user::User,
};

/// The consistency of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Half the price; may miss very recent writes.
    Eventual,
    Consistent,
}

impl Read {
    fn flag(self) -> Option<bool> {
        (self == Self::Consistent).then_some(true)
    }
}

impl Store {
    /// The user, or `None` if there is none or the person was disabled. If an eventually consistent read finds nothing, a consistent one decides: a user who has just logged in
    /// must not be logged out by a stale read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        match self.read_user(user, Read::Eventual).await? {
            None => self.read_user(user, Read::Consistent).await,
            found => Ok(found),
        }
    }

    async fn read_user(&self, user: UserId, read: Read) -> Result<Option<User>, StoreError> {
        let found = self.client.get_item().table_name(&self.table).set_key(Some(item::profile_key(user)));
        let found = found.set_consistent_read(read.flag());
        let found = unconditional("GetItem", call("GetItem", found.send()).await?)?;
        found.item.filter(may_log_in).map(|profile| item::read_user(user, &profile)).transpose()
    }

    /// The user, or `None` if the session has ended or the person was disabled. One request reads both. If it does not find both, a second, consistent one
    /// decides.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails, or leaves one of the two unread.
    pub async fn user_with_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        match self.read_user_with_session(user, session, now, Read::Eventual).await? {
            None => self.latest_user_with_session(user, session, now).await,
            found => Ok(found),
        }
        .map(|found| found.map(|(user, _)| user))
    }

    /// Like [`user_with_session`](Self::user_with_session), by one consistent read, with the kind of the session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails, or leaves one of the two unread.
    pub async fn latest_user_with_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<(User, Kind)>, StoreError> {
        self.read_user_with_session(user, session, now, Read::Consistent).await
    }

    /// The user of a rotating session's token, if its session could be renewed with it now. One request reads both, and writes nothing.
    /// If the token does not seem good, a second, consistent one decides: an old copy of the item makes a new token look wrong.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails, or leaves one of the two unread.
    pub async fn user_of_token(
        &self,
        token: &RefreshToken,
        keys: &RefreshTokenKeys,
        window: Duration,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        for read in [Read::Eventual, Read::Consistent] {
            let (profile, session) = self.profile_and_session(token.user, token.session, read).await?;
            let session = session.as_ref().map(item::read_session).transpose()?;
            let standing = Standing::from(&judge(token, session.as_ref(), keys, now, window));
            if let (Standing::Alive, Some(profile)) = (standing, profile.filter(may_log_in)) {
                return item::read_user(token.user, &profile).map(Some);
            }
        }
        Ok(None)
    }

    async fn read_user_with_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
        read: Read,
    ) -> Result<Option<(User, Kind)>, StoreError> {
        let (profile, session) = self.profile_and_session(user, session, read).await?;
        let (Some(profile), Some(session)) = (profile.filter(may_log_in), session) else { return Ok(None) };
        if item::read_session(&session)?.expires_at <= now {
            return Ok(None);
        }
        Ok(Some((item::read_user(user, &profile)?, item::session_kind(&session))))
    }

    /// Both items by one request.
    pub(super) async fn profile_and_session(
        &self,
        user: UserId,
        session: SessionId,
        read: Read,
    ) -> Result<(Option<item::Item>, Option<item::Item>), StoreError> {
        let keys = KeysAndAttributes::builder()
            .keys(item::profile_key(user))
            .keys(item::session_key(user, session))
            .set_consistent_read(read.flag())
            .build()
            .map_err(|_| StoreError::Corrupt("keys"))?;
        let request = HashMap::from([(self.table.clone(), keys)]);
        let found = self.client.batch_get_item().set_request_items(Some(request));
        let found = unconditional("BatchGetItem", call("BatchGetItem", found.send()).await?)?;
        if found.unprocessed_keys.is_some_and(|unread| !unread.is_empty()) {
            let reason = "left keys unprocessed".to_owned();
            return Err(StoreError::Unavailable { operation: "BatchGetItem", reason });
        }

        let mut items = found.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
        let profile = items.iter().position(|item| item.get("sk") == Some(&item::text(item::PROFILE)));
        let profile = profile.map(|at| items.swap_remove(at));
        Ok((profile, items.pop()))
    }
}

/// Whether the user lives and the person was not disabled. The sessions end a moment after that.
pub(super) fn may_log_in(profile: &item::Item) -> bool {
    is_living(profile) && !profile.contains_key(item::DISABLED_AT)
}

pub(super) fn is_living(profile: &item::Item) -> bool {
    !profile.contains_key(item::DELETED_AT)
}
