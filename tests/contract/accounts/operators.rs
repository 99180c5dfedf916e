//! What operators change: for every combination of attributes, what DynamoDB does is what the rules of `shared::account` say.

use std::time::Duration;

use local::table::Item;
use shared::{
    account::{Identity, Profile, Settling},
    clock::Timestamp,
    id::{KakaoId, UserId},
    roles::Roles,
    store::Change,
};
use tests::fault_proxy::Fault;

use crate::table::{Table, key, number, text, time, with};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const EARLIER: Timestamp = Timestamp::from_unix_seconds(1_799_999_000);
const SECOND: Duration = Duration::from_secs(1);
const REVISION: i64 = 5;
const EDITOR: &str = r#"["editor"]"#;

/// What is there before a change: an identity, and the profile of one user. Each with the roles, if the profile has any.
#[derive(Clone, Debug)]
struct Case {
    kakao: KakaoId,
    user: UserId,
    identity: Identity,
    profile: Profile,
    has_roles: bool,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for named in [None, Some(true), Some(false)] {
            for deleting_at in [None, Some(EARLIER)] {
                for disabled_at in [None, Some(EARLIER), Some(NOW)] {
                    for (is_created, is_deleted, is_disabled, has_roles) in [
                        (false, false, false, false),
                        (true, false, false, false),
                        (true, false, false, true),
                        (true, false, true, false),
                        (false, true, false, false),
                    ] {
                        // One transaction writes both.
                        if is_created && is_disabled != disabled_at.is_some() {
                            continue;
                        }
                        let user = UserId::generate();
                        let named = named.map(|is_ours| if is_ours { user } else { UserId::generate() });
                        let identity = Identity { user: named, deleting_at, disabled_at, ..Identity::default() };
                        let profile = Profile { is_created, is_deleted, is_disabled, logins: 1 };
                        let kakao = KakaoId::try_from(1_000 + i64::try_from(all.len()).unwrap()).unwrap();
                        all.push(Self { kakao, user, identity, profile, has_roles });
                    }
                }
            }
        }
        all
    }

    fn keys(&self) -> [Item; 3] {
        [
            key(&format!("KAKAO#{}", self.kakao), "IDENTITY"),
            key(&format!("USER#{}", self.user), "PROFILE"),
            key("OUTBOX", &format!("WORK#settle-{}", self.user)),
        ]
    }

    /// The identity and the profile, after so many writes of the latter.
    fn items(&self, writes: i64) -> [Option<Item>; 2] {
        let [identity, profile, _] = self.keys();
        let Identity { user, deleting_at, disabled_at, expires_at, .. } = self.identity;
        let roles = self.has_roles.then(|| text(EDITOR));
        let identity = with(
            identity,
            [
                ("user_id", user.as_ref().map(text)),
                ("deleting_at", deleting_at.map(time)),
                ("disabled_at", disabled_at.map(time)),
                ("expires_at", expires_at.map(time)),
                ("roles", roles.clone()),
            ],
        );
        let Profile { is_created, is_deleted, is_disabled, .. } = self.profile;
        let living = |value| is_created.then_some(value);
        let profile = with(
            profile,
            [
                ("created_at", living(time(EARLIER))),
                ("deleted_at", is_deleted.then(|| time(EARLIER))),
                ("disabled_at", disabled_at.filter(|_| is_disabled).map(time)),
                ("revision", living(number(REVISION + writes))),
                ("roles", roles),
            ],
        );
        [Some(identity), (is_created || is_deleted).then_some(profile)]
    }

    fn settling(&self) -> Item {
        let change = Settling { changed_at: NOW };
        let attributes = [
            ("kind", Some(text("settle"))),
            ("user_id", Some(text(&self.user))),
            ("changed_at", Some(time(NOW))),
            ("due_at", Some(time(change.due_at()))),
            ("failures", Some(number(0))),
        ];
        with(self.keys()[2].clone(), attributes)
    }

    async fn set(&self, table: &Table) {
        let [identity, profile] = self.items(0);
        let items: Vec<_> = self.keys().into_iter().zip([identity, profile, None]).collect();
        table.set(&items).await;
    }

    async fn get(&self, table: &Table) -> [Option<Item>; 3] {
        table.get(self.keys().each_ref()).await
    }

    /// What is there after a change that leaves these, or the same as before.
    fn left(&self, changed: Option<(Identity, Profile, bool)>) -> [Option<Item>; 3] {
        let [identity, profile] = match changed {
            Some((identity, profile, has_roles)) => Self { identity, profile, has_roles, ..self.clone() }.items(1),
            None => self.items(0),
        };
        [identity, profile, changed.is_some().then(|| self.settling())]
    }
}

