//! The functions' secrets in a Secrets Manager of this machine: made as the template makes them, and filled by rotate-keys.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
    operation::create_secret::CreateSecretError,
};
use rotate_keys::{
    Event, RotateKeys, STEPS,
    document::{KeyRing, Reason},
};
use serde_json::json;
use shared::{
    aws::{Endpoint, https_client},
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    id::SessionId,
    secret,
};
use tokio::net::TcpListener;

use crate::{cloud, iam::ADMINISTRATOR, secrets_manager::SecretsManager, template::Template};

/// The variables by which the functions know their secrets.
pub const NAMES: [&str; 4] = ["KEY_RING_ID", "VERIFICATION_KEYS_ID", "LOGOUT_KEYS_ID", "KAKAO_SECRET_ID"];
/// What the template puts into the key ring.
const PLACEHOLDER: &str = r#"{"version":0,"unused":"a password of Secrets Manager's"}"#;

/// Where a Secrets Manager is: this process's own, which stops when this is dropped, or another.
#[derive(Debug)]
pub struct Manager {
    /// Its address.
    pub url: String,
    _own: Option<SecretsManager>,
}

/// Starts a Secrets Manager, unless another one is given. There, the secrets get names of their own.
///
/// # Panics
///
/// If no local port can be had.
pub async fn start(other: Option<String>, template: &mut Template) -> Manager {
    if let Some(url) = other {
        let own = SessionId::generate();
        for variable in NAMES {
            let resource = name(template, variable);
            template.rename(&resource, &format!("{resource}-{own}"));
        }
        return Manager { url, _own: None };
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("this machine has a free port");
    let own = SecretsManager::start(listener, None).expect("a Secrets Manager starts");
    Manager { url: own.url().to_owned(), _own: Some(own) }
}

/// An administrator's client for a Secrets Manager of this machine.
#[must_use]
pub fn client(url: &str) -> Client {
    client_as(ADMINISTRATOR, url)
}

/// The same with this access key.
#[must_use]
pub fn client_as(access_key: &str, url: &str) -> Client {
    let credentials = Credentials::new(access_key, "local", None, None, "local stack");
    secret::client(Endpoint {
        region: "ap-northeast-2".to_owned(),
        url: Some(url.to_owned()),
        credentials: SharedCredentialsProvider::new(credentials),
        http_client: https_client(None),
    })
}

/// The name that the template gives a secret, by the variable that the functions know it by.
#[must_use]
pub fn name(template: &Template, variable: &str) -> String {
    let mut names = template.functions.values().filter_map(|function| function.environment.get(variable));
    names.next().cloned().unwrap_or_default()
}

/// Makes the secrets that are not there: those of rotate-keys empty, and Kakao's with what a person would put.
///
/// # Errors
///
/// What Secrets Manager says.
pub async fn create(
    client: &Client,
    template: &Template,
    kakao_client_secret: &str,
    kakao_admin_key: &str,
) -> Result<(), String> {
    let kakao = json!({"KAKAO_CLIENT_SECRET": kakao_client_secret, "KAKAO_ADMIN_KEY": kakao_admin_key}).to_string();
    for variable in NAMES {
        let text = match variable {
            "KAKAO_SECRET_ID" => Some(kakao.clone()),
            "KEY_RING_ID" => Some(PLACEHOLDER.to_owned()),
            _ => None,
        };
        let name = name(template, variable);
        let make = client.create_secret().name(&name).set_secret_string(text).client_request_token(version());
        let answer = make.send().await;
        let exists = |error: &CreateSecretError| error.is_resource_exists_exception();
        match answer {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(exists) && variable != "KAKAO_SECRET_ID" => {}
            Err(error) if error.as_service_error().is_some_and(exists) => put(client, &name, &kakao).await?,
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
    Ok(())
}

/// Puts a new version of a secret.
///
/// # Errors
///
/// What Secrets Manager says.
pub async fn put(client: &Client, name: &str, text: &str) -> Result<(), String> {
    let put = client.put_secret_value().secret_id(name).secret_string(text).client_request_token(version());
    put.send().await.map(drop).map_err(|error| format!("{name}: {error}"))
}

/// The function rotate-keys, as the template sets it up.
///
/// # Errors
///
/// [`ConfigError`] if the template gives it less than it needs.
pub fn rotate_keys(
    template: &Template,
    local: &BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
) -> Result<RotateKeys, ConfigError> {
    let config = Config::from_pairs(cloud::environment(template, "rotate-keys", local));
    RotateKeys::from_config(&config, Arc::clone(clock))
}

/// A whole rotation of the key ring: by schedule as Secrets Manager does it, and else as a person's command does.
///
/// # Errors
///
/// What rotate-keys says.
pub async fn rotate(function: &RotateKeys, key_ring: &str, reason: Reason) -> Result<(), String> {
    let version = version();
    if reason != Reason::Schedule {
        let replaced = function.handle(Event::Replace { replace: reason, version }).await;
        return replaced.map(drop).map_err(|error| error.to_string());
    }
    for step in STEPS {
        let event = Event::Step { step, secret: key_ring.to_owned(), version: version.clone() };
        function.handle(event).await.map_err(|error| format!("{step:?}: {error}"))?;
    }
    Ok(())
}

/// A rotation, if there are no keys yet or they are a month old.
///
/// # Errors
///
/// What Secrets Manager or rotate-keys says.
pub async fn rotate_if_due(
    function: &RotateKeys,
    client: &Client,
    key_ring: &str,
    now: Timestamp,
) -> Result<(), String> {
    let answer = client.get_secret_value().secret_id(key_ring).send().await;
    let answer = answer.map_err(|error| format!("{key_ring}: {error}"))?;
    let ring: KeyRing = serde_json::from_str(answer.secret_string().unwrap_or_default())
        .map_err(|_| format!("{key_ring}: not a key ring"))?;
    if ring.created_at.is_some_and(|at| now < at + Duration::from_hours(30 * 24)) {
        return Ok(());
    }
    rotate(function, key_ring, Reason::Schedule).await
}

/// A name for a new version.
#[must_use]
pub fn version() -> String {
    format!("{}{}", SessionId::generate(), SessionId::generate())
}
