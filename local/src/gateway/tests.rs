//! The gateway over real HTTP, also with malformed requests.

mod development_cookie;

use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::{Body, RequestExt, Response as FunctionResponse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    client::http_client,
    lambda::{here, milliseconds_since_epoch},
    template::{Cors, Function as Declared, Route, Table, Throttles},
};

const ORIGIN: &str = "https://a.example";

/// Functions of the given names, each with its routes.
fn table(name: &str, sort_key: Option<&str>) -> Table {
    Table {
        name: name.to_owned(),
        partition_key: "pk".to_owned(),
        sort_key: sort_key.map(str::to_owned),
        ttl_attribute: None,
        has_stream: false,
        denials: Vec::new(),
    }
}

fn template(functions: &[(&str, &[(&str, &str)])]) -> Template {
    let functions = functions.iter().map(|(name, routes)| {
        let routes = routes.iter().map(|(method, path)| Route { method: (*method).into(), path: (*path).into() });
        let timeout = Duration::from_millis(300);
        (
            (*name).to_owned(),
            Declared {
                routes: routes.collect(),
                environment: BTreeMap::new(),
                timeout,
                schedules: Vec::new(),
                streams: Vec::new(),
                policies: Vec::new(),
            },
        )
    });
    Template {
        functions: functions.collect(),
        operators: BTreeMap::new(),
        cors: Cors {
            origins: vec![ORIGIN.to_owned()],
            methods: vec!["GET".to_owned()],
            headers: vec!["authorization".to_owned()],
            exposed: vec!["x-shown".to_owned()],
            max_age: 60,
            credentials: true,
        },
        throttles: Throttles { default: Throttle { rate: 1e3, burst: 1e3 }, routes: BTreeMap::new() },
        table: table("T", Some("sk")),
        keys: table("K", None),
    }
}

fn one() -> Template {
    template(&[("one", &[("GET", "/x"), ("GET", "/x/{proxy+}")])])
}

fn function(answer: impl Fn(lambda_http::Request) -> FunctionResponse<Body> + Send + Sync + 'static) -> Function {
    let answer = Arc::new(answer);
    here(Arc::new(move |request| {
        let answer = Arc::clone(&answer);
        Box::pin(async move { answer(request) })
    }))
}

/// A function that returns its name and parts of its event.
fn named(name: &'static str) -> Function {
    function(move |request| {
        let variable = |name| request.path_parameters_ref().and_then(|all| all.first(name).map(str::to_owned));
        let (proxy, id) = (variable("proxy"), variable("id"));
        let path = request.raw_http_path().to_owned();
        FunctionResponse::new(Body::Text(json!({"name": name, "proxy": proxy, "id": id, "path": path}).to_string()))
    })
}

async fn serve(template: &Template, slash: TrailingSlash, functions: &[(&str, Function)]) -> String {
    let functions = functions.iter().map(|(name, function)| ((*name).to_owned(), Arc::clone(function))).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(Gateway::new(template, &functions, slash, None).serve(listener));
    address
}

async fn serve_one(function: Function) -> String {
    serve(&one(), TrailingSlash::Exact, &[("one", function)]).await
}

/// The raw response to these bytes, with its head in lower case.
async fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    format!("{}\n\n{body}", head.to_lowercase())
}

async fn send(address: &str, line: &str, headers: &str) -> String {
    raw(address, &format!("{line} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{headers}\r\n")).await
}

#[track_caller]
fn assert_own(answer: &str, status: u16, message: &str) {
    assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{answer}");
    assert!(answer.ends_with(&format!("\n\n{{\"message\":\"{message}\"}}")), "{answer}");
    assert!(answer.contains("\ncontent-type: application/json\r"), "{answer}");
    assert!(answer.contains("\napigw-requestid: "), "{answer}");
}

