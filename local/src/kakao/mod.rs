//! A strict stand-in for Kakao. It refuses what Kakao refuses, with Kakao's error codes. See `docs/kakao-stand-in.md`.

mod account;
mod api;
mod browser;
mod control;
mod data;
mod events;
mod faults;
mod home;
mod oauth;
mod oidc;
mod page;
mod raw;
mod session;
mod webhooks;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware,
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
use self::{
    data::{APPS, PLAIN, Person, people},
    faults::{Rule, count_and_fail},
    session::{BrowserSession, Talk},
    webhooks::{Registration, Webhooks},
};
use crate::{client::http_client_without_pool, server::Server};

/// The parameters of a query or a form.
type Parameters = HashMap<String, String>;

/// Kakao's own paths.
const ENDPOINTS: [&str; 13] = [
    "/oauth/authorize",
    "/oauth/token",
    "/oauth/tokeninfo",
    "/oauth/logout",
    "/.well-known/openid-configuration",
    "/.well-known/jwks.json",
    "/v1/user/access_token_info",
    "/v2/user/me",
    "/v1/user/logout",
    "/v1/user/unlink",
    "/v1/user/ids",
    "/v2/user/scopes",
    "/v1/oidc/userinfo",
];

/// A running stand-in. The paths of kauth and kapi do not overlap, so one origin serves both.
pub struct Kakao {
    server: Server,
    standin: Arc<Standin>,
}

impl fmt::Debug for Kakao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kakao").field("url", &self.url()).finish_non_exhaustive()
    }
}

struct Standin {
    clock: Arc<dyn Clock>,
    redirect_uris: Vec<String>,
    /// Sends webhooks.
    client: reqwest::Client,
    state: Mutex<Data>,
}

struct Data {
    people: BTreeMap<String, Person>,
    /// The people and the apps they were unlinked from, until they log in there again.
    unlinked: BTreeSet<(String, i64)>,
    /// When the people logged in who had been unlinked before. The others are linked since a time long ago.
    linked_at: BTreeMap<(String, i64), Timestamp>,
    access_tokens: HashMap<String, Grant>,
    refresh_tokens: HashMap<String, Grant>,
    codes: HashMap<String, Code>,
    /// Where the app may have a browser return to after a logout.
    logout_redirect_uris: Vec<String>,
    sessions: HashMap<String, BrowserSession>,
    talk: Talk,
    /// When access tokens were issued to each person: Kakao issues at most 20 in ten minutes.
    issued: HashMap<String, Vec<Timestamp>>,
    faults: Vec<Rule>,
    /// The number of calls by person, if known, and path.
    calls: BTreeMap<(Option<String>, String), u64>,
    /// How many more calls to kapi are allowed before it responds with -10, if a quota was set.
    quota: Option<u64>,
    /// How often the keys of ID tokens were rotated.
    rotations: usize,
    webhooks: Webhooks,
}

/// What an access token or a refresh token stands for.
#[derive(Clone)]
struct Grant {
    person: String,
    app: &'static App,
    expires_at: Timestamp,
    logged_in_at: Timestamp,
    /// Whether ID tokens are issued with it.
    openid: bool,
    /// The refresh token that was issued with an access token.
    refresh_token: Option<String>,
}

struct Code {
    grant: Grant,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    expires_at: Timestamp,
    spent: bool,
}

impl Kakao {
    /// Starts a stand-in. `redirect_uris` are registered for the app [`SHOP`], and for `plain`.
    ///
    /// # Errors
    ///
    /// If the listener's local address cannot be read.
    pub fn start(listener: TcpListener, clock: Arc<dyn Clock>, redirect_uris: Vec<String>) -> io::Result<Self> {
        let state = Mutex::new(Data {
            people: people(),
            unlinked: BTreeSet::new(),
            linked_at: BTreeMap::new(),
            access_tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
            codes: HashMap::new(),
            logout_redirect_uris: Vec::new(),
            sessions: HashMap::new(),
            talk: Talk::default(),
            issued: HashMap::new(),
            faults: Vec::new(),
            calls: BTreeMap::new(),
            quota: None,
            rotations: 0,
            webhooks: Webhooks::default(),
        });
        let standin = Arc::new(Standin { clock, redirect_uris, client: http_client_without_pool(), state });
        let kakao = Router::new()
            .route("/oauth/authorize", get(browser::authorize).post(browser::decide))
            .route("/oauth/token", post(oauth::token))
            .route("/oauth/tokeninfo", post(oidc::token_info))
            .route("/.well-known/openid-configuration", get(oidc::discovery))
            .route("/.well-known/jwks.json", get(oidc::jwks))
            .route("/v1/user/access_token_info", get(api::access_token_info))
            .route("/v2/user/me", get(api::user_me).post(api::user_me))
            .route("/oauth/logout", get(browser::logout).post(browser::decide_logout))
            .route("/v1/user/logout", post(account::logout))
            .route("/v1/user/unlink", post(account::unlink))
            .route("/v1/user/ids", get(account::ids))
            .route("/v2/user/scopes", get(account::scopes))
            .route("/v1/oidc/userinfo", get(account::userinfo))
            .fallback(async || StatusCode::NOT_FOUND)
            .layer(middleware::from_fn_with_state(Arc::clone(&standin), count_and_fail));
        let control = Router::new()
            .route("/", get(home::home))
            .route("/control/users", post(control::add_user))
            .route("/control/tokens", post(control::issue_token))
            .route("/control/codes", post(control::issue_code))
            .route("/control/id-tokens", post(control::issue_id_token))
            .route("/control/rotate-keys", post(oidc::rotate))
            .route("/control/faults", post(control::set_fault).delete(control::clear_faults))
            .route("/control/quota", post(control::set_quota))
            .route("/control/talk", post(control::set_talk))
            .route("/control/calls", get(control::calls))
            .route("/control/webhooks", get(webhooks::list).post(webhooks::register))
            .route("/control/webhooks/unlink", post(webhooks::unlink))
            .route("/control/webhooks/events", post(webhooks::send_events))
            .route("/control/webhooks/send", post(webhooks::send));
        let routes = control.merge(kakao).with_state(Arc::clone(&standin));
        Ok(Self { server: Server::start(listener, routes)?, standin })
    }

