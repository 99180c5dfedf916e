//! The write that changes a profile has the condition of [`Profile::with_change`], which the search of `shared/tests/accounts`
//! relies on.

use aws_sdk_dynamodb::types::AttributeValue;
use local::table::Item;
use shared::{
    account::{MarkedBy, Profile},
    config::Config,
    id::UserId,
    store::NameChange,
};
use tests::Stack;

/// The item for what the rules read of a profile.
fn item(user: UserId, profile: Profile) -> Item {
    let (text, number) =
        (|text: &str| AttributeValue::S(text.to_owned()), |number: &str| AttributeValue::N(number.to_owned()));
    let mut item = Item::from([("pk".to_owned(), text(&format!("USER#{user}"))), ("sk".to_owned(), text("PROFILE"))]);
    if profile.is_created {
        item.insert("created_at".to_owned(), number("1800000000"));
        item.insert("logins".to_owned(), number(&profile.logins.to_string()));
    }
    if profile.is_deleted {
        item.insert("deleted_at".to_owned(), number("1800000000"));
    }
    item
}

#[tokio::test]
async fn a_profile_is_changed_where_the_rules_allow_it_and_never_created() {
    let stack = Stack::start().await;
    let store = Config::from_pairs(stack.environment("profile")).store().unwrap();
    let absent = Profile::default();
    let living = absent.with_login().unwrap();
    let deleted = [absent, living].map(|profile| profile.marked(MarkedBy::Person).unwrap());
    // No write makes the last one, which a table that was edited by hand may have.
    let odd = Profile { is_deleted: true, ..living };
    for profile in [absent, living, deleted[0], deleted[1], odd] {
        for (first_name, expected) in [("F", Some("F")), ("", None)] {
            let user = UserId::generate();
            stack.clear().await;
            if profile != absent {
                stack.restore(&[item(user, profile)]).await;
            }
            let before = stack.dump().await;
            let change = NameChange { first_name: Some(first_name.to_owned()), ..NameChange::default() };
            let changed = store.change_names(user, &change).await.unwrap();
            assert_eq!(changed.is_some(), profile.with_change().is_some(), "{profile:?} {first_name:?}");
            let mut after = stack.dump().await;
            let stored = after.first_mut().and_then(|item| item.remove("first_name"));
            if changed.is_some() {
                let revision = after.first_mut().and_then(|item| item.remove("revision"));
                assert_eq!(revision, Some(AttributeValue::N("1".to_owned())), "{profile:?} {first_name:?}");
            }
            let written = expected.filter(|_| changed.is_some()).map(|name| AttributeValue::S(name.to_owned()));
            assert_eq!((stored, after), (written, before), "{profile:?} {first_name:?}");
        }
    }
}
