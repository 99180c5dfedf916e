//! The mark and the close of a deletion: for every combination of attributes, what DynamoDB does is what the rules of
//! `shared::account` say, and nothing else changes.

use std::time::Duration;

use local::table::Item;
use shared::{
    account::{Deletion, FinalSweep, Identity, MarkedBy, Profile},
    clock::Timestamp,
    id::{KakaoId, UserId},
    store::{Closed, Lease, Marked, Work, WorkKey},
};
use tests::fault_proxy::Fault;

use crate::table::{Table, key, number, text, time, with, without};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const EARLIER: Timestamp = Timestamp::from_unix_seconds(1_799_999_000);
const LONG_AGO: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
const SECOND: Duration = Duration::from_secs(1);

/// One person, and the user whose account is deleted.
struct Person {
    kakao: KakaoId,
    user: UserId,
}

impl Person {
    fn new(kakao: i64) -> Self {
        Self { kakao: kakao.try_into().unwrap(), user: UserId::generate() }
    }

    fn keys(&self) -> [Item; 3] {
        [self.identity_key(), self.profile_key(), self.work_key()]
    }

    fn identity_key(&self) -> Item {
        key(&format!("KAKAO#{}", self.kakao), "IDENTITY")
    }

    fn profile_key(&self) -> Item {
        key(&format!("USER#{}", self.user), "PROFILE")
    }

    fn work_key(&self) -> Item {
        key("OUTBOX", &format!("WORK#{}", self.user))
    }

    /// Every combination of an identity's attributes, and some of a disabled person. The first one is not in the table.
    fn identities(&self) -> Vec<Option<Identity>> {
        let mut all = vec![None];
        for user in [None, Some(self.user), Some(UserId::generate())] {
            for deleting_at in [None, Some(EARLIER), Some(NOW)] {
                for unlinked_at in [None, Some(LONG_AGO)] {
                    let expires_at = user.is_none().then_some(NOW + SECOND);
                    let identity = Identity { user, deleting_at, unlinked_at, expires_at, ..Identity::default() };
                    all.push(Some(identity));
                    if user == Some(self.user) && unlinked_at.is_none() {
                        all.push(Some(Identity { disabled_at: Some(LONG_AGO), ..identity }));
                    }
                }
            }
        }
        all
    }

