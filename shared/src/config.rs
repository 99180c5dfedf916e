//! Configuration: the environment and the function's secret, read once at start. All that is wrong is reported at once.

use std::{cell::RefCell, collections::HashMap, env, fmt, fs, str::FromStr, time::Duration};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, timeout::TimeoutConfig,
};
use serde_json::Value;

use crate::{
    http::{Cookies, Origins, SameSite},
    jwt::{Audience, Signer, Verifier},
    kakao::{Kakao, KakaoApp},
    log::Pseudonyms,
    store::{Endpoint, Store, https_client},
    token::SessionSecrets,
};

/// Names that only a secret may hold, unless the stage is `local`.
const SECRET_NAMES: [&str; 6] =
    ["SIGNING_KEYS", "VERIFICATION_KEYS", "SESSION_SECRETS", "PSEUDONYM_KEY", "KAKAO_CLIENT_SECRET", "KAKAO_ADMIN_KEY"];
const LOCAL_STAGE: &str = "local";

/// Raw settings by name. A getter gives `None` and remembers why when its setting is missing or wrong.
pub struct Config {
    values: HashMap<String, String>,
    credentials: SharedCredentialsProvider,
    problems: RefCell<Vec<String>>,
}

/// Everything that is wrong with the configuration.
#[derive(thiserror::Error)]
#[error("configuration: {}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

