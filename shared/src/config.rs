//! Configuration: the environment, read once at start. All errors are reported together. Keys and secrets are in the `Keys` table.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    env, fmt, fs,
    str::FromStr,
    time::Duration,
};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
};

use crate::{
    access_token::Audience,
    account::UserIds,
    address,
    aws::{Endpoint, dynamodb, https_client},
    clock::Timestamp,
    http::{Compatibility, Cookies, DjangoTokens, OriginCheck, Origins, SameSite},
    kakao::{AdminKeyHashes, Kakao, KakaoApp, KakaoCredentials},
    keys::{Document, IssuingKeys, KeyTable, LogoutKeys, PublishedKeys, SecretCache, SecretError, VerificationKeys},
    secret_hashes::SecretHashes,
    session::{LinkedSessions, SessionPolicy},
    simplejwt::SimplejwtKey,
    store::Store,
};

const LOCAL_STAGE: &str = "local";

/// Raw settings by name. If a setting is missing or wrong, its getter returns `None` and notes the problem.
pub struct Config {
    values: HashMap<String, String>,
    credentials: SharedCredentialsProvider,
    dynamodb: OnceCell<Client>,
    problems: RefCell<Vec<String>>,
}

/// All problems of the configuration.
#[derive(thiserror::Error)]
#[error("configuration: {}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

