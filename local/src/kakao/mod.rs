//! A strict stand-in for Kakao: what Kakao refuses is refused here, with Kakao's codes. See `local/KAKAO.md`.

mod account;
mod api;
mod control;
mod data;
mod oauth;
mod oidc;
mod page;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{
    clock::{Clock, Timestamp},
    random,
};
use tokio::net::TcpListener;

pub use self::data::{App, SHOP};
use self::data::{Person, people};
use crate::server::{Server, hang_up};

/// A running stand-in. kauth's and kapi's paths do not collide, so one address serves as both.
#[derive(Debug)]
pub struct Kakao {
    server: Server,
}

struct Standin {
    clock: Arc<dyn Clock>,
    redirect_uris: Vec<String>,
    state: Mutex<Data>,
}

struct Data {
    people: BTreeMap<String, Person>,
    access_tokens: HashMap<String, AccessToken>,
    codes: HashMap<String, Code>,
    faults: BTreeMap<String, Fault>,
    refresh_tokens: HashMap<String, AccessToken>,
    /// When each person was given access tokens: Kakao gives 20 in ten minutes.
    issued: HashMap<String, Vec<Timestamp>>,
    calls: BTreeMap<String, u64>,
    /// Calls that are left before -10, if that was set.
    quota: Option<u64>,
    /// How often the keys of ID tokens were rotated.
    rotations: usize,
}

#[derive(Clone)]
struct AccessToken {
    person: String,
    app: &'static App,
    expires_at: Timestamp,
}

struct Code {
    person: String,
    app: &'static App,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    expires_at: Timestamp,
}

/// What goes wrong at an endpoint until it is told to stop.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Fault {
    /// An answer that takes this long.
    Slow { milliseconds: u64 },
    /// The connection closes without one.
    Down,
    /// kapi's -10 or kauth's KOE237.
    Quota,
    /// HTML with status 200.
    Nonsense,
    /// JSON of other types.
    WrongTypes,
    /// JSON that ends in the middle.
    Truncated,
    /// The right answer with blanks up to 10 MB.
    Huge,
    /// A redirect, if not told where, to an address that a server must not be led to.
    Redirect { to: Option<String> },
    /// One of kapi's codes.
    ApiCode { code: i64 },
    /// A status and a body, whatever they are.
    Answer { status: u16, body: String },
    /// One of kauth's codes.
    AuthCode { code: String, error: String },
}

impl Kakao {
    /// Starts a stand-in. `redirect_uris` are registered for the app [`SHOP`].
    ///
    /// # Errors
    ///
    /// If the listener has no address.
    pub fn start(listener: TcpListener, clock: Arc<dyn Clock>, redirect_uris: Vec<String>) -> io::Result<Self> {
        let state = Mutex::new(Data {
            people: people(),
            access_tokens: HashMap::new(),
            codes: HashMap::new(),
            faults: BTreeMap::new(),
            refresh_tokens: HashMap::new(),
            issued: HashMap::new(),
            calls: BTreeMap::new(),
            quota: None,
            rotations: 0,
        });
        let standin = Arc::new(Standin { clock, redirect_uris, state });
        let kakao = Router::new()
            .route("/oauth/authorize", get(oauth::authorize).post(oauth::decide))
            .route("/oauth/token", post(oauth::token))
            .route("/.well-known/openid-configuration", get(oidc::discovery))
            .route("/.well-known/jwks.json", get(oidc::jwks))
            .route("/v1/user/access_token_info", get(api::access_token_info))
            .route("/v2/user/me", get(api::user_me).post(api::user_me))
            .route("/oauth/logout", get(account::browser_logout))
            .route("/v1/user/logout", post(account::logout))
            .route("/v1/user/unlink", post(account::unlink))
            .route("/v2/user/scopes", get(account::scopes))
            .route("/v1/oidc/userinfo", get(account::userinfo))
            .fallback(async || StatusCode::NOT_FOUND)
            .layer(middleware::from_fn_with_state(Arc::clone(&standin), count_and_fail));
        let control = Router::new()
            .route("/", get(page::home))
            .route("/control/users", post(control::add_user))
            .route("/control/tokens", post(control::issue_token))
            .route("/control/codes", post(control::issue_code))
            .route("/control/id-tokens", post(control::issue_id_token))
            .route("/control/rotate-keys", post(oidc::rotate))
            .route("/control/faults", post(control::set_fault).delete(control::clear_faults))
            .route("/control/quota", post(control::set_quota))
            .route("/control/calls", get(control::calls));
        let routes = control.merge(kakao).with_state(standin);
        Ok(Self { server: Server::start(listener, routes)? })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }
}

