//! The versions of a secret in Secrets Manager, and the labels on them.

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use shared::id::SessionId;
use zeroize::Zeroizing;

/// The version that everybody reads.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The version that is being made.
pub(crate) const PENDING: &str = "AWSPENDING";
/// The version that was read before.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// Secrets Manager did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("Secrets Manager {operation} failed: {code}")]
pub struct CallError {
    operation: &'static str,
    /// Its error code or the kind of failure; never a part of a secret.
    code: String,
}

/// Secrets Manager, for one who writes.
#[derive(Debug)]
pub(crate) struct Versions {
    client: Client,
}

/// A version and its text.
pub(crate) struct Version {
    pub id: String,
    pub text: Zeroizing<String>,
}

/// A name for a new version: 32 to 64 characters.
pub(crate) fn new_id() -> String {
    format!("{}{}", SessionId::generate(), SessionId::generate())
}

impl Versions {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The labels on this version: none if it has none, or is not there.
    pub(crate) async fn labels(&self, secret: &str, version: &str) -> Result<Vec<String>, CallError> {
        let answer = self.client.describe_secret().secret_id(secret).send().await;
        let answer = answer.map_err(|error| failed("DescribeSecret", &error))?;
        let versions = answer.version_ids_to_stages();
        Ok(versions.and_then(|versions| versions.get(version)).cloned().unwrap_or_default())
    }

    /// The version with this label, if it is there and has a text.
    pub(crate) async fn labelled(&self, secret: &str, label: &str) -> Result<Option<Version>, CallError> {
        let answer = self.client.get_secret_value().secret_id(secret).version_stage(label).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(None),
            Err(error) => return Err(failed("GetSecretValue", &error)),
        };
        let text = answer.secret_string.map(Zeroizing::new);
        Ok(text.map(|text| Version { id: answer.version_id.unwrap_or_default(), text }))
    }

    /// Writes a version with this label. To write the same twice changes nothing.
    pub(crate) async fn put(&self, secret: &str, version: &str, label: &str, text: &str) -> Result<(), CallError> {
        let put = self.client.put_secret_value().secret_id(secret).client_request_token(version);
        let answer = put.version_stages(label).secret_string(text).send().await;
        answer.map(drop).map_err(|error| failed("PutSecretValue", &error))
    }

    /// Moves a label to a version, from another or from nowhere, or takes it away from one.
    pub(crate) async fn relabel(
        &self,
        secret: &str,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), CallError> {
        let update = self.client.update_secret_version_stage().secret_id(secret).version_stage(label);
        let update = update.set_remove_from_version_id(from.map(str::to_owned));
        let answer = update.set_move_to_version_id(to.map(str::to_owned)).send().await;
        answer.map(drop).map_err(|error| failed("UpdateSecretVersionStage", &error))
    }
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    match error {
        SdkError::ServiceError(error) => error.err().code().unwrap_or("unnamed error"),
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "unreadable answer",
        _ => "request not built",
    }
}

/// The SDK's error can hold the answer, and so the secret: only its kind is kept.
fn failed<E: ProvideErrorMetadata, R>(operation: &'static str, error: &SdkError<E, R>) -> CallError {
    CallError { operation, code: code(error).to_owned() }
}
