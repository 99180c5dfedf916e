//! The sessions of one user, as a list of devices.

use super::{Device, Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
};

/// A living session as its user sees it. It has nothing of the refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSession {
    /// The session.
    pub id: SessionId,
    /// What the login came from.
    pub device: Device,
    /// The login.
    pub created_at: Timestamp,
    /// The latest rotation, or the login.
    pub last_used_at: Timestamp,
    /// When the session ends unless it is renewed.
    pub expires_at: Timestamp,
}

impl Store {
    /// The user's living sessions, the one that was used last first. One consistent read, so a session that was ended a moment ago is
    /// not in it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<DeviceSession>, StoreError> {
        let (mut stored, mut from) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sessions)")
                .projection_expression(
                    "sk, user_agent, ip_prefix, device_name, device_platform, created_at, last_used_at, expires_at",
                )
                .expression_attribute_values(":pk", item::user_pk(user))
                .expression_attribute_values(":sessions", item::text(item::SESSION_PREFIX))
                .set_exclusive_start_key(from);
            let page = unconditional("Query", call("Query", page.send()).await?)?;
            stored.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        living(&stored, now)
    }
}

/// The living ones of these sessions, the one that was used last first.
pub(super) fn living(stored: &[item::Item], now: Timestamp) -> Result<Vec<DeviceSession>, StoreError> {
    let mut sessions = stored.iter().map(read_session).collect::<Result<Vec<_>, _>>()?;
    // DynamoDB deletes expired items within a few days.
    sessions.retain(|session| session.expires_at > now);
    sessions.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.created_at)));
    Ok(sessions)
}

fn read_session(session: &item::Item) -> Result<DeviceSession, StoreError> {
    let id = item::read_text(session, "sk")?.strip_prefix(item::SESSION_PREFIX);
    let text = |name| item::read_text(session, name).unwrap_or_default().to_owned();
    Ok(DeviceSession {
        id: id.and_then(|id| id.parse().ok()).ok_or(StoreError::Corrupt("sk"))?,
        device: Device {
            user_agent: text("user_agent"),
            ip_prefix: text("ip_prefix"),
            name: text("device_name"),
            platform: text("device_platform"),
        },
        created_at: item::read_time(session, "created_at")?,
        last_used_at: item::read_time(session, "last_used_at")?,
        expires_at: item::read_time(session, "expires_at")?,
    })
}
