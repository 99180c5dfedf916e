//! The way to the functions: routes, slashes, CORS and what the gateway answers by itself.

use std::{collections::BTreeMap, time::Duration};

use local::{
    ORIGIN, Settings, Stack,
    client::{Answer, COOKIE_NAME, cookie_pair},
    gateway::TrailingSlash,
    lambda::{Function, Invocation},
    wire::Fault,
};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

const PATHS: [(&str, &str); 12] = [
    ("GET", "/auth/kakao"),
    ("POST", "/auth/kakao"),
    ("POST", "/dj-rest-auth/kakao"),
    ("POST", "/auth/refresh"),
    ("POST", "/dj-rest-auth/token/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/dj-rest-auth/logout"),
    ("GET", "/auth/profile"),
    ("GET", "/api/profile"),
    ("GET", "/dj-rest-auth/user"),
    ("POST", "/auth/verify"),
    ("POST", "/dj-rest-auth/token/verify"),
];

async fn gateways_own(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn every_path_works_with_and_without_its_slash_however_the_gateway_takes_it() {
    for slash in [TrailingSlash::Exact, TrailingSlash::Greedy, TrailingSlash::Dropped] {
        let stack = Stack::with(Settings { slash, ..Settings::default() }).await;
        let user = stack.kakao.new_user().await;
        for (method, path) in PATHS {
            for path in [path.to_owned(), format!("{path}/")] {
                // One user may log in 20 times a minute.
                stack.advance(Duration::from_mins(1));
                let signed_in = stack.sign_in_as(&user).await;
                let method: Method = method.parse().unwrap();
                let mut request =
                    stack.request(method.clone(), &path).header("cookie", cookie_pair(&signed_in.token()));
                if method == Method::GET {
                    request = request.bearer_auth(signed_in.access());
                } else if path.contains("verify") {
                    request = request.json(&json!({"token": signed_in.access()}));
                } else if path.contains("kakao") {
                    request = request.json(&json!({"access_token": stack.kakao.token(&user).await}));
                }
                let starts = method == Method::GET && path.contains("kakao");
                let answer = if starts { stack.ask(request).await.unwrap() } else { stack.send(request).await };
                let expected = if starts { StatusCode::NO_CONTENT } else { StatusCode::OK };
                assert_eq!(answer.status, expected, "{slash:?} {method} {path}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn anything_below_a_path_is_another_path() {
    for slash in [TrailingSlash::Exact, TrailingSlash::Greedy] {
        let stack = Stack::with(Settings { slash, ..Settings::default() }).await;
        for (method, path) in PATHS {
            for below in ["x", "x/", "kakao", "/", "%00"] {
                let request = stack.request(method.parse().unwrap(), &format!("{path}/{below}"));
                let answer = stack.send(request).await;
                assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}/{below}");
            }
        }
    }
}

#[tokio::test]
async fn another_path_or_method_is_the_gateways_to_refuse() {
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
        ("PATCH", "/auth/profile"),
        ("TRACE", "/auth/profile"),
        ("OPTIONS", "/auth/kakao"),
    ] {
        let answer = gateways_own(stack.request(method.parse().unwrap(), path)).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, json!({"message": "Not Found"})), "{method} {path}");
    }
    for path in ["/auth/profile", "/auth/kakao"] {
        let head = stack.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::NOT_FOUND, "HEAD {path}");
    }
}

