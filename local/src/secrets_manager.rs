//! A Secrets Manager for this machine: the operations that the functions use, with its rules about versions and labels.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>. It also takes what a person calls for a rotation: `RotateSecret`,
//! and Lambda's `Invoke` for rotate-keys. It asks for no signature and listens on this machine only.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use lambda_http::BoxFuture;
use rotate_keys::{Event, STEPS};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{private_file, server::Server};

/// Runs rotate-keys with an event.
pub type Rotation = Arc<dyn Fn(Event) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A running Secrets Manager, which stops when this is dropped.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    state: Arc<Shared>,
}

struct Shared {
    secrets: Mutex<Secrets>,
    file: Option<PathBuf>,
    rotation: Mutex<Option<Rotation>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Versions by secret and id.
type Secrets = BTreeMap<String, BTreeMap<String, Version>>;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Version {
    /// None for what `RotateSecret` has begun and nobody has filled.
    text: Option<String>,
    labels: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    name: String,
    secret_id: String,
    client_request_token: String,
    secret_string: Option<String>,
    version_id: Option<String>,
    version_stage: Option<String>,
    version_stages: Vec<String>,
    move_to_version_id: Option<String>,
    remove_from_version_id: Option<String>,
}

/// The error's type and what it says.
struct Refusal(&'static str, &'static str);

impl SecretsManager {
    /// Serves what is in this file, and keeps it there; without one, only as long as it runs.
    ///
    /// # Errors
    ///
    /// If the file is not readable, or no file of secrets.
    pub fn start(listener: TcpListener, file: Option<PathBuf>) -> io::Result<Self> {
        let secrets = match &file {
            Some(file) if file.exists() => serde_json::from_str(&fs::read_to_string(file)?)?,
            _ => Secrets::new(),
        };
        let state = Arc::new(Shared { secrets: Mutex::new(secrets), file, rotation: Mutex::default() });
        let routes = Router::new()
            .route("/", post(answer))
            .route("/2015-03-31/functions/{function}/invocations", post(invoke))
            .with_state(Arc::clone(&state));
        Ok(Self { server: Server::start(listener, routes)?, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// What is called for a rotation.
    pub fn rotate_with(&self, rotation: Rotation) {
        *lock(&self.state.rotation) = Some(rotation);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix("secretsmanager.").unwrap_or_default().to_owned();
    let Ok(request) = serde_json::from_slice::<Request>(&body) else {
        return reply(Err(Refusal("InvalidParameterException", "not a request")));
    };
    let answer = {
        let mut secrets = lock(&state.secrets);
        let answer = secrets_answer(&mut secrets, &operation, &request);
        if let (Ok(_), Some(file)) = (&answer, &state.file)
            && operation != "GetSecretValue"
        {
            let text = serde_json::to_string(&*secrets).unwrap_or_default();
            if let Err(reason) = private_file::write(file, &text) {
                tracing::error!("{reason}");
            }
        }
        answer
    };
    if operation == "RotateSecret" && answer.is_ok() {
        let rotation = lock(&state.rotation).clone();
        if let Some(rotation) = rotation {
            tokio::spawn(async move {
                for step in STEPS {
                    let (secret, version) = (request.secret_id.clone(), request.client_request_token.clone());
                    if let Err(reason) = rotation(Event::Step { step, secret, version }).await {
                        tracing::error!("rotate-keys: {reason}");
                        return;
                    }
                }
            });
        }
    }
    reply(answer)
}

/// Lambda's `Invoke` of the one function that a person invokes.
async fn invoke(State(state): State<Arc<Shared>>, body: Bytes) -> Response {
    let rotation = lock(&state.rotation).clone();
    let (Some(rotation), Ok(event)) = (rotation, serde_json::from_slice(&body)) else {
        return (StatusCode::BAD_REQUEST, json!({"Message": "no such event"}).to_string()).into_response();
    };
    match rotation(event).await {
        Ok(()) => json!({}).to_string().into_response(),
        Err(reason) => {
            ([("x-amz-function-error", "Unhandled")], json!({"errorMessage": reason}).to_string()).into_response()
        }
    }
}

fn reply(answer: Result<Value, Refusal>) -> Response {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal(kind, message)) => (StatusCode::BAD_REQUEST, json!({"__type": kind, "Message": message})),
    };
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}

const NO_SECRET: Refusal = Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
const NO_VALUE: Refusal =
    Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.");

fn secrets_answer(secrets: &mut Secrets, operation: &str, request: &Request) -> Result<Value, Refusal> {
    if operation == "CreateSecret" {
        if secrets.contains_key(&request.name) {
            return Err(Refusal("ResourceExistsException", "A secret with this name exists."));
        }
        let versions = secrets.entry(request.name.clone()).or_default();
        if request.secret_string.is_some() {
            put(versions, request)?;
        }
        return Ok(json!({"ARN": request.name, "Name": request.name}));
    }
    let versions = secrets.get_mut(&request.secret_id).ok_or(NO_SECRET)?;
    let arn = &request.secret_id;
    match operation {
        "GetSecretValue" => {
            let label = request.version_stage.as_deref().unwrap_or("AWSCURRENT");
            let (id, version) = match &request.version_id {
                Some(id) => versions.get_key_value(id),
                None => versions.iter().find(|(_, version)| version.labels.iter().any(|one| one == label)),
            }
            .ok_or(NO_VALUE)?;
            let text = version.text.as_ref().ok_or(NO_VALUE)?;
            let labels = &version.labels;
            Ok(json!({"ARN": arn, "Name": arn, "VersionId": id, "SecretString": text, "VersionStages": labels}))
        }
        "PutSecretValue" => {
            put(versions, request)?;
            Ok(json!({"ARN": arn, "Name": arn, "VersionId": request.client_request_token}))
        }
        "DescribeSecret" => {
            let labelled = versions.iter().filter(|(_, version)| !version.labels.is_empty());
            let labels: BTreeMap<_, _> = labelled.map(|(id, version)| (id, &version.labels)).collect();
            Ok(json!({"ARN": arn, "Name": arn, "VersionIdsToStages": labels}))
        }
        "UpdateSecretVersionStage" => {
            let label = request.version_stage.as_deref().unwrap_or_default();
            let holder = holder(versions, label);
            if holder.is_some() && holder != request.remove_from_version_id {
                return Err(Refusal("InvalidParameterException", "The label is attached to another version."));
            }
            match &request.move_to_version_id {
                Some(to) if !versions.contains_key(to) => return Err(NO_VALUE),
                Some(to) => relabel(versions, label, to),
                None => take(versions, label),
            }
            Ok(json!({"ARN": arn, "Name": arn}))
        }
        "RotateSecret" => {
            let pending = holder(versions, "AWSPENDING");
            if pending.is_some_and(|id| !versions[&id].labels.iter().any(|label| label == "AWSCURRENT")) {
                return Err(Refusal("InvalidRequestException", "A previous rotation isn't complete."));
            }
            versions.entry(request.client_request_token.clone()).or_default();
            relabel(versions, "AWSPENDING", &request.client_request_token);
            Ok(json!({"ARN": arn, "Name": arn, "VersionId": request.client_request_token}))
        }
        _ => Err(Refusal("InvalidRequestException", "not an operation of this Secrets Manager")),
    }
}

/// A version's text never changes, and to write the same twice is no failure.
fn put(versions: &mut BTreeMap<String, Version>, request: &Request) -> Result<(), Refusal> {
    if !(32..=64).contains(&request.client_request_token.len()) {
        return Err(Refusal("InvalidParameterException", "ClientRequestToken has 32 to 64 characters."));
    }
    let id = &request.client_request_token;
    let version = versions.entry(id.clone()).or_default();
    if version.text.is_some() {
        let same = version.text == request.secret_string;
        return if same { Ok(()) } else { Err(Refusal("ResourceExistsException", "The version exists.")) };
    }
    version.text.clone_from(&request.secret_string);
    let labels =
        if request.version_stages.is_empty() { vec!["AWSCURRENT".into()] } else { request.version_stages.clone() };
    for label in labels {
        relabel(versions, &label, id);
    }
    Ok(())
}

fn holder(versions: &BTreeMap<String, Version>, label: &str) -> Option<String> {
    let holder = versions.iter().find(|(_, version)| version.labels.iter().any(|one| one == label));
    holder.map(|(id, _)| id.clone())
}

fn take(versions: &mut BTreeMap<String, Version>, label: &str) {
    for version in versions.values_mut() {
        version.labels.retain(|one| one != label);
    }
}

fn relabel(versions: &mut BTreeMap<String, Version>, label: &str, to: &str) {
    let before = holder(versions, label);
    take(versions, label);
    if let Some(version) = versions.get_mut(to) {
        version.labels.push(label.to_owned());
    }
    if let Some(before) = before.filter(|before| label == "AWSCURRENT" && before != to) {
        relabel(versions, "AWSPREVIOUS", &before);
    }
}

#[cfg(test)]
mod tests;
