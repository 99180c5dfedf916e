//! IAM for this machine: a proxy before DynamoDB or Secrets Manager that holds every function to its role in the template.
//!
//! A function is known by its access key. Signatures are not checked: everything here is this machine's own.

mod evaluate;
mod request;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::net::TcpListener;

use self::request::Access;
use crate::{
    client::http_client,
    server::{Server, hang_up},
    template::{Template, policies::Statement},
};

/// The access key of a person at this machine, who may do everything.
pub const ADMINISTRATOR: &str = "local";

/// The access key of a function.
#[must_use]
pub fn access_key(function: &str) -> String {
    format!("{ADMINISTRATOR}-{function}")
}

/// Who may do what.
#[derive(Clone, Debug)]
pub struct Roles {
    /// Statements by access key.
    statements: BTreeMap<String, Vec<Statement>>,
    /// The names of partition keys by table.
    partition_keys: BTreeMap<String, String>,
}

impl Roles {
    /// The roles of the template's functions.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let statements =
            template.functions.iter().map(|(name, function)| (access_key(name), function.policies.clone()));
        let table = &template.table;
        Self {
            statements: statements.collect(),
            partition_keys: [(table.name.clone(), table.partition_key.clone())].into(),
        }
    }
}

/// What a role was used for: its access key, an action and a resource.
pub type Use = (String, String, String);

/// A proxy that lets through what roles allow. It stops when dropped.
#[derive(Debug)]
pub struct Guard {
    server: Server,
    state: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    roles: Roles,
    client: reqwest::Client,
    uses: Mutex<BTreeSet<Use>>,
}

/// The AWS service that a request is for: its name in actions, and its version of the JSON protocol.
struct Service {
    name: &'static str,
    content_type: &'static str,
}

const DYNAMODB: Service = Service { name: "dynamodb", content_type: "application/x-amz-json-1.0" };
const SECRETS_MANAGER: Service = Service { name: "secretsmanager", content_type: "application/x-amz-json-1.1" };

/// Why a request is not let through.
struct Refusal {
    content_type: &'static str,
    code: &'static str,
    message: String,
}

impl Guard {
    /// Begins to guard the server at `target`.
    ///
    /// # Errors
    ///
    /// If the listener has no address.
    pub fn start(listener: TcpListener, target: &str, roles: Roles) -> io::Result<Self> {
        let state =
            Arc::new(Shared { target: target.to_owned(), roles, client: http_client(), uses: Mutex::default() });
        let routes = Router::new().fallback(pass).with_state(Arc::clone(&state));
        Ok(Self { server: Server::start(listener, routes)?, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// What roles were used for so far.
    #[must_use]
    pub fn uses(&self) -> BTreeSet<Use> {
        lock(&self.state.uses).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return hang_up();
    };
    if let Err(refusal) = state.check(&parts.headers, &body) {
        return refusal.into_response();
    }
    state.forward(parts, body).await.unwrap_or_else(|_| hang_up())
}

impl Shared {
    /// Lets the administrator do anything, and a function what its role allows.
    fn check(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let (service, operation) = match target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB_") => (DYNAMODB, operation),
            Some(("secretsmanager", operation)) => (SECRETS_MANAGER, operation),
            _ => (SECRETS_MANAGER, ""),
        };
        let refused = |code, message: &str| {
            Err(Refusal { content_type: service.content_type, code, message: message.to_owned() })
        };
        let Some(key) = access_key_of(headers) else {
            return refused("MissingAuthenticationTokenException", "Missing Authentication Token");
        };
        if key == ADMINISTRATOR {
            return Ok(());
        }
        let Some(statements) = self.roles.statements.get(key) else {
            return refused("UnrecognizedClientException", "The security token included in the request is invalid.");
        };
        let body = serde_json::from_slice(body).unwrap_or_default();
        for access in request::accesses(service.name, operation, &body, &self.roles.partition_keys) {
            let Access { action, resource, .. } = &access;
            if !evaluate::allows(statements, &access) {
                tracing::error!("IAM: the role of {key} does not allow {action} on {resource}");
                let user = format!("arn:aws:sts::123456789012:assumed-role/{key}/{key}");
                let message = format!("User: {user} is not authorized to perform: {action} on resource: {resource}");
                return refused("AccessDeniedException", &message);
            }
            lock(&self.uses).insert((key.to_owned(), access.action, access.resource));
        }
        Ok(())
    }

    /// Passes it on in the administrator's name, as some servers keep a database for each access key.
    async fn forward(&self, parts: Parts, body: Bytes) -> Result<Response, reqwest::Error> {
        let mut headers = parts.headers;
        headers.remove(CONTENT_LENGTH);
        if let (Some(key), Some(signed)) = (access_key_of(&headers), text(&headers, AUTHORIZATION.as_str())) {
            let signed = signed.replacen(&credential(key), &credential(ADMINISTRATOR), 1);
            if let Ok(signed) = HeaderValue::try_from(signed) {
                headers.insert(AUTHORIZATION, signed);
            }
        }
        let url = format!("{}{}", self.target, parts.uri);
        let answer = self.client.request(parts.method, url).headers(headers).body(body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        let mut response = (status, answer.bytes().await?).into_response();
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// `AWS4-HMAC-SHA256 Credential=<access key>/<date>/<region>/<service>/aws4_request, …`
fn access_key_of(headers: &HeaderMap) -> Option<&str> {
    let (_, scope) = text(headers, AUTHORIZATION.as_str())?.split_once("Credential=")?;
    scope.split('/').next().filter(|key| !key.is_empty())
}

fn credential(key: &str) -> String {
    format!("Credential={key}/")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl IntoResponse for Refusal {
    /// In the shape that both services have.
    fn into_response(self) -> Response {
        let kind = format!("com.amazon.coral.service#{}", self.code);
        let body = json!({"__type": kind, "Message": self.message}).to_string();
        (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, HeaderValue::from_static(self.content_type))], body).into_response()
    }
}