#[tokio::test]
async fn a_person_is_disabled_where_the_rules_allow_it_and_a_lost_response_changes_nothing() {
    let (table, mut made) = (Table::new().await, 0);
    for case in Case::all() {
        case.set(&table).await;
        let identity = case.identity.disabled(case.user, NOW);
        let changed =
            identity.zip(case.profile.disabled()).map(|(identity, profile)| (identity, profile, case.has_roles));
        let was = case.identity.disabled_at.filter(|_| case.profile.is_disabled);
        let expected = match (changed, was) {
            (Some(_), None) => Change::Made { sessions: 0 },
            // Of this time, it was this request itself.
            (Some(_), Some(at)) if at == NOW => Change::Made { sessions: 0 },
            (Some(_), Some(_)) => Change::Unchanged { sessions: 0 },
            (None, _) => Change::Gone,
        };
        table.proxy.fail(Fault::LoseResponses(1));
        let change = table.store.disable(case.user, case.kakao, NOW).await.unwrap();
        table.proxy.heal();
        assert_eq!(change, expected, "{case:?}");
        assert_eq!(case.get(&table).await, case.left(changed.filter(|_| was.is_none())), "{case:?}");
        made += usize::from(changed.is_some());
    }
    assert_eq!(made, 4, "the identity names the living user and is not marked");
}

#[tokio::test]
async fn a_person_is_enabled_whatever_a_deletion_has_left() {
    let (table, mut made) = (Table::new().await, 0);
    for case in Case::all() {
        // The only profiles that are there beside such an identity.
        let Identity { user, deleting_at, disabled_at, .. } = case.identity;
        let is_living = user == Some(case.user) && deleting_at.is_none();
        if is_living != case.profile.is_created || user.is_some_and(|user| user != case.user) {
            continue;
        }
        case.set(&table).await;
        let change = table.store.enable(case.kakao, NOW).await.unwrap();
        let after = case.get(&table).await;
        let Some(identity) = case.identity.enabled(NOW) else {
            let expected = if user.is_some() { Change::Unchanged { sessions: 0 } } else { Change::Gone };
            assert_eq!((change, after), (expected, case.left(None)), "{case:?}");
            continue;
        };
        made += 1;
        assert_eq!(change, Change::Made { sessions: 0 }, "{case:?} {disabled_at:?}");
        let profile = case.profile.enabled();
        let [identity, profile] =
            Case { identity, profile: profile.unwrap_or(case.profile), ..case.clone() }.items(profile.is_some().into());
        assert_eq!(after, [identity, profile, None], "{case:?}");
    }
    assert_eq!(made, 14);
}

#[tokio::test]
async fn roles_are_given_and_taken_where_the_user_lives() {
    let table = Table::new().await;
    for case in Case::all() {
        for roles in [Roles::default(), Roles::from_stored(EDITOR)] {
            case.set(&table).await;
            let is_living = case.identity.user == Some(case.user)
                && case.identity.deleting_at.is_none()
                && case.profile.with_change().is_some();
            let is_same = case.has_roles != roles.is_empty();
            let expected = match (is_living, is_same) {
                (true, false) => Change::Made { sessions: 0 },
                (true, true) => Change::Unchanged { sessions: 0 },
                (false, _) => Change::Gone,
            };
            let change = table.store.set_roles(case.user, case.kakao, &roles, NOW).await.unwrap();
            assert_eq!(change, expected, "{roles:?} {case:?}");
            let changed = (case.identity, case.profile, !roles.is_empty());
            let changed = Some(changed).filter(|_| change == Change::Made { sessions: 0 });
            assert_eq!(case.get(&table).await, case.left(changed), "{roles:?} {case:?}");
        }
    }
}

#[tokio::test]
async fn a_change_of_a_user_who_was_changed_before_is_settled_from_its_own_time() {
    let table = Table::new().await;
    let case = Case::all().into_iter().find(|case| {
        case.identity.user == Some(case.user) && case.identity.deleting_at.is_none() && case.profile.is_created
    });
    let case = case.unwrap();
    case.set(&table).await;
    table.store.set_roles(case.user, case.kakao, &Roles::from_stored(EDITOR), NOW - SECOND).await.unwrap();
    table.store.disable(case.user, case.kakao, NOW).await.unwrap();
    assert_eq!(case.get(&table).await[2], Some(case.settling()));
}
