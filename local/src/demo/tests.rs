use axum::{
    body::{Body, to_bytes},
    http::{HeaderName, StatusCode},
};
use lambda_http::Service;
use shared::clock::{Clock, SystemClock};

use super::*;
use crate::server::Server;

fn site() -> Site {
    Site {
        api: "http://localhost:9000".to_owned(),
        kakao_auth_url: "http://localhost:9001".to_owned(),
        client_id: "key".to_owned(),
        access_ttl: 20,
        stand_in: Some("http://localhost:9001".to_owned()),
        guide: "curl a & <b>".to_owned(),
        scenes: None,
    }
}

/// A temporary folder, deleted when dropped.
struct Folder(std::path::PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("demo-{}", shared::id::SessionId::generate()));
        for (name, text) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn ask(pages: &Router, method: &str, path: &str, cookies: &[&str]) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    for cookie in cookies {
        request = request.header(COOKIE, *cookie);
    }
    send(pages, request.body(Body::empty()).unwrap()).await
}

async fn send(pages: &Router, request: Request) -> (StatusCode, HeaderMap, String) {
    let answer = pages.clone().call(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, MAX_BYTES).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_built_page_has_a_strict_policy_and_is_not_cached() {
    let folder =
        Folder::with(&[("index.html", "<!doctype html>demo"), ("assets/app-1.js", "1"), ("assets/a.map", "{}")]);
    let pages = site().pages(&folder.0).unwrap();

    let (status, headers, body) = ask(&pages, "GET", "/?code=x&state=y", &[]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "<!doctype html>demo"));
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    for rule in
        ["default-src 'none'", "script-src 'self';", "connect-src 'self';", "img-src 'self' http://localhost:9001;"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");

    let (status, headers, _) = ask(&pages, "GET", "/assets/app-1.js", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert_eq!(headers[CACHE_CONTROL], FOREVER);
    assert_eq!(ask(&pages, "GET", "/assets/a.map", &[]).await.0, StatusCode::NOT_FOUND, "source maps are not served");
}

#[tokio::test]
async fn files_outside_the_folder_are_not_served() {
    let folder = Folder::with(&[("dist/index.html", "demo"), ("secret.js", "secret")]);
    std::os::unix::fs::symlink(folder.0.join("secret.js"), folder.0.join("dist/link.js")).unwrap();
    std::os::unix::fs::symlink(&folder.0, folder.0.join("dist/assets")).unwrap();
    let pages = site().pages(&folder.0.join("dist")).unwrap();
    for path in
        ["/../secret.js", "/%2e%2e/secret.js", "/..%2fsecret.js", "//secret.js", "/link.js", "/assets/secret.js"]
    {
        assert_eq!(ask(&pages, "GET", path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for (method, path) in [("POST", "/"), ("POST", "/nowhere"), ("GET", "/nowhere"), ("GET", "/index.html")] {
        assert_eq!(ask(&pages, method, path, &[]).await.0, StatusCode::NOT_FOUND, "{method} {path}");
    }
}

#[tokio::test]
async fn a_folder_with_too_many_files_is_refused() {
    let names: Vec<String> = (0..=MAX_FILES).map(|number| format!("{number}.js")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let folder = Folder::with(&files);
    assert!(site().pages(&folder.0).is_err());
}

#[tokio::test]
async fn without_the_demo_the_plain_page_says_how_to_build_it() {
    let pages = site().pages(Path::new("no/such/folder")).unwrap();
    let (status, headers, body) = ask(&pages, "GET", "/", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("npm ci &amp;&amp; npm run demo") && body.contains("curl a &amp; &lt;b>"), "{body}");
    assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'"));
    assert_eq!(ask(&pages, "GET", "/curl", &[]).await.2, body);
    assert!(ask(&pages, "GET", "/README.md", &[]).await.2.starts_with("# kakao-login"));
}

#[tokio::test]
async fn the_page_gets_names_and_lengths_of_cookies_but_not_their_values() {
    let pages = site().pages(Path::new("no/such/folder")).unwrap();
    let (_, headers, body) =
        ask(&pages, "GET", "/demo.json", &["__Host-Http-refresh_token=AQsecret; a=b=c", "odd", "e="]).await;
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert!(!body.contains("secret"), "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body,
        json!({
            "api": "http://localhost:9000",
            "authorizeUrl": "http://localhost:9001/oauth/authorize",
            "clientId": "key",
            "redirectUri": "http://localhost:9000/",
            "accessTtl": 20,
            "stand-in": "http://localhost:9001",
            "scenes": false,
            "development_cookie": false,
            "cookies": [{"name": "__Host-Http-refresh_token", "bytes": 8}, {"name": "a", "bytes": 3}, {"name": "e", "bytes": 0}],
        })
    );
}

#[tokio::test]
async fn pictures_may_come_from_kakao_if_there_is_no_stand_in() {
    let folder = Folder::with(&[("index.html", "demo")]);
    let pages = Site { stand_in: None, ..site() }.pages(&folder.0).unwrap();
    let (_, headers, _) = ask(&pages, "GET", "/", &[]).await;
    assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("img-src 'self' https://*.kakaocdn.net;"));
}

fn post(path: &str, content_type: &str, body: &'static str) -> Request {
    let request = Request::post(path).header(CONTENT_TYPE, content_type);
    // As a browser sends it.
    let request = request.header("origin", "http://localhost:9000").header("sec-fetch-site", "same-origin");
    request.header(COOKIE, "a=1; b=2").header("user-agent", "Chrome").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn the_thief_presents_the_cookies_and_the_links_and_nothing_else_of_the_browser() {
    async fn refresh(headers: HeaderMap, body: String) -> (StatusCode, String) {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let cookie = headers[COOKIE].to_str().unwrap();
        let agent = headers["user-agent"].to_str().unwrap();
        let seen = format!("{} {cookie} {agent} {body}", names.join(","));
        (StatusCode::FORBIDDEN, json!({"code": seen, "access": "secret"}).to_string())
    }
    let api = Server::start_on_free_port(Router::new().route("/auth/refresh", axum::routing::post(refresh)));
    let api = api.await.unwrap();
    let site = Site { api: api.url().to_owned(), scenes: Some(Arc::default()), ..site() };
    let pages = site.pages(Path::new("no/such/folder")).unwrap();
    let (status, headers, body) =
        send(&pages, post("/demo/thief", "application/json", r#"{"link":{"next":"x"}}"#)).await;
    assert_eq!((status, &headers[CACHE_CONTROL]), (StatusCode::OK, &HeaderValue::from_static("no-store")));
    let seen =
        "accept,content-length,content-type,cookie,host,user-agent a=1; b=2 curl/8.7.1 {\"link\":{\"next\":\"x\"}}";
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({"status": 403, "code": seen}));
}

#[tokio::test]
async fn the_clock_of_the_scenes_goes_ahead() {
    let clock = Arc::<AdjustableClock>::default();
    let pages = Site { scenes: Some(Arc::clone(&clock)), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    let (status, ..) = send(&pages, post("/demo/clock", "application/json", r#"{"seconds":3600}"#)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(clock.now() >= SystemClock.now() + std::time::Duration::from_secs(3_590));
    assert!(ask(&pages, "GET", "/demo.json", &[]).await.2.contains(r#""scenes":true"#));
}

#[tokio::test]
async fn pages_of_other_sites_cannot_play_the_scenes() {
    let clock = Arc::<AdjustableClock>::default();
    let pages = Site { scenes: Some(Arc::clone(&clock)), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    for path in ["/demo/clock", "/demo/thief"] {
        // What a form or a simple request sends without a preflight.
        let (status, ..) = send(&pages, post(path, "text/plain", r#"{"seconds":3600}"#)).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}");
    }
    assert!(clock.now() <= SystemClock.now());
}

#[tokio::test]
async fn without_the_clock_there_are_no_scenes() {
    let pages = site().pages(Path::new("no/such/folder")).unwrap();
    for path in ["/demo/clock", "/demo/thief"] {
        let (status, ..) = send(&pages, post(path, "application/json", r#"{"seconds":3600}"#)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}