impl Standin {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issue_access_token(&self, person: &str, app: &'static App, lifetime: Duration) -> String {
        // 64 characters, as seen in 2025.
        let token = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<48>());
        let grant = AccessToken { person: person.to_owned(), app, expires_at: self.clock.now() + lifetime };
        self.data().access_tokens.insert(token.clone(), grant);
        token
    }

    fn issue_code(&self, code: Code) -> String {
        let text = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<48>());
        self.data().codes.insert(text.clone(), code);
        text
    }
}

/// Counts a call under its path, and fails it if that was asked for, for this path or for `*`.
async fn count_and_fail(State(standin): State<Arc<Standin>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let fault = {
        let mut data = standin.data();
        *data.calls.entry(path.clone()).or_default() += 1;
        let exhausted = data.quota == Some(0) && !path.starts_with("/oauth") && !path.starts_with("/.well-known");
        data.quota = data.quota.map(|left| left.saturating_sub(1));
        if exhausted {
            return api_error(StatusCode::BAD_REQUEST, -10, "API limit has been exceeded.");
        }
        data.faults.get(&path).or_else(|| data.faults.get("*")).cloned()
    };
    let is_auth = path.starts_with("/oauth");
    match fault {
        None => next.run(request).await,
        Some(Fault::Slow { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            next.run(request).await
        }
        Some(Fault::Down) => hang_up(),
        Some(Fault::Quota) if is_auth => {
            auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE237", "token request rate limit exceeded")
        }
        Some(Fault::Quota) => api_error(StatusCode::BAD_REQUEST, -10, "API limit has been exceeded."),
        Some(Fault::Nonsense) => ([(CONTENT_TYPE, "text/html")], "<html>점검 중</html>").into_response(),
        Some(Fault::WrongTypes) => {
            json_answer(StatusCode::OK, &json!({"id": "one", "app_id": [], "access_token": 7, "kakao_account": 1}))
        }
        Some(Fault::Truncated) => ([(CONTENT_TYPE, "application/json")], r#"{"id": 12"#).into_response(),
        Some(Fault::Huge) => {
            // Right in every other way, so that only its size can be why it is refused.
            let (mut parts, body) = next.run(request).await.into_parts();
            let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
            body.resize(10_000_000, b' ');
            parts.headers.remove(CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(body))
        }
        Some(Fault::Redirect { to }) => {
            let to = to.unwrap_or_else(|| "http://169.254.169.254/latest/meta-data/".to_owned());
            (StatusCode::FOUND, [("location", to)]).into_response()
        }
        Some(Fault::ApiCode { code }) => {
            let status = match code {
                -401 | -406 => StatusCode::UNAUTHORIZED,
                -9798 => StatusCode::SERVICE_UNAVAILABLE,
                -3 | -4 | -5 | -6 | -12 | -402 => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            };
            api_error(status, code, "by request of a test")
        }
        Some(Fault::Answer { status, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
            (status, [(CONTENT_TYPE, "application/json")], body).into_response()
        }
        Some(Fault::AuthCode { code, error }) => {
            auth_error(StatusCode::BAD_REQUEST, &error, &code, "by request of a test")
        }
    }
}

/// kauth's shape of an error.
fn auth_error(status: StatusCode, error: &str, code: &str, description: &str) -> Response {
    json_answer(status, &json!({"error": error, "error_description": description, "error_code": code}))
}

/// kapi's shape of an error.
fn api_error(status: StatusCode, code: i64, message: &str) -> Response {
    let mut response = json_answer(status, &json!({"msg": message, "code": code}));
    if code == -401 {
        let challenge = axum::http::HeaderValue::from_static("Bearer error=invalid_token");
        response.headers_mut().insert("www-authenticate", challenge);
    }
    response
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json;charset=UTF-8")], body.to_string()).into_response()
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim() == "application/x-www-form-urlencoded"
}

#[cfg(test)]
mod tests;
