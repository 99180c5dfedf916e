//! Profiles: what Kakao says about a user, and how often the user logs in.
//!
//! | attribute of `PROFILE` | |
//! |---|---|
//! | `username`, `first_name`, `last_name` | what the user has set here. No login changes them |
//! | `deleted_at` | when the user was deleted. Such a profile has nothing else, and no write changes it |
//! | `kakao_id` | the user's number at Kakao, and so the key of the identity item. Profiles get it at their next login |
//! | `nickname`, `profile_image`, `email` | what Kakao said last |
//! | `created_at`, `last_login_at` | the first login and the latest |
//! | `revision` | the number of writes, which each write raises: the version of the user in events |
//! | `logins` | the number of logins. If a response of DynamoDB is lost, a login may count twice |
//! | `disabled_at`, `roles`, `log_name` | see [`operators`](super::operators). Each login writes `log_name` |
//! | `login_minute`, `logins_in_minute` | see [`per_minute`] |
//! | `fetched_at`, `id_token_profile` | see [`LastFetch`] |

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Store, StoreError, call, item, transaction::until_settled, unconditional};
use crate::{
    clock::Timestamp,
    id::UserId,
    per_minute::{self, Count, Counted, LOGINS_AT_MOST, TooMany},
    user::{FieldUpdate, IdTokenProfile, KakaoUser, LastFetch, Source, User},
};

/// The conditions of a login's write and of any other change: [`Profile::with_login`] and [`Profile::with_change`].
///
/// [`Profile::with_login`]: crate::account::Profile::with_login
/// [`Profile::with_change`]: crate::account::Profile::with_change
const MAY_LOG_IN: &str = "attribute_not_exists(deleted_at) AND attribute_not_exists(disabled_at)";
pub(super) const LIVING: &str = "attribute_exists(created_at) AND attribute_not_exists(deleted_at)";

/// How many writes one login tries. Each failed one means that another login was counted meanwhile.
const TRIES: usize = 5;

/// The result of recording a login.
#[derive(Debug)]
pub enum Login {
    /// It was counted, and the profile is updated.
    Counted {
        /// The user.
        user: Box<User>,
        /// When user/me was last asked.
        last_fetch: LastFetch,
        /// All logins of the user, with this one.
        logins: u64,
    },
    /// The user was deleted; nothing was written.
    Deleted,
    /// An operator lets the person log in no more; nothing was written.
    Disabled,
    /// The user has logged in too often in this minute; nothing was written.
    TooMany {
        /// When the minute is over.
        retry_after: std::time::Duration,
    },
}

/// The parts of an update expression.
#[derive(Default)]
struct Changes {
    set: Vec<String>,
    remove: Vec<&'static str>,
    add: Vec<String>,
    values: Vec<(String, AttributeValue)>,
}

