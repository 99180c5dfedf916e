//! The writes of a login, and the stamp: for every combination of attributes, what DynamoDB does is what the rules of
//! `shared::account` say, which the search holds to its promises.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use local::table::{self, Item};
use shared::{
    account::{Identity, LoginVerdict, Profile, ProvenAt, UserIds},
    clock::Timestamp,
    id::{KakaoId, UserId},
    per_minute::LOGINS_AT_MOST,
    store::{Login, Store},
    user::{FieldUpdate, KakaoUser, Source},
};
use tests::Stack;

use crate::table::{key, number, text, with};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const EARLIER: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: i64 = NOW.unix_seconds().div_euclid(60);

/// A table, through the store and directly.
struct Table {
    store: Store,
    client: Client,
    name: String,
    _stack: Stack,
}

impl Table {
    async fn new() -> Self {
        let stack = Stack::start().await;
        let client = table::client(stack.table_proxy.url());
        let name = stack.template().table.name.clone();
        Self { store: Store::new(client.clone(), name.clone()), client, name, _stack: stack }
    }

    async fn put(&self, item: Option<&Item>) {
        if let Some(item) = item {
            self.client.put_item().table_name(&self.name).set_item(Some(item.clone())).send().await.unwrap();
        }
    }

    async fn get(&self, key: &Item) -> Option<Item> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(key.clone())).consistent_read(true);
        get.send().await.unwrap().item
    }
}

fn identity_item(kakao: KakaoId, identity: &Identity, created_at: Option<Timestamp>) -> Item {
    let time = |moment: Option<Timestamp>| moment.map(|moment| number(moment.unix_seconds()));
    with(
        key(&format!("KAKAO#{kakao}"), "IDENTITY"),
        [
            ("user_id", identity.user.as_ref().map(text)),
            ("created_at", time(created_at)),
            ("deleting_at", time(identity.deleting_at)),
            ("unlinked_at", time(identity.unlinked_at)),
            ("disabled_at", time(identity.disabled_at)),
            ("expires_at", time(identity.expires_at)),
        ],
    )
}

/// Every combination of attributes. The first one is not in the table.
fn identities() -> Vec<Identity> {
    let mut all = vec![Identity::default()];
    for user in [None, Some(UserId::generate())] {
        for deleting_at in [None, Some(EARLIER)] {
            for unlinked_at in [None, Some(NOW - SECOND), Some(NOW), Some(NOW + SECOND)] {
                for expires_at in [None, Some(NOW + SECOND)] {
                    for disabled_at in [None, Some(EARLIER)] {
                        all.push(Identity { user, deleting_at, unlinked_at, disabled_at, expires_at });
                    }
                }
            }
        }
    }
    all
}

/// Puts each identity into the table, under an id of its own: its id, its item, and when its user was created.
async fn each_identity(table: &Table) -> Vec<(KakaoId, Identity, Option<Item>, Option<Timestamp>)> {
    let mut each = Vec::new();
    for (number, identity) in identities().into_iter().enumerate() {
        let kakao: KakaoId = (1_000 + number).to_string().parse().unwrap();
        let created_at = identity.user.map(|_| EARLIER);
        let item = (number > 0).then(|| identity_item(kakao, &identity, created_at));
        table.put(item.as_ref()).await;
        assert_eq!(table.store.identity(kakao).await.unwrap(), identity, "it is read as it was written");
        each.push((kakao, identity, item, created_at));
    }
    each
}

#[tokio::test]
async fn a_user_is_created_where_the_rule_allows_it_and_leaves_what_the_rule_leaves() {
    let table = Table::new().await;
    let proven_at = ProvenAt::by_request(NOW);
    let mut created = 0;
    for (kakao, identity, before, _) in each_identity(&table).await {
        let verdict = table.store.create_user(kakao, UserIds::Random, proven_at, NOW).await.unwrap();
        let LoginVerdict::Known(user) = verdict else {
            assert_eq!(identity.with_new_user(UserId::generate(), proven_at), None, "{identity:?}");
            assert_eq!(verdict, identity.judge_login(proven_at), "{identity:?}");
            assert_eq!(table.get(&key(&format!("KAKAO#{kakao}"), "IDENTITY")).await, before, "{identity:?}");
            continue;
        };
        let after = table.get(&key(&format!("KAKAO#{kakao}"), "IDENTITY")).await;
        match identity.with_new_user(user, proven_at) {
            Some(expected) => {
                created += 1;
                assert_eq!(after, Some(identity_item(kakao, &expected, Some(NOW))), "{identity:?}");
                // An earlier try of the same request, whose response was lost.
                let again = table.store.create_user(kakao, UserIds::Random, proven_at, NOW).await.unwrap();
                assert_eq!(again, expected.judge_login(proven_at), "{identity:?}");
            }
            None => assert_eq!((verdict, after), (identity.judge_login(proven_at), before), "{identity:?}"),
        }
    }
    assert_eq!(created, 9, "no identity, and those without a user that were not unlinked since");
}

