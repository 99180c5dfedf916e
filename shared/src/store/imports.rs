//! Users who are imported from Django, with the numbers that they had there as their ids.
//!
//! Three items are written for each, all or nothing: the identity, the profile, and the item `IMPORTED#<number>`, `IMPORTED`. The
//! last one is never deleted, so that a later import does not bring back a user who was deleted here.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};

use super::{
    Store, StoreError, call,
    identities::{identity_key, read_identity},
    item, unconditional,
};
use crate::{
    account::{Counter, Found, ImportVerdict, Profile},
    clock::Timestamp,
    id::{KakaoId, UserId},
};

/// A user of Django's, as an export describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedUser {
    /// The number of the user.
    pub id: UserId,
    /// The person at Kakao.
    pub kakao: KakaoId,
    /// Missing if empty.
    pub username: Option<String>,
    /// Missing if empty.
    pub first_name: Option<String>,
    /// Missing if empty.
    pub last_name: Option<String>,
    /// Only a verified one.
    pub email: Option<String>,
    /// What Kakao said last.
    pub nickname: Option<String>,
    /// What Kakao said last, if it is an https address.
    pub profile_image: Option<String>,
    /// When the user joined.
    pub created_at: Timestamp,
    /// The latest login, if there was one.
    pub last_login_at: Option<Timestamp>,
}

/// How an import stands about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportStanding {
    /// Nothing is stored, and an import creates the user. After an import: another line has the same number or Kakao id.
    New,
    /// This import has created the user.
    Created,
    /// The user was imported before.
    Unchanged {
        /// The names of the attributes that differ from what is stored here, which is newer and stays: `username`, `first_name`,
        /// `last_name`, `email`.
        differs: Vec<&'static str>,
    },
    /// The person has logged in here before the import, and is this user.
    OtherUser(UserId),
    /// The person was deleted here, or Kakao has unlinked them.
    Deleted,
    /// The number is another person's.
    NumberTaken,
    /// The number is not reserved, so a new user may have got it.
    NotReserved,
}

/// How many persons fit into one transaction, which is 100 items at most.
pub const IMPORT_BATCH: usize = 33;

/// The sort key of the marker.
pub(super) const IMPORTED: &str = "IMPORTED";
/// The attribute of the marker: when the user was imported.
const AT: &str = "imported_at";

/// How often keys are read that DynamoDB has left unprocessed.
const READS: u32 = 5;

impl Store {
    /// How an import would stand about each of these persons, in their order. `counter` is as it would be then
    /// ([`Counter::reserve`]). Reads [`IMPORT_BATCH`] persons by one request.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn import_standing(
        &self,
        users: &[ImportedUser],
        counter: Counter,
    ) -> Result<Vec<ImportStanding>, StoreError> {
        let mut standings = Vec::with_capacity(users.len());
        for batch in users.chunks(IMPORT_BATCH) {
            let stored = self.stored(batch).await?;
            for user in batch {
                standings.push(standing(user, counter, &stored)?);
            }
        }
        Ok(standings)
    }

    /// Creates those of these persons whom it may ([`Found::judge_import`]), and says how it stands about each, in their order.
    /// `counter` is what [`reserve_numbers`](Self::reserve_numbers) has returned, and `now` the same for a whole import. Writes
    /// [`IMPORT_BATCH`] persons by one transaction, and reads only those whom it does not create.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. Some may be created; it is safe to try again.
    pub async fn import_users(
        &self,
        users: &[ImportedUser],
        counter: Counter,
        now: Timestamp,
    ) -> Result<Vec<ImportStanding>, StoreError> {
        let mut standings = vec![ImportStanding::Created; users.len()];
        for (batch, standings) in users.chunks(IMPORT_BATCH).zip(standings.chunks_mut(IMPORT_BATCH)) {
            let refused = self.write_batch(batch, counter, now).await?;
            let refused_users: Vec<_> = refused.iter().map(|at| batch[*at].clone()).collect();
            let stored = self.stored(&refused_users).await?;
            for (at, user) in refused.into_iter().zip(&refused_users) {
                // By an earlier try of this import, whose response was lost.
                let is_ours =
                    stored.get(&marker_pk(user.id)).is_some_and(|marker| marker.get(AT) == Some(&item::time(now)));
                standings[at] = match standing(user, counter, &stored)? {
                    ImportStanding::Unchanged { .. } if is_ours => ImportStanding::Created,
                    standing => standing,
                };
            }
        }
        Ok(standings)
    }

    /// The positions of the persons who were not created.
    async fn write_batch(
        &self,
        batch: &[ImportedUser],
        counter: Counter,
        now: Timestamp,
    ) -> Result<Vec<usize>, StoreError> {
        // One transaction cannot write an item twice.
        let (mut numbers, mut people) = (HashSet::new(), HashSet::new());
        let (mut refused, mut open) = (Vec::new(), Vec::new());
        for (at, user) in batch.iter().enumerate() {
            let is_reserved = user.id.number().is_some_and(|number| counter.may_import(number));
            if is_reserved && !numbers.contains(&user.id) && !people.contains(&user.kakao) {
                numbers.insert(user.id);
                people.insert(user.kakao);
                open.push(at);
            } else {
                refused.push(at);
            }
        }
        while !open.is_empty() {
            let mut writes = Vec::with_capacity(open.len() * 3);
            for at in &open {
                writes.extend(self.writes(&batch[*at], now)?);
            }
            let Err(cancelled) = self.transact(&writes).await? else { break };
            let mut position = 0;
            open.retain(|at| {
                let is_refused = (position..position + 3).any(|write| cancelled.is_refused(write));
                position += 3;
                if is_refused {
                    refused.push(*at);
                }
                !is_refused
            });
        }
        Ok(refused)
    }

    /// The three writes for one person, each on the condition that its item is not there.
    fn writes(&self, user: &ImportedUser, now: Timestamp) -> Result<Vec<TransactWriteItem>, StoreError> {
        [identity(user), profile(user), marker(user.id, now)]
            .into_iter()
            .map(|item| {
                let put = Put::builder().table_name(&self.table).set_item(Some(item));
                let put = put.condition_expression("attribute_not_exists(pk)").build();
                Ok(TransactWriteItem::builder().put(put.map_err(|_| StoreError::Corrupt("item"))?).build())
            })
            .collect()
    }

    /// The items of these persons by their partition keys, by consistent reads. At most [`IMPORT_BATCH`] persons.
    async fn stored(&self, users: &[ImportedUser]) -> Result<HashMap<String, item::Item>, StoreError> {
        const OPERATION: &str = "BatchGetItem";
        let mut found = HashMap::new();
        let keys =
            users.iter().flat_map(|user| [identity_key(user.kakao), item::profile_key(user.id), marker_key(user.id)]);
        let mut is_new = HashSet::new();
        let mut keys: Vec<_> = keys.filter(|key| is_new.insert(pk_of(key))).collect();
        for _ in 0..READS {
            if keys.is_empty() {
                return Ok(found);
            }
            let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let request = HashMap::from([(self.table.clone(), request.map_err(|_| StoreError::Corrupt("keys"))?)]);
            let read = self.client.batch_get_item().set_request_items(Some(request));
            let read = unconditional(OPERATION, call(OPERATION, read.send()).await?)?;
            let items = read.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
            found.extend(items.into_iter().map(|item| (pk_of(&item), item)));
            let unread = read.unprocessed_keys.unwrap_or_default().remove(&self.table);
            keys = unread.map(|unread| unread.keys).unwrap_or_default();
        }
        if keys.is_empty() {
            return Ok(found);
        }
        Err(StoreError::Unavailable { operation: OPERATION, reason: "left keys unprocessed".to_owned() })
    }
}

