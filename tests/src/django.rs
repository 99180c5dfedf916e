//! What a service has that moves here from Django: users with numbers, and the refresh tokens that simplejwt gave them.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, RequestBuilder, header::COOKIE};
use ring::hmac;
use rotate_keys::Event;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, SystemClock, Timestamp},
    id::KakaoId,
    store::ImportStanding,
};

use crate::{
    client::{Functions, unique},
    stack::{Settings, Stack},
};

/// Django's `SECRET_KEY`.
pub const SECRET_KEY: &str = "django-insecure-0123456789abcdef0123456789abcdef";
/// `JWT_AUTH_REFRESH_COOKIE`.
pub const DJANGO_COOKIE: &str = "refresh_token";
/// The highest id of Django's users.
const HIGHEST_ID: u64 = 1_000;
/// How long a [`Stack::from_django`] exchanges tokens.
pub const OPEN_FOR: Duration = Duration::from_hours(20 * 24);
/// How long a token lives.
pub const TOKEN_TTL: Duration = Duration::from_hours(14 * 24);

/// The claims of a refresh token as simplejwt 5.5 makes them.
#[must_use]
pub fn claims(number: u64, expires_at: Timestamp) -> Value {
    json!({
        "token_type": "refresh", "exp": expires_at.unix_seconds(), "iat": 1_795_407_665, "jti": unique(),
        "user_id": number.to_string(),
    })
}

/// A JWT with this header and these claims, signed by HMAC-SHA-256 with this key.
#[must_use]
pub fn jwt(header: &Value, claims: &Value, key: &str) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

/// Claims signed as Django signs them.
#[must_use]
pub fn signed(claims: &Value) -> String {
    jwt(&json!({"alg": "HS256", "typ": "JWT"}), claims, SECRET_KEY)
}

/// Django's `Cookie` header for this token.
#[must_use]
pub fn django_pair(token: &str) -> String {
    format!("{DJANGO_COOKIE}={token}")
}

impl Stack {
    /// A stack that has Django's key, and exchanges its tokens for [`OPEN_FOR`].
    pub async fn from_django() -> Self {
        Self::from_django_with(&[]).await
    }

    /// The same with other settings.
    ///
    /// # Panics
    ///
    /// If it cannot start.
    pub async fn from_django_with(settings: &[(&str, &str)]) -> Self {
        let until = (SystemClock.now() + OPEN_FOR).to_rfc3339();
        let settings = settings.iter().copied().chain([("DJANGO_REFRESH_UNTIL", until.as_str())]);
        let environment: BTreeMap<_, _> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let stack = Self::with(Settings { environment, ..Settings::default() }).await;
        stack.put_django_key(SECRET_KEY).await;
        stack
    }

    /// Stores this key of Django's, or removes it if it is empty.
    ///
    /// # Panics
    ///
    /// If rotate-keys does not do that.
    pub async fn put_django_key(&self, key: &str) {
        let event = Event::PutDjangoKey { algorithm: "HS256".to_owned(), key: key.into() };
        self.rotate_with(event).await.expect("rotate-keys stores the key");
    }

    /// Imports a user with this number, who is this person at Kakao, and returns a refresh token of Django's.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn import_one(&self, number: u64, kakao: i64) -> String {
        let kakao = KakaoId::try_from(kakao).expect("a Kakao ID is positive");
        let imported = self.import(HIGHEST_ID, &[(number, kakao)]).await;
        assert_eq!(imported, [ImportStanding::Created]);
        self.django_token(number)
    }

    /// A refresh token of Django's for this user.
    #[must_use]
    pub fn django_token(&self, number: u64) -> String {
        signed(&claims(number, self.now() + TOKEN_TTL))
    }
}

impl Functions {
    /// A POST with Django's cookie, as dj-rest-auth's front ends send it.
    pub fn with_django_cookie(&self, path: &str, token: &str) -> RequestBuilder {
        self.request(Method::POST, path).header(COOKIE, django_pair(token)).json(&json!({}))
    }
}
