//! The pages at the API's own origin: the demo, if it was built, and a plain page with curl commands.

mod faults;
mod files;
mod keys;
mod log;
mod service;
#[cfg(test)]
mod tests;
mod thief;

use std::{io, path::Path, sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::map_response,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

pub use self::{faults::Faults, log::RecentLog};
use self::{files::Files, service::Service};
use crate::{
    clock::{self, AdjustableClock},
    gateway::{DevelopmentCookie, not_found},
};

/// The folder that `npm run demo` writes, relative to the repository's root.
pub const BUILT: &str = "web/demo/dist";

/// For assets, whose names change with their content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The settings of the pages.
#[derive(Clone, Debug)]
pub struct Site {
    /// The origin of the API, which is also the origin of the pages.
    pub api: String,
    /// The origin of Kakao's login page.
    pub kakao_auth_url: String,
    /// The app's REST API key. It is public: every login puts it in a URL.
    pub client_id: String,
    /// Lifetime of access tokens in seconds.
    pub access_ttl: u32,
    /// The origin of the stand-in for Kakao, if there is one.
    pub stand_in: Option<String>,
    /// The curl commands on the plain page.
    pub guide: String,
    /// What can be switched off. Without it the page has no such switches.
    pub faults: Option<Arc<Faults>>,
    /// What the scenes use. Without it the page has none.
    pub stage: Option<Stage>,
}

/// What the scenes of the page do on the server.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The clock that they set ahead.
    pub clock: Arc<AdjustableClock>,
    /// The log that they show.
    pub log: RecentLog,
    /// Whether logins begin linked sessions, which the scenes with a thief and a lost response are about.
    pub has_links: bool,
    /// Whether the signing keys have a public half, with which another service can verify access tokens.
    pub has_public_keys: bool,
    /// The origin of Lambda's Invoke API, for the command that rotates the keys.
    pub lambda: String,
    /// How long a service may cache the public keys (`VerifierCacheTtl`).
    pub verifier_cache: Duration,
}

#[derive(Debug)]
struct Pages {
    settings: Value,
    policy: HeaderValue,
    plain: String,
    files: Files,
    faults: Option<Arc<Faults>>,
}

impl Site {
    /// Routes for the pages, with the demo from the folder `built`. Its files are read once, here, so the path of a request
    /// never reaches the disk.
    ///
    /// # Errors
    ///
    /// If the folder exists but cannot be read or is too large to be the demo.
    pub fn pages(self, built: &Path) -> io::Result<Router> {
        let files = Files::read(built)?;
        // The pictures of the stand-in's users have URLs at Kakao that do not exist, so the policy blocks them.
        let pictures = self.stand_in.as_deref().unwrap_or("https://*.kakaocdn.net");
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' {pictures}; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'"
        );
        let settings = json!({
            "api": self.api,
            "authorizeUrl": format!("{}/oauth/authorize", self.kakao_auth_url),
            "clientId": self.client_id,
            "redirectUri": format!("{}/", self.api),
            "accessTtl": self.access_ttl,
            "stand-in": self.stand_in,
            "scenes": self.stage.as_ref().is_some_and(|stage| stage.has_links),
            "keys": self.stage.as_ref().is_some_and(|stage| stage.has_public_keys),
        });
        let policy = HeaderValue::try_from(policy).map_err(io::Error::other)?;
        let faults = self.faults.clone().map_or_else(Router::new, |faults| faults::routes("/demo/faults", faults));
        let stage = self.stage.as_ref().map_or_else(Router::new, |stage| stage.routes(&self.api));
        let plain = plain(&self.guide, files.is_empty());
        let pages = Pages { settings, policy, plain, files, faults: self.faults };
        Ok(Router::new()
            .route("/", get(index))
            .route("/curl", get(curl))
            .route("/demo.json", get(settings_and_cookies))
            .fallback(file)
            .method_not_allowed_fallback(async || not_found())
            .with_state(Arc::new(pages))
            .merge(faults)
            .merge(stage)
            .layer(map_response(guarded)))
    }
}

impl Stage {
    /// The routes that the scenes call. Those that change something take JSON, which pages of other sites cannot send.
    fn routes(&self, api: &str) -> Router {
        let service = Service::of(api, Arc::clone(&self.clock), self.verifier_cache);
        clock::routes("/demo/clock", Arc::clone(&self.clock))
            .merge(thief::routes("/demo/thief", api))
            .merge(log::routes("/demo/log", self.log.clone()))
            .merge(keys::routes("/demo/keys", &self.lambda, self.verifier_cache))
            .merge(service.routes("/demo/service"))
    }
}

/// Sets headers on every response. No referrer is sent, because the URL may contain an authorization code.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn index(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    pages.file("/index.html", &headers).unwrap_or_else(|| plain_page(&pages))
}

async fn curl(State(pages): State<Arc<Pages>>) -> Response {
    plain_page(&pages)
}

fn plain_page(pages: &Pages) -> Response {
    const POLICY: &str =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(pages.plain.clone())).into_response()
}

/// `GET /demo.json`: the settings, and the names and lengths of the cookies that the browser sent, including those that
/// scripts cannot see. Cookie values are never returned.
async fn settings_and_cookies(
    State(pages): State<Arc<Pages>>,
    development_cookie: Option<Extension<DevelopmentCookie>>,
    headers: HeaderMap,
) -> Json<Value> {
    let mut settings = pages.settings.clone();
    settings["development_cookie"] = json!(development_cookie.is_some());
    settings["cookies"] = cookies(&headers);
    settings["faults"] = pages.faults.as_ref().map(|faults| faults.state()).into();
    Json(settings)
}

fn cookies(headers: &HeaderMap) -> Value {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| json!({"name": name, "bytes": value.len()})).collect()
}

async fn file(State(pages): State<Arc<Pages>>, request: Request) -> Response {
    let path = request.uri().path();
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let Some(mut response) = pages.file(path, request.headers()).filter(|_| is_read && path != "/index.html") else {
        return not_found();
    };
    if path.starts_with("/assets/") {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    }
    response
}

impl Pages {
    /// A file, with the policy if it is a page.
    fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let file = self.files.get(path)?;
        let mut response = file.answer(headers);
        if file.is_page() {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        }
        Some(response)
    }
}

fn plain(guide: &str, is_alone: bool) -> String {
    let how = if is_alone {
        "<p>To get the demo page, run <code>npm ci &amp;&amp; npm run demo</code> in <code>web/</code> and restart.</p>"
    } else {
        "<p><a href=\"/\">The demo page</a></p>"
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>kakao-login</title><style>:root{{color-scheme:light dark;\
         font:16px/1.5 system-ui,sans-serif}}body{{max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         pre{{white-space:pre-wrap;overflow-wrap:anywhere}}</style><h1>kakao-login</h1>{how}<pre>{}</pre></html>",
        guide.replace('&', "&amp;").replace('<', "&lt;")
    )
}
