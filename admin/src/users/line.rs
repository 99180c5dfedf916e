//! One line of an export. What is wrong with a line is said by the name of a member only, as its value may be personal.

use serde_json::{Map, Value, json};
use shared::{
    clock::Timestamp,
    id::{KakaoId, UserId},
    simplejwt::SimplejwtId,
    store::{ExportedUser, ImportedUser},
};

/// As many as Django stores, and as many as a person may choose here.
const MAX_NAME: usize = 150;
/// As long as an address may be.
const MAX_EMAIL: usize = 320;
/// What a login keeps of what Kakao says.
const MAX_NICKNAME: usize = 100;
const MAX_PICTURE: usize = 2_048;

/// A line between the first and the last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    User(Box<UserLine>),
    /// A refresh token that Django refuses, though it has not expired.
    Blacklisted {
        token: SimplejwtId,
        expires_at: Timestamp,
    },
    /// A user who was imported where the export is from, and deleted there since.
    Deleted,
}

/// A user, and what of them does not move.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UserLine {
    pub user: ImportedUser,
    pub has_unverified_email: bool,
    pub has_groups: bool,
}

/// The member that is missing, or not as it should be, or what is wrong with the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub &'static str);

/// The members of a line, or nothing.
pub(crate) fn members(line: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

impl Line {
    /// Reads a line. A user's number is at most `highest`.
    pub(crate) fn parse(line: &[u8], highest: u64) -> Result<Self, Fault> {
        let members = members(line).ok_or(Fault("it is not a JSON object"))?;
        let members = Members(&members);
        match members.text("kind")? {
            "user" => members.user(highest).map(Box::new).map(Self::User),
            "blacklisted" => {
                let token = SimplejwtId::of_jti(members.text("jti")?).ok_or(Fault("jti"))?;
                Ok(Self::Blacklisted { token, expires_at: members.time("expires_at")? })
            }
            "deleted" => members.id(highest).map(|_| Self::Deleted),
            _ => Err(Fault("kind")),
        }
    }
}

struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    fn user(&self, highest: u64) -> Result<UserLine, Fault> {
        let email = self.name("email", MAX_EMAIL)?;
        let is_verified = self.get("email_verified").as_bool().ok_or(Fault("email_verified"))?;
        let groups = self.get("groups").as_array().ok_or(Fault("groups"))?;
        // The next login brings what Kakao says anew, so these two are left out where a login would not keep them.
        let nickname = self.optional("nickname")?;
        let nickname = nickname.filter(|name| !name.contains(char::is_control) && name.chars().count() <= MAX_NICKNAME);
        let picture = self.optional("profile_image")?;
        let picture = picture.filter(|url| url.starts_with("https://") && url.len() <= MAX_PICTURE);
        let user = ImportedUser {
            id: self.id(highest)?,
            kakao: self.text("kakao_id")?.parse::<KakaoId>().map_err(|_| Fault("kakao_id"))?,
            username: self.name("username", MAX_NAME)?,
            first_name: self.name("first_name", MAX_NAME)?,
            last_name: self.name("last_name", MAX_NAME)?,
            email: email.clone().filter(|_| is_verified),
            nickname: nickname.filter(|name| !name.is_empty()).map(str::to_owned),
            profile_image: picture.map(str::to_owned),
            created_at: self.time("date_joined")?,
            last_login_at: match self.get("last_login") {
                Value::Null => None,
                _ => Some(self.time("last_login")?),
            },
        };
        Ok(UserLine { user, has_unverified_email: email.is_some() && !is_verified, has_groups: !groups.is_empty() })
    }

    fn get(&self, name: &str) -> &'a Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn text(&self, name: &'static str) -> Result<&'a str, Fault> {
        self.get(name).as_str().ok_or(Fault(name))
    }

    fn optional(&self, name: &'static str) -> Result<Option<&'a str>, Fault> {
        if self.get(name).is_null() { Ok(None) } else { self.text(name).map(Some) }
    }

    /// A text that may be empty.
    fn name(&self, name: &'static str, longest: usize) -> Result<Option<String>, Fault> {
        let text = self.text(name)?;
        if text.chars().count() > longest || text.contains(char::is_control) {
            return Err(Fault(name));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn time(&self, name: &'static str) -> Result<Timestamp, Fault> {
        Timestamp::from_rfc3339(self.text(name)?).ok_or(Fault(name))
    }

    fn id(&self, highest: u64) -> Result<UserId, Fault> {
        let number = self.get("id").as_u64().filter(|number| *number <= highest);
        number.and_then(UserId::from_number).ok_or(Fault("id"))
    }
}

/// A user of ours, as a line has them.
pub(crate) fn written(exported: &ExportedUser, kakao: KakaoId) -> Value {
    let user = &exported.user;
    json!({
        "kind": "user",
        "id": user.id.to_json(),
        "kakao_id": kakao.to_string(),
        "username": user.username.as_deref().unwrap_or_default(),
        "first_name": user.first_name.as_deref().unwrap_or_default(),
        "last_name": user.last_name.as_deref().unwrap_or_default(),
        "email": user.email.as_deref().unwrap_or_default(),
        "email_verified": user.email.is_some(),
        "nickname": user.nickname,
        "profile_image": user.profile_image,
        "date_joined": user.created_at.to_rfc3339(),
        "last_login": exported.last_login_at.map(Timestamp::to_rfc3339),
        "groups": [],
    })
}

#[cfg(test)]
mod tests {
    use shared::{roles::Roles, user::User};

    use super::*;

    fn line() -> Value {
        json!({"kind": "user", "id": 17, "kakao_id": "1376016924429759228", "username": "ryan", "first_name": "", "last_name": "",
            "email": "a@b.c", "email_verified": true, "nickname": null, "profile_image": "https://k.kakaocdn.net/a.jpg",
            "date_joined": "2020-01-02T03:04:05Z", "last_login": null, "groups": []})
    }

    fn parse(line: &Value) -> Result<Line, Fault> {
        Line::parse(line.to_string().as_bytes(), 20)
    }

    fn user(line: &Value) -> UserLine {
        let Ok(Line::User(user)) = parse(line) else { panic!("{line} is not a user") };
        *user
    }

    #[test]
    fn a_line_with_a_wrong_member_is_not_read_and_the_member_is_named() {
        for (member, values) in [
            ("kind", vec![json!("users"), json!("end"), json!("export"), json!(null)]),
            ("id", vec![json!(0), json!(-1), json!(1.5), json!("17"), json!(21), json!(u64::MAX), json!(null)]),
            (
                "kakao_id",
                vec![json!(1), json!("0"), json!("007"), json!("+1"), json!(""), json!("99999999999999999999")],
            ),
            ("username", vec![json!(null), json!("a\nb"), json!("a".repeat(151)), json!(7)]),
            ("first_name", vec![json!(null), json!("\u{0}")]),
            ("last_name", vec![json!([]), json!("가".repeat(151))]),
            ("email", vec![json!(null), json!("a\n@b.c"), json!("a".repeat(321))]),
            ("email_verified", vec![json!(1), json!("true"), json!(null)]),
            ("nickname", vec![json!(7)]),
            ("profile_image", vec![json!({})]),
            ("date_joined", vec![json!(null), json!("2020-01-02"), json!("2020-01-02T03:04:05"), json!(1)]),
            ("last_login", vec![json!(""), json!(1)]),
            ("groups", vec![json!(null), json!("a")]),
        ] {
            let mut missing = line();
            missing.as_object_mut().unwrap().remove(member);
            let may_be_missing = ["nickname", "profile_image", "last_login"].contains(&member);
            assert_eq!(parse(&missing).err(), (!may_be_missing).then_some(Fault(member)), "no {member}");
            for value in values {
                let mut wrong = line();
                wrong[member] = value;
                assert_eq!(parse(&wrong), Err(Fault(member)), "{wrong}");
            }
        }
        for text in ["", "[]", "7", "{\"kind\":\"user\"", "\u{feff}{}"] {
            assert_eq!(Line::parse(text.as_bytes(), 20), Err(Fault("it is not a JSON object")), "{text}");
        }
        for wrong in [
            json!({"kind": "blacklisted", "jti": "", "expires_at": "2026-12-01T00:00:00Z"}),
            json!({"kind": "blacklisted", "jti": "j".repeat(256), "expires_at": "2026-12-01T00:00:00Z"}),
            json!({"kind": "blacklisted", "expires_at": "2026-12-01T00:00:00Z"}),
        ] {
            assert_eq!(parse(&wrong), Err(Fault("jti")), "{wrong}");
        }
        assert_eq!(parse(&json!({"kind": "blacklisted", "jti": "a", "expires_at": 1})), Err(Fault("expires_at")));
        assert_eq!(parse(&json!({"kind": "deleted", "id": "17"})), Err(Fault("id")));
        assert_eq!(parse(&json!({"kind": "deleted", "id": 17})), Ok(Line::Deleted));
    }

    #[test]
    fn only_what_a_login_here_would_keep_is_read_of_a_user() {
        let whole = user(&line());
        assert_eq!((whole.user.email.as_deref(), whole.user.profile_image.is_some()), (Some("a@b.c"), true));
        assert_eq!((whole.user.username.as_deref(), whole.user.first_name.as_deref()), (Some("ryan"), None));
        assert_eq!((whole.has_unverified_email, whole.has_groups), (false, false));
        let mut other = line();
        for (member, value) in [
            ("email_verified", json!(false)),
            ("nickname", json!("a\nb")),
            ("profile_image", json!("http://k.kakaocdn.net/a.jpg")),
            ("groups", json!(["staff"])),
        ] {
            other[member] = value;
        }
        let other = user(&other);
        assert_eq!((other.user.email, other.user.nickname, other.user.profile_image), (None, None, None));
        assert_eq!((other.has_unverified_email, other.has_groups), (true, true));
    }

    #[test]
    fn a_user_of_ours_is_written_as_it_is_read() {
        let UserLine { user: read, .. } = user(&line());
        let exported = ExportedUser {
            user: User {
                id: read.id,
                username: read.username.clone(),
                first_name: None,
                last_name: None,
                nickname: None,
                profile_image: read.profile_image.clone(),
                email: read.email.clone(),
                roles: Roles::default(),
                created_at: read.created_at,
            },
            kakao: None,
            last_login_at: None,
        };
        assert_eq!(written(&exported, read.kakao), line());
        let random = ExportedUser { user: User { id: UserId::generate(), ..exported.user }, ..exported };
        assert!(written(&random, read.kakao)["id"].is_string());
    }
}