/// A `main` that fails prints its error so: in one line for people.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Config {
    /// Reads the environment and, if `SECRET_ID` names one, the Secrets Manager secret of this function.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the secret cannot be read or is no JSON object.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        let mut config = Self { values: env::vars().collect(), credentials, problems: RefCell::default() };
        if let Some(id) = config.values.get("SECRET_ID").cloned() {
            config.values.retain(|name, _| !SECRET_NAMES.contains(&name.as_str()));
            let secret = config.fetch_secret(&id).await.map_err(|reason| ConfigError(vec![reason]))?;
            config.values.extend(secret);
        }
        Ok(config)
    }

    /// Takes settings from elsewhere than the environment, as a stack in one process does.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let credentials = SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "local stack"));
        Self { values: pairs.into_iter().collect(), credentials, problems: RefCell::default() }
    }

    async fn fetch_secret(&self, id: &str) -> Result<Vec<(String, String)>, String> {
        let region = self.values.get("AWS_REGION").ok_or("AWS_REGION is missing")?;
        let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(3)).build();
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(https_client(None))
            .timeout_config(timeouts);
        config.set_endpoint_url(self.values.get("AWS_ENDPOINT_URL_SECRETSMANAGER").cloned());
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        let answer = client.get_secret_value().secret_id(id).send().await;
        // The SDK's error can hold the answer, and so the secret: only its kind is kept.
        let answer = answer.map_err(|error| match error.as_service_error() {
            Some(error) => format!("SECRET_ID: {}", error.meta().code().unwrap_or("not readable")),
            None => "SECRET_ID: Secrets Manager does not answer".to_owned(),
        })?;
        let members = serde_json::from_str(answer.secret_string().unwrap_or_default());
        let Ok(Value::Object(members)) = members else {
            return Err("SECRET_ID: not a JSON object".to_owned());
        };
        let text = |value: Value| {
            if let Value::String(text) = value { text } else { value.to_string() }
        };
        Ok(members.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    /// The problems met so far, for a function that lacks a setting.
    #[must_use]
    pub fn into_error(&self) -> ConfigError {
        ConfigError(self.problems.take())
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Option<String> {
        if SECRET_NAMES.contains(&name) && !self.values.contains_key("SECRET_ID") && !self.is_local() {
            return self.problem(name, "SECRET_ID is missing, which alone may hold it, but at the stage local");
        }
        let value = self.values.get(name).filter(|value| !value.is_empty()).cloned();
        if value.is_none() {
            self.note(name, "missing");
        }
        value
    }

    /// A text that must be there, and may be empty.
    fn text_or_empty(&self, name: &str) -> Option<String> {
        match self.values.get(name) {
            Some(value) if value.is_empty() => Some(String::new()),
            _ => self.text(name),
        }
    }

    /// A whole number of seconds in this range.
    pub fn seconds(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Option<Duration> {
        let seconds: u64 = self.parse(name, |text| text.parse().map_err(|_| "not a number of seconds".to_owned()))?;
        if range.contains(&seconds) {
            Some(Duration::from_secs(seconds))
        } else {
            self.problem(name, &format!("not between {} and {} seconds", range.start(), range.end()))
        }
    }

    /// Texts between commas, at least one.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        Some(split(&self.text(name)?).collect())
    }

    /// The table `TABLE_NAME` in the region `AWS_REGION`, or at `AWS_ENDPOINT_URL_DYNAMODB`, which may then prove itself by a
    /// certificate in `AWS_CA_BUNDLE`.
    pub fn store(&self) -> Option<Store> {
        let default = self.is_local().then(|| "ap-northeast-2".to_owned());
        let region = self.values.get("AWS_REGION").cloned().or(default);
        let (region, table) = (region.or_else(|| self.problem("AWS_REGION", "missing")), self.text("TABLE_NAME"));
        let (region, table) = (region?, table?);
        let url = self.values.get("AWS_ENDPOINT_URL_DYNAMODB").cloned();
        let roots = match self.values.get("AWS_CA_BUNDLE") {
            None => None,
            Some(_) if !self.is_local() => return self.problem("AWS_CA_BUNDLE", "is for the stage local only"),
            Some(file) => Some(fs::read(file).map_err(|error| self.note("AWS_CA_BUNDLE", &error.to_string())).ok()?),
        };
        Some(Store::new(Endpoint { region, url, credentials: self.credentials.clone(), roots }, table))
    }

    /// How long a function may get ready before it takes its first request: 300 ms, as that time costs little and the one who
    /// waits may be a person; or `PREPARATION_MS` at the stage `local`, for tools under which all is slower.
    pub fn preparation(&self) -> Duration {
        let given = self.values.get("PREPARATION_MS").filter(|_| self.is_local());
        Duration::from_millis(given.and_then(|text| text.parse().ok()).unwrap_or(300))
    }

    /// How the cookie is set: `COOKIE_SAMESITE`, and locally `COOKIE_SECURE`.
    pub fn cookies(&self) -> Option<Cookies> {
        let same_site = self.parse("COOKIE_SAMESITE", SameSite::from_str)?;
        let secure = self.values.get("COOKIE_SECURE").is_none_or(|secure| secure != "false");
        if !secure && !self.is_local() {
            return self.problem("COOKIE_SECURE", "false is for the stage local only");
        }
        Some(Cookies { same_site, secure })
    }

    /// `ALLOWED_ORIGINS`.
    pub fn origins(&self) -> Option<Origins> {
        let origins = self.list("ALLOWED_ORIGINS")?;
        Origins::new(origins).map_err(|reason| self.note("ALLOWED_ORIGINS", &reason)).ok()
    }

    /// Signs with `SIGNING_KEYS` for `ACCESS_TTL`.
    pub fn signer(&self) -> Option<Signer> {
        let lifetime = self.seconds("ACCESS_TTL", 20..=86_400);
        let (audience, keys) = (self.audience(), self.text("SIGNING_KEYS"));
        let (lifetime, audience, keys) = (lifetime?, audience?, keys?);
        Signer::from_jwk_set(&keys, audience, lifetime).map_err(|reason| self.note("SIGNING_KEYS", &reason)).ok()
    }

    /// Verifies with `VERIFICATION_KEYS`.
    pub fn verifier(&self) -> Option<Verifier> {
        let (audience, keys) = (self.audience(), self.text("VERIFICATION_KEYS"));
        let (audience, keys) = (audience?, keys?);
        Verifier::from_jwk_set(&keys, audience).map_err(|reason| self.note("VERIFICATION_KEYS", &reason)).ok()
    }

    /// `SESSION_SECRETS`, a JSON array of secrets.
    pub fn session_secrets(&self) -> Option<SessionSecrets> {
        self.parse("SESSION_SECRETS", |json| {
            let secrets: Vec<String> =
                serde_json::from_str(json).map_err(|_| "not a JSON array of texts".to_owned())?;
            SessionSecrets::from_base64url(secrets.iter().map(String::as_str))
        })
    }

    /// `PSEUDONYM_KEY`.
    pub fn pseudonyms(&self) -> Option<Pseudonyms> {
        self.parse("PSEUDONYM_KEY", Pseudonyms::from_base64url)
    }

    /// Our app at Kakao: `KAKAO_APP_ID`, `KAKAO_REST_API_KEY`, `KAKAO_CLIENT_SECRET`, and, which may be empty,
    /// `KAKAO_ADMIN_KEY` and `KAKAO_APP_KEYS`.
    pub fn kakao(&self) -> Option<Kakao> {
        let app_id = self.parse("KAKAO_APP_ID", |text| {
            text.parse().map_err(|_| "not a number: the app id is no key, Kakao's console shows both".to_owned())
        });
        let rest_api_key = self.text("KAKAO_REST_API_KEY");
        let client_secret = self.text("KAKAO_CLIENT_SECRET");
        let admin_key = self.text_or_empty("KAKAO_ADMIN_KEY");
        let app_keys = self.text_or_empty("KAKAO_APP_KEYS");
        let auth_url = self.kakao_url("KAKAO_AUTH_URL", "https://kauth.kakao.com");
        let api_url = self.kakao_url("KAKAO_API_URL", "https://kapi.kakao.com");
        let rest_api_key = rest_api_key?;
        let mut audiences: Vec<String> = split(&app_keys?).collect();
        audiences.push(rest_api_key.clone());
        Some(Kakao::new(KakaoApp {
            app_id: app_id?,
            rest_api_key,
            client_secret: client_secret?.into(),
            admin_key: Some(admin_key?).filter(|key| !key.is_empty()).map(Into::into),
            audiences,
            auth_url: auth_url?,
            api_url: api_url?,
        }))
    }

    fn kakao_url(&self, name: &str, kakao: &str) -> Option<String> {
        match self.values.get(name) {
            None => Some(kakao.to_owned()),
            Some(url) if self.is_local() => Some(url.trim_end_matches('/').to_owned()),
            Some(_) => self.problem(name, "is for the stage local only"),
        }
    }

    fn audience(&self) -> Option<Audience> {
        let (issuer, audience) = (self.text("ISSUER"), self.text("AUDIENCE"));
        Some(Audience { issuer: issuer?, audience: audience? })
    }

    fn is_local(&self) -> bool {
        self.values.get("STAGE").is_some_and(|stage| stage == LOCAL_STAGE)
    }

    fn parse<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
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
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        Config::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let config = config(&[("STAGE", "local"), ("KAKAO_APP_ID", "0123456789abcdef"), ("COOKIE_SAMESITE", "strict")]);
        let _ = (config.store(), config.kakao(), config.cookies(), config.seconds("ACCESS_TTL", 1..=2));
        let error = config.into_error().to_string();
        for name in
            ["TABLE_NAME", "KAKAO_APP_ID", "KAKAO_REST_API_KEY", "KAKAO_CLIENT_SECRET", "COOKIE_SAMESITE", "ACCESS_TTL"]
        {
            assert!(error.contains(name), "{name} is not in: {error}");
        }
    }

    #[test]
    fn a_setting_for_developers_is_refused_at_any_other_stage() {
        for (name, value) in
            [("COOKIE_SECURE", "false"), ("KAKAO_API_URL", "http://127.0.0.1:1"), ("PSEUDONYM_KEY", KEY), BUNDLE]
        {
            let all = |stage| {
                let base = [
                    ("COOKIE_SAMESITE", "Strict"),
                    ("KAKAO_ADMIN_KEY", ""),
                    ("KAKAO_APP_KEYS", ""),
                    ("KAKAO_APP_ID", "1"),
                    ("KAKAO_REST_API_KEY", "k"),
                    ("AWS_REGION", "ap-northeast-2"),
                    ("TABLE_NAME", "t"),
                    ("STAGE", stage),
                ];
                config(&[base.as_slice(), &[("SECRET_ID", "s"), ("KAKAO_CLIENT_SECRET", "s"), (name, value)]].concat())
            };
            let accepts = |config: Config| match name {
                "COOKIE_SECURE" => config.cookies().is_some(),
                "KAKAO_API_URL" => config.kakao().is_some(),
                "AWS_CA_BUNDLE" => config.store().is_some(),
                _ => {
                    let mut config = config;
                    config.values.remove("SECRET_ID");
                    config.pseudonyms().is_some()
                }
            };
            assert!(accepts(all("local")), "{name}");
            assert!(!accepts(all("prod")), "{name}");
        }
    }

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const BUNDLE: (&str, &str) = ("AWS_CA_BUNDLE", concat!(env!("CARGO_MANIFEST_DIR"), "/src/amazon-roots.pem"));

    #[test]
    fn a_value_out_of_range_is_named_without_being_shown() {
        let config = config(&[("STAGE", "local"), ("PSEUDONYM_KEY", "hunter2"), ("ROTATION_WINDOW", "0")]);
        assert!(config.pseudonyms().is_none());
        assert!(config.seconds("ROTATION_WINDOW", 1..=300).is_none());
        let error = config.into_error().to_string();
        assert!(error.contains("PSEUDONYM_KEY") && error.contains("between 1 and 300"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
