//! The gateway: routes, slashes, CORS, throttles and its own responses.

use std::time::Duration;

use local::gateway::TrailingSlash;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::{
    ORIGIN, Settings, Stack,
    client::{Response, cookie_pair, jwt_part},
    fault_proxy::Fault,
};

const PATHS: [(&str, &str); 22] = [
    ("GET", "/auth/kakao"),
    ("POST", "/auth/kakao"),
    ("POST", "/dj-rest-auth/kakao"),
    ("POST", "/auth/refresh"),
    ("POST", "/dj-rest-auth/token/refresh"),
    ("POST", "/api/token/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/dj-rest-auth/logout"),
    ("GET", "/auth/profile"),
    ("GET", "/api/profile"),
    ("GET", "/dj-rest-auth/user"),
    ("GET", "/auth/session"),
    ("PATCH", "/auth/profile"),
    ("PATCH", "/dj-rest-auth/user"),
    ("PUT", "/dj-rest-auth/user"),
    ("GET", "/auth/sessions"),
    ("DELETE", "/dj-rest-auth/user"),
    ("GET", "/auth/account"),
    ("DELETE", "/auth/account"),
    ("POST", "/auth/verify"),
    ("POST", "/dj-rest-auth/token/verify"),
    ("POST", "/api/token/verify"),
];

async fn gateways_own(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn every_path_works_with_and_without_its_slash_however_the_gateway_takes_it() {
    for slash in [TrailingSlash::Exact, TrailingSlash::Greedy, TrailingSlash::Dropped] {
        let stack = Stack::with(Settings { slash, ..Settings::default() }).await;
        let known = stack.kakao.new_user().await;
        for (method, path) in PATHS {
            for path in [path.to_owned(), format!("{path}/")] {
                let deletes = method == "DELETE";
                let user = if deletes { stack.kakao.new_user().await } else { known.clone() };
                // One user may log in 20 times a minute.
                stack.advance(Duration::from_mins(1));
                let logged_in = stack.log_in_at_kakao(&user).await;
                let method: Method = method.parse().unwrap();
                let mut request =
                    stack.request(method.clone(), &path).header("cookie", cookie_pair(&logged_in.token()));
                if deletes || method == Method::GET {
                    request = request.bearer_auth(logged_in.access());
                } else if [Method::PATCH, Method::PUT].contains(&method) {
                    request = request.bearer_auth(logged_in.access()).json(&json!({"username": "x"}));
                } else if path.contains("verify") {
                    request = request.json(&json!({"token": logged_in.access()}));
                } else if path.contains("kakao") {
                    request = request.json(&json!({"access_token": stack.kakao.token(&user).await}));
                }
                let starts = method == Method::GET && path.contains("kakao");
                let response = if starts { stack.ask(request).await.unwrap() } else { stack.send(request).await };
                let expected = match (starts, deletes) {
                    (true, _) => StatusCode::NO_CONTENT,
                    (_, true) => StatusCode::ACCEPTED,
                    _ => StatusCode::OK,
                };
                assert_eq!(response.status, expected, "{slash:?} {method} {path}: {}", response.body);
            }
        }
    }
}

/// `/auth/sessions/{id}` lies beside `/auth/sessions/{proxy+}`.
#[tokio::test]
async fn a_session_is_ended_with_and_without_the_slash_and_nothing_is_below_it() {
    for slash in [TrailingSlash::Exact, TrailingSlash::Greedy, TrailingSlash::Dropped] {
        let stack = Stack::with(Settings { slash, ..Settings::default() }).await;
        let user = stack.kakao.new_user().await;
        let here = stack.log_in_as(&user).await;
        for end in ["", "/"] {
            let other = stack.log_in_as(&user).await;
            let id = jwt_part(other.access(), 1)["sid"].as_str().unwrap().to_owned();
            let below = stack.end_session(here.access(), &format!("{id}/x")).await;
            assert_eq!((below.status, below.code()), (StatusCode::NOT_FOUND, "not_found"), "{slash:?}");
            let listed = stack.send(stack.request(Method::GET, &format!("/auth/sessions/{id}{end}"))).await;
            assert_eq!((listed.status, listed.code()), (StatusCode::NOT_FOUND, "not_found"), "{slash:?}");
            assert_eq!(stack.refresh(&other.token()).await.status, StatusCode::OK, "{slash:?}");
            let ended = stack.end_session(here.access(), &format!("{id}{end}")).await;
            assert_eq!(ended.status, StatusCode::NO_CONTENT, "{slash:?} {end}: {}", ended.body);
            assert_eq!(stack.refresh(&other.token()).await.status, StatusCode::UNAUTHORIZED, "{slash:?}");
        }
    }
}

#[tokio::test]
async fn a_path_below_a_route_is_not_found() {
    for slash in [TrailingSlash::Exact, TrailingSlash::Greedy] {
        let stack = Stack::with(Settings { slash, ..Settings::default() }).await;
        for (method, path) in PATHS {
            for below in ["x", "x/", "kakao", "/", "%00"] {
                let request = stack.request(method.parse().unwrap(), &format!("{path}/{below}"));
                let response = stack.send(request).await;
                assert_eq!((response.status, response.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}/{below}");
            }
        }
    }
}

#[tokio::test]
async fn the_gateway_refuses_other_paths_and_methods() {
    let stack = Stack::start().await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("GET", "/auth"),
        ("POST", "/auth/Refresh"),
        ("POST", "//auth/refresh"),
        ("GET", "/"),
        ("GET", "/auth/refresh"),
        ("GET", "/auth/logout"),
        ("PUT", "/auth/kakao"),
        ("GET", "/dj-rest-auth/kakao"),
        ("GET", "/dj-rest-auth/kakao/"),
        ("DELETE", "/auth/logout"),
        ("POST", "/auth/profile"),
        ("POST", "/auth/account"),
        ("DELETE", "/auth/profile"),
        ("PUT", "/auth/profile"),
        ("PATCH", "/api/profile"),
        ("DELETE", "/auth/sessions"),
        ("GET", "/dj-rest-auth/users"),
        ("TRACE", "/auth/profile"),
        ("OPTIONS", "/auth/kakao"),
    ] {
        let response = gateways_own(stack.request(method.parse().unwrap(), path)).await;
        assert_eq!(response, (StatusCode::NOT_FOUND, json!({"message": "Not Found"})), "{method} {path}");
    }
    for path in ["/auth/profile", "/auth/kakao"] {
        let head = stack.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::NOT_FOUND, "HEAD {path}");
    }
}

