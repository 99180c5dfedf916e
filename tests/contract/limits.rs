//! Limits to the byte, and what a refused request must not change.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use tests::{Stack, client::cookie_pair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The request line and the headers together.
pub(crate) const HEADER_BYTES: usize = 10_240;
/// A body, at the gateway.
pub(crate) const GATEWAY_BODY_BYTES: usize = 10 * 1024 * 1024;
/// A body, at a function.
pub(crate) const BODY_BYTES: usize = 16 * 1024;

/// The status of a request whose header names are sent as given: HTTP libraries write them in lower case.
async fn status(stack: &Stack, method: &str, path: &str, headers: &[(&str, String)]) -> u16 {
    let address = stack.request(Method::GET, "/").build().unwrap().url().authority().to_owned();
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{method} {path} HTTP/1.1\r\n{}\r\n", lines.concat()).as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

fn headers(token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("HOST", "localhost".to_owned()),
        ("CONNECTION", "close".to_owned()),
        ("CONTENT-LENGTH", "0".to_owned()),
        ("COOKIE", cookie_pair(token)),
    ]
}

#[tokio::test]
async fn request_line_and_headers_may_have_10240_bytes_and_not_one_more() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let used: usize = headers(&token).iter().map(|(name, value)| name.len() + value.len()).sum();
    let room = HEADER_BYTES - used - "POST/auth/refresh".len();
    for (pad, expected) in [(room, 200), (room + 1, 431)] {
        let mut in_headers = headers(&token);
        in_headers.push(("X-PAD", "x".repeat(pad - "X-PAD".len())));
        assert_eq!(status(&stack, "POST", "/auth/refresh", &in_headers).await, expected, "in headers");
        let path = format!("/auth/refresh?{}", "x".repeat(pad - "?".len()));
        assert_eq!(status(&stack, "POST", &path, &headers(&token)).await, expected, "in the address");
        let mut in_cookies = headers(&token);
        let others = (pad - 4) / 2;
        let (before, after) = ("b".repeat(others), "a".repeat(pad - 4 - others));
        in_cookies[3].1 = format!("{before}; {}; {after}", cookie_pair(&token));
        assert_eq!(status(&stack, "POST", "/auth/refresh", &in_cookies).await, expected, "around our cookie");
    }
}

#[tokio::test]
async fn ten_mebibytes_of_body_reach_the_function_and_not_one_byte_more() {
    let stack = Stack::start().await;
    for (bytes, expected) in [(GATEWAY_BODY_BYTES, "payload_too_large"), (GATEWAY_BODY_BYTES + 1, "")] {
        let request = stack.request(Method::POST, "/auth/refresh").header("content-type", "application/json");
        let response = stack.ask(request.body(vec![b' '; bytes])).await.unwrap();
        assert_eq!((response.status, response.code()), (StatusCode::PAYLOAD_TOO_LARGE, expected), "{}", response.body);
    }
}

#[tokio::test]
async fn odd_characters_in_the_query_are_accepted() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    for query in ["{}", "|", "^", "`", "\\", "%", "%zz", "a=\"x\"", "한글", "?&=/"] {
        let status = status(&stack, "POST", &format!("/auth/refresh?{query}"), &headers(&logged_in.token())).await;
        // The HTTP parser may refuse it.
        assert!([200, 400].contains(&status), "{query}: {status}");
    }
}

#[tokio::test]
async fn header_names_are_case_insensitive() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    for name in ["AUTHORIZATION", "Authorization", "authorization", "aUTHORIZATION"] {
        let mut all = headers(&logged_in.token());
        all.push((name, format!("Bearer {}", logged_in.access())));
        assert_eq!(status(&stack, "GET", "/auth/profile", &all).await, 200, "{name}");
    }
    for (name, value, expected) in [
        ("SEC-FETCH-SITE", "cross-site", 403),
        ("ORIGIN", "https://evil.example", 403),
        ("Sec-Fetch-Site", "same-origin", 200),
    ] {
        let mut all = headers(&logged_in.token());
        all.push((name, value.to_owned()));
        assert_eq!(status(&stack, "POST", "/auth/refresh", &all).await, expected, "{name}: {value}");
    }
}

