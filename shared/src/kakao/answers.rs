//! The shapes of Kakao's answers. Unknown fields are ignored, and all but the ids may be missing.

use serde::Deserialize;

use crate::{
    id::KakaoId,
    user::{KakaoUser, Told},
};

/// Of `POST /oauth/token`.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub access_token: String,
    /// Only with OpenID Connect switched on.
    pub id_token: Option<String>,
}

/// Of `GET /v1/user/access_token_info`.
#[derive(Deserialize)]
pub(super) struct TokenInfo {
    pub id: KakaoId,
    pub app_id: i64,
}

/// Of `GET /v2/user/me`.
#[derive(Deserialize)]
pub(super) struct Me {
    pub id: KakaoId,
    kakao_account: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    profile: Option<Profile>,
    profile_needs_agreement: Option<bool>,
    profile_nickname_needs_agreement: Option<bool>,
    profile_image_needs_agreement: Option<bool>,
    email: Option<String>,
    email_needs_agreement: Option<bool>,
    is_email_valid: Option<bool>,
    is_email_verified: Option<bool>,
}

#[derive(Deserialize)]
struct Profile {
    nickname: Option<String>,
    #[serde(rename = "profile_image_url")]
    image_url: Option<String>,
    is_default_image: Option<bool>,
}

/// Of any failed call to kapi.
#[derive(Deserialize)]
pub(super) struct ApiFailure {
    pub code: i64,
}

/// Of any failed call to kauth.
#[derive(Deserialize)]
pub(super) struct AuthFailure {
    pub error: String,
    pub error_code: Option<String>,
}

impl Me {
    pub(super) fn into_user(self) -> KakaoUser {
        let Some(account) = self.kakao_account else {
            let silence = Told::Silence;
            return KakaoUser {
                id: self.id,
                nickname: silence.clone(),
                profile_image: silence.clone(),
                email: silence,
            };
        };
        KakaoUser {
            id: self.id,
            nickname: account.nickname(),
            profile_image: account.profile_image(),
            email: account.email(),
        }
    }
}

impl Account {
    fn nickname(&self) -> Told {
        let nickname = self.profile.as_ref().and_then(|profile| profile.nickname.as_deref());
        match nickname.map(printable) {
            Some(nickname) if !nickname.is_empty() => Told::Value(nickname),
            Some(_) => Told::Nothing,
            None => withheld(self.profile_nickname_needs_agreement.or(self.profile_needs_agreement)),
        }
    }

    fn profile_image(&self) -> Told {
        let image = self.profile.as_ref().and_then(|profile| Some((profile.image_url.as_deref()?, profile)));
        match image {
            Some((_, profile)) if profile.is_default_image == Some(true) => Told::Nothing,
            Some((url, _)) if url.starts_with("https://") && url.len() <= 2_048 => Told::Value(url.to_owned()),
            Some(_) => Told::Nothing,
            None => withheld(self.profile_image_needs_agreement.or(self.profile_needs_agreement)),
        }
    }

    /// `is_email_valid: false` means that another Kakao account has taken the address since.
    fn email(&self) -> Told {
        let proven = self.is_email_valid == Some(true) && self.is_email_verified == Some(true);
        match &self.email {
            Some(email) if proven && email.len() <= 254 && email.contains('@') => Told::Value(email.clone()),
            Some(_) => Told::Nothing,
            None => withheld(self.email_needs_agreement),
        }
    }
}

/// A consent item without a value: the user has not consented (`true`) or has none (`false`); or it is not mentioned.
fn withheld(needs_agreement: Option<bool>) -> Told {
    if needs_agreement.is_some() { Told::Nothing } else { Told::Silence }
}

pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn user(account: &Value) -> KakaoUser {
        let me = json!({"id": 1, "kakao_account": account});
        serde_json::from_value::<Me>(me).unwrap().into_user()
    }

    #[test]
    fn an_email_counts_only_if_kakao_calls_it_valid_and_verified() {
        for (valid, verified) in [(true, true), (true, false), (false, true), (false, false)] {
            let told = user(&json!({"email": "a@b.kr", "is_email_valid": valid, "is_email_verified": verified})).email;
            let expected = if valid && verified { Told::Value("a@b.kr".to_owned()) } else { Told::Nothing };
            assert_eq!(told, expected, "valid {valid}, verified {verified}");
        }
        assert_eq!(user(&json!({"email": "a@b.kr"})).email, Told::Nothing, "flags missing");
    }

    #[test]
    fn consent_withdrawn_is_nothing_and_a_missing_answer_is_silence() {
        let withdrawn = json!({"email_needs_agreement": true, "profile_nickname_needs_agreement": true});
        assert_eq!((user(&withdrawn).email, user(&withdrawn).nickname), (Told::Nothing, Told::Nothing));
        assert_eq!(
            user(&json!({"profile_needs_agreement": true})).nickname,
            Told::Nothing,
            "the combined item of old apps"
        );
        assert_eq!((user(&json!({})).email, user(&json!({})).nickname), (Told::Silence, Told::Silence));
        let nobody = serde_json::from_value::<Me>(json!({"id": 1})).unwrap().into_user();
        assert_eq!(
            (nobody.nickname, nobody.profile_image, nobody.email),
            (Told::Silence, Told::Silence, Told::Silence)
        );
    }

    #[test]
    fn a_picture_counts_only_if_it_is_the_users_own_and_comes_by_https() {
        let image = |profile| user(&json!({"profile": profile})).profile_image;
        let url = "https://k.kakaocdn.net/a.jpg";
        assert_eq!(image(json!({"profile_image_url": url})), Told::Value(url.to_owned()));
        assert_eq!(image(json!({"profile_image_url": url, "is_default_image": true})), Told::Nothing);
        assert_eq!(image(json!({"profile_image_url": "http://k.kakaocdn.net/a.jpg"})), Told::Nothing);
        assert_eq!(image(json!({"profile_image_url": "javascript:alert(1)"})), Told::Nothing);
    }

    #[test]
    fn a_nickname_keeps_its_letters_and_loses_control_characters() {
        let nickname = |text: &str| user(&json!({"profile": {"nickname": text}})).nickname;
        assert_eq!(nickname("춘식이\n\u{0}🐱"), Told::Value("춘식이🐱".to_owned()));
        assert_eq!(nickname("\n"), Told::Nothing);
        assert_eq!(nickname(&"가".repeat(500)), Told::Value("가".repeat(100)));
    }
}