#[tokio::test]
async fn the_gateway_refuses_requests_that_are_too_large() {
    let stack = Stack::start().await;
    let large = stack.request(Method::POST, "/auth/kakao").body(vec![b'x'; 10 * 1024 * 1024 + 1]);
    assert_eq!(gateways_own(large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let headers = stack.request(Method::GET, "/auth/profile").header("x-large", "x".repeat(11_000));
    assert_eq!(gateways_own(headers).await.0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn an_allowed_origin_may_call_with_cookies_and_no_other() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    for (origin, allowed) in
        [(ORIGIN, true), ("https://evil.example", false), ("null", false), ("http://localhost:9000/", false)]
    {
        let preflight = stack
            .request(Method::OPTIONS, "/auth/refresh")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let preflight = preflight.send().await.unwrap();
        assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
        let header = |name: &str| preflight.headers().get(name).map(|value| value.to_str().unwrap());
        let granted = header("access-control-allow-origin");
        assert_eq!(granted, allowed.then_some(origin), "{origin}");
        assert_eq!(header("access-control-allow-credentials"), allowed.then_some("true"));
        assert_eq!(header("access-control-max-age"), allowed.then_some("7200"));
        assert_eq!(header("access-control-allow-methods"), allowed.then_some("GET,POST,PUT,PATCH,DELETE"));
        assert_eq!(
            header("access-control-allow-headers"),
            allowed.then_some(
                "authorization,content-type,x-requested-with,x-csrftoken,traceparent,tracestate,baggage,sentry-trace"
            )
        );

        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
        let response = stack.send(request.header("origin", origin)).await;
        let granted = response.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!(granted, allowed.then_some(origin), "{origin}");
        assert_eq!(response.status == StatusCode::OK, allowed);
        assert_eq!(response.headers.contains_key("vary"), allowed);
    }
}

/// By default a page of another origin can read neither header.
#[tokio::test]
async fn an_allowed_origin_can_read_retry_after_and_www_authenticate() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let refresh = async |cookie: &str, origin: &'static str| {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(cookie));
        stack.send(request.header("origin", origin)).await
    };
    let readable = |response: &Response| {
        let exposed = response.headers.get("access-control-expose-headers");
        exposed.map(|names| names.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let refused = refresh("x", ORIGIN).await;
    assert_eq!((refused.status, refused.headers.contains_key("www-authenticate")), (StatusCode::UNAUTHORIZED, true));
    assert_eq!(readable(&refused), "retry-after,www-authenticate");
    stack.table_proxy.fail(Fault::Throttle);
    let unavailable = refresh(&token, ORIGIN).await;
    assert_eq!(
        (unavailable.status, unavailable.headers.contains_key("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, true)
    );
    assert_eq!(readable(&unavailable), "retry-after,www-authenticate");
    assert_eq!(readable(&refresh(&token, "https://evil.example").await), "");
}

#[tokio::test]
async fn a_throttled_login_route_does_not_affect_other_routes() {
    let environment = [("LOGIN_RATE_LIMIT", "1"), ("LOGIN_BURST_LIMIT", "3")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let logged_in = stack.log_in().await;
    let login = async || {
        let request = stack.request(Method::POST, "/auth/kakao").json(&json!({"access_token": "x"}));
        request.send().await.unwrap().status()
    };
    let responses = [login().await, login().await, login().await, login().await];
    assert!(responses.contains(&StatusCode::TOO_MANY_REQUESTS), "{responses:?}");
    for _ in 0..20 {
        assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::OK);
    }
    let drop_in = stack.request(Method::POST, "/dj-rest-auth/kakao").json(&json!({"access_token": "x"}));
    assert_eq!(
        drop_in.send().await.unwrap().status(),
        StatusCode::BAD_REQUEST,
        "API Gateway counts each route by itself"
    );
}

#[tokio::test]
async fn requests_that_start_the_login_function_are_throttled_and_do_not_use_up_the_logins() {
    let environment = [("LOGIN_RATE_LIMIT", "1"), ("LOGIN_BURST_LIMIT", "3")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let start = async || stack.request(Method::GET, "/auth/kakao").send().await.unwrap().status();
    let responses = [start().await, start().await, start().await, start().await];
    assert!(responses.contains(&StatusCode::TOO_MANY_REQUESTS), "{responses:?}");
    assert_eq!(stack.log_in().await.status, StatusCode::OK);
}