impl Store {
    /// Counts a login and updates the profile by what Kakao says about the user, unless the user was deleted or the person disabled.
    /// One request, unless the user has logged in within this minute before: the condition of the first write fails then, and a second
    /// write adds to the count.
    ///
    /// `log_name` is the user's pseudonym in the log.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn record_login(
        &self,
        user: UserId,
        kakao: &KakaoUser,
        log_name: &str,
        now: Timestamp,
    ) -> Result<Login, StoreError> {
        let mut counted = None;
        for _ in 0..TRIES {
            let mut changes = Changes::of(kakao, now);
            changes.set.push("created_at = if_not_exists(created_at, :now)".to_owned());
            changes.set.push("last_login_at = :now".to_owned());
            changes.value("now", item::time(now));
            // A text, as a reader in JavaScript would round a number of 19 digits.
            changes.set("kakao_id", item::text(kakao.id.to_string()));
            changes.set("log_name", item::text(log_name));
            changes.add("logins");
            // Each condition requires that what `judge` was told is still true.
            let condition = match per_minute::judge(counted, LOGINS_AT_MOST, now) {
                Ok(Count::First { minute }) => {
                    changes.set("login_minute", item::number(minute));
                    changes.set("logins_in_minute", item::number(1));
                    changes.value("next_minute", item::number(minute + 1));
                    "attribute_not_exists(login_minute) OR login_minute < :login_minute OR login_minute > :next_minute"
                }
                Ok(Count::Another { minute }) => {
                    changes.add("logins_in_minute");
                    changes.value("counted", item::number(minute));
                    changes.value("at_most", item::number(LOGINS_AT_MOST));
                    "login_minute = :counted AND logins_in_minute < :at_most"
                }
                Err(TooMany { retry_after }) => return Ok(Login::TooMany { retry_after }),
            };
            match self.write_profile(user, changes, &format!("{MAY_LOG_IN} AND ({condition})")).await? {
                Ok(profile) => {
                    return Ok(Login::Counted {
                        user: Box::new(item::read_user(user, &profile)?),
                        last_fetch: read_last_fetch(&profile)?,
                        logins: item::read_number(&profile, "logins")?,
                    });
                }
                Err(Some(stored)) if stored.contains_key(item::DELETED_AT) => return Ok(Login::Deleted),
                Err(Some(stored)) if stored.contains_key(item::DISABLED_AT) => return Ok(Login::Disabled),
                Err(stored) => counted = stored.as_ref().map(read_counted).transpose()?,
            }
        }
        let reason = "other logins of the user came first each time".to_owned();
        Err(StoreError::Unavailable { operation: "UpdateItem", reason })
    }

    /// Updates the profile by what user/me says, after the login was counted. Returns `None` if the user was deleted meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails.
    pub async fn update_profile(
        &self,
        user: UserId,
        kakao: &KakaoUser,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        let written = self.write_profile(user, Changes::of(kakao, now), LIVING).await?;
        written.ok().map(|profile| item::read_user(user, &profile)).transpose()
    }

    /// The profile as it is now, or as it was if the condition failed.
    async fn write_profile(
        &self,
        user: UserId,
        changes: Changes,
        condition: &str,
    ) -> Result<Result<item::Item, Option<item::Item>>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::profile_key(user)))
            .update_expression(changes.expression())
            .condition_expression(condition)
            .set_expression_attribute_values(Some(changes.values.into_iter().collect()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // The transaction that marks a deletion may be writing the profile.
        match until_settled(|| call("UpdateItem", update.clone().send())).await? {
            Err(UpdateItemError::ConditionalCheckFailedException(lost)) => Ok(Err(lost.item)),
            updated => {
                let updated = unconditional("UpdateItem", updated)?;
                Ok(Ok(updated.attributes.ok_or(StoreError::Corrupt("created_at"))?))
            }
        }
    }
}

impl Changes {
    /// The changes that follow from what Kakao says.
    fn of(kakao: &KakaoUser, now: Timestamp) -> Self {
        let mut changes = Self::default();
        changes.add("revision");
        let fields = [("nickname", &kakao.nickname), ("profile_image", &kakao.profile_image), ("email", &kakao.email)];
        for (name, update) in fields {
            match update {
                FieldUpdate::Set(value) => changes.set(name, item::text(value)),
                FieldUpdate::Clear => changes.remove.push(name),
                FieldUpdate::Keep => {}
            }
        }
        if let Source::UserMe(id_token) = kakao.source {
            changes.set("fetched_at", item::time(now));
            match id_token {
                Some(profile) => changes.set("id_token_profile", item::blob(profile.as_bytes())),
                None => changes.remove.push("id_token_profile"),
            }
        }
        changes
    }

    fn value(&mut self, name: &str, value: AttributeValue) {
        self.values.push((format!(":{name}"), value));
    }

    fn set(&mut self, name: &str, value: AttributeValue) {
        self.set.push(format!("{name} = :{name}"));
        self.value(name, value);
    }

    /// Adds one.
    fn add(&mut self, name: &str) {
        self.add.push(format!("{name} :one"));
        if self.add.len() == 1 {
            self.value("one", item::number(1));
        }
    }

    fn expression(&self) -> String {
        let clause = |verb: &str, parts: &[String]| {
            if parts.is_empty() { String::new() } else { format!("{verb} {} ", parts.join(", ")) }
        };
        let remove: Vec<String> = self.remove.iter().map(|name| (*name).to_owned()).collect();
        [clause("SET", &self.set), clause("REMOVE", &remove), clause("ADD", &self.add)].concat().trim_end().to_owned()
    }
}

fn read_counted(profile: &item::Item) -> Result<Counted, StoreError> {
    Ok(Counted {
        minute: item::read_number(profile, "login_minute")?,
        times: item::read_number(profile, "logins_in_minute")?,
    })
}

fn read_last_fetch(profile: &item::Item) -> Result<LastFetch, StoreError> {
    let at = profile.get("fetched_at").map(|_| item::read_time(profile, "fetched_at")).transpose()?;
    let id_token = profile.get("id_token_profile").and_then(|value| value.as_b().ok());
    let id_token = id_token.and_then(|blob| blob.as_ref().try_into().ok()).map(IdTokenProfile::from_stored);
    Ok(LastFetch { at, id_token })
}
