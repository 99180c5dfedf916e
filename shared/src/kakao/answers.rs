//! What Kakao's answers say. Members that are not needed here are ignored, and all but the ids may be missing or unreadable.

use super::members::{Member, Members};
use crate::{
    id::KakaoId,
    user::{KakaoUser, Source, Told},
};

/// Of `POST /oauth/token`.
pub(super) struct Tokens {
    pub access_token: String,
    /// Only with OpenID Connect switched on.
    pub id_token: Option<String>,
}

/// Of `GET /v1/user/access_token_info`.
pub(super) struct TokenInfo {
    pub id: KakaoId,
    pub app_id: i64,
}

impl Tokens {
    pub(super) fn read(answer: &Members) -> Option<Self> {
        let access_token = answer.text("access_token").value().filter(|token| !token.is_empty())?;
        Some(Self { access_token, id_token: answer.text("id_token").value() })
    }
}

impl TokenInfo {
    pub(super) fn read(answer: &Members) -> Option<Self> {
        Some(Self { id: answer.get("id").value()?, app_id: answer.get("app_id").value()? })
    }
}

/// Reads the answer of `GET /v2/user/me`.
pub(super) fn user(answer: &Members) -> Option<KakaoUser> {
    let id = answer.get("id").value()?;
    let account = Account(answer.get("kakao_account").value().unwrap_or_default());
    Some(KakaoUser {
        id,
        nickname: account.nickname(),
        profile_image: account.profile_image(),
        email: account.email(),
        source: Source::UserMe(None),
    })
}

struct Account(Members);

impl Account {
    fn profile(&self) -> Member<Members> {
        self.0.get("profile")
    }

    fn nickname(&self) -> Told {
        match self.profile().and_then(|profile| profile.text("nickname")) {
            Member::Value(nickname) => printable(&nickname).map_or(Told::Nothing, Told::Value),
            Member::Unreadable => Told::Silence,
            Member::Absent => self.withheld(&["profile_nickname_needs_agreement", "profile_needs_agreement"]),
        }
    }

    fn profile_image(&self) -> Told {
        match self.profile().and_then(|profile| profile.text("profile_image_url")) {
            Member::Value(url) => {
                let is_default = self.profile().and_then(|profile| profile.get("is_default_image"));
                if is_default != Member::Value(true) && url.starts_with("https://") && url.len() <= 2_048 {
                    Told::Value(url)
                } else {
                    Told::Nothing
                }
            }
            Member::Unreadable => Told::Silence,
            Member::Absent => self.withheld(&["profile_image_needs_agreement", "profile_needs_agreement"]),
        }
    }

    /// `is_email_valid: false` means that another Kakao account has taken the address since.
    fn email(&self) -> Told {
        let flags: [Member<bool>; 2] = ["is_email_valid", "is_email_verified"].map(|name| self.0.get(name));
        match self.0.text("email") {
            Member::Absent => self.withheld(&["email_needs_agreement"]),
            _ if flags.contains(&Member::Value(false)) => Told::Nothing,
            Member::Unreadable => Told::Silence,
            Member::Value(_) if flags.contains(&Member::Unreadable) => Told::Silence,
            Member::Value(email) if flags == [Member::Value(true), Member::Value(true)] => address(email),
            Member::Value(_) => Told::Nothing,
        }
    }

    /// A consent item without a value: the user has not consented (`true`) or has none (`false`); or it is not mentioned.
    fn withheld(&self, needs_agreement: &[&str]) -> Told {
        let is_mentioned = |name: &&str| matches!(self.0.get::<bool>(name), Member::Value(_));
        if needs_agreement.iter().any(is_mentioned) { Told::Nothing } else { Told::Silence }
    }
}

/// An address that Kakao calls valid and verified.
pub(super) fn address(email: String) -> Told {
    if email.len() <= 254 && email.contains('@') { Told::Value(email) } else { Told::Nothing }
}

/// A nickname without its control characters, and nothing if nothing is left.
pub(super) fn printable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|character| !character.is_control()).take(100).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn user(account: &Value) -> KakaoUser {
        parse(json!({"id": 1, "kakao_account": account}).to_string().as_bytes()).unwrap()
    }

    fn parse(answer: &[u8]) -> Option<KakaoUser> {
        super::user(&Members::parse(answer)?)
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
        let nobody = parse(br#"{"id": 1}"#).unwrap();
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

    #[test]
    fn an_unreadable_member_is_silence_even_where_a_missing_one_would_not_be() {
        let agreed = json!({
            "profile_nickname_needs_agreement": false, "profile_image_needs_agreement": false, "email_needs_agreement": false,
            "is_email_valid": true, "is_email_verified": true,
        });
        let with = |name: &str, value: Value| {
            let mut account = agreed.clone();
            account[name] = value;
            user(&account)
        };
        for profile in [json!([]), json!("x"), json!({"nickname": 7, "profile_image_url": {}})] {
            let told = with("profile", profile.clone());
            assert_eq!((told.nickname, told.profile_image), (Told::Silence, Told::Silence), "{profile}");
        }
        assert_eq!(with("email", json!(["a@b.kr"])).email, Told::Silence);
        for account in [json!("x"), json!([agreed]), json!(7)] {
            assert_eq!(user(&account).email, Told::Silence, "{account}");
        }
        for (flag, expected) in
            [(json!("true"), Told::Silence), (json!(1), Told::Silence), (json!(null), Told::Nothing)]
        {
            let account = json!({"email": "a@b.kr", "is_email_valid": true, "is_email_verified": flag});
            assert_eq!(user(&account).email, expected, "{flag}");
        }
        let taken = json!({"email": "a@b.kr", "is_email_valid": false, "is_email_verified": "true"});
        assert_eq!(user(&taken).email, Told::Nothing, "what can be read says no");
    }

    #[test]
    fn without_a_positive_id_there_is_no_user() {
        for id in ["0", "-5", "1.0", "\"1\"", "null", "99999999999999999999", "[1]", "1, \"id\": 2"] {
            assert!(parse(format!(r#"{{"id": {id}, "kakao_account": {{}}}}"#).as_bytes()).is_none(), "{id}");
        }
    }
}
