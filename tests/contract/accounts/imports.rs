//! An import: for every combination of items, what DynamoDB does is what the rules of `shared::account` say, and nothing else
//! changes.

use std::{collections::BTreeSet, time::Duration};

use local::table::Item;
use shared::{
    account::{Counter, Found, Identity, ImportVerdict, LoginVerdict, Profile, ProvenAt, Reserved, UserIds},
    clock::Timestamp,
    id::{KakaoId, UserId},
    store::{ImportStanding, ImportedUser, StoreError},
};
use tests::fault_proxy::{Fault, Moment};
use tokio::task::JoinSet;

use crate::table::{Table, key, number, text, time, with};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const JOINED: Timestamp = Timestamp::from_unix_seconds(1_600_000_000);
const SECOND: Duration = Duration::from_secs(1);
const FIRST_KAKAO: i64 = 3_000_000_000;

fn id(number: u64) -> UserId {
    UserId::from_number(number).unwrap()
}

fn kakao(number: u64) -> KakaoId {
    (FIRST_KAKAO + i64::try_from(number).unwrap()).try_into().unwrap()
}

/// A user of Django's. Every third one has no names.
fn imported(number: u64) -> ImportedUser {
    let named = |text: &str| (!number.is_multiple_of(3)).then(|| format!("{text} {number}"));
    ImportedUser {
        id: id(number),
        kakao: kakao(number),
        username: Some(format!("user{number}")),
        first_name: named("길동"),
        last_name: named("홍"),
        email: named("a@b.c"),
        nickname: named("라이언"),
        profile_image: named("https://k.kakaocdn.net/a.jpg"),
        created_at: JOINED,
        last_login_at: (!number.is_multiple_of(2)).then_some(JOINED + SECOND),
    }
}

fn keys(number: u64) -> [Item; 3] {
    [
        key(&format!("KAKAO#{}", kakao(number)), "IDENTITY"),
        key(&format!("USER#{number}"), "PROFILE"),
        key(&format!("IMPORTED#{number}"), "IMPORTED"),
    ]
}

/// What an import writes for a user.
fn items(user: &ImportedUser, now: Timestamp) -> [Item; 3] {
    let [identity, profile, marker] = keys(user.id.number().unwrap());
    let identity = with(identity, [("user_id", Some(text(&user.id))), ("created_at", Some(time(user.created_at)))]);
    let names = [
        ("username", user.username.as_ref()),
        ("first_name", user.first_name.as_ref()),
        ("last_name", user.last_name.as_ref()),
        ("email", user.email.as_ref()),
        ("nickname", user.nickname.as_ref()),
        ("profile_image", user.profile_image.as_ref()),
    ];
    let profile = with(
        profile,
        [
            ("kakao_id", Some(text(&user.kakao))),
            ("created_at", Some(time(user.created_at))),
            ("last_login_at", user.last_login_at.map(time)),
            ("logins", Some(number(0))),
            ("revision", Some(number(1))),
        ],
    );
    let profile = with(profile, names.map(|(name, value)| (name, value.map(text))));
    [identity, profile, with(marker, [("imported_at", Some(time(now)))])]
}

fn counter_item(counter: Counter) -> Item {
    let value = |value: u64| Some(number(i64::try_from(value).unwrap()));
    with(
        key("COUNTER", "USERS"),
        [
            ("last_number", value(counter.last)),
            ("reserved_after", counter.reserved.and_then(|reserved| value(reserved.after))),
            ("reserved_to", counter.reserved.and_then(|reserved| value(reserved.to))),
        ],
    )
}

fn reserved(last: u64, after: u64, to: u64) -> Counter {
    Counter { last, reserved: Some(Reserved { after, to }) }
}

