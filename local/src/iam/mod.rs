//! A local IAM: a proxy in front of DynamoDB that limits each function to its role in the template, and applies the tables'
//! resource policies to every caller.
//!
//! A function is identified by its access key. Signatures are not checked, because every caller runs on this machine.

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
    template::{
        Template,
        policies::{Denial, Statement},
    },
};

/// The access key of a local administrator, who may do everything that no table's policy denies.
pub const ADMINISTRATOR: &str = "local";

/// The access key of a function.
#[must_use]
pub fn access_key(function: &str) -> String {
    format!("{ADMINISTRATOR}-{function}")
}

/// The permissions of all access keys.
#[derive(Clone, Debug)]
pub struct Roles {
    /// Statements by access key.
    statements: BTreeMap<String, Vec<Statement>>,
    /// The name of the partition key by table.
    partition_keys: BTreeMap<String, String>,
    /// What the tables' resource policies deny, by table.
    denials: BTreeMap<String, Vec<Denial>>,
}

impl Roles {
    /// The roles of the template's functions, and the policies of its operators.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let functions = template.functions.iter().map(|(name, function)| (name, &function.policies));
        let statements = functions.chain(&template.operators);
        let statements = statements.map(|(name, statements)| (access_key(name), statements.clone()));
        let tables = || [&template.table, &template.keys].into_iter();
        Self {
            statements: statements.collect(),
            partition_keys: tables().map(|table| (table.name.clone(), table.partition_key.clone())).collect(),
            denials: tables().map(|table| (table.name.clone(), table.denials.clone())).collect(),
        }
    }

    fn denies(&self, key: &str, access: &Access) -> bool {
        let denials = self.denials.get(&access.resource).into_iter().flatten();
        denials.into_iter().any(|denial| {
            denial.actions.contains(&access.action) && !denial.except.iter().any(|function| access_key(function) == key)
        })
    }
}

/// One use of a role: its access key, an action and a resource.
pub type Use = (String, String, String);

/// A proxy that forwards what the roles allow. Dropping it stops it.
#[derive(Debug)]
pub struct Guard {
    server: Server,
    state: Arc<Shared>,
}

/// Checks requests to services other than DynamoDB, such as `EventBridge`, against the roles of a [`Guard`].
#[derive(Clone, Debug)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    target: String,
    roles: Roles,
    client: reqwest::Client,
    /// With the partition keys that each named.
    uses: Mutex<BTreeMap<Use, BTreeSet<String>>>,
}

/// Why a request is refused.
struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }
}

impl Guard {
    /// Starts a proxy in front of the server at `target`.
    ///
    /// # Errors
    ///
    /// If the listener's local address cannot be read.
    pub fn start(listener: TcpListener, target: &str, roles: Roles) -> io::Result<Self> {
        let state =
            Arc::new(Shared { target: target.to_owned(), roles, client: http_client(), uses: Mutex::default() });
        let routes = Router::new().fallback(pass).with_state(Arc::clone(&state));
        Ok(Self { server: Server::start(listener, routes)?, state })
    }

    /// The URL it listens on.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The roles, for services beside DynamoDB.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate(Arc::clone(&self.state))
    }

    /// The uses of roles so far, and the partition keys that each named.
    #[must_use]
    pub fn uses(&self) -> BTreeMap<Use, BTreeSet<String>> {
        lock(&self.state.uses).clone()
    }
}

impl Gate {
    /// Checks that this access key's role allows the action on the resource.
    ///
    /// # Errors
    ///
    /// AWS's error code and its message.
    pub fn check(&self, key: &str, action: &str, resource: &str) -> Result<(), (&'static str, String)> {
        let access = Access { action: action.to_owned(), resource: resource.to_owned(), leading_keys: None };
        self.0.authorize(key, vec![access]).map_err(|refusal| (refusal.code, refusal.message))
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
    /// Checks a request: no table's policy may deny it, and if a function sent it, the function's role must allow it.
    fn check(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.split_once('.').map(|(_, operation)| operation).unwrap_or_default();
        let Some(key) = access_key_of(headers) else {
            return Err(Refusal::new("MissingAuthenticationTokenException", "Missing Authentication Token"));
        };
        let body = serde_json::from_slice(body).unwrap_or_default();
        self.authorize(key, request::accesses(operation, &body, &self.roles.partition_keys))
    }

    fn authorize(&self, key: &str, accesses: Vec<Access>) -> Result<(), Refusal> {
        let statements = self.roles.statements.get(key);
        if statements.is_none() && key != ADMINISTRATOR {
            let message = "The security token included in the request is invalid.";
            return Err(Refusal::new("UnrecognizedClientException", message));
        }
        for access in accesses {
            let is_allowed = statements.is_none_or(|statements| evaluate::allows(statements, &access));
            if !is_allowed || self.roles.denies(key, &access) {
                let Access { action, resource, .. } = &access;
                tracing::error!("IAM: {key} is not allowed to perform {action} on {resource}");
                let user = format!("arn:aws:sts::123456789012:assumed-role/{key}/{key}");
                let message = format!("User: {user} is not authorized to perform: {action} on resource: {resource}");
                return Err(Refusal::new("AccessDeniedException", &message));
            }
            if statements.is_some() {
                let used = (key.to_owned(), access.action, access.resource);
                lock(&self.uses).entry(used).or_default().extend(access.leading_keys.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Forwards a request with the administrator's access key, because some servers keep a separate database for each key.
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
pub(crate) fn access_key_of(headers: &HeaderMap) -> Option<&str> {
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
    /// In DynamoDB's error format.
    fn into_response(self) -> Response {
        let kind = format!("com.amazon.coral.service#{}", self.code);
        let body = json!({"__type": kind, "Message": self.message}).to_string();
        let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
        (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, content_type)], body).into_response()
    }
}
