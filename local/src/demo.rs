//! The pages at the API's own origin: the demo, if it was built, and a plain page with curl commands.

#[cfg(test)]
mod tests;
mod thief;

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::map_response,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use crate::{
    clock::{self, AdjustableClock},
    gateway::{DevelopmentCookie, not_found},
};

/// The folder that `npm run demo` writes, relative to the repository's root.
pub const BUILT: &str = "web/demo/dist";

const README: &str = include_str!("../../README.md");
/// The demo is an HTML file, a script, a style sheet and an icon. A folder with far more files is something else.
const MAX_FILES: usize = 64;
const MAX_BYTES: usize = 8 * 1024 * 1024;
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
    /// The clock that the scenes with a thief and a lost response set ahead. Without it the page has no scenes.
    pub scenes: Option<Arc<AdjustableClock>>,
}

#[derive(Debug)]
struct Pages {
    settings: Value,
    policy: HeaderValue,
    plain: String,
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug)]
struct File {
    kind: &'static str,
    body: Bytes,
}

impl Site {
    /// Routes for the pages, with the demo from the folder `built`. Its files are read once, here, so the path of a request
    /// never reaches the disk.
    ///
    /// # Errors
    ///
    /// If the folder exists but cannot be read or is too large to be the demo.
    pub fn pages(self, built: &Path) -> io::Result<Router> {
        let files = read(built)?;
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
            "scenes": self.scenes.is_some(),
        });
        let policy = HeaderValue::try_from(policy).map_err(io::Error::other)?;
        let pages = Pages { settings, policy, plain: plain(&self.guide, files.is_empty()), files };
        let scenes = self.scenes.map_or_else(Router::new, |clock| {
            clock::routes("/demo/clock", clock).merge(thief::routes("/demo/thief", &self.api))
        });
        Ok(Router::new()
            .route("/", get(index))
            .route("/curl", get(curl))
            .route("/demo.json", get(settings_and_cookies))
            .route("/README.md", get(async || ([(CONTENT_TYPE, "text/plain; charset=utf-8")], README)))
            .fallback(file)
            .method_not_allowed_fallback(async || not_found())
            .with_state(Arc::new(pages))
            .merge(scenes)
            .layer(map_response(guarded)))
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

async fn index(State(pages): State<Arc<Pages>>) -> Response {
    match pages.files.get("/index.html") {
        Some(page) => ([(CONTENT_SECURITY_POLICY, pages.policy.clone())], page.answer()).into_response(),
        None => plain_page(&pages),
    }
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
    let Some(file) = pages.files.get(path).filter(|_| is_read && path != "/index.html") else {
        return not_found();
    };
    let mut response = file.answer();
    if path.starts_with("/assets/") {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    }
    response
}

impl File {
    fn answer(&self) -> Response {
        ([(CONTENT_TYPE, self.kind)], self.body.clone()).into_response()
    }
}

/// The files in a folder and its subfolders by request path. Empty if the folder does not exist.
fn read(folder: &Path) -> io::Result<BTreeMap<String, File>> {
    let (mut files, mut bytes) = (BTreeMap::new(), 0);
    let mut folders = vec![(folder.to_owned(), "/".to_owned())];
    while let Some((folder, path)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if path == "/" && error.kind() == io::ErrorKind::NotFound => return Ok(files),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let (Ok(name), file_type) = (entry.file_name().into_string(), entry.file_type()?) else { continue };
            if file_type.is_dir() {
                folders.push((entry.path(), format!("{path}{name}/")));
            } else if let Some(kind) = kind(&name).filter(|_| file_type.is_file()) {
                // Symbolic links are skipped, because they can point outside the folder.
                let body = Bytes::from(fs::read(entry.path())?);
                bytes += body.len();
                files.insert(format!("{path}{name}"), File { kind, body });
            }
            if files.len() > MAX_FILES || folders.len() > MAX_FILES || bytes > MAX_BYTES {
                return Err(io::Error::other("too large to be the demo page"));
            }
        }
    }
    Ok(files)
}

/// The content type of the files that a page consists of. Other files are not served.
fn kind(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
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
