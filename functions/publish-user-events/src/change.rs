//! What a write to a profile means to other services.

use serde_json::{Value, json};
use shared::{id::UserId, store::ProfileImage};

/// An event about a user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserEvent {
    /// The user.
    pub user: UserId,
    /// `user.created`, `user.updated` or `user.deleted`.
    pub kind: &'static str,
    /// The id, the version, and unless the user was deleted, the user as clients see it.
    pub detail: Value,
}

/// The event of a write that left `after` where `before` was. `None` stands for a user who is not there or was deleted. A write
/// that changes nothing of what clients see has no event.
#[must_use]
pub fn event(before: Option<&ProfileImage>, after: Option<&ProfileImage>) -> Option<UserEvent> {
    match (before, after) {
        (None, None) => None,
        (None, Some(after)) => Some(about("user.created", after)),
        (Some(before), Some(after)) => {
            (before.user.to_json() != after.user.to_json()).then(|| about("user.updated", after))
        }
        (Some(before), None) => {
            let user = before.user.id;
            let detail = json!({"id": user.to_json(), "version": before.revision + 1});
            Some(UserEvent { user, kind: "user.deleted", detail })
        }
    }
}

fn about(kind: &'static str, profile: &ProfileImage) -> UserEvent {
    let user = profile.user.id;
    let detail = json!({"id": user.to_json(), "version": profile.revision, "user": profile.user.to_json()});
    UserEvent { user, kind, detail }
}

#[cfg(test)]
mod tests {
    use shared::{clock::Timestamp, roles::Roles, user::User};

    use super::*;

    /// Every way to set the six fields, each to one of two values or to none, with and without a role.
    fn users() -> impl Iterator<Item = User> {
        (0..2 * 3_usize.pow(6)).map(|number| {
            let field = |index: u32| {
                let value = ["a", "b", ""][number / 3_usize.pow(index) % 3];
                (!value.is_empty()).then(|| value.to_owned())
            };
            User {
                id: UserId::from_number(17).unwrap(),
                username: field(0),
                first_name: field(1),
                last_name: field(2),
                nickname: field(3),
                profile_image: field(4),
                email: field(5),
                roles: Roles::from_stored(if number < 3_usize.pow(6) { "" } else { r#"["editor"]"# }),
                created_at: Timestamp::from_unix_seconds(1_800_000_000),
            }
        })
    }

    fn at(revision: u64, user: &User) -> ProfileImage {
        ProfileImage { user: user.clone(), revision }
    }

    #[test]
    fn a_change_of_any_field_that_clients_see_is_an_event_and_nothing_else_is() {
        let users: Vec<User> = users().collect();
        for before in users.iter().step_by(25) {
            for after in &users {
                let event = event(Some(&at(4, before)), Some(&at(5, after)));
                let changed = before.to_json() != after.to_json();
                assert_eq!(event.is_some(), changed, "{before:?} {after:?}");
                let Some(event) = event else { continue };
                assert_eq!((event.user, event.kind), (after.id, "user.updated"));
                assert_eq!(event.detail, json!({"id": 17, "version": 5, "user": after.to_json()}));
            }
        }
    }

    #[test]
    fn a_name_that_shows_the_same_is_no_event() {
        let nickname = users().find(|user| user.nickname.is_some() && user.username.is_none()).unwrap();
        let chosen = User { username: nickname.nickname.clone(), ..nickname.clone() };
        assert_eq!(event(Some(&at(1, &nickname)), Some(&at(2, &chosen))), None);
    }

    #[test]
    fn a_user_who_appears_is_created() {
        for user in users() {
            let event = event(None, Some(&at(1, &user))).unwrap();
            assert_eq!(event.kind, "user.created");
            assert_eq!(event.detail, json!({"id": 17, "version": 1, "user": user.to_json()}));
        }
    }

    #[test]
    fn of_a_deleted_user_there_is_the_id_alone_with_a_version_above_all_others() {
        for user in users() {
            let event = event(Some(&at(8, &user)), None).unwrap();
            assert_eq!((event.kind, event.detail), ("user.deleted", json!({"id": 17, "version": 9})));
        }
    }

    #[test]
    fn nobody_before_and_nobody_after_is_no_event() {
        assert_eq!(event(None, None), None);
    }

    #[test]
    fn an_id_that_is_not_a_number_is_text() {
        let user = User { id: UserId::generate(), ..users().next().unwrap() };
        let id = Value::from(user.id.to_string());
        assert_eq!(event(None, Some(&at(1, &user))).unwrap().detail["id"], id);
        assert_eq!(event(Some(&at(1, &user)), None).unwrap().detail["id"], id);
    }
}
