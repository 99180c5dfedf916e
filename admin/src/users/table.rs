//! The table of users, through the SDK: the command line would start a process for each request.

use std::{
    env, fs, io,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use serde::Deserialize;
use shared::{
    aws::{Endpoint, dynamodb, https_client},
    clock::Timestamp,
    random,
    store::{Store, StoreError},
};

use crate::{
    aws::{self, AwsError},
    stack::{self, StackError},
};

/// The factor by which time limits are longer than on Lambda: an operator may be on another continent.
const TIME_FACTOR: u32 = 10;
/// Pauses in seconds before a request is tried again. DynamoDB needs minutes until it takes many more writes than before.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Why the table cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error(
        "{0}\nLog in to version 2 of the AWS command line, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if there is one, \
         AWS_SESSION_TOKEN"
    )]
    Credentials(AwsError),
    #[error("`aws configure export-credentials` printed no credentials")]
    NoCredentials,
    #[error("{0}\nNo region is set: set AWS_REGION")]
    NoRegion(AwsError),
    #[error("the certificates of AWS_CA_BUNDLE cannot be read: {0}")]
    Roots(io::Error),
}

/// The table of users of the stack with this name, as the operator.
pub(crate) fn store(stack: &str) -> Result<Store, TableError> {
    let table = stack::users_table(stack)?;
    let credentials = match from_environment() {
        Some(credentials) => SharedCredentialsProvider::new(credentials),
        None => SharedCredentialsProvider::new(CommandLine(Mutex::new(Some(export_credentials()?)))),
    };
    let roots = env::var("AWS_CA_BUNDLE").ok().map(fs::read).transpose().map_err(TableError::Roots)?;
    let endpoint = Endpoint {
        region: region()?,
        url: ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"].into_iter().find_map(|name| env::var(name).ok()),
        credentials,
        http_client: https_client(roots.as_deref(), TIME_FACTOR),
        time_factor: TIME_FACTOR,
    };
    Ok(Store::new(dynamodb::client(endpoint), table))
}

/// Tries again for a minute while DynamoDB is slow, throttles or cannot be reached.
pub(crate) async fn patiently<T>(attempt: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for pause in PAUSES {
        match attempt().await {
            Err(error) if !error.needs_an_operator() => {
                // Of several requests that were throttled, not all come back at once.
                tokio::time::sleep(Duration::from_millis(pause * 500 + random::up_to(pause * 1_000))).await;
            }
            result => return result,
        }
    }
    attempt().await
}

fn region() -> Result<String, TableError> {
    let set = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| env::var(name).ok());
    if let Some(region) = set.filter(|region| !region.is_empty()) {
        return Ok(region);
    }
    let printed = aws::run(&["configure", "get", "region"], None).map_err(TableError::NoRegion)?;
    Ok(String::from_utf8_lossy(&printed).trim().to_owned())
}

/// As for the command line, the environment comes first.
fn from_environment() -> Option<Credentials> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let (id, key) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
    Some(Credentials::new(id, key, variable("AWS_SESSION_TOKEN"), None, "environment"))
}

/// The credentials of the command line, which knows every way to log in. It is asked again when they have expired.
#[derive(Debug)]
struct CommandLine(Mutex<Option<Credentials>>);

impl ProvideCredentials for CommandLine {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.0.lock().ok().and_then(|mut first| first.take());
        let credentials = first.map_or_else(export_credentials, Ok);
        future::ProvideCredentials::ready(credentials.map_err(CredentialsError::provider_error))
    }
}

/// What `aws configure export-credentials --format process` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

fn export_credentials() -> Result<Credentials, TableError> {
    let printed = aws::run(&["configure", "export-credentials", "--format", "process"], None);
    // What serde says of it could quote the key.
    let exported: Exported =
        serde_json::from_slice(&printed.map_err(TableError::Credentials)?).map_err(|_| TableError::NoCredentials)?;
    let expires_at = exported.expiration.as_deref().and_then(Timestamp::from_rfc3339);
    let seconds = expires_at.and_then(|at| u64::try_from(at.unix_seconds()).ok());
    let expires_at = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let Exported { access_key_id, secret_access_key, session_token, .. } = exported;
    Ok(Credentials::new(access_key_id, secret_access_key, session_token, expires_at, "aws"))
}
