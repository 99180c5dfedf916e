use std::{fs, io::Write};

use axum::{
    body::{Body, to_bytes},
    http::{
        HeaderName, StatusCode,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    routing::{get, post},
};
use lambda_http::Service as _;
use shared::clock::{Clock, SystemClock};

use super::{
    files::{MAX_BYTES, MAX_FILES},
    *,
};
use crate::server::Server;

fn site() -> Site {
    Site {
        api: "http://localhost:9000".to_owned(),
        kakao_auth_url: "http://localhost:9001".to_owned(),
        client_id: "key".to_owned(),
        access_ttl: 20,
        stand_in: Some("http://localhost:9001".to_owned()),
        guide: "curl a & <b>".to_owned(),
        faults: None,
        stage: None,
    }
}

fn stage() -> Stage {
    Stage {
        clock: Arc::default(),
        log: RecentLog::default(),
        has_links: true,
        has_public_keys: true,
        lambda: "http://localhost:9003".to_owned(),
        verifier_cache: Duration::from_hours(2),
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
            "keys": false,
            "faults": null,
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

fn sent(path: &str, content_type: &str, body: &'static str) -> Request {
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
    let api = Server::start_on_free_port(Router::new().route("/auth/refresh", post(refresh)));
    let api = api.await.unwrap();
    let site = Site { api: api.url().to_owned(), stage: Some(stage()), ..site() };
    let pages = site.pages(Path::new("no/such/folder")).unwrap();
    let (status, headers, body) =
        send(&pages, sent("/demo/thief", "application/json", r#"{"link":{"next":"x"}}"#)).await;
    assert_eq!((status, &headers[CACHE_CONTROL]), (StatusCode::OK, &HeaderValue::from_static("no-store")));
    let seen =
        "accept,content-length,content-type,cookie,host,user-agent a=1; b=2 curl/8.7.1 {\"link\":{\"next\":\"x\"}}";
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({"status": 403, "code": seen}));
}

#[tokio::test]
async fn the_clock_of_the_scenes_goes_ahead() {
    let stage = stage();
    let clock = Arc::clone(&stage.clock);
    let pages = Site { stage: Some(stage), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    let (status, ..) = send(&pages, sent("/demo/clock", "application/json", r#"{"seconds":3600}"#)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(clock.now() >= SystemClock.now() + std::time::Duration::from_secs(3_590));
    assert!(ask(&pages, "GET", "/demo.json", &[]).await.2.contains(r#""scenes":true"#));
}

#[tokio::test]
async fn pages_of_other_sites_cannot_play_the_scenes() {
    let stage = stage();
    let clock = Arc::clone(&stage.clock);
    let pages = Site { stage: Some(stage), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    for path in ["/demo/clock", "/demo/thief", "/demo/keys"] {
        // What a form or a simple request sends without a preflight.
        let (status, ..) = send(&pages, sent(path, "text/plain", r#"{"seconds":3600}"#)).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}");
    }
    assert!(clock.now() <= SystemClock.now());
}

#[tokio::test]
async fn without_the_clock_there_are_no_scenes() {
    let pages = site().pages(Path::new("no/such/folder")).unwrap();
    for path in ["/demo/clock", "/demo/thief", "/demo/keys", "/demo/faults"] {
        let (status, ..) = send(&pages, sent(path, "application/json", r#"{"seconds":3600}"#)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/demo/log", "/demo/service"] {
        assert_eq!(ask(&pages, "GET", path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_page_has_the_policy_and_no_other_file() {
    let folder =
        Folder::with(&[("index.html", "demo"), ("docs/keys.html", "keys"), ("docs/keys.css", ""), ("a.png", "")]);
    let pages = site().pages(&folder.0).unwrap();
    let policy = ask(&pages, "GET", "/", &[]).await.1[CONTENT_SECURITY_POLICY].clone();
    let (status, headers, _) = ask(&pages, "GET", "/docs/keys.html", &[]).await;
    assert_eq!((status, &headers[CONTENT_SECURITY_POLICY]), (StatusCode::OK, &policy));
    for (path, kind) in [("/docs/keys.css", "text/css; charset=utf-8"), ("/a.png", "image/png")] {
        let (status, headers, _) = ask(&pages, "GET", path, &[]).await;
        assert_eq!((status, headers[CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, kind));
        assert!(!headers.contains_key(CONTENT_SECURITY_POLICY), "{path}");
    }
}

#[tokio::test]
async fn a_file_is_sent_compressed_to_those_who_accept_it() {
    let folder = Folder::with(&[
        ("index.html", "plain"),
        ("index.html.br", "br"),
        ("index.html.gz", "gz"),
        ("lonely.js.br", "br"),
        ("a.svg", "svg"),
    ]);
    let pages = site().pages(&folder.0).unwrap();
    let cases = [
        ("gzip, deflate, br, zstd", "br", Some("br")),
        ("gzip", "gz", Some("gzip")),
        ("br;q=0, GZIP;q=0.5", "gz", Some("gzip")),
        ("identity", "plain", None),
        ("brotli, gzipped", "plain", None),
    ];
    for (accepted, body, encoding) in cases {
        let request = Request::get("/").header(ACCEPT_ENCODING, accepted).body(Body::empty()).unwrap();
        let (status, headers, got) = send(&pages, request).await;
        assert_eq!((status, got.as_str()), (StatusCode::OK, body), "{accepted}");
        assert_eq!(headers[VARY], "accept-encoding", "{accepted}");
        assert_eq!(headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap()), encoding, "{accepted}");
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(headers.contains_key(CONTENT_SECURITY_POLICY), "{accepted}");
    }
    let (_, headers, body) = ask(&pages, "GET", "/", &[]).await;
    assert_eq!(body, "plain", "without Accept-Encoding");
    assert_eq!(headers[VARY], "accept-encoding");
    assert!(!ask(&pages, "GET", "/a.svg", &[]).await.1.contains_key(VARY), "it has no compressed copy");
    for path in ["/index.html.br", "/lonely.js", "/lonely.js.br"] {
        assert_eq!(ask(&pages, "GET", path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_log_is_shown_from_where_the_page_has_read_it_without_ids_of_users() {
    let stage = stage();
    let mut log = stage.log.clone();
    let pages = Site { stage: Some(stage), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    let read = async |since: &str| -> Value {
        let (status, _, body) = ask(&pages, "GET", &format!("/demo/log?since={since}"), &[]).await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_str(&body).unwrap()
    };
    assert_eq!(read("0").await, json!({"count": 0, "lines": []}));
    log.write_all(br#"{"level":"INFO","event":"account_deleted","user_id":"of-a-user","calls":[],"email":"a@b"}"#)
        .unwrap();
    log.write_all(b"not JSON").unwrap();
    log.write_all(br#"{"level":"WARN","event":"refresh_unlinked"}"#).unwrap();
    let (first, second) =
        (json!({"level": "INFO", "event": "account_deleted"}), json!({"level": "WARN", "event": "refresh_unlinked"}));
    assert_eq!(read("0").await, json!({"count": 2, "lines": [first, second]}));
    assert_eq!(read("1").await, json!({"count": 2, "lines": [second]}));
    assert_eq!(read("7").await, json!({"count": 2, "lines": []}));
    for _ in 0..300 {
        log.write_all(b"{}").unwrap();
    }
    let kept = read("0").await;
    assert_eq!((kept["count"].as_u64(), kept["lines"].as_array().map(Vec::len)), (Some(302), Some(200)));
}

#[tokio::test]
async fn the_keys_are_rotated_by_the_command_of_operators() {
    let commands = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&commands);
    let invoke = async move |Json(command): Json<Value>| -> Response {
        let mut commands = heard.lock().unwrap();
        commands.push(command);
        if commands.len() == 1 {
            Json(json!("rotated")).into_response()
        } else {
            ([("x-amz-function-error", "Unhandled")], Json(json!({"errorMessage": "no keys"}))).into_response()
        }
    };
    let path = "/2015-03-31/functions/rotate-keys/invocations";
    let lambda = Server::start_on_free_port(Router::new().route(path, post(invoke))).await.unwrap();
    let stage = Stage { lambda: lambda.url().to_owned(), ..stage() };
    let pages = Site { stage: Some(stage), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    let (status, _, body) = send(&pages, sent("/demo/keys", "application/json", "{}")).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"signs_after":9060}"#), "two hours and 31 minutes");
    let (status, ..) = send(&pages, sent("/demo/keys", "application/json", "{}")).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "the function has failed");

    let commands = commands.lock().unwrap();
    let [first, second] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!((&first["command"], &first["keys"]), (&json!("replace"), &json!("schedule")));
    assert_ne!(first["attempt"], second["attempt"]);
}

#[tokio::test]
async fn the_other_service_keeps_its_keys_for_as_long_as_it_may() {
    let fetched = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = Arc::clone(&fetched);
    let jwks = async move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Json(json!({"keys": [{"kid": "a", "alg": "ES256", "kty": "EC", "x": "AA", "y": "AA"}]}))
    };
    let api = Server::start_on_free_port(Router::new().route("/.well-known/jwks.json", get(jwks))).await.unwrap();
    let stage = stage();
    let clock = Arc::clone(&stage.clock);
    let pages = Site { api: api.url().to_owned(), stage: Some(stage), ..site() };
    let pages = pages.pages(Path::new("no/such/folder")).unwrap();
    let ask = async |token: &str| {
        let request = Request::get("/demo/service").header("authorization", format!("Bearer {token}"));
        let (status, _, body) = send(&pages, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_str::<Value>(&body).unwrap()
    };
    // {"alg":"ES256","kid":"a"}, {"exp":9999999999} and a signature that nobody has made.
    let forged = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjk5OTk5OTk5OTl9.AAAA";
    assert_eq!(ask(forged).await, json!({"status": 401, "kid": "a", "known": ["a"], "cached_for": 0}));
    for token in ["", "a.b", "e30.e30.AA", "eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.eyJleHAiOjk5OTk5OTk5OTl9."] {
        assert_eq!(ask(token).await["status"], 401, "{token}");
    }
    clock.advance(7_190);
    let age = ask(forged).await["cached_for"].as_i64().unwrap();
    assert!((7_190..7_200).contains(&age), "{age}");
    assert_eq!(fetched.load(std::sync::atomic::Ordering::SeqCst), 1);
    clock.advance(20);
    assert_eq!(ask(forged).await["cached_for"], 0);
    assert_eq!(fetched.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_switches_break_kakao_and_the_auth_functions_and_mend_them() {
    let kakao = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kakao = crate::kakao::Kakao::start(kakao, Arc::<AdjustableClock>::default(), Vec::new()).unwrap();
    let faults = Arc::new(Faults::at(kakao.url()));
    let works: crate::lambda::Function = Arc::new(|_| Box::pin(async { Ok(Value::Null) }));
    let functions = ["refresh", "profile"].map(|name| (name.to_owned(), Arc::clone(&works)));
    let functions = faults.breakable(functions.into());
    let call = async |name: &str| {
        let invocation = crate::lambda::Invocation {
            event: Value::Null,
            request_id: String::new(),
            timeout: Duration::from_secs(1),
        };
        functions[name](invocation).await.is_ok()
    };
    let asks_kakao = async || reqwest::get(format!("{}/v2/user/me", kakao.url())).await.is_ok();
    let pages = Site { faults: Some(Arc::clone(&faults)), ..site() }.pages(Path::new("no/such/folder")).unwrap();
    let state = async || -> Value {
        serde_json::from_str::<Value>(&ask(&pages, "GET", "/demo.json", &[]).await.2).unwrap()["faults"].clone()
    };
    assert_eq!(state().await, json!({"kakao": false, "auth": false}));

    let body = r#"{"kakao":true,"auth":true}"#;
    let (status, _, answer) = send(&pages, sent("/demo/faults", "application/json", body)).await;
    assert_eq!((status, serde_json::from_str::<Value>(&answer).unwrap()), (StatusCode::OK, state().await));
    assert_eq!(state().await, json!({"kakao": true, "auth": true}));
    assert_eq!((call("refresh").await, call("profile").await, asks_kakao().await), (false, true, false));

    let body = r#"{"kakao":false,"auth":false}"#;
    send(&pages, sent("/demo/faults", "application/json", body)).await;
    assert_eq!((call("refresh").await, call("profile").await, asks_kakao().await), (true, true, true));
    let (status, ..) = send(&pages, sent("/demo/faults", "text/plain", body)).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "as pages of other sites send it");
}
