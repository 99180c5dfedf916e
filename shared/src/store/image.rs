//! A profile as the table's stream has it: as it was before a write, or after it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

use super::{StoreError, item, users::is_living};
use crate::{id::UserId, user::User};

/// The profile of a user who is not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileImage {
    /// The user.
    pub user: User,
    /// How often the profile was written. 0 if no release has counted it.
    pub revision: u64,
}

impl ProfileImage {
    /// The user of a profile with these keys.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if they are not those of a profile.
    pub fn user_of(keys: &Map<String, Value>) -> Result<UserId, StoreError> {
        let keys = attributes(keys);
        if item::read_text(&keys, "sk")? != item::PROFILE {
            return Err(StoreError::Corrupt("sk"));
        }
        let user = item::read_text(&keys, "pk")?.strip_prefix("USER#").and_then(|user| user.parse().ok());
        user.ok_or(StoreError::Corrupt("pk"))
    }

    /// Reads an image, which is the JSON of an item. `None` if the user is deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if an attribute is missing or of another type.
    pub fn read(user: UserId, image: &Map<String, Value>) -> Result<Option<Self>, StoreError> {
        let profile = attributes(image);
        if !is_living(&profile) {
            return Ok(None);
        }
        let revision = item::optional(&profile, "revision", item::read_number)?.unwrap_or_default();
        Ok(Some(Self { user: item::read_user(user, &profile)?, revision }))
    }
}

/// Texts and numbers, in which all of a user is.
fn attributes(image: &Map<String, Value>) -> item::Item {
    let read = |value: &Value| {
        let (kind, value) = value.as_object()?.iter().next()?;
        let value = value.as_str()?.to_owned();
        match kind.as_str() {
            "S" => Some(AttributeValue::S(value)),
            "N" => Some(AttributeValue::N(value)),
            _ => None,
        }
    };
    let attributes = image.iter().filter_map(|(name, value)| Some((name.clone(), read(value)?)));
    attributes.collect::<HashMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other} is not an object"),
        }
    }

    #[test]
    fn an_image_of_a_profile_is_read() {
        let user = UserId::from_number(17).unwrap();
        let image = json!({"pk": {"S": "USER#17"}, "sk": {"S": "PROFILE"}, "created_at": {"N": "1800000000"},
            "revision": {"N": "3"}, "nickname": {"S": "Ryan"}, "id_token_profile": {"B": "AAECAw=="}});
        let read = ProfileImage::read(user, &object(image)).unwrap().unwrap();
        assert_eq!((read.user.id, read.user.nickname.as_deref(), read.revision), (user, Some("Ryan"), 3));
        assert_eq!(read.user.created_at, Timestamp::from_unix_seconds(1_800_000_000));
        let of_an_older_release =
            ProfileImage::read(user, &object(json!({"created_at": {"N": "1"}}))).unwrap().unwrap();
        assert_eq!(of_an_older_release.revision, 0);
    }

    #[test]
    fn a_deleted_profile_is_nobody_and_another_item_is_an_error() {
        let user = UserId::from_number(17).unwrap();
        assert_eq!(ProfileImage::read(user, &object(json!({"deleted_at": {"N": "1"}}))).unwrap(), None);
        for broken in
            [json!({}), json!({"created_at": {"S": "1"}}), json!({"created_at": {"N": "1"}, "revision": {"S": "1"}})]
        {
            assert!(matches!(ProfileImage::read(user, &object(broken)), Err(StoreError::Corrupt(_))));
        }
        let keys = |pk: &str, sk: &str| object(json!({"pk": {"S": pk}, "sk": {"S": sk}}));
        assert_eq!(ProfileImage::user_of(&keys("USER#17", "PROFILE")).unwrap(), user);
        for (pk, sk) in
            [("USER#", "PROFILE"), ("KAKAO#17", "PROFILE"), ("USER#17", "SESSION#1"), ("USER#017", "PROFILE")]
        {
            assert!(ProfileImage::user_of(&keys(pk, sk)).is_err(), "{pk} {sk}");
        }
    }
}