    /// Registers the webhooks of the app [`SHOP`] at the API with this origin.
    pub fn send_webhooks_to(&self, api: &str) {
        self.standin.data().webhooks.register(&SHOP, Registration::at(api));
    }

    /// Registers where the app [`SHOP`], and `plain`, may have a browser return to after a logout.
    pub fn register_logout_redirect_uris(&self, uris: Vec<String>) {
        self.standin.data().logout_redirect_uris = uris;
    }

    /// The URL it listens on.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }
}

impl Standin {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a redirect URI is registered for an app.
    fn is_registered(&self, app: &App, uri: &str) -> bool {
        is_ours(app) && self.redirect_uris.iter().any(|registered| registered == uri)
    }

    /// A grant as if this person had just logged in to this app and consented, which links them.
    fn log_in(&self, person: &str, app: &'static App) -> Grant {
        let now = self.clock.now();
        let mut data = self.data();
        let link = (person.to_owned(), app.app_id);
        if data.unlinked.remove(&link) {
            data.linked_at.insert(link, now);
        }
        drop(data);
        Grant {
            person: person.to_owned(),
            app,
            expires_at: now,
            logged_in_at: now,
            openid: app.oidc,
            refresh_token: None,
        }
    }

    fn issue_access_token(&self, grant: Grant, lifetime: Duration) -> String {
        let token = random_text();
        let expires_at = self.clock.now() + lifetime;
        self.data().access_tokens.insert(token.clone(), Grant { expires_at, ..grant });
        token
    }
}

/// Whether the URIs given to [`Kakao`] are registered for this app.
fn is_ours(app: &App) -> bool {
    *app == SHOP || *app == PLAIN
}

/// 64 characters, as Kakao's tokens had in 2025.
fn random_text() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<48>())
}

/// The app with this REST API key, or Kakao's error.
fn app_of(client_id: Option<&str>) -> Result<&'static App, (StatusCode, &'static str, &'static str, String)> {
    let key = client_id.filter(|key| !key.is_empty());
    if let Some(app) = APPS.into_iter().find(|app| key == Some(app.rest_api_key)) {
        return Ok(app);
    }
    if APPS.iter().any(|app| key == Some(app.admin_key)) {
        return Err((StatusCode::BAD_REQUEST, "invalid_client", "KOE008", "wrong type of app key".to_owned()));
    }
    if key.is_some_and(|key| APPS.iter().any(|app| app.other_keys.split(',').any(|other| other == key))) {
        // Kakao accepts these keys from its SDKs, which also identify the platform.
        let text = "invalid android_key_hash or ios_bundle_id or web_site_url";
        return Err((StatusCode::BAD_REQUEST, "misconfigured", "KOE009", text.to_owned()));
    }
    let text = format!("Not exist client_id [{}]", key.unwrap_or("null"));
    Err((StatusCode::UNAUTHORIZED, "invalid_client", "KOE101", text))
}

/// An error in kauth's format.
fn auth_error(status: StatusCode, error: &str, code: &str, description: &str) -> Response {
    json_answer(status, &json!({"error": error, "error_description": description, "error_code": code}))
}

/// An error in kapi's format.
fn api_error(status: StatusCode, code: i64, message: &str) -> Response {
    let mut response = json_answer(status, &json!({"msg": message, "code": code}));
    if code == -401 {
        let challenge = HeaderValue::from_static("Bearer error=invalid_token");
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
