//! A user's account: what a request to delete it is judged by, and everything that is stored about it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};

use super::{
    Store, StoreError, call, item, unconditional,
    users::{Read, is_living},
};
use crate::{
    account::Request,
    clock::Timestamp,
    id::{SessionId, UserId},
    roles::Roles,
};

impl Store {
    /// What a request of this session to delete its user's account is judged by. One consistent read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails, or leaves one of the two items unread.
    pub async fn deletion_request(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        let (profile, session) = self.profile_and_session(user, session, Read::Consistent).await?;
        let Some(profile) = profile else { return Ok(Request::default()) };
        let session = session.unwrap_or_default();
        let is_alive = item::optional(&session, "expires_at", item::read_time)?.is_some_and(|at| now < at);
        let kakao = item::optional(&profile, "kakao_id", item::read_text)?.map(str::parse).transpose();
        Ok(Request {
            kakao: kakao.map_err(|_| StoreError::Corrupt("kakao_id"))?,
            deleted_at: item::optional(&profile, item::DELETED_AT, item::read_time)?,
            logged_in_at: is_alive.then(|| item::logged_in_at(&session)).transpose()?,
            authenticated_at: item::optional(&session, "auth_at", item::read_time)?,
        })
    }

    /// Everything that is stored about a user, as JSON: the user, the profile and all sessions as they are stored, the last used
    /// session first. Times are in RFC 3339. Binary attributes are left out, as they are hashes of tokens and of what is there anyway.
    /// `None` if the session has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn export(&self, user: UserId, own: SessionId, now: Timestamp) -> Result<Option<Value>, StoreError> {
        let (profile, sessions) = self.partition(user).await?;
        let is_own = |session: &&item::Item| session.get("sk") == Some(&item::session_sk(own));
        let (Some(profile), Some(session)) = (profile.filter(is_living), sessions.iter().find(is_own)) else {
            return Ok(None);
        };
        if item::read_time(session, "expires_at")? <= now {
            return Ok(None);
        }
        export(user, &profile, &sessions, Some(own)).map(Some)
    }

    /// The profile and the sessions of a user, by one consistent Query.
    pub(super) async fn partition(&self, user: UserId) -> Result<(Option<item::Item>, Vec<item::Item>), StoreError> {
        let (mut profile, mut sessions, mut from) = (None, Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", item::user_pk(user))
                .set_exclusive_start_key(from);
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            for item in page.items.unwrap_or_default() {
                if item.get("sk") == Some(&item::text(item::PROFILE)) {
                    profile = Some(item);
                } else {
                    sessions.push(item);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok((profile, sessions));
            }
        }
    }
}

/// What is stored about a user, as JSON. Without an own session, none is `current`.
pub(super) fn export(
    user: UserId,
    profile: &item::Item,
    sessions: &[item::Item],
    own: Option<SessionId>,
) -> Result<Value, StoreError> {
    let mut sessions: Vec<_> = sessions.iter().map(|session| (last_used_at(session), session)).collect();
    sessions.sort_by_key(|(last_used_at, _)| std::cmp::Reverse(*last_used_at));
    let sessions: Vec<_> = sessions.into_iter().map(|(_, session)| exported_session(session, own)).collect();
    let user = item::read_user(user, profile)?.to_json();
    Ok(json!({"user": user, "account": exported(profile), "sessions": sessions}))
}

fn last_used_at(session: &item::Item) -> i64 {
    item::read_number(session, "last_used_at").unwrap_or_default()
}

fn exported_session(session: &item::Item, own: Option<SessionId>) -> Value {
    let id = item::read_text(session, "sk").unwrap_or_default().trim_start_matches(item::SESSION_PREFIX);
    let mut exported = exported(session);
    exported.insert("id".to_owned(), Value::from(id));
    exported.insert("current".to_owned(), Value::from(own.is_some_and(|own| id == own.to_string())));
    Value::Object(exported)
}

/// All attributes but keys and hashes.
fn exported(item: &item::Item) -> Map<String, Value> {
    let attributes = item.iter().filter(|(name, _)| !["pk", "sk"].contains(&name.as_str()));
    attributes.filter_map(|(name, value)| Some((name.clone(), exported_value(name, value)?))).collect()
}

fn exported_value(name: &str, value: &AttributeValue) -> Option<Value> {
    match value {
        AttributeValue::B(_) | AttributeValue::Bs(_) => None,
        AttributeValue::N(number) => {
            let number: i64 = number.parse().ok()?;
            let is_time = name.ends_with("_at");
            Some(if is_time { Timestamp::from_unix_seconds(number).to_rfc3339().into() } else { number.into() })
        }
        AttributeValue::S(text) if name == item::ROLES => Some(json!(Roles::from_stored(text))),
        AttributeValue::S(text) => Some(Value::from(text.as_str())),
        AttributeValue::Bool(flag) => Some(Value::from(*flag)),
        // No item of a user has any other type.
        _ => Some(Value::Null),
    }
}