/// Every kind of identity that a person with this id can have here. The first one is not in the table.
fn identities(user: UserId) -> Vec<Option<Identity>> {
    let mut all = vec![None];
    for user in [None, Some(user), Some(id(7_777)), Some(UserId::generate())] {
        for deleting_at in [None, Some(JOINED)] {
            for unlinked_at in [None, Some(JOINED)] {
                all.push(Some(Identity { user, deleting_at, unlinked_at, ..Identity::default() }));
            }
        }
    }
    all
}

fn profiles() -> [Profile; 3] {
    let living = Profile::default().with_login().unwrap();
    [Profile::default(), living, Profile { is_deleted: true, ..Profile::default() }]
}

/// The standing that follows from a verdict about a person whose stored names are others.
fn standing(verdict: ImportVerdict, written: ImportStanding) -> ImportStanding {
    match verdict {
        ImportVerdict::Import => written,
        ImportVerdict::Unchanged => {
            ImportStanding::Unchanged { differs: vec!["username", "first_name", "last_name", "email"] }
        }
        ImportVerdict::OtherUser(user) => ImportStanding::OtherUser(user),
        ImportVerdict::Deleted => ImportStanding::Deleted,
        ImportVerdict::NumberTaken => ImportStanding::NumberTaken,
        ImportVerdict::NotReserved => ImportStanding::NotReserved,
    }
}

/// The items of a person, as they were found.
fn stored(number: u64, found: &Found) -> [Option<Item>; 3] {
    let [identity, profile, marker] = keys(number);
    [
        found.identity.map(|stored| {
            let attributes = [
                ("user_id", stored.user.map(|user| text(&user))),
                ("deleting_at", stored.deleting_at.map(time)),
                ("unlinked_at", stored.unlinked_at.map(time)),
            ];
            with(identity, attributes)
        }),
        (found.profile != Profile::default()).then(|| {
            let created_at = found.profile.is_created.then(|| time(NOW));
            with(profile, [("created_at", created_at), ("deleted_at", found.profile.is_deleted.then(|| time(NOW)))])
        }),
        found.is_marked.then(|| with(marker, [("imported_at", Some(time(JOINED)))])),
    ]
}

