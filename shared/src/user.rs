//! A user, as clients see one, and what Kakao told of one at login.

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
    /// The first sign-in.
    pub created_at: Timestamp,
}

/// What Kakao says of a user. A field is optional until proven: a user need not consent to any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KakaoUser {
    /// The person, as Kakao numbers them for our app.
    pub id: KakaoId,
    /// The user's nickname.
    pub nickname: Told,
    /// The user's own picture.
    pub profile_image: Told,
    /// An address that Kakao calls valid and verified.
    pub email: Told,
}

/// What a response of Kakao's says of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// This is the value.
    Value(String),
    /// There is none, or it may not be used any more: what we kept of it goes.
    Nothing,
    /// Not mentioned, as happens while Kakao is degraded, or not readable: what we kept of it stays.
    Silence,
}

impl User {
    /// The `user` object of our answers: dj-rest-auth's five names first, `""` where absent; then ours, `null` where absent.
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