#[tokio::test]
async fn a_stamp_leaves_what_the_rule_leaves() {
    let table = Table::new().await;
    for (kakao, identity, before, created_at) in each_identity(&table).await {
        let stamped = table.store.stamp(kakao, NOW).await.unwrap();
        let after = table.get(&key(&format!("KAKAO#{kakao}"), "IDENTITY")).await;
        match identity.stamped(NOW) {
            Some(expected) => {
                assert_eq!(stamped, expected, "{identity:?}");
                assert_eq!(after, Some(identity_item(kakao, &expected, created_at)), "{identity:?}");
            }
            None => assert_eq!((stamped, after), (identity, before), "{identity:?}"),
        }
    }
}

/// The profile of an item, as the rules read it.
fn profile_of(item: Option<&Item>) -> Profile {
    let has = |name: &str| item.is_some_and(|item| item.contains_key(name));
    let logins = item.and_then(|item| item.get("logins")).map(|logins| logins.as_n().unwrap().parse().unwrap());
    Profile {
        is_created: has("created_at"),
        is_deleted: has("deleted_at"),
        is_disabled: has("disabled_at"),
        logins: logins.unwrap_or_default(),
    }
}

/// Every combination of attributes, and `None` for no profile. Whether the user may log in once more in this minute comes with it.
fn profiles() -> Vec<(UserId, Option<Item>, bool)> {
    let mut all = vec![(UserId::generate(), None, true)];
    for created_at in [None, Some(number(EARLIER.unix_seconds()))] {
        for (deleted_at, disabled_at) in [(None, None), (Some(EARLIER), None), (None, Some(EARLIER))] {
            for logins in [None, Some(number(7))] {
                for (minute, logins_in_minute) in
                    [(None, None), (Some(MINUTE - 5), Some(20)), (Some(MINUTE), Some(1)), (Some(MINUTE), Some(20))]
                {
                    let user = UserId::generate();
                    let item = with(
                        key(&format!("USER#{user}"), "PROFILE"),
                        [
                            ("created_at", created_at.clone()),
                            ("deleted_at", deleted_at.map(|at| number(at.unix_seconds()))),
                            ("disabled_at", disabled_at.map(|at| number(at.unix_seconds()))),
                            ("logins", logins.clone()),
                            ("login_minute", minute.map(number)),
                            ("logins_in_minute", logins_in_minute.map(number)),
                            ("nickname", Some(text("before"))),
                        ],
                    );
                    let is_full = minute == Some(MINUTE) && logins_in_minute == Some(LOGINS_AT_MOST);
                    all.push((user, Some(item), !is_full));
                }
            }
        }
    }
    all
}

fn kakao_user() -> KakaoUser {
    KakaoUser {
        id: "1376016924429759228".parse().unwrap(),
        nickname: FieldUpdate::Set("after".to_owned()),
        profile_image: FieldUpdate::Keep,
        email: FieldUpdate::Clear,
        source: Source::UserMe(None),
    }
}

#[tokio::test]
async fn a_login_is_written_to_a_profile_where_the_rule_allows_it() {
    let table = Table::new().await;
    for (user, before, is_allowed) in profiles() {
        table.put(before.as_ref()).await;
        let profile = profile_of(before.as_ref());
        let login = table.store.record_login(user, &kakao_user(), "log-name", NOW).await.unwrap();
        let after = table.get(&key(&format!("USER#{user}"), "PROFILE")).await;
        match (profile.with_login(), login) {
            (None, Login::Deleted) if profile.is_deleted => assert_eq!(after, before, "{profile:?}"),
            (None, Login::Disabled) if profile.is_disabled => assert_eq!(after, before, "{profile:?}"),
            (Some(_), Login::TooMany { .. }) if !is_allowed => assert_eq!(after, before, "{profile:?}"),
            (Some(expected), Login::Counted { logins, .. }) if is_allowed => {
                assert_eq!((profile_of(after.as_ref()), logins), (expected, expected.logins), "{before:?}");
                let after = after.unwrap();
                assert_eq!((&after["nickname"], &after["log_name"]), (&text("after"), &text("log-name")), "{before:?}");
                let created_at = before.as_ref().and_then(|before| before.get("created_at")).cloned();
                assert_eq!(after["created_at"], created_at.unwrap_or(number(NOW.unix_seconds())), "{before:?}");
            }
            (rule, login) => panic!("{before:?}: {rule:?} {login:?}"),
        }
    }
}

#[tokio::test]
async fn another_change_is_written_to_a_profile_where_the_rule_allows_it() {
    let table = Table::new().await;
    for (user, before, _) in profiles() {
        table.put(before.as_ref()).await;
        let profile = profile_of(before.as_ref());
        let changed = table.store.update_profile(user, &kakao_user(), NOW).await.unwrap();
        let after = table.get(&key(&format!("USER#{user}"), "PROFILE")).await;
        match profile.with_change() {
            Some(expected) => {
                assert_eq!(profile_of(after.as_ref()), expected, "{before:?}");
                assert_eq!(changed.unwrap().nickname.as_deref(), Some("after"), "{before:?}");
            }
            None => assert_eq!((changed, after), (None, before), "{profile:?}"),
        }
    }
}
