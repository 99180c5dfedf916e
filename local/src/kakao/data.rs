//! The apps and people that the stand-in knows from the start.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// An app in Kakao's console.
#[derive(Debug, PartialEq, Eq)]
pub struct App {
    /// Its name in the control routes.
    pub name: &'static str,
    /// The numeric app ID, which is not one of the keys.
    pub app_id: i64,
    /// The REST API key.
    pub rest_api_key: &'static str,
    /// Its JavaScript and native app keys, which SDKs use to request ID tokens.
    pub other_keys: &'static str,
    /// The admin key, which can call the API for any user of the app.
    pub admin_key: &'static str,
    /// SHA-256 of the admin key, for functions that only receive webhooks.
    pub admin_key_hash: &'static str,
    /// The secret of the REST API key, or `""` if it is disabled.
    pub client_secret: &'static str,
    /// Whether `OpenID` Connect is enabled.
    pub oidc: bool,
}

/// The app that a local stack's functions belong to.
pub const SHOP: App = App {
    name: "shop",
    app_id: 1_234_567,
    rest_api_key: "5f0ab1c2d3e4f5061728394a5b6c7d8e",
    other_keys: "0a1b2c3d4e5f60718293a4b5c6d7e8f9,9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    admin_key: "adadadadadadadadadadadadadadad01",
    admin_key_hash: "cdd2ada541998dd237a94c3b39a3f80012a8ce79fac0db37b751602a352d30a3",
    client_secret: "LocalClientSecretOfTheShopNo0001",
    oidc: true,
};

/// Another owner's app. Kakao accepts its access tokens; the functions must refuse them.
const OTHER: App = App {
    name: "other",
    app_id: 7_654_321,
    rest_api_key: "00112233445566778899aabbccddeeff",
    other_keys: "",
    admin_key: "adadadadadadadadadadadadadadad02",
    admin_key_hash: "f7bc32b5f99615514cdd18a8c15b0be4f2cfc318e19c13ad3a33dbf23a417a11",
    client_secret: "LocalClientSecretOfAnotherNo0002",
    oidc: true,
};

/// An app with `OpenID` Connect and the client secret disabled.
pub(super) const PLAIN: App = App {
    name: "plain",
    app_id: 1_111_111,
    rest_api_key: "abcdefabcdefabcdefabcdefabcdef00",
    other_keys: "",
    admin_key: "adadadadadadadadadadadadadadad03",
    admin_key_hash: "737090b4a0e07453b5aaf9768dd23ab6eadfb52853eaa03037341aec4c4dab68",
    client_secret: "",
    oidc: false,
};

pub(super) static APPS: [&App; 3] = [&SHOP, &OTHER, &PLAIN];

/// A person with a Kakao account.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// A short description for the pages.
    pub about: String,
    /// Their user ID in the app [`SHOP`]. Every other app has a different one.
    pub id: i64,
    /// `kakao_account` in the response of user/me, or `null` if there is none.
    pub account: Value,
    /// Whether the response of user/me also has the deprecated `properties`.
    pub properties: bool,
    /// Whether Kakao refuses them because of their age (-406).
    pub underage: bool,
    /// Whether they can be linked to an app at all (-101 if not).
    pub linked: bool,
}

impl Person {
    /// Withdraws the consent to the email: the email is removed and `email_needs_agreement` becomes true.
    pub(super) fn withhold_email(&mut self) {
        if let Some(account) = self.account.as_object_mut() {
            account.retain(|name, _| !["email", "is_email_valid", "is_email_verified"].contains(&name.as_str()));
            account.insert("email_needs_agreement".to_owned(), json!(true));
        }
    }

    /// The scopes that they have agreed to.
    pub(super) fn agreed(&self) -> Vec<&'static str> {
        let items = [
            ("account_email", "email_needs_agreement"),
            ("profile_image", "profile_image_needs_agreement"),
            ("profile_nickname", "profile_nickname_needs_agreement"),
        ];
        let agreed = items.into_iter().filter(|(_, needs)| self.account[*needs] == json!(false));
        agreed.map(|(scope, _)| scope).collect()
    }

    /// The user ID in this app. Kakao gives a person a different one in every app.
    pub(super) fn id_in(&self, app: &App) -> i64 {
        if *app == SHOP { self.id } else { self.id ^ app.app_id }
    }
}

/// An account with a profile and an email that Kakao has verified.
pub(super) fn account(nickname: &str, email: &str) -> Value {
    json!({
        "profile_nickname_needs_agreement": false,
        "profile_image_needs_agreement": false,
        "profile": {
            "nickname": nickname,
            "thumbnail_image_url": "https://k.kakaocdn.net/dn/local/img_110x110.jpg",
            "profile_image_url": "https://k.kakaocdn.net/dn/local/img_640x640.jpg",
            "is_default_image": false,
            "is_default_nickname": false,
        },
        "has_email": true,
        "email_needs_agreement": false,
        "is_email_valid": true,
        "is_email_verified": true,
        "email": email,
    })
}

pub(super) fn people() -> BTreeMap<String, Person> {
    let with = |account: Value, changes: Value| {
        let mut account = account;
        for (name, value) in changes.as_object().into_iter().flatten() {
            if value.is_null() {
                account.as_object_mut().and_then(|account| account.remove(name));
            } else {
                account[name] = value.clone();
            }
        }
        account
    };
    let person = |id, about: &str, account| Person {
        about: about.to_owned(),
        id,
        account,
        properties: true,
        underage: false,
        linked: true,
    };
    let everyone = [
        ("ryan", person(1_029_384_756, "a verified email", account("라이언", "ryan@example.com"))),
        ("choonsik", person(1_376_016_924_429_759_228, "a 19-digit ID", account("춘식이", "choonsik@example.com"))),
        (
            "apeach",
            person(
                2_000_000_001,
                "has not consented to the email",
                with(
                    account("어피치", ""),
                    json!({"email": null, "email_needs_agreement": true, "has_email": true,
                    "is_email_valid": null, "is_email_verified": null}),
                ),
            ),
        ),
        (
            "muzi",
            person(
                2_000_000_002,
                "an unverified email",
                with(account("무지", "muzi@example.com"), json!({"is_email_verified": false})),
            ),
        ),
        (
            "frodo",
            person(
                2_000_000_003,
                "an invalid email",
                with(account("프로도", "fr***@example.com"), json!({"is_email_valid": false})),
            ),
        ),
        ("con", person(2_000_000_004, "no kakao_account at all", Value::Null)),
        (
            "neo",
            person(
                2_000_000_005,
                "Kakao's default picture",
                with(
                    account("네오", "neo@example.com"),
                    json!({"profile": {
                "nickname": "네오", "profile_image_url": "https://k.kakaocdn.net/dn/local/default.jpg",
                "is_default_image": true}}),
                ),
            ),
        ),
        (
            "jay-g",
            Person {
                properties: false,
                ..person(2_000_000_008, "no properties", account("제이지", "jay-g@example.com"))
            },
        ),
        ("tube", Person { underage: true, ..person(2_000_000_006, "under 14", account("튜브", "tube@example.com")) }),
        (
            "jordy",
            Person { linked: false, ..person(2_000_000_007, "unlinked", account("죠르디", "jordy@example.com")) },
        ),
    ];
    everyone.map(|(name, person)| (name.to_owned(), person)).into()
}
