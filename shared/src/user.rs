//! A user as clients see one, and what Kakao says about one at login.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    clock::Timestamp,
    id::{KakaoId, UserId},
    roles::Roles,
};

/// A user as stored in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Our id. Clients never see Kakao's, which may have 19 digits: too many for a JavaScript number.
    pub id: UserId,
    /// The name that the user chose here, instead of the nickname.
    pub username: Option<String>,
    /// The given name, which only the user sets.
    pub first_name: Option<String>,
    /// The family name, which only the user sets.
    pub last_name: Option<String>,
    /// The name that the user chose at Kakao.
    pub nickname: Option<String>,
    /// An https address of the picture that the user chose at Kakao.
    pub profile_image: Option<String>,
    /// An address that Kakao called valid and verified at the last login that mentioned one.
    pub email: Option<String>,
    /// What operators have given.
    pub roles: Roles,
    /// The first login.
    pub created_at: Timestamp,
}

/// What Kakao says about a user. Users need not consent to any field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KakaoUser {
    /// Kakao's number for this user in our app.
    pub id: KakaoId,
    /// The user's nickname.
    pub nickname: FieldUpdate,
    /// The user's own picture.
    pub profile_image: FieldUpdate,
    /// An address that Kakao calls valid and verified.
    pub email: FieldUpdate,
    /// The response of Kakao's that this comes from.
    pub source: Source,
}

/// A response of Kakao's that describes a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// user/me, which is complete. With the ID token of the same login, if there was one.
    UserMe(Option<IdTokenProfile>),
    /// An ID token. Its picture is a thumbnail, and if it has no nickname, the consent may have been withdrawn or never asked for.
    IdToken(IdTokenProfile),
}

/// A hash of what an ID token reveals about the profile without being usable itself: the picture, and whether there is a nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdTokenProfile([u8; 16]);

/// When user/me was last asked about a user, and the ID token of that login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastFetch {
    /// The time of that request.
    pub at: Option<Timestamp>,
    /// The ID token of that login. `None` if there was none.
    pub id_token: Option<IdTokenProfile>,
}

const DAY: Duration = Duration::from_hours(24);

/// What a response of Kakao's changes in one field of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldUpdate {
    /// Kakao sent this value.
    Set(String),
    /// The user has no such value, or has withdrawn the consent to it.
    Clear,
    /// Kakao did not mention the field, as happens while Kakao is degraded, or it was unreadable. The stored value stays.
    Keep,
}

impl KakaoUser {
    /// Notes that the login of this user/me response also had this ID token.
    #[must_use]
    pub fn with_id_token(self, id_token: Source) -> Self {
        match id_token {
            Source::IdToken(profile) => Self { source: Source::UserMe(Some(profile)), ..self },
            Source::UserMe(_) => self,
        }
    }
}

impl IdTokenProfile {
    /// The hash for these claims of an ID token.
    #[must_use]
    pub fn new(has_nickname: bool, picture: Option<&str>) -> Self {
        let text = format!("{has_nickname} {}", picture.unwrap_or_default());
        let mut half = [0; 16];
        half.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
        Self(half)
    }

    pub(crate) const fn from_stored(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl LastFetch {
    /// Whether user/me should be asked again about a user with this ID token: the token shows another profile than at the last
    /// fetch, which was at least a day ago. The day alone is not enough, because most people log in less often than daily.
    #[must_use]
    pub fn is_outdated(&self, id_token: IdTokenProfile, now: Timestamp) -> bool {
        self.id_token != Some(id_token) && self.at.is_none_or(|at| at + DAY <= now || now + DAY <= at)
    }
}

impl User {
    /// The name that the person chose here, otherwise the nickname, otherwise `""`.
    #[must_use]
    pub fn username(&self) -> &str {
        self.username.as_deref().or(self.nickname.as_deref()).unwrap_or_default()
    }

    /// The `user` object of our responses: dj-rest-auth's five members, `""` if absent, then ours, `null` if absent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "pk": self.id.to_json(),
            "username": self.username(),
            "email": self.email.as_deref().unwrap_or_default(),
            "first_name": self.first_name.as_deref().unwrap_or_default(),
            "last_name": self.last_name.as_deref().unwrap_or_default(),
            "nickname": self.nickname,
            "profile_image": self.profile_image,
            "email_verified": self.email.is_some(),
            "roles": self.roles,
            "created_at": self.created_at.to_rfc3339(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn an_id_token_that_shows_another_profile_is_a_reason_to_ask_once_a_day() {
        let (old, new) = (IdTokenProfile::new(true, Some("a")), IdTokenProfile::new(true, Some("b")));
        let fetched = |ago: u64, id_token| LastFetch { at: Some(NOW - Duration::from_secs(ago)), id_token };
        for (last, expected) in [
            (LastFetch::default(), true),
            (fetched(86_399, Some(old)), false),
            (fetched(86_400, Some(old)), true),
            (fetched(86_400, None), true),
            (fetched(0, None), false),
            (fetched(86_400 * 365, Some(new)), false),
            (LastFetch { at: Some(NOW + DAY), id_token: Some(old) }, true),
            (LastFetch { at: Some(NOW + Duration::from_mins(1)), id_token: Some(old) }, false),
        ] {
            assert_eq!(last.is_outdated(new, NOW), expected, "{last:?}");
        }
    }

    #[test]
    fn a_profile_differs_by_its_picture_and_by_whether_there_is_a_nickname() {
        let all = [(true, Some("a")), (true, Some("b")), (true, None), (false, Some("a")), (false, None)];
        for one in all {
            for other in all {
                let [one_hash, other_hash] =
                    [one, other].map(|(nickname, picture)| IdTokenProfile::new(nickname, picture));
                assert_eq!(one_hash == other_hash, one == other, "{one:?} {other:?}");
            }
        }
    }
}