#[tokio::test]
async fn an_invalid_host_is_refused_without_a_panic() {
    let address = serve_one(named("one")).await;
    for host in ["a b", "a:99999", "[::1", "1.2.3.999", "x@y", "%zz", "", ":", "a:b", "a\r\nhost: b"] {
        let request = format!("GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_own(&raw(&address, &request).await, 400, "Bad Request");
    }
    assert_own(&raw(&address, "GET /x HTTP/1.1\r\nconnection: close\r\n\r\n").await, 400, "Bad Request");
    for host in ["localhost", "127.0.0.1:9000", "[::1]:9000", "a.example"] {
        let request = format!("GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert!(raw(&address, &request).await.starts_with("http/1.1 200"), "{host}");
    }
}

#[tokio::test]
async fn a_function_that_panics_is_500_and_the_next_call_is_served() {
    let first = AtomicBool::new(true);
    let address = serve_one(function(move |_| {
        assert!(!first.swap(false, Ordering::SeqCst), "on purpose");
        FunctionResponse::new(Body::Empty)
    }))
    .await;
    assert_own(&send(&address, "GET /x", "").await, 500, "Internal Server Error");
    assert!(send(&address, "GET /x", "").await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_function_slower_than_its_timeout_is_503_and_is_stopped() {
    let went_on = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&went_on);
    let slow = here(Arc::new(move |_| {
        let flag = Arc::clone(&flag);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            flag.store(true, Ordering::SeqCst);
            FunctionResponse::new(Body::Empty)
        })
    }));
    let address = serve_one(slow).await;
    assert_own(&send(&address, "GET /x", "").await, 503, "Service Unavailable");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!went_on.load(Ordering::SeqCst), "the function was stopped at its timeout");
}

#[tokio::test]
async fn a_function_is_told_its_request_id_and_deadline() {
    let address = serve_one(function(|request| {
        let context = request.lambda_context_ref().unwrap();
        let left = context.deadline.saturating_sub(milliseconds_since_epoch());
        FunctionResponse::new(Body::Text(format!("{} {}", context.request_id, left > 0 && left <= 300)))
    }))
    .await;
    let answer = send(&address, "GET /x", "").await;
    let (head, body) = answer.split_once("\n\n").unwrap();
    let (id, in_time) = body.split_once(' ').unwrap();
    assert_eq!(in_time, "true");
    assert_eq!(id.len(), 16, "{id}");
    assert!(head.contains(&format!("\napigw-requestid: {}", id.to_lowercase())), "{answer}");
}

#[tokio::test]
async fn cookies_become_set_cookie_lines_and_base64_bodies_become_bytes() {
    let address = serve_one(function(|_| {
        let response = FunctionResponse::builder().status(201).header("set-cookie", "a=1").header("set-cookie", "b=2");
        response.body(Body::Binary(b"\x00\x01bytes".to_vec())).unwrap()
    }))
    .await;
    let answer = send(&address, "GET /x", "").await;
    assert!(answer.starts_with("http/1.1 201"), "{answer}");
    assert!(answer.contains("\nset-cookie: a=1\r") && answer.contains("\nset-cookie: b=2\r"), "{answer}");
    assert!(answer.ends_with("\n\n\0\u{1}bytes"), "{answer}");
}

#[tokio::test]
async fn an_exact_path_beats_a_greedy_one_and_a_method_beats_any() {
    // Both ways, as the order of the functions' names must not matter.
    for (any, literal) in [("a", "b"), ("b", "a")] {
        let template = template(&[
            (any, &[("ANY", "/x"), ("ANY", "/x/{proxy+}"), ("GET", "/{proxy+}")]),
            (literal, &[("GET", "/x"), ("GET", "/x/{proxy+}"), ("GET", "/y")]),
        ]);
        let address = serve(&template, TrailingSlash::Exact, &[("a", named("a")), ("b", named("b"))]).await;
        for (line, reached, proxy) in [
            ("GET /x", literal, Value::Null),
            ("GET /x/z", literal, json!("z")),
            ("GET /x/y/z", literal, json!("y/z")),
            ("GET /y", literal, Value::Null),
            ("POST /x", any, Value::Null),
            ("POST /x/z", any, json!("z")),
            ("GET /z", any, json!("z")),
        ] {
            let answer = send(&address, line, "content-length: 0\r\n").await;
            let (_, body) = answer.split_once("\n\n").unwrap();
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&body["name"], &body["proxy"]), (&json!(reached), &proxy), "{line}");
        }
    }
}

