//! People, as operators see them.

use serde_json::Value;

use super::{DeviceSession, Store, StoreError, account, call, devices, item, unconditional, users::is_living};
use crate::{
    account::Identity,
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
        profile.filter(is_living).map(|profile| account::export(user, &profile, &sessions, None)).transpose()
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
