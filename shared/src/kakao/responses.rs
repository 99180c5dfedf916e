//! What Kakao's responses say. Members that are not needed here are ignored, and all but the ids may be missing or unreadable.

use super::members::{Member, Members};
use crate::{
    id::KakaoId,
    user::{FieldUpdate, KakaoUser, Source},
};

/// The response of `POST /oauth/token`.
pub(super) struct Tokens {
    pub access_token: String,
    /// Present only with OpenID Connect switched on.
    pub id_token: Option<String>,
}

/// The response of `GET /v1/user/access_token_info`.
pub(super) struct TokenInfo {
    pub id: KakaoId,
    pub app_id: i64,
}

impl Tokens {
    pub(super) fn read(response: &Members) -> Option<Self> {
        let access_token = response.text("access_token").value().filter(|token| !token.is_empty())?;
        Some(Self { access_token, id_token: response.text("id_token").value() })
    }
}

impl TokenInfo {
    pub(super) fn read(response: &Members) -> Option<Self> {
        Some(Self { id: response.get("id").value()?, app_id: response.get("app_id").value()? })
    }
}

/// Reads the response of `GET /v2/user/me`.
pub(super) fn user(response: &Members) -> Option<KakaoUser> {
    let id = response.get("id").value()?;
    let account = Account(response.get("kakao_account").value().unwrap_or_default());
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

    fn nickname(&self) -> FieldUpdate {
        match self.profile().and_then(|profile| profile.text("nickname")) {
            Member::Value(nickname) => printable(&nickname).map_or(FieldUpdate::Clear, FieldUpdate::Set),
            Member::Unreadable => FieldUpdate::Keep,
            Member::Absent => self.withheld(&["profile_nickname_needs_agreement", "profile_needs_agreement"]),
        }
    }

    fn profile_image(&self) -> FieldUpdate {
        match self.profile().and_then(|profile| profile.text("profile_image_url")) {
            Member::Value(url) => {
                let is_default = self.profile().and_then(|profile| profile.get("is_default_image"));
                if is_default != Member::Value(true) && url.starts_with("https://") && url.len() <= 2_048 {
                    FieldUpdate::Set(url)
                } else {
                    FieldUpdate::Clear
                }
            }
            Member::Unreadable => FieldUpdate::Keep,
            Member::Absent => self.withheld(&["profile_image_needs_agreement", "profile_needs_agreement"]),
        }
    }

    /// `is_email_valid: false` means that another Kakao account has taken the address since.
    fn email(&self) -> FieldUpdate {
        let flags: [Member<bool>; 2] = ["is_email_valid", "is_email_verified"].map(|name| self.0.get(name));
        match self.0.text("email") {
            Member::Absent => self.withheld(&["email_needs_agreement"]),
            _ if flags.contains(&Member::Value(false)) => FieldUpdate::Clear,
            Member::Unreadable => FieldUpdate::Keep,
            Member::Value(_) if flags.contains(&Member::Unreadable) => FieldUpdate::Keep,
            Member::Value(email) if flags == [Member::Value(true), Member::Value(true)] => address(email),
            Member::Value(_) => FieldUpdate::Clear,
        }
    }

    /// The update for a consent item without a value. If Kakao mentions the item, the user has not consented (`true`) or has no value
    /// (`false`).
    fn withheld(&self, needs_agreement: &[&str]) -> FieldUpdate {
        let is_mentioned = |name: &&str| matches!(self.0.get::<bool>(name), Member::Value(_));
        if needs_agreement.iter().any(is_mentioned) { FieldUpdate::Clear } else { FieldUpdate::Keep }
    }
}

/// An address that Kakao calls valid and verified.
pub(super) fn address(email: String) -> FieldUpdate {
    if email.len() <= 254 && email.contains('@') { FieldUpdate::Set(email) } else { FieldUpdate::Clear }
}

