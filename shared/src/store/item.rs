//! Keys and attributes of items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{SessionStart, StoreError};
use crate::{
    clock::Timestamp,
    id::{KakaoId, SessionId, UserId},
    roles::Roles,
    session::{Facts, Kind, LinkHash, LinkedSession, NO_LOGIN_HERE, RefreshTokenHash, Session},
    user::User,
};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PROFILE: &str = "PROFILE";
pub(super) const IDENTITY: &str = "IDENTITY";
/// The attribute of a deleted user's profile, which has no others.
pub(super) const DELETED_AT: &str = "deleted_at";
/// The attribute of a profile and an identity whose person may not log in.
pub(super) const DISABLED_AT: &str = "disabled_at";
/// The attribute of a profile, and of what copies them from it: the identity and the sessions.
pub(super) const ROLES: &str = "roles";
/// The attribute of a session that began with a token from Django.
pub(super) const CARRIED: &str = "carried";
pub(super) const SESSION_PREFIX: &str = "SESSION#";

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn flag(value: bool) -> AttributeValue {
    AttributeValue::Bool(value)
}

pub(super) fn time(moment: Timestamp) -> AttributeValue {
    number(moment.unix_seconds())
}

pub(super) fn hash(hash: RefreshTokenHash) -> AttributeValue {
    blob(hash.as_bytes())
}

pub(super) fn blob(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(bytes.into())
}

pub(super) fn list(values: Vec<AttributeValue>) -> AttributeValue {
    AttributeValue::L(values)
}

pub(super) fn map<const N: usize>(members: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(members.map(|(name, value)| (name.to_owned(), value)).into())
}

pub(super) fn user_pk(user: UserId) -> AttributeValue {
    text(format!("USER#{user}"))
}

pub(super) fn kakao_pk(kakao: KakaoId) -> AttributeValue {
    text(format!("KAKAO#{kakao}"))
}

pub(super) fn session_sk(session: SessionId) -> AttributeValue {
    text(format!("{SESSION_PREFIX}{session}"))
}

pub(super) fn key(pk: AttributeValue, sk: AttributeValue) -> Item {
    HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), sk)])
}

pub(super) fn session_key(user: UserId, session: SessionId) -> Item {
    key(user_pk(user), session_sk(session))
}

/// A session with its first token.
pub(super) fn new_session(start: &SessionStart<'_>) -> Item {
    let SessionStart { first, device, link, authenticated_at, roles, expires_at, now } = *start;
    let mut session = session_key(first.user, first.session);
    session.extend(
        [
            ("token_hash", hash(first.hash())),
            ("generation", number(first.generation.into())),
            ("rotated_at", time(now)),
            ("created_at", time(now)),
            ("last_used_at", time(now)),
            ("absolute_expires_at", time(first.session_ends_at)),
            ("expires_at", time(expires_at)),
            ("user_agent", text(&device.user_agent)),
            ("ip_prefix", text(&device.ip_prefix)),
        ]
        .into_iter()
        .chain(authenticated_at.map(|moment| ("auth_at", time(moment))))
        .chain(link.map(|link| ("l0", blob(link.as_bytes()))))
        .chain(roles.to_stored().map(|roles| (ROLES, text(roles))))
        .chain((!device.name.is_empty()).then(|| ("device_name", text(&device.name))))
        .chain((!device.platform.is_empty()).then(|| ("device_platform", text(&device.platform))))
        .map(|(name, value)| (name.to_owned(), value)),
    );
    session
}

pub(super) fn profile_key(user: UserId) -> Item {
    key(user_pk(user), text(PROFILE))
}

pub(super) fn read_text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, StoreError> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or(StoreError::Corrupt(name))
}

pub(super) fn read_number<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<T, StoreError> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|number| number.parse().ok())
        .ok_or(StoreError::Corrupt(name))
}

pub(super) fn read_time(item: &Item, name: &'static str) -> Result<Timestamp, StoreError> {
    read_number(item, name).map(Timestamp::from_unix_seconds)
}

/// An attribute that may be missing.
pub(super) fn optional<'a, T>(
    item: &'a Item,
    name: &'static str,
    read: impl FnOnce(&'a Item, &'static str) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    item.contains_key(name).then(|| read(item, name)).transpose()
}

fn read_hash(item: &Item, name: &'static str) -> Result<[u8; 32], StoreError> {
    item.get(name)
        .and_then(|value| value.as_b().ok())
        .and_then(|blob| blob.as_ref().try_into().ok())
        .ok_or(StoreError::Corrupt(name))
}

/// The attributes that [`read_session`] and [`read_linked_session`] read.
pub(super) const SESSION_ATTRIBUTES: &str =
    "token_hash, generation, rotated_at, expires_at, created_at, carried, l0, l1, l2";

/// Of either kind.
pub(super) fn read_session(item: &Item) -> Result<Session, StoreError> {
    Ok(Session {
        token_hash: RefreshTokenHash::from_bytes(read_hash(item, "token_hash")?),
        generation: read_number(item, "generation")?,
        rotated_at: read_time(item, "rotated_at")?,
        expires_at: read_time(item, "expires_at")?,
        logged_in_at: logged_in_at(item)?,
    })
}

/// The time of the login that started a session.
pub(super) fn logged_in_at(session: &Item) -> Result<Timestamp, StoreError> {
    if session.contains_key(CARRIED) { Ok(NO_LOGIN_HERE) } else { read_time(session, "created_at") }
}

/// What an access token says of a session of any kind.
pub(super) fn facts(session: &Item) -> Result<Facts, StoreError> {
    Ok(Facts { logged_in_at: logged_in_at(session)?, roles: read_roles(session) })
}

/// None if the attribute is missing or cannot be read.
pub(super) fn read_roles(item: &Item) -> Roles {
    let stored = item.get(ROLES).and_then(|roles| roles.as_s().ok());
    stored.map(|stored| Roles::from_stored(stored)).unwrap_or_default()
}

/// A session is linked if it has a head.
pub(super) fn session_kind(item: &Item) -> Kind {
    if item.contains_key("l0") { Kind::Linked } else { Kind::Rotating }
}

pub(super) fn read_linked_session(item: &Item) -> Result<LinkedSession, StoreError> {
    let link = |item, name| read_hash(item, name).map(LinkHash::from_bytes);
    Ok(LinkedSession {
        token_hash: RefreshTokenHash::from_bytes(read_hash(item, "token_hash")?),
        generation: read_number(item, "generation")?,
        head: link(item, "l0")?,
        parent: optional(item, "l1", link)?,
        grandparent: optional(item, "l2", link)?,
        grown_at: read_time(item, "rotated_at")?,
        expires_at: read_time(item, "expires_at")?,
        logged_in_at: read_time(item, "created_at")?,
    })
}

pub(super) fn read_user(id: UserId, item: &Item) -> Result<User, StoreError> {
    let optional = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Ok(User {
        id,
        username: optional("username"),
        first_name: optional("first_name"),
        last_name: optional("last_name"),
        nickname: optional("nickname"),
        profile_image: optional("profile_image"),
        email: optional("email"),
        roles: read_roles(item),
        created_at: read_time(item, "created_at")?,
    })
}