    fn identity_item(&self, identity: &Identity) -> Item {
        with(
            self.identity_key(),
            [
                ("user_id", identity.user.as_ref().map(text)),
                ("created_at", identity.user.map(|_| time(LONG_AGO))),
                ("deleting_at", identity.deleting_at.map(time)),
                ("unlinked_at", identity.unlinked_at.map(time)),
                ("disabled_at", identity.disabled_at.map(time)),
                ("roles", identity.user.map(|_| text(r#"["editor"]"#))),
                ("expires_at", identity.expires_at.map(time)),
            ],
        )
    }

    /// Every combination of the attributes of a profile that the rules read, with what they read. The first one is not in the table.
    fn profiles(&self) -> Vec<(Profile, Option<Item>)> {
        let mut all = vec![(Profile::default(), None)];
        for is_created in [false, true] {
            for is_deleted in [false, true] {
                for logins in [None, Some(0), Some(1), Some(2)] {
                    let profile =
                        Profile { is_created, is_deleted, is_disabled: false, logins: logins.unwrap_or_default() };
                    let item = with(
                        self.profile_key(),
                        [
                            ("created_at", is_created.then(|| time(LONG_AGO))),
                            ("deleted_at", is_deleted.then(|| time(EARLIER))),
                            ("logins", logins.map(|logins| number(i64::try_from(logins).unwrap()))),
                            ("nickname", is_created.then(|| text("라이언"))),
                            ("added_by_a_later_release", is_created.then(|| text("personal"))),
                        ],
                    );
                    all.push((profile, Some(item)));
                }
            }
        }
        all
    }

    /// What a mark at this time puts into the outbox.
    fn work_item(&self, marked_at: Timestamp) -> Item {
        with(
            self.work_key(),
            [
                ("kind", Some(text("deletion"))),
                ("user_id", Some(text(&self.user))),
                ("kakao_id", Some(text(&self.kakao))),
                ("marked_at", Some(time(marked_at))),
                ("due_at", Some(time(Deletion::new(marked_at).due_at()))),
                ("failures", Some(number(0))),
            ],
        )
    }

    /// The result that follows from what was there when a mark was refused.
    fn refused(&self, identity: Option<&Identity>, profile: &Profile) -> Marked {
        match identity {
            Some(Identity { user, deleting_at: Some(NOW), .. }) if *user == Some(self.user) => Marked::Now,
            Some(Identity { user, deleting_at: Some(at), .. }) if *user == Some(self.user) => Marked::Before(*at),
            _ if profile.is_deleted => Marked::Before(EARLIER),
            _ => Marked::Outdated,
        }
    }
}

/// A mark, and the items that it finds.
struct Case {
    person: Person,
    by: MarkedBy,
    identity: Option<Identity>,
    profile: Profile,
    before: [Option<Item>; 3],
}

impl Case {
    /// For one combination of an identity's attributes, every combination of the others, each with a person of its own.
    fn all(identity: usize) -> Vec<Self> {
        let mut all = Vec::new();
        for profile in 0..Person::new(1).profiles().len() {
            for by in [MarkedBy::Person, kakao_at(0), kakao_at(1), kakao_at(2)] {
                for has_work in [false, true] {
                    let person = Person::new(1_000 + i64::try_from(all.len()).unwrap());
                    let identity = person.identities()[identity];
                    let (profile, item) = person.profiles().swap_remove(profile);
                    let work = has_work.then(|| person.work_item(EARLIER));
                    let before = [identity.map(|identity| person.identity_item(&identity)), item, work];
                    all.push(Self { person, by, identity, profile, before });
                }
            }
        }
        all
    }

    /// What the rules leave, or `None` if they refuse the mark.
    fn allowed(&self) -> Option<[Option<Item>; 3]> {
        let identity = self.identity.unwrap_or_default().marked(self.person.user, NOW)?;
        let profile = self.profile.marked(self.by)?;
        assert_eq!(profile, Profile { is_deleted: true, ..Profile::default() });
        let tombstone = with(self.person.profile_key(), [("deleted_at", Some(time(NOW)))]);
        let marked = [self.person.identity_item(&identity), tombstone, self.person.work_item(NOW)];
        // A deletion of this user that is under way or not yet swept.
        self.before[2].is_none().then(|| marked.map(Some))
    }
}

#[tokio::test]
async fn a_mark_is_written_where_the_rules_allow_it_and_leaves_what_they_leave() {
    let table = Table::new().await;
    let mut counts = [0, 0];
    for identity in 0..Person::new(1).identities().len() {
        let cases = Case::all(identity);
        let keys: Vec<Item> = cases.iter().flat_map(|case| case.person.keys()).collect();
        let before = cases.iter().flat_map(|case| case.before.clone());
        table.set(&keys.iter().cloned().zip(before).collect::<Vec<_>>()).await;
        let mut results = Vec::new();
        for Case { person, by, .. } in &cases {
            results.push(table.store.mark_deleted(person.user, person.kakao, *by, NOW).await.unwrap());
        }
        let after = table.get_all(&keys).await;
        for ((case, result), after) in cases.iter().zip(results).zip(after.chunks(3)) {
            let Case { person, by, identity, profile, before } = case;
            let why = format!("{by:?} {identity:?} {profile:?} {}", before[2].is_some());
            let allowed = case.allowed();
            counts[usize::from(allowed.is_some())] += 1;
            let refused = || person.refused(identity.as_ref(), profile);
            assert_eq!(result, if allowed.is_some() { Marked::Now } else { refused() }, "{why}");
            assert_eq!(after, allowed.unwrap_or_else(|| before.clone()), "{why}");
        }
    }
    assert_eq!(counts, [2_938, 54], "three identities, and the profiles that are not deleted");
}

const fn kakao_at(logins: u64) -> MarkedBy {
    MarkedBy::Kakao { logins }
}

fn pairs(keys: &[Item; 3], items: &[Option<Item>; 3]) -> Vec<(Item, Option<Item>)> {
    keys.iter().cloned().zip(items.iter().cloned()).collect()
}

#[tokio::test]
async fn a_mark_whose_response_was_lost_is_recognised_and_a_later_one_finds_it() {
    for by in [MarkedBy::Person, kakao_at(3)] {
        let (table, person) = (Table::new().await, Person::new(1_376_016_924_429_759_228));
        let keys = person.keys();
        let identity = Identity { user: Some(person.user), ..Identity::default() };
        let profile = with(person.profile_key(), [("created_at", Some(time(LONG_AGO))), ("logins", Some(number(3)))]);
        table.set(&pairs(&keys, &[Some(person.identity_item(&identity)), Some(profile), None])).await;
        table.proxy.fail(Fault::LoseResponses(1));
        assert_eq!(table.store.mark_deleted(person.user, person.kakao, by, NOW).await.unwrap(), Marked::Now);
        assert_eq!(table.proxy.take_traffic().operations.len(), 2, "it was sent twice");
        let marked = table.get(keys.each_ref()).await;
        assert_eq!(marked[2], Some(person.work_item(NOW)));
        // A copy of which DynamoDB no longer knows that it is one.
        assert_eq!(table.store.mark_deleted(person.user, person.kakao, by, NOW).await.unwrap(), Marked::Now);
        for by in [by, MarkedBy::Person, kakao_at(0)] {
            let later = table.store.mark_deleted(person.user, person.kakao, by, NOW + SECOND).await.unwrap();
            assert_eq!(later, Marked::Before(NOW), "{by:?}");
        }
        assert_eq!(table.get(keys.each_ref()).await, marked);
    }
}

/// The deletion that was marked at [`EARLIER`], taken by a worker, and the item that this leaves.
async fn taken(table: &Table, person: &Person) -> (Lease, Item) {
    table.set(&[(person.work_key(), Some(person.work_item(EARLIER)))]).await;
    let (lease, work) = table.store.take_work(&WorkKey::of_user(person.user), NOW).await.unwrap().unwrap();
    let deletion = Deletion::new(EARLIER);
    assert_eq!(work, Work::Deletion { user: person.user, kakao: person.kakao, deletion });
    let [item] = table.get([&person.work_key()]).await;
    (lease, item.unwrap())
}

#[tokio::test]
async fn a_close_is_written_where_the_rules_allow_it_and_leaves_what_they_leave() {
    let (table, person) = (Table::new().await, Person::new(1_376_016_924_429_759_228));
    let (lease, mine) = taken(&table, &person).await;
    let attempted = with(mine.clone(), [("attempted_at", Some(time(EARLIER))), ("failures", Some(number(2)))]);
    let released = without(mine.clone(), ["lease", "leased_until"]);
    let works = [
        (Some(mine.clone()), true),
        (Some(attempted), true),
        (Some(with(mine.clone(), [("lease", Some(text("another")))])), false),
        (Some(released.clone()), false),
        (Some(with(released, [("kind", Some(text("final_sweep")))])), false),
        (Some(with(mine, [("kind", Some(text("inquiry")))])), false),
        (None, false),
    ];
    let keys = person.keys();
    let tombstone = with(person.profile_key(), [("deleted_at", Some(time(EARLIER)))]);
    let mut closed = 0;
    for identity in person.identities() {
        let identity_item = identity.map(|identity| person.identity_item(&identity));
        for (work, is_mine) in works.clone() {
            let why = format!("{identity:?} {work:?}");
            let before = [identity_item.clone(), Some(tombstone.clone()), work.clone()];
            table.set(&pairs(&keys, &before)).await;
            let result = table.store.close_deletion(&lease, person.user, person.kakao, EARLIER, NOW).await.unwrap();
            let after = table.get(keys.each_ref()).await;
            let allowed = identity.and_then(|identity| identity.closed(person.user, EARLIER, NOW));
            let Some((new_identity, work)) = allowed.zip(work.clone()).filter(|_| is_mine) else {
                let is_closed = work.is_some_and(|work| work["kind"] == text("final_sweep"));
                let expected = match (is_mine, is_closed) {
                    (true, _) => Closed::IdentityChanged,
                    (false, true) => Closed::Done,
                    (false, false) => Closed::LeaseLost,
                };
                assert_eq!((result, after), (expected, before), "{why}");
                continue;
            };
            closed += 1;
            let due_at = FinalSweep { closed_at: NOW }.due_at();
            let sweep = with(work, [("kind", Some(text("final_sweep"))), ("due_at", Some(time(due_at)))]);
            let sweep = without(sweep, ["kakao_id", "attempted_at", "lease", "leased_until"]);
            let identity = person.identity_item(&new_identity);
            assert_eq!(
                (result, after),
                (Closed::Done, [Some(identity), Some(tombstone.clone()), Some(sweep)]),
                "{why}"
            );
            let swept = table.store.take_work(&WorkKey::of_user(person.user), due_at).await.unwrap().unwrap().1;
            assert_eq!(swept, Work::FinalSweep { user: person.user }, "{why}");
        }
    }
    assert_eq!(closed, 6, "this user at this mark, unlinked before, disabled or neither, with or without an attempt");
}

#[tokio::test]
async fn a_close_whose_response_was_lost_is_recognised_and_a_late_copy_changes_nothing() {
    let (table, person) = (Table::new().await, Person::new(1_376_016_924_429_759_228));
    let (lease, work) = taken(&table, &person).await;
    let identity = Identity { user: Some(person.user), deleting_at: Some(EARLIER), ..Identity::default() };
    let keys = person.keys();
    table.set(&pairs(&keys, &[Some(person.identity_item(&identity)), None, Some(work)])).await;
    table.proxy.fail(Fault::LoseResponses(1));
    let close = async || table.store.close_deletion(&lease, person.user, person.kakao, EARLIER, NOW).await.unwrap();
    let _ = table.proxy.take_traffic();
    assert_eq!(close().await, Closed::Done);
    assert_eq!(table.proxy.take_traffic().operations.len(), 2, "it was sent twice");
    let closed = table.get(keys.each_ref()).await;
    assert_eq!(close().await, Closed::Done);
    assert_eq!(table.get(keys.each_ref()).await, closed);
    // The person has joined again.
    let next = Identity { user: Some(UserId::generate()), ..Identity::default() };
    table.set(&[(person.identity_key(), Some(person.identity_item(&next)))]).await;
    let before = table.get(keys.each_ref()).await;
    assert_eq!(close().await, Closed::Done);
    assert_eq!(table.get(keys.each_ref()).await, before);
}