/// A `main` that fails prints its error by `Debug`. One readable line is better for people than a struct.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Config {
    /// Reads the environment.
    #[must_use]
    pub fn from_env() -> Self {
        let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        Self { values: env::vars().collect(), credentials, dynamodb: OnceCell::new(), problems: RefCell::default() }
    }

    /// Takes settings from pairs instead of the environment, for a stack that runs in one process.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let values: HashMap<String, String> = pairs.into_iter().collect();
        let [id, key] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| values.get(name).cloned());
        let credentials = Credentials::new(id.unwrap_or_default(), key.unwrap_or_default(), None, None, "settings");
        let credentials = SharedCredentialsProvider::new(credentials);
        Self { values, credentials, dynamodb: OnceCell::new(), problems: RefCell::default() }
    }

    /// The problems so far, for a function that lacks a setting.
    #[must_use]
    pub fn into_error(&self) -> ConfigError {
        ConfigError(self.problems.take())
    }

    /// A required text.
    fn text(&self, name: &str) -> Option<String> {
        let value = self.values.get(name).filter(|value| !value.is_empty()).cloned();
        if value.is_none() {
            self.note(name, "missing");
        }
        value
    }

    /// A required text that may be empty.
    fn text_or_empty(&self, name: &str) -> Option<String> {
        match self.values.get(name) {
            Some(value) if value.is_empty() => Some(String::new()),
            _ => self.text(name),
        }
    }

    /// A whole number of seconds in this range.
    fn seconds(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Option<Duration> {
        let seconds: u64 =
            self.parse(name, |text| text.parse().map_err(|_| "must be a number of seconds".to_owned()))?;
        if range.contains(&seconds) {
            Some(Duration::from_secs(seconds))
        } else {
            self.problem(name, &format!("must be between {} and {} seconds", range.start(), range.end()))
        }
    }

    /// One or more texts, separated by commas.
    fn list(&self, name: &str) -> Option<Vec<String>> {
        self.parsed_list(name, |item| Ok(item.to_owned()))
    }

    /// One or more values, separated by commas. `parse` says what is wrong with a value.
    pub fn parsed_list<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let parsed = split(&self.text(name)?).map(|item| parse(&item)).collect::<Result<Vec<_>, _>>();
        match parsed {
            Ok(items) if items.is_empty() => self.problem(name, "has no entry"),
            Ok(items) => Some(items),
            Err(reason) => self.problem(name, &reason),
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.parse(name, |text| text.parse().map_err(|_| "must be true or false".to_owned()))
    }

    /// The table `TABLE_NAME`.
    pub fn store(&self) -> Option<Store> {
        let (client, table) = (self.dynamodb(), self.text("TABLE_NAME"));
        Some(Store::new(client?, table?))
    }

    /// The table `KEYS_TABLE_NAME`.
    pub fn key_table(&self) -> Option<KeyTable> {
        let (client, table) = (self.dynamodb(), self.text("KEYS_TABLE_NAME"));
        Some(KeyTable::new(client?, table?))
    }

    /// The client for DynamoDB. All tables share one client and its connections.
    fn dynamodb(&self) -> Option<Client> {
        if let Some(client) = self.dynamodb.get() {
            return Some(client.clone());
        }
        let endpoint = self.endpoint("DYNAMODB")?;
        Some(self.dynamodb.get_or_init(|| dynamodb::client(endpoint)).clone())
    }

    /// The event bus `USER_EVENT_BUS`.
    pub fn user_event_bus(&self) -> Option<String> {
        self.text("USER_EVENT_BUS")
    }

    /// A service of AWS in the region `AWS_REGION`. A local stack has it at `AWS_ENDPOINT_URL_…`, with the roots in `AWS_CA_BUNDLE`.
    pub fn endpoint(&self, service: &str) -> Option<Endpoint> {
        let default = self.is_local().then(|| "ap-northeast-2".to_owned());
        let region = self.values.get("AWS_REGION").cloned().or(default);
        let region = region.or_else(|| self.problem("AWS_REGION", "missing"))?;
        let roots = match self.values.get("AWS_CA_BUNDLE") {
            None => None,
            Some(_) if !self.is_local() => return self.problem("AWS_CA_BUNDLE", "is allowed at the stage local only"),
            Some(file) => Some(fs::read(file).map_err(|error| self.note("AWS_CA_BUNDLE", &error.to_string())).ok()?),
        };
        Some(Endpoint {
            region,
            url: self.values.get(&format!("AWS_ENDPOINT_URL_{service}")).cloned(),
            credentials: self.credentials.clone(),
            http_client: https_client(roots.as_deref(), self.time_factor()),
            time_factor: self.time_factor(),
        })
    }

    /// How long a function may prepare before it takes its first request: 300 ms, as a user may be waiting already.
    pub fn preparation(&self) -> Duration {
        Duration::from_millis(300) * self.time_factor()
    }

    /// The factor by which time limits are longer than on Lambda: `TIME_FACTOR` at the stage `local`, for slow tools such as valgrind.
    fn time_factor(&self) -> u32 {
        let given = self.values.get("TIME_FACTOR").filter(|_| self.is_local());
        given.and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// How the cookie is set: `COOKIE_SAMESITE`, and locally `COOKIE_SECURE`.
    pub fn cookies(&self) -> Option<Cookies> {
        let same_site = self.parse("COOKIE_SAMESITE", SameSite::from_str)?;
        let secure = self.values.get("COOKIE_SECURE").is_none_or(|secure| secure != "false");
        if !secure && !self.is_local() {
            return self.problem("COOKIE_SECURE", "false is allowed at the stage local only");
        }
        Some(Cookies { same_site, secure })
    }

    /// `ALLOWED_ORIGINS`.
    pub fn origins(&self) -> Option<Origins> {
        let origins = self.list("ALLOWED_ORIGINS")?;
        Origins::new(origins).map_err(|reason| self.note("ALLOWED_ORIGINS", &reason)).ok()
    }

    /// `SESSION_LINKS`: whether a client that sends a link gets a linked session. With `auto` it does, unless it keeps its token in a
    /// cookie that several allowed origins may [share](Origins::may_share_the_cookie).
    pub fn linked_sessions(&self) -> Option<LinkedSessions> {
        let origins = self.origins()?;
        self.parse("SESSION_LINKS", |text| match text {
            "auto" => Ok(LinkedSessions { by_cookie: !origins.may_share_the_cookie(), by_body: true }),
            "on" => Ok(LinkedSessions { by_cookie: true, by_body: true }),
            "off" => Ok(LinkedSessions { by_cookie: false, by_body: false }),
            _ => Err("must be auto, on or off".to_owned()),
        })
    }

    /// `NATIVE_CLIENTS`: whether an app may get a refresh token in the body of its login.
    pub fn native_clients(&self) -> Option<bool> {
        self.flag("NATIVE_CLIENTS")
    }

    /// `COMPATIBILITY`: which other front ends are served.
    pub fn compatibility(&self) -> Option<Compatibility> {
        self.parse("COMPATIBILITY", Compatibility::from_str)
    }

    /// `USER_IDS`: which ids new users get.
    pub fn user_ids(&self) -> Option<UserIds> {
        self.parse("USER_IDS", UserIds::from_str)
    }

    /// `REDIRECT_URIS`.
    pub fn redirect_uris(&self) -> Option<Vec<String>> {
        let uris = self.list("REDIRECT_URIS")?;
        let checked = uris.iter().try_for_each(|uri| address::check_redirect_uri(uri));
        checked.map(|()| uris).map_err(|reason| self.note("REDIRECT_URIS", &reason)).ok()
    }

    /// `CALLBACK_URI`: this API's own redirect URI. Empty if there is no hosted login.
    pub fn callback_uri(&self) -> Option<String> {
        let uri = self.text_or_empty("CALLBACK_URI")?;
        let checked = if uri.is_empty() { Ok(()) } else { address::check_redirect_uri(&uri) };
        checked.map(|()| uri).map_err(|reason| self.note("CALLBACK_URI", &reason)).ok()
    }

    /// `ISSUER`.
    pub fn issuer(&self) -> Option<String> {
        self.parse("ISSUER", |text| address::check_issuer(text).map(|()| text.to_owned()))
    }

    /// `ROTATION_WINDOW`, `SESSION_IDLE_TTL` and `SESSION_MAX_TTL`.
    pub fn session_policy(&self) -> Option<SessionPolicy> {
        let rotation_window = self.rotation_window();
        let (idle_ttl, max_ttl) = (self.seconds("SESSION_IDLE_TTL", SessionPolicy::TTL), self.session_max_ttl());
        Some(SessionPolicy { rotation_window: rotation_window?, idle_ttl: idle_ttl?, max_ttl: max_ttl? })
    }

    /// `ROTATION_WINDOW`.
    pub fn rotation_window(&self) -> Option<Duration> {
        self.seconds("ROTATION_WINDOW", SessionPolicy::ROTATION_WINDOW)
    }

    /// `SESSION_MAX_TTL`.
    pub fn session_max_ttl(&self) -> Option<Duration> {
        self.seconds("SESSION_MAX_TTL", SessionPolicy::TTL)
    }

    /// `ACCESS_TTL`: how long an access token lasts.
    pub fn access_ttl(&self) -> Option<Duration> {
        self.seconds("ACCESS_TTL", 20..=86_400)
    }

    /// `VERIFIER_CACHE_TTL`: how long other services may cache our public keys.
    pub fn verifier_cache_ttl(&self) -> Option<Duration> {
        self.seconds("VERIFIER_CACHE_TTL", 0..=604_800)
    }

    /// The document `ISSUING`: signs access tokens for `ACCESS_TTL`, makes and reads refresh tokens.
    pub fn issuing_keys(&self) -> Option<SecretCache<IssuingKeys>> {
        let lifetime = self.access_ttl();
        let (audience, table) = (self.audience(), self.key_table());
        let (lifetime, audience, table) = (lifetime?, audience?, table?);
        Some(SecretCache::new(table, Document::Issuing, move |json| IssuingKeys::read(json, &audience, lifetime)))
    }

    /// The document `VERIFYING`: verifies access tokens.
    pub fn verification_keys(&self) -> Option<SecretCache<VerificationKeys>> {
        let (audience, table) = (self.audience(), self.key_table());
        let (audience, table) = (audience?, table?);
        Some(SecretCache::new(table, Document::Verifying, move |json| VerificationKeys::read(json, &audience)))
    }

    /// The document `VERIFYING`: publishes its public keys.
    pub fn published_keys(&self) -> Option<SecretCache<PublishedKeys>> {
        Some(SecretCache::new(self.key_table()?, Document::Verifying, PublishedKeys::read))
    }

    /// The document `LOGOUT`: reads refresh tokens.
    pub fn logout_keys(&self) -> Option<SecretCache<LogoutKeys>> {
        Some(SecretCache::new(self.key_table()?, Document::Logout, LogoutKeys::read))
    }

    /// The document `KAKAO`, which an operator stores.
    pub fn kakao_credentials(&self) -> Option<SecretCache<KakaoCredentials>> {
        Some(SecretCache::new(self.key_table()?, Document::Kakao, |json| match KakaoCredentials::read(json) {
            Ok(secrets) => Ok((0, secrets)),
            Err(reason) => Err(SecretError::Unreadable(reason)),
        }))
    }

    /// Until when tokens from Django are exchanged: `DJANGO_REFRESH_UNTIL`, which may be empty, with their cookie
    /// `DJANGO_REFRESH_COOKIE` and the document `DJANGO`, which an operator stores.
    pub fn django_tokens(&self) -> Option<DjangoTokens> {
        const UNTIL: &str = "DJANGO_REFRESH_UNTIL";
        let is_off = self.text_or_empty(UNTIL)?.is_empty();
        let until = (!is_off).then(|| {
            self.parse(UNTIL, |text| {
                Timestamp::from_rfc3339(text).ok_or_else(|| "must be a time such as 2026-12-20T15:00:00Z".to_owned())
            })
        });
        let (cookie, table) = (self.django_refresh_cookie(), self.key_table());
        let key = SecretCache::new(table?, Document::Django, |json| match SimplejwtKey::read(json) {
            Ok(key) => Ok((0, key)),
            Err(reason) => Err(SecretError::Unreadable(reason)),
        });
        let until = match until {
            Some(until) => Some(until?),
            None => None,
        };
        Some(DjangoTokens::new(until, cookie?, key))
    }

    /// `DJANGO_REFRESH_COOKIE`, a name that a cookie can have.
    fn django_refresh_cookie(&self) -> Option<String> {
        self.parse("DJANGO_REFRESH_COOKIE", |name| {
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if is_name { Ok(name.to_owned()) } else { Err("must be the name of a cookie".to_owned()) }
        })
    }

    /// Our app at Kakao: `KAKAO_APP_ID`, `KAKAO_REST_API_KEY`, `ID_TOKEN_MAX_AGE` and `KAKAO_APP_KEYS`, which may be empty.
    pub fn kakao(&self) -> Option<Kakao> {
        let app_id = self.kakao_app_id();
        let rest_api_key = self.text("KAKAO_REST_API_KEY");
        let app_keys = self.text_or_empty("KAKAO_APP_KEYS");
        let id_token_max_age = self.seconds("ID_TOKEN_MAX_AGE", 60..=43_200);
        let [auth_url, api_url] = self.kakao_urls();
        let rest_api_key = rest_api_key?;
        let mut audiences: Vec<String> = split(&app_keys?).collect();
        audiences.push(rest_api_key.clone());
        Some(Kakao::new(KakaoApp {
            app_id: app_id?,
            rest_api_key,
            audiences,
            id_token_max_age: id_token_max_age?,
            auth_url: auth_url?,
            api_url: api_url?,
        }))
    }

    /// Our app at Kakao for a function that logs nobody in: `KAKAO_APP_ID` and `KAKAO_REST_API_KEY`. It accepts no ID token.
    pub fn kakao_without_logins(&self) -> Option<Kakao> {
        let app_id = self.kakao_app_id();
        let rest_api_key = self.text("KAKAO_REST_API_KEY");
        let [auth_url, api_url] = self.kakao_urls();
        Some(Kakao::new(KakaoApp {
            app_id: app_id?,
            rest_api_key: rest_api_key?,
            audiences: Vec::new(),
            id_token_max_age: Duration::ZERO,
            auth_url: auth_url?,
            api_url: api_url?,
        }))
    }

    fn kakao_app_id(&self) -> Option<i64> {
        self.parse("KAKAO_APP_ID", |text| {
            text.parse().map_err(|_| "must be the numeric app ID, not an app key".to_owned())
        })
    }

    /// The authorization server and the API server.
    fn kakao_urls(&self) -> [Option<String>; 2] {
        [("KAKAO_AUTH_URL", "https://kauth.kakao.com"), ("KAKAO_API_URL", "https://kapi.kakao.com")]
            .map(|(name, kakao)| self.kakao_url(name, kakao))
    }

    /// `KAKAO_ADMIN_KEY_HASHES`, which may be empty.
    pub fn admin_key_hashes(&self) -> Option<AdminKeyHashes> {
        let name = "KAKAO_ADMIN_KEY_HASHES";
        AdminKeyHashes::read(&self.text_or_empty(name)?).map_err(|reason| self.note(name, &reason)).ok()
    }

    /// The check of where requests come from, by `ORIGIN_SECRET_HASHES`, which may be empty.
    pub fn origin_check(&self) -> Option<OriginCheck> {
        let name = "ORIGIN_SECRET_HASHES";
        let hashes = SecretHashes::read(&self.text_or_empty(name)?);
        hashes.and_then(OriginCheck::new).map_err(|reason| self.note(name, &reason)).ok()
    }

    fn kakao_url(&self, name: &str, kakao: &str) -> Option<String> {
        match self.values.get(name) {
            None => Some(kakao.to_owned()),
            Some(url) if self.is_local() => Some(url.trim_end_matches('/').to_owned()),
            Some(_) => self.problem(name, "is allowed at the stage local only"),
        }
    }

    fn audience(&self) -> Option<Audience> {
        let (issuer, audience) = (self.issuer(), self.text("AUDIENCE"));
        Some(Audience { issuer: issuer?, audience: audience? })
    }

    /// The name of the stack, for metrics.
    #[must_use]
    pub fn stack(&self) -> String {
        self.values.get("STACK_NAME").cloned().unwrap_or_default()
    }

    fn is_local(&self) -> bool {
        self.values.get("STAGE").is_some_and(|stage| stage == LOCAL_STAGE)
    }

    /// A required value. `parse` says what is wrong with it.
    pub fn parse<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        parse(&self.text(name)?).map_err(|reason| self.note(name, &reason)).ok()
    }

    fn problem<T>(&self, name: &str, reason: &str) -> Option<T> {
        self.note(name, reason);
        None
    }

    fn note(&self, name: &str, reason: &str) {
        self.problems.borrow_mut().push(format!("{name}: {reason}"));
    }
}

fn split(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests;