/// A malformed request says nothing about the session: its cookie is not cleared, rotated or spent, even if the token is due to
/// be rotated.
#[tokio::test]
async fn a_refused_body_leaves_the_cookie_and_the_session_alone() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    stack.advance(Duration::from_secs(31));
    let before = stack.dump().await;
    let json = "application/json";
    let refused: [(&str, Vec<u8>, u16); 12] = [
        (json, vec![b' '; BODY_BYTES + 1], 413),
        (json, vec![0xff; BODY_BYTES + 1], 413),
        ("text/plain", b"{}".to_vec(), 415),
        (json, b"{\"a\":\"\xff\"}".to_vec(), 400),
        (json, b"{\"a\":\"\\ud800\"}".to_vec(), 400),
        (json, b"{\"a\":\"\0\"}".to_vec(), 400),
        (json, b"{\"a\":1,}".to_vec(), 400),
        (json, b"{\"a\":1e999}".to_vec(), 400),
        (json, b"{\"a\":01}".to_vec(), 400),
        (json, b"{}{}".to_vec(), 400),
        (json, "[".repeat(BODY_BYTES).into_bytes(), 400),
        (json, format!("{{\"a\":{}", "[".repeat(16_000)).into_bytes(), 400),
    ];
    for (content_type, body, expected) in refused {
        for path in ["/auth/kakao", "/auth/refresh", "/auth/logout", "/auth/logout?scope=all"] {
            let request = stack.request(Method::POST, path).header("cookie", cookie_pair(&token));
            let response = stack.send(request.header("content-type", content_type).body(body.clone())).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(
                (response.status.as_u16(), response.set_cookie()),
                (expected, ""),
                "{path} {content_type} {shown}"
            );
        }
    }
    assert_eq!(stack.dump().await, before, "nothing was written");
    let refreshed = stack.refresh(&token).await;
    assert_eq!(refreshed.status, StatusCode::OK);
    assert_eq!(stack.refresh(&refreshed.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_body_and_an_empty_one_are_the_same() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let post = |path: &str| stack.request(Method::POST, path).header("cookie", cookie_pair(&logged_in.token()));
    let empty = |request: RequestBuilder, content_type: &str| request.header("content-type", content_type).body("");
    for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
        assert_eq!(stack.send(empty(post("/auth/refresh"), content_type)).await.status, 200, "{content_type}");
    }
    assert_eq!(stack.send(post("/auth/refresh")).await.status, 200);
    assert_eq!(stack.send(empty(post("/auth/kakao"), "application/json")).await.status, 400);
    assert_eq!(stack.send(empty(post("/auth/logout"), "text/plain")).await.status, 200);
}

/// As `JSON.parse` has it (RFC 8259 §4 leaves it open).
#[tokio::test]
async fn the_last_of_two_members_with_one_name_counts() {
    let stack = Stack::start().await;
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    for (body, expected) in [
        (format!(r#"{{"access_token":"other","access_token":{}}}"#, json!(token)), 200),
        (format!(r#"{{"access_token":{},"access_token":"other"}}"#, json!(token)), 400),
        (format!(r#"{{"access_token":{},"access_token":null}}"#, json!(token)), 400),
    ] {
        let request = stack.request(Method::POST, "/auth/kakao").header("content-type", "application/json");
        assert_eq!(stack.send(request.body(body)).await.status, expected);
    }
}

/// A number is never a flag, nor an id, and however long it is it stays one member that nobody asks for.
#[tokio::test]
async fn long_numbers_are_accepted_and_are_not_flags() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let long = "9".repeat(300);
    for (body, expected) in [
        (format!(r#"{{"user":{long}}}"#), 400),
        (format!(r#"{{"other":{long}}}"#), 200),
        (format!(r#"{{"other":-0.{long}e-400,"user":true}}"#), 200),
        (r#"{"user":1}"#.to_owned(), 400),
    ] {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
        let response = stack.send(request.header("content-type", "application/json").body(body.clone())).await;
        assert_eq!(response.status, expected, "{body}");
    }
}