fn standing(
    user: &ImportedUser,
    counter: Counter,
    stored: &HashMap<String, item::Item>,
) -> Result<ImportStanding, StoreError> {
    let of = |key: item::Item| stored.get(&pk_of(&key));
    let stored_profile = of(item::profile_key(user.id));
    let found = Found {
        identity: of(identity_key(user.kakao)).map(read_identity).transpose()?,
        profile: stored_profile.map_or_else(Profile::default, read_profile),
        is_marked: stored.contains_key(&marker_pk(user.id)),
    };
    Ok(match found.judge_import(user.id, counter) {
        ImportVerdict::Import => ImportStanding::New,
        ImportVerdict::Unchanged => ImportStanding::Unchanged { differs: differing(user, stored_profile) },
        ImportVerdict::OtherUser(other) => ImportStanding::OtherUser(other),
        ImportVerdict::Deleted => ImportStanding::Deleted,
        ImportVerdict::NumberTaken => ImportStanding::NumberTaken,
        ImportVerdict::NotReserved => ImportStanding::NotReserved,
    })
}

fn read_profile(profile: &item::Item) -> Profile {
    Profile {
        is_created: profile.contains_key("created_at"),
        is_deleted: profile.contains_key(item::DELETED_AT),
        is_disabled: profile.contains_key(item::DISABLED_AT),
        logins: item::read_number(profile, "logins").unwrap_or_default(),
    }
}

fn differing(user: &ImportedUser, profile: Option<&item::Item>) -> Vec<&'static str> {
    let stored = |name: &str| profile.and_then(|profile| profile.get(name)?.as_s().ok());
    let fields = [
        ("username", &user.username),
        ("first_name", &user.first_name),
        ("last_name", &user.last_name),
        ("email", &user.email),
    ];
    fields.into_iter().filter(|(name, value)| stored(name) != value.as_ref()).map(|(name, _)| name).collect()
}

fn identity(user: &ImportedUser) -> item::Item {
    let attributes = [("user_id", item::text(user.id.to_string())), ("created_at", item::time(user.created_at))];
    with(identity_key(user.kakao), attributes)
}

/// A profile that has counted no login.
fn profile(user: &ImportedUser) -> item::Item {
    let texts = [
        ("username", &user.username),
        ("first_name", &user.first_name),
        ("last_name", &user.last_name),
        ("email", &user.email),
        ("nickname", &user.nickname),
        ("profile_image", &user.profile_image),
    ];
    let texts = texts.into_iter().filter_map(|(name, value)| Some((name, item::text(value.as_ref()?))));
    let attributes = [
        ("kakao_id", item::text(user.kakao.to_string())),
        ("created_at", item::time(user.created_at)),
        ("logins", item::number(0)),
        ("revision", item::number(1)),
    ];
    let last_login_at = user.last_login_at.map(|at| ("last_login_at", item::time(at)));
    with(item::profile_key(user.id), attributes.into_iter().chain(last_login_at).chain(texts))
}

/// Has nothing personal but the number.
fn marker(id: UserId, now: Timestamp) -> item::Item {
    with(marker_key(id), [(AT, item::time(now))])
}

fn with(mut item: item::Item, attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> item::Item {
    item.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
    item
}

pub(super) fn marker_key(id: UserId) -> item::Item {
    item::key(item::text(marker_pk(id)), item::text(IMPORTED))
}

fn marker_pk(id: UserId) -> String {
    format!("IMPORTED#{id}")
}

fn pk_of(item: &item::Item) -> String {
    item::read_text(item, "pk").unwrap_or_default().to_owned()
}