#[tokio::test]
async fn a_person_is_imported_where_the_rule_allows_it_and_nothing_else_changes() {
    let table = Table::new().await;
    // All four names differ from what is stored, as nothing is.
    let (user, number) = (imported(7), 7);
    let mut seen = BTreeSet::new();
    for identity in identities(user.id) {
        for profile in profiles() {
            for is_marked in [false, true] {
                for counter in [Counter::default(), reserved(7, 0, 6), reserved(9, 7, 8), reserved(9, 6, 7)] {
                    let found = Found { identity, profile, is_marked };
                    let before = stored(number, &found);
                    table.set(&keys(number).into_iter().zip(before.clone()).collect::<Vec<_>>()).await;
                    let verdict = found.judge_import(user.id, counter);
                    seen.insert(format!("{verdict:?}").split('(').next().unwrap().to_owned());

                    let dry = table.store.import_standing(std::slice::from_ref(&user), counter).await.unwrap();
                    assert_eq!(dry, [standing(verdict, ImportStanding::New)], "{found:?} {counter:?}");
                    assert_eq!(table.get_all(&keys(number)).await, before, "a dry run writes nothing");

                    let done = table.store.import_users(std::slice::from_ref(&user), counter, NOW).await.unwrap();
                    assert_eq!(done, [standing(verdict, ImportStanding::Created)], "{found:?} {counter:?}");
                    let is_written = verdict == ImportVerdict::Import;
                    let after = if is_written { items(&user, NOW).map(Some) } else { before };
                    assert_eq!(table.get_all(&keys(number)).await, after, "{found:?} {counter:?}");
                }
            }
        }
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[tokio::test]
async fn numbers_are_reserved_as_the_rule_says() {
    let table = Table::new().await;
    let counters = [
        Counter::default(),
        Counter { last: 3, reserved: None },
        reserved(3, 0, 3),
        reserved(3, 2, 3),
        reserved(4, 0, 3),
    ];
    for counter in counters {
        for highest in [0, 1, 2, 3, 4, 5, UserId::MAX_NUMBER] {
            let item = (counter != Counter::default()).then(|| counter_item(counter));
            table.set(&[(key("COUNTER", "USERS"), item)]).await;
            assert_eq!(table.store.counter().await.unwrap(), counter, "it is read as it was written");
            let expected = counter.reserve(highest).unwrap_or(counter);
            for _ in 0..2 {
                assert_eq!(table.store.reserve_numbers(highest).await.unwrap(), expected, "{counter:?} {highest}");
                assert_eq!(table.store.counter().await.unwrap(), expected, "{counter:?} {highest}");
            }
        }
    }
}

#[tokio::test]
async fn a_number_that_is_given_while_others_are_reserved_is_not_among_them() {
    let table = Table::new().await;
    let mut held = table.proxy.hold(1, Moment::Before);
    let store = table.store.clone();
    let reserving = tokio::spawn(async move { store.reserve_numbers(10).await });
    held.arrived().await;
    table.set(&[(key("COUNTER", "USERS"), Some(counter_item(Counter { last: 1, reserved: None })))]).await;
    held.release();
    assert_eq!(reserving.await.unwrap().unwrap(), reserved(10, 1, 10));
    assert_eq!(table.store.counter().await.unwrap(), reserved(10, 1, 10));
}

#[tokio::test]
async fn a_first_login_gets_the_number_after_the_last_one() {
    let table = Table::new().await;
    for counter in [Counter::default(), Counter { last: 3, reserved: None }, reserved(3, 0, 3)] {
        let item = (counter != Counter::default()).then(|| counter_item(counter));
        table.set(&[(key("COUNTER", "USERS"), item), (keys(9)[0].clone(), None)]).await;
        let proven_at = ProvenAt::by_request(NOW);
        let verdict = table.store.create_user(kakao(9), UserIds::Numbers, proven_at, NOW).await.unwrap();
        assert_eq!(verdict, LoginVerdict::Known(id(counter.next().last)));
        assert_eq!(table.store.counter().await.unwrap(), counter.next());
    }
}

/// More than one transaction holds, and every kind of person among them.
#[tokio::test]
async fn persons_who_are_here_already_do_not_keep_the_others_out() {
    let table = Table::new().await;
    let counter = table.store.reserve_numbers(80).await.unwrap();
    let mut users: Vec<_> = (1..=80).map(imported).collect();
    table.store.import_users(&users[10..20], counter, NOW).await.unwrap();
    let random = table.store.create_user(kakao(40), UserIds::Random, ProvenAt::by_request(NOW), NOW).await.unwrap();
    let LoginVerdict::Known(random) = random else { panic!("{random:?}") };
    // Two lines with one number, and two with one Kakao id.
    users[50].id = users[49].id;
    users[60].kakao = users[59].kakao;
    users[15].username = Some("renamed".to_owned());
    users[79].id = id(81);

    let standings = table.store.import_users(&users, counter, NOW + SECOND).await.unwrap();
    for (at, standing) in standings.iter().enumerate() {
        let expected = match at {
            15 => ImportStanding::Unchanged { differs: vec!["username"] },
            10..20 => ImportStanding::Unchanged { differs: Vec::new() },
            39 => ImportStanding::OtherUser(random),
            50 => ImportStanding::NumberTaken,
            60 => ImportStanding::OtherUser(id(60)),
            79 => ImportStanding::NotReserved,
            _ => ImportStanding::Created,
        };
        assert_eq!(*standing, expected, "line {at}");
    }
    let again = table.store.import_users(&users, counter, NOW + SECOND * 2).await.unwrap();
    assert!(!again.contains(&ImportStanding::Created), "{again:?}");
}

/// The table after an import of these users, however often it was begun.
async fn left(table: &Table, users: &[ImportedUser]) -> Vec<Option<Item>> {
    let mut all: Vec<Item> = users.iter().flat_map(|user| keys(user.id.number().unwrap())).collect();
    all.push(key("COUNTER", "USERS"));
    table.get_all(&all).await
}

async fn run(table: &Table, now: Timestamp) -> Result<Vec<ImportStanding>, StoreError> {
    let counter = table.store.reserve_numbers(70).await?;
    table.store.import_users(&seventy(), counter, now).await
}

fn seventy() -> Vec<ImportedUser> {
    (1..=70).map(imported).collect()
}

#[tokio::test]
async fn an_import_that_fails_at_any_request_goes_on_where_it_was() {
    let table = Table::new().await;
    assert_eq!(run(&table, NOW).await.unwrap(), vec![ImportStanding::Created; 70]);
    let expected = left(&table, &seventy()).await;
    assert_eq!(table.proxy.take_traffic().operations.len(), 5, "two for the counter, and three transactions");

    // All at once, as the SDK waits between its tries.
    let mut scenarios = JoinSet::new();
    for fault in [Fault::Down, Fault::FailBefore, Fault::FailAfter, Fault::Reset] {
        for requests in 0..5 {
            let expected = expected.clone();
            scenarios.spawn(async move {
                let table = Table::new().await;
                table.proxy.fail_after(requests, fault);
                run(&table, NOW).await.unwrap_err();
                table.proxy.heal();
                let standings = run(&table, NOW).await.unwrap();
                assert_eq!(standings, vec![ImportStanding::Created; 70], "{fault:?} {requests}: the same run goes on");
                assert_eq!(left(&table, &seventy()).await, expected, "{fault:?} {requests}");
                let standings = run(&table, NOW + SECOND).await.unwrap();
                let unchanged = ImportStanding::Unchanged { differs: Vec::new() };
                assert_eq!(standings, vec![unchanged; 70], "{fault:?} {requests}: another run finds them all");
                assert_eq!(left(&table, &seventy()).await, expected, "{fault:?} {requests}");
            });
        }
    }
    while let Some(scenario) = scenarios.join_next().await {
        scenario.unwrap();
    }
}

#[tokio::test]
async fn two_imports_and_first_logins_at_once_leave_one_user_for_each_person() {
    let table = Table::new().await;
    let users: Vec<_> = (1..=66).map(imported).collect();
    let import = async |now| {
        let counter = table.store.reserve_numbers(66).await.unwrap();
        table.store.import_users(&users, counter, now).await.unwrap()
    };
    let people = || (1..=90).step_by(3);
    let logins: Vec<_> = people()
        .map(|person| {
            let (store, proven_at) = (table.store.clone(), ProvenAt::by_request(NOW));
            tokio::spawn(async move { store.create_user(kakao(person), UserIds::Numbers, proven_at, NOW).await })
        })
        .collect();
    let (one, other) = tokio::join!(import(NOW), import(NOW + SECOND));

    let counter = table.store.counter().await.unwrap();
    let Some(Reserved { after, to: 66 }) = counter.reserved else { panic!("{counter:?}") };
    let mut numbers = BTreeSet::new();
    for (login, person) in logins.into_iter().zip(people()) {
        let login = login.await.unwrap().unwrap();
        let identity = table.store.identity(kakao(person)).await.unwrap();
        assert_eq!(login, identity.judge_login(ProvenAt::by_request(NOW)), "the login is the user's");
        let number = identity.user.unwrap().number().unwrap();
        assert!(number == person || number <= after || number > 66, "{number} is reserved for another person");
        assert!(numbers.insert(number), "{number} is two persons'");
    }
    for (at, standings) in one.iter().zip(&other).enumerate() {
        let created = [standings.0, standings.1].into_iter().filter(|standing| **standing == ImportStanding::Created);
        let expected = table.store.identity(users[at].kakao).await.unwrap().user == Some(users[at].id);
        let is_given = users[at].id.number().unwrap() <= after;
        assert_eq!(created.count() == 1, expected && !is_given, "{standings:?}");
    }
}
