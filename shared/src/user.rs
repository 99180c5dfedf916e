//! A user as clients see one, and what Kakao says about one at login.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    clock::Timestamp,
    id::{KakaoId, UserId},
};

/// A user as the table keeps one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Ours, never Kakao's: a Kakao id may have 19 digits, which a JavaScript number cannot hold.
    pub id: UserId,
    /// The name that the user chose at Kakao.
    pub nickname: Option<String>,
    /// An https address of the picture that the user chose at Kakao.
    pub profile_image: Option<String>,
    /// An address that Kakao called valid and verified at the last login that mentioned it.
    pub email: Option<String>,
    /// The first login.
    pub created_at: Timestamp,
}

/// What Kakao says about a user. Users need not consent to any field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KakaoUser {
    /// The person, as Kakao numbers them for our app.
    pub id: KakaoId,
    /// The user's nickname.
    pub nickname: FieldUpdate,
    /// The user's own picture.
    pub profile_image: FieldUpdate,
    /// An address that Kakao calls valid and verified.
    pub email: FieldUpdate,
    /// Which of Kakao's responses this is from.
    pub source: Source,
}

/// Which of Kakao's responses says something of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// user/me, which says everything; with the ID token of the same login, if there was one.
    UserMe(Option<IdTokenProfile>),
    /// An ID token. It has a small picture only, and a nickname that is missing may have been withdrawn or never asked for.
    IdToken(IdTokenProfile),
}

/// A hash of what an ID token shows of a profile but does not tell: the picture, and whether there is a nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdTokenProfile([u8; 16]);

/// When user/me was last asked about a user, and the ID token of that login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastFetch {
    /// When it was.
    pub at: Option<Timestamp>,
    /// What the ID token showed then. `None` if the login had none.
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
    /// What user/me said, in a login whose ID token was this.
    #[must_use]
    pub fn with_id_token(self, id_token: Source) -> Self {
        match id_token {
            Source::IdToken(profile) => Self { source: Source::UserMe(Some(profile)), ..self },
            Source::UserMe(_) => self,
        }
    }
}

impl IdTokenProfile {
    /// From the claims of an ID token.
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
    /// Whether user/me may say something new of somebody with this ID token: the token shows another profile than at the last
    /// fetch, and that was a day ago. By the day alone, nearly every login would ask: most people log in less often than daily.
    #[must_use]
    pub fn is_outdated(&self, id_token: IdTokenProfile, now: Timestamp) -> bool {
        self.id_token != Some(id_token) && self.at.is_none_or(|at| at + DAY <= now || now + DAY <= at)
    }
}

impl User {
    /// The `user` object of our responses: dj-rest-auth's five names first, `""` where absent; then ours, `null` where absent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "pk": self.id.to_string(),
            "username": self.nickname.as_deref().unwrap_or_default(),
            "email": self.email.as_deref().unwrap_or_default(),
            "first_name": "",
            "last_name": "",
            "nickname": self.nickname,
            "profile_image": self.profile_image,
            "email_verified": self.email.is_some(),
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