#[tokio::test]
async fn too_large_a_request_is_the_gateways_to_refuse() {
    let stack = Stack::start().await;
    let large = stack.request(Method::POST, "/auth/kakao").body(vec![b'x'; 10 * 1024 * 1024 + 1]);
    assert_eq!(gateways_own(large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let headers = stack.request(Method::GET, "/auth/profile").header("x-large", "x".repeat(11_000));
    assert_eq!(gateways_own(headers).await.0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn an_allowed_origin_may_call_with_cookies_and_no_other() {
    let stack = Stack::start().await;
    let token = stack.sign_in().await.token();
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
        assert_eq!(header("access-control-allow-methods"), allowed.then_some("GET,POST"));
        assert_eq!(
            header("access-control-allow-headers"),
            allowed.then_some("authorization,content-type,x-requested-with")
        );

        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
        let answer = stack.send(request.header("origin", origin)).await;
        let granted = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!(granted, allowed.then_some(origin), "{origin}");
        assert_eq!(answer.status == StatusCode::OK, allowed);
        assert_eq!(answer.headers.contains_key("vary"), allowed);
    }
}

/// By default a page of another origin sees neither header.
#[tokio::test]
async fn a_page_of_an_allowed_origin_can_read_when_to_ask_again_and_why_it_was_refused() {
    let stack = Stack::start().await;
    let token = stack.sign_in().await.token();
    let refresh = async |cookie: &str, origin: &'static str| {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(cookie));
        stack.send(request.header("origin", origin)).await
    };
    let readable = |answer: &Answer| {
        let exposed = answer.headers.get("access-control-expose-headers");
        exposed.map(|names| names.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let refused = refresh("x", ORIGIN).await;
    assert_eq!((refused.status, refused.headers.contains_key("www-authenticate")), (StatusCode::UNAUTHORIZED, true));
    assert_eq!(readable(&refused), "retry-after,www-authenticate");
    stack.wire.fail(Fault::Throttle);
    let unavailable = refresh(&token, ORIGIN).await;
    assert_eq!(
        (unavailable.status, unavailable.headers.contains_key("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, true)
    );
    assert_eq!(readable(&unavailable), "retry-after,www-authenticate");
    assert_eq!(readable(&refresh(&token, "https://evil.example").await), "");
}

#[tokio::test]
async fn a_login_route_takes_so_many_logins_at_once_and_the_other_routes_go_on() {
    let environment = [("LOGIN_RATE_LIMIT", "1"), ("LOGIN_BURST_LIMIT", "3")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let signed_in = stack.sign_in().await;
    let login = async || {
        let request = stack.request(Method::POST, "/auth/kakao").json(&json!({"access_token": "x"}));
        request.send().await.unwrap().status()
    };
    let answers = [login().await, login().await, login().await, login().await];
    assert!(answers.contains(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    for _ in 0..20 {
        assert_eq!(stack.refresh(&signed_in.token()).await.status, StatusCode::OK);
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
    let answers = [start().await, start().await, start().await, start().await];
    assert!(answers.contains(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    assert_eq!(stack.sign_in().await.status, StatusCode::OK);
}

#[tokio::test]
async fn cookies_of_any_bytes_are_none_of_our_business() {
    let stack = Stack::start().await;
    let token = stack.sign_in().await.token();
    let junk = b"korean=\xed\x95\x9c; =; ;; bytes=\xff\xfe; a=b=c; ".as_slice();
    let cookie = HeaderValue::from_bytes(&[junk, cookie_pair(&token).as_bytes()].concat()).unwrap();
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
}

/// A recorded event with these members instead of its own.
fn event(function: &str, members: &Value) -> Value {
    let file = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

async fn invoke(functions: &BTreeMap<String, Function>, name: &str, members: &Value) -> Value {
    let (event, request_id) = (event(name, members), "id".to_owned());
    let invocation = Invocation { event, request_id, timeout: Duration::from_secs(10) };
    (functions[name])(invocation).await.unwrap_or_else(|failed| panic!("{name} with {members}: {failed:?}"))
}

/// Control characters do not pass the local gateway's HTTP parser. What the cloud's lets pass is not written anywhere.
#[tokio::test]
async fn a_control_character_in_another_cookie_or_header_does_not_lose_the_good_cookie() {
    let stack = Stack::start().await;
    let functions = stack.past_the_gateway();
    let token = stack.sign_in().await.token();
    for odd in ["a=\u{0}", "a=x\r\ny", "\u{1}", "a=\u{7f}", "a=한글", "", "=", "a=\u{b}\u{c}"] {
        for cookies in [vec![odd.to_owned(), cookie_pair(&token)], vec![cookie_pair(&token), odd.to_owned()]] {
            let answer = invoke(&functions, "refresh", &json!({"cookies": cookies})).await;
            assert_eq!((&answer["statusCode"], &answer["cookies"]), (&json!(200), &json!([])), "{odd:?}");
        }
        let mut headers = event("refresh", &json!({}))["headers"].clone();
        headers["x-odd"] = json!(odd);
        let changed = json!({"headers": headers, "cookies": [cookie_pair(&token)]});
        let answer = invoke(&functions, "refresh", &changed).await;
        assert_eq!(answer["statusCode"], 200, "{odd:?} in a header");
    }
    let within = format!("{COOKIE_NAME}={}\u{0}{}", &token[..9], &token[9..]);
    let answer = invoke(&functions, "refresh", &json!({"cookies": [within]})).await;
    assert_eq!(answer["statusCode"], 401, "in our own cookie");
    let mut headers = event("refresh", &json!({}))["headers"].clone();
    headers["origin"] = json!(format!("{ORIGIN}\u{1}"));
    let changed = json!({"headers": headers, "cookies": [cookie_pair(&token)]});
    let answer = invoke(&functions, "refresh", &changed).await;
    assert_eq!(answer["statusCode"], 403, "an origin that is not well-formed is not a missing one");
}

#[tokio::test]
async fn no_function_fails_for_an_odd_query_path_host_or_body() {
    let stack = Stack::start().await;
    let functions = stack.past_the_gateway();
    let token = stack.sign_in().await.token();
    for function in ["kakao-login", "refresh", "logout", "profile", "verify", "jwks"] {
        let headers = |name: &str, value: &str| {
            let mut headers = event(function, &json!({}))["headers"].clone();
            headers[name] = json!(value);
            json!({ "headers": headers })
        };
        let mut odd = vec![
            json!({"rawPath": "/a b<\">", "pathParameters": {"proxy": " b<\">"}}),
            json!({"rawPath": "한글"}),
            json!({"rawPath": ""}),
            json!({"body": "=", "isBase64Encoded": true}),
            headers("x-forwarded-proto", ":"),
        ];
        odd.extend(
            ["a b", "<", "\"", "{", "|", "^", "\\", "%", "한글", "\u{1}"].map(|query| json!({"rawQueryString": query})),
        );
        odd.extend(["", "a b", "[", "user@host", "host:99999", "<>"].map(|host| headers("host", host)));
        for members in odd {
            let status = invoke(&functions, function, &members).await["statusCode"].as_u64().unwrap();
            assert!((200..=499).contains(&status), "{function} {members}: {status}");
        }
    }
    let query = json!({"rawQueryString": "a=<\"{|}^`\\>한글 &scope=all", "cookies": [cookie_pair(&token)]});
    assert_eq!(invoke(&functions, "logout", &query).await["statusCode"], 200);
    assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED, "the scope was read all the same");
}

#[tokio::test]
async fn several_cookie_lines_are_read_as_one() {
    let stack = Stack::start().await;
    let token = stack.sign_in().await.token();
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", "a=b");
    assert_eq!(stack.send(request.header("cookie", cookie_pair(&token))).await.status, StatusCode::OK);
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair("planted"));
    assert_eq!(stack.send(request.header("cookie", cookie_pair(&token))).await.status, StatusCode::OK);
}

/// A sibling domain may plant a cookie whose name only looks like ours: browsers enforce `__Host-` for the exact bytes.
#[tokio::test]
async fn a_cookie_whose_name_only_looks_like_ours_is_none() {
    let stack = Stack::start().await;
    let token = stack.sign_in().await.token();
    for (before, after) in [("\u{a0}", ""), ("", "\u{a0}"), ("", "\u{2003}"), ("\u{3000}", "\u{85}"), ("", "\u{b}")] {
        let planted = format!("{before}{COOKIE_NAME}{after}={token}");
        let Ok(cookie) = HeaderValue::from_bytes(planted.as_bytes()) else { continue };
        let alone = stack.send(stack.request(Method::POST, "/auth/refresh").header("cookie", cookie)).await;
        assert_eq!(alone.status, 401, "{planted:?}");
        let beside = format!("{before}{COOKIE_NAME}{after}=x; {}", cookie_pair(&token));
        let cookie = HeaderValue::from_bytes(beside.as_bytes()).unwrap();
        let beside = stack.send(stack.request(Method::POST, "/auth/refresh").header("cookie", cookie)).await;
        assert_eq!(beside.status, 200, "{planted:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_refused() {
    let stack = Stack::start().await;
    for path in ["/auth/kakao", "/auth/refresh", "/auth/logout"] {
        for (content_type, expected) in [
            ("application/json", StatusCode::BAD_REQUEST),
            ("application/octet-stream", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ] {
            let request = stack.request(Method::POST, path).header("content-type", content_type);
            let answer = stack.send(request.body(b"{\"access_token\":\"\xff\xfe\"}".to_vec())).await;
            assert_eq!(answer.status, expected, "{path} {content_type}");
        }
    }
}

#[tokio::test]
async fn the_cookie_follows_its_settings() {
    for (name, value, prefix, attributes) in [
        ("COOKIE_SAMESITE", "Lax", "__Host-Http-refresh_token=", "; Secure; HttpOnly; SameSite=Lax"),
        ("COOKIE_SAMESITE", "None", "__Host-Http-refresh_token=", "; Secure; HttpOnly; SameSite=None; Partitioned"),
        ("COOKIE_SECURE", "false", "refresh_token=", "; Path=/; HttpOnly; SameSite=Strict"),
    ] {
        let stack = Stack::with_setting(name, value).await;
        let signed_in = stack.sign_in().await;
        let cookie = format!("{prefix}{}", signed_in.token());
        let log_out = stack.send(stack.request(Method::POST, "/auth/logout").header("cookie", cookie)).await;
        for set_cookie in [signed_in.set_cookie(), log_out.set_cookie()] {
            assert!(set_cookie.starts_with(prefix), "{value}: {set_cookie}");
            assert!(set_cookie.ends_with(attributes), "{value}: {set_cookie}");
        }
    }
}

const CLEARED: &str = "__Host-Http-refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=";

/// A browser keeps the partitioned cookie and the other one apart, so both have to be cleared, and what is set comes last.
#[tokio::test]
async fn where_two_cookies_were_presented_the_other_kind_is_cleared() {
    for (same_site, own, other) in [
        ("Strict", "Strict", "None; Partitioned"),
        ("Lax", "Lax", "None; Partitioned"),
        ("None", "None; Partitioned", "None"),
    ] {
        let stack = Stack::with_setting("COOKIE_SAMESITE", same_site).await;
        let user = stack.kakao.new_user().await;
        let (old, new) = (stack.sign_in_as(&user).await.token(), stack.sign_in_as(&user).await.token());
        let both = format!("{}; {}", cookie_pair(&old), cookie_pair(&new));
        let post = |path: &str| stack.request(Method::POST, path).header("cookie", &both);
        let cleared = [format!("{CLEARED}{other}"), format!("{CLEARED}{own}")];

        stack.advance(Duration::from_secs(30));
        let rotated = stack.send(post("/auth/refresh")).await;
        assert_eq!((rotated.status, rotated.set_cookies()[0]), (StatusCode::OK, &*cleared[0]), "{same_site}");
        assert!(rotated.set_cookie().ends_with(&format!("; Secure; HttpOnly; SameSite={own}")), "{same_site}");
        assert!(!rotated.token().is_empty() && rotated.set_cookies().len() == 2);

        let credential = json!({"access_token": stack.kakao.token(&user).await});
        let signed_in = stack.send(post("/auth/kakao").json(&credential)).await;
        assert_eq!((signed_in.status, signed_in.set_cookies()[0]), (StatusCode::OK, &*cleared[0]), "{same_site}");
        assert!(!signed_in.token().is_empty() && signed_in.set_cookies().len() == 2);
        for path in ["/auth/refresh", "/auth/logout"] {
            assert_eq!(stack.send(post(path)).await.set_cookies(), cleared, "{same_site} {path}");
        }
    }
    let stack = Stack::with_setting("COOKIE_SECURE", "false").await;
    let token = stack.sign_in().await.token();
    let request = stack.request(Method::POST, "/auth/logout").header("cookie", format!("refresh_token={token}"));
    assert_eq!(stack.send(request).await.set_cookies().len(), 1, "without Secure there is one kind");
}

/// What a token is worth elsewhere: nothing.
#[tokio::test]
async fn tokens_of_another_installation_are_refused() {
    let (ours, theirs) = (Stack::start().await, Stack::start().await);
    let signed_in = theirs.sign_in().await;
    assert_eq!(ours.profile(signed_in.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ours.refresh(&signed_in.token()).await.status, StatusCode::UNAUTHORIZED);
    let (good, theirs) = (cookie_pair(&ours.sign_in().await.token()), cookie_pair(&signed_in.token()));
    for cookies in [format!("{theirs}; {good}"), format!("{good}; {theirs}")] {
        let request = ours.request(Method::POST, "/auth/refresh").header("cookie", cookies);
        assert_eq!(ours.send(request).await.status, StatusCode::OK, "nor does it get in the way of a good one");
    }
}
