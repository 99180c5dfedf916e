//! Everybody who has a user here, page by page, for an operator who takes the users elsewhere.

use super::{
    Store, StoreError, call,
    item::{self, Item},
    unconditional,
};
use crate::{
    clock::Timestamp,
    id::{KakaoId, UserId},
    user::User,
};

/// What an item of the table says.
#[derive(Debug, PartialEq, Eq)]
pub enum Exported {
    /// A user.
    User(Box<ExportedUser>),
    /// Whose user a person at Kakao is. Also while the user is being deleted.
    Identity(KakaoId, UserId),
    /// A user was imported with this id. If there is no such user, the user was deleted since.
    Imported(UserId),
}

/// A user, as the profile describes them.
#[derive(Debug, PartialEq, Eq)]
pub struct ExportedUser {
    /// The user.
    pub user: User,
    /// The person at Kakao. Profiles that no login has written since an older release do not say it: the identity does.
    pub kakao: Option<KakaoId>,
    /// The latest login, if there was one.
    pub last_login_at: Option<Timestamp>,
}

/// How far the table was read.
#[derive(Clone, Debug)]
pub struct Position(Item);

impl Store {
    /// A page of the table by a consistent read, and where the next one begins.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails, or an item is damaged.
    pub async fn export_page(&self, from: Option<Position>) -> Result<(Vec<Exported>, Option<Position>), StoreError> {
        const OPERATION: &str = "Scan";
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("sk IN (:profile, :identity, :imported)")
            .expression_attribute_values(":profile", item::text(item::PROFILE))
            .expression_attribute_values(":identity", item::text(item::IDENTITY))
            .expression_attribute_values(":imported", item::text(super::imports::IMPORTED))
            .set_exclusive_start_key(from.map(|Position(key)| key));
        let page = unconditional(OPERATION, call(OPERATION, scan.send()).await?)?;
        let found = page.items.unwrap_or_default().iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok((found.into_iter().flatten().collect(), page.last_evaluated_key.map(Position)))
    }
}

/// `None` if the item says nothing of this: it is left of a deletion.
fn read(stored: &Item) -> Result<Option<Exported>, StoreError> {
    let (pk, sk) = (item::read_text(stored, "pk")?, item::read_text(stored, "sk")?);
    let id = |prefix| pk.strip_prefix(prefix).and_then(|id| id.parse().ok()).ok_or(StoreError::Corrupt("pk"));
    if sk == super::imports::IMPORTED {
        return id("IMPORTED#").map(Exported::Imported).map(Some);
    }
    if sk == item::IDENTITY {
        let Some(user) = stored.get("user_id").and_then(|user| user.as_s().ok()) else { return Ok(None) };
        let kakao = pk.strip_prefix("KAKAO#").and_then(|kakao| kakao.parse().ok());
        let user = user.parse().map_err(|_| StoreError::Corrupt("user_id"))?;
        return Ok(Some(Exported::Identity(kakao.ok_or(StoreError::Corrupt("pk"))?, user)));
    }
    if stored.contains_key(item::DELETED_AT) {
        return Ok(None);
    }
    let kakao = stored.get("kakao_id").and_then(|kakao| kakao.as_s().ok());
    Ok(Some(Exported::User(Box::new(ExportedUser {
        user: item::read_user(id("USER#")?, stored)?,
        kakao: kakao.map(|kakao| kakao.parse()).transpose().map_err(|_| StoreError::Corrupt("kakao_id"))?,
        last_login_at: item::optional(stored, "last_login_at", item::read_time)?,
    }))))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    fn stored(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Item {
        let mut stored = item::key(item::text(pk), item::text(sk));
        stored.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        stored
    }

    #[test]
    fn what_is_left_of_a_deletion_is_not_a_user() {
        let deleted = stored("USER#7", "PROFILE", &[("deleted_at", item::number(1))]);
        let tombstone = stored("KAKAO#1", "IDENTITY", &[("expires_at", item::number(1))]);
        assert_eq!((read(&deleted).unwrap(), read(&tombstone).unwrap()), (None, None));
    }

    #[test]
    fn a_user_is_read_with_and_without_the_number_at_kakao() {
        let seven: UserId = "7".parse().unwrap();
        for kakao in [None, Some("1376016924429759228")] {
            let kakao_id = kakao.map(|kakao| ("kakao_id", item::text(kakao)));
            let attributes: Vec<_> = kakao_id.into_iter().chain([("created_at", item::number(1))]).collect();
            let Some(Exported::User(found)) = read(&stored("USER#7", "PROFILE", &attributes)).unwrap() else {
                panic!("not a user")
            };
            assert_eq!((found.user.id, found.kakao.map(|kakao| kakao.to_string()).as_deref()), (seven, kakao));
        }
        let identity = stored("KAKAO#1", "IDENTITY", &[("user_id", item::text("7"))]);
        assert_eq!(read(&identity).unwrap(), Some(Exported::Identity("1".parse().unwrap(), seven)));
        let marker = stored("IMPORTED#7", "IMPORTED", &[("imported_at", item::number(1))]);
        assert_eq!(read(&marker).unwrap(), Some(Exported::Imported(seven)));
    }
}