#[tokio::test]
async fn a_variable_stands_for_one_segment_and_a_literal_beats_it() {
    let routes = [("GET", "/x/{id}"), ("GET", "/x/{id}/{proxy+}")];
    let template = template(&[("one", &routes), ("two", &[("GET", "/x/me"), ("GET", "/{proxy+}")])]);
    for slash in [TrailingSlash::Exact, TrailingSlash::Greedy, TrailingSlash::Dropped] {
        let address = serve(&template, slash, &[("one", named("one")), ("two", named("two"))]).await;
        let remainder = if slash == TrailingSlash::Greedy { json!("") } else { Value::Null };
        for (line, reached, id, proxy) in [
            ("GET /x/a%20b", "one", json!("a b"), Value::Null),
            ("GET /x/a/", "one", json!("a"), remainder.clone()),
            ("GET /x/a/b", "one", json!("a"), json!("b")),
            ("GET /x/me", "two", Value::Null, Value::Null),
            ("GET /x//", "two", Value::Null, json!("x//")),
            ("GET /y", "two", Value::Null, json!("y")),
        ] {
            let answer = send(&address, line, "").await;
            let (_, body) = answer.split_once("\n\n").unwrap();
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (&body["name"], &body["id"], &body["proxy"]),
                (&json!(reached), &id, &proxy),
                "{line} {slash:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_trailing_slash_reaches_the_route_and_stays_in_the_raw_path() {
    for (slash, proxy) in
        [(TrailingSlash::Exact, Value::Null), (TrailingSlash::Greedy, json!("")), (TrailingSlash::Dropped, Value::Null)]
    {
        let address = serve(&one(), slash, &[("one", named("one"))]).await;
        let answer = send(&address, "GET /x/", "").await;
        let (_, body) = answer.split_once("\n\n").unwrap();
        assert_eq!(serde_json::from_str::<Value>(body).unwrap()["proxy"], proxy, "{slash:?}");
        assert_eq!(serde_json::from_str::<Value>(body).unwrap()["path"], "/x/", "{slash:?}");
    }
}

#[tokio::test]
async fn an_unmatched_request_gets_the_page_or_404() {
    let functions = BTreeMap::from([("one".to_owned(), named("one"))]);
    let pages = Router::new()
        .route("/", axum::routing::get(async || "home"))
        .route("/x", axum::routing::get(async || "hidden by the route"))
        .fallback(async || not_found());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(Gateway::new(&one(), &functions, TrailingSlash::Exact, Some(pages)).serve(listener));
    assert!(send(&address, "GET /", "").await.ends_with("\n\nhome"));
    assert!(send(&address, "GET /x", "").await.contains(r#""name":"one""#));
    for line in ["GET /nothing", "POST /nothing", "OPTIONS /nothing"] {
        assert_own(&send(&address, line, "content-length: 0\r\n").await, 404, "Not Found");
    }
}

#[tokio::test]
async fn each_route_accepts_its_burst_and_no_more() {
    let mut template = template(&[("one", &[("GET", "/x"), ("GET", "/y"), ("GET", "/z")])]);
    let never = |burst| Throttle { rate: 0.001, burst };
    template.throttles = Throttles { default: never(2.0), routes: [("GET /z".to_owned(), never(3.0))].into() };
    let address = serve(&template, TrailingSlash::Exact, &[("one", named("one"))]).await;
    for (line, burst) in [("GET /x", 2), ("GET /y", 2), ("GET /z", 3)] {
        for _ in 0..burst {
            assert!(send(&address, line, "").await.starts_with("http/1.1 200"), "{line}");
        }
        assert_own(&send(&address, line, "").await, 429, "Too Many Requests");
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_reaches_no_function() {
    let address = serve_one(function(|_| panic!("reached"))).await;
    let large = format!("x-large: {}\r\n", "x".repeat(MAX_HEADER_BYTES));
    assert_own(&send(&address, "GET /x", &large).await, 431, "Request Header Fields Too Large");
    let template = template(&[("one", &[("POST", "/x")])]);
    let address = serve(&template, TrailingSlash::Exact, &[("one", function(|_| panic!("reached")))]).await;
    let request = http_client().post(format!("http://{address}/x")).body(vec![b'x'; MAX_BODY_BYTES + 1]);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    assert_eq!(answer.text().await.unwrap(), r#"{"message":"Request Entity Too Large"}"#);
}

#[tokio::test]
async fn the_gateway_responds_to_preflights_and_to_no_other_options_request() {
    let address = serve_one(function(|_| panic!("reached"))).await;
    let asks = "access-control-request-method: GET\r\n";
    let answer = send(&address, "OPTIONS /x", &format!("origin: {ORIGIN}\r\n{asks}")).await;
    assert!(answer.starts_with("http/1.1 204"), "{answer}");
    for line in [
        "access-control-allow-origin: https://a.example",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: get",
        "access-control-allow-headers: authorization",
        "access-control-max-age: 60",
        "vary: origin",
        "apigw-requestid: ",
    ] {
        assert!(answer.contains(&format!("\n{line}")), "{line}: {answer}");
    }
    let other = send(&address, "OPTIONS /x", &format!("origin: https://evil.example\r\n{asks}")).await;
    assert!(other.starts_with("http/1.1 204") && !other.contains("access-control-"), "{other}");
    for not_asking in [asks.to_owned(), format!("origin: {ORIGIN}\r\n")] {
        assert_own(&send(&address, "OPTIONS /x", &not_asking).await, 404, "Not Found");
    }
}

#[tokio::test]
async fn cors_headers_of_a_function_are_replaced() {
    let address = serve_one(function(|_| {
        let mut response = FunctionResponse::builder().header("vary", "accept");
        for name in ["allow-origin", "allow-credentials", "allow-methods", "allow-headers", "max-age", "expose-headers"]
        {
            response = response.header(format!("access-control-{name}"), "functions-own");
        }
        response.body(Body::Empty).unwrap()
    }))
    .await;
    let allowed = send(&address, "GET /x", &format!("origin: {ORIGIN}\r\n")).await;
    assert!(allowed.contains("\naccess-control-allow-origin: https://a.example\r"), "{allowed}");
    assert!(allowed.contains("\naccess-control-allow-credentials: true\r"), "{allowed}");
    assert!(allowed.contains("\naccess-control-expose-headers: x-shown\r"), "{allowed}");
    assert_eq!(allowed.matches("access-control-").count(), 3, "{allowed}");
    assert!(allowed.contains("\nvary: accept\r") && allowed.contains("\nvary: origin\r"), "{allowed}");
    for origin in ["origin: https://evil.example\r\n", "origin: null\r\n", "origin: https://a.example/\r\n", ""] {
        let answer = send(&address, "GET /x", origin).await;
        assert!(!answer.contains("access-control-"), "{answer}");
    }
}

#[tokio::test]
async fn any_origin_is_sent_as_a_star() {
    let mut template = one();
    template.cors.origins = vec!["*".to_owned()];
    template.cors.credentials = false;
    let address = serve(&template, TrailingSlash::Exact, &[("one", named("one"))]).await;
    let answer = send(&address, "GET /x", "origin: https://any.example\r\n").await;
    assert!(answer.contains("\naccess-control-allow-origin: *\r"), "{answer}");
    assert!(!answer.contains("allow-credentials"), "{answer}");
}