/// A nickname without control characters, or `None` if it has no others.
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

    fn parse(response: &[u8]) -> Option<KakaoUser> {
        super::user(&Members::parse(response)?)
    }

    #[test]
    fn an_email_counts_only_if_kakao_calls_it_valid_and_verified() {
        for (valid, verified) in [(true, true), (true, false), (false, true), (false, false)] {
            let update =
                user(&json!({"email": "a@b.kr", "is_email_valid": valid, "is_email_verified": verified})).email;
            let expected = if valid && verified { FieldUpdate::Set("a@b.kr".to_owned()) } else { FieldUpdate::Clear };
            assert_eq!(update, expected, "valid {valid}, verified {verified}");
        }
        assert_eq!(user(&json!({"email": "a@b.kr"})).email, FieldUpdate::Clear, "flags missing");
    }

    #[test]
    fn withdrawn_consent_clears_a_field_and_a_field_that_is_not_mentioned_is_kept() {
        let withdrawn = json!({"email_needs_agreement": true, "profile_nickname_needs_agreement": true});
        assert_eq!((user(&withdrawn).email, user(&withdrawn).nickname), (FieldUpdate::Clear, FieldUpdate::Clear));
        assert_eq!(
            user(&json!({"profile_needs_agreement": true})).nickname,
            FieldUpdate::Clear,
            "the combined item of old apps"
        );
        assert_eq!((user(&json!({})).email, user(&json!({})).nickname), (FieldUpdate::Keep, FieldUpdate::Keep));
        let nobody = parse(br#"{"id": 1}"#).unwrap();
        assert_eq!(
            (nobody.nickname, nobody.profile_image, nobody.email),
            (FieldUpdate::Keep, FieldUpdate::Keep, FieldUpdate::Keep)
        );
    }

    #[test]
    fn a_picture_counts_only_if_it_is_the_users_own_and_comes_by_https() {
        let image = |profile| user(&json!({"profile": profile})).profile_image;
        let url = "https://k.kakaocdn.net/a.jpg";
        assert_eq!(image(json!({"profile_image_url": url})), FieldUpdate::Set(url.to_owned()));
        assert_eq!(image(json!({"profile_image_url": url, "is_default_image": true})), FieldUpdate::Clear);
        assert_eq!(image(json!({"profile_image_url": "http://k.kakaocdn.net/a.jpg"})), FieldUpdate::Clear);
        assert_eq!(image(json!({"profile_image_url": "javascript:alert(1)"})), FieldUpdate::Clear);
    }

    #[test]
    fn a_nickname_keeps_its_letters_and_loses_control_characters() {
        let nickname = |text: &str| user(&json!({"profile": {"nickname": text}})).nickname;
        assert_eq!(nickname("춘식이\n\u{0}🐱"), FieldUpdate::Set("춘식이🐱".to_owned()));
        assert_eq!(nickname("\n"), FieldUpdate::Clear);
        assert_eq!(nickname(&"가".repeat(500)), FieldUpdate::Set("가".repeat(100)));
    }

    #[test]
    fn a_field_with_an_unreadable_member_is_kept_even_where_a_missing_one_is_cleared() {
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
            let update = with("profile", profile.clone());
            assert_eq!((update.nickname, update.profile_image), (FieldUpdate::Keep, FieldUpdate::Keep), "{profile}");
        }
        assert_eq!(with("email", json!(["a@b.kr"])).email, FieldUpdate::Keep);
        for account in [json!("x"), json!([agreed]), json!(7)] {
            assert_eq!(user(&account).email, FieldUpdate::Keep, "{account}");
        }
        for (flag, expected) in
            [(json!("true"), FieldUpdate::Keep), (json!(1), FieldUpdate::Keep), (json!(null), FieldUpdate::Clear)]
        {
            let account = json!({"email": "a@b.kr", "is_email_valid": true, "is_email_verified": flag});
            assert_eq!(user(&account).email, expected, "{flag}");
        }
        let taken = json!({"email": "a@b.kr", "is_email_valid": false, "is_email_verified": "true"});
        assert_eq!(user(&taken).email, FieldUpdate::Clear, "what can be read says no");
    }

    #[test]
    fn without_a_positive_id_there_is_no_user() {
        for id in ["0", "-5", "1.0", "\"1\"", "null", "99999999999999999999", "[1]", "1, \"id\": 2"] {
            assert!(parse(format!(r#"{{"id": {id}, "kakao_account": {{}}}}"#).as_bytes()).is_none(), "{id}");
        }
    }
}
