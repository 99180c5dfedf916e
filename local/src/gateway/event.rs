//! Payload format 2.0: requests into events, responses back.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::{collections::BTreeMap, net::IpAddr};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONNECTION, CONTENT_TYPE, COOKIE, SET_COOKIE, TRANSFER_ENCODING},
        request::Parts,
    },
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use shared::random;
use time::OffsetDateTime;

use super::routes::Variables;
use crate::{lambda::milliseconds_since_epoch, template::Route};

/// What an event contains besides the request.
pub(super) struct Meta<'a> {
    pub route: &'a Route,
    pub variables: Variables,
    pub request_id: &'a str,
    pub source_ip: IpAddr,
    pub drop_slash: bool,
}

pub(super) fn build(request: &Parts, body: &[u8], meta: &Meta) -> Value {
    let path = request.uri.path();
    let query = request.uri.query().unwrap_or_default();
    let host = text(request.headers.get("host"));
    let route_key = format!("{} {}", meta.route.method, meta.route.path);
    let context_path = if meta.drop_slash { path.strip_suffix('/').unwrap_or(path) } else { path };
    let now = milliseconds_since_epoch();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&request.headers, body.len(), meta.source_ip, now),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": host.split(':').next(),
            "domainPrefix": host.split(['.', ':']).next(),
            "http": {
                "method": request.method.as_str(),
                "path": context_path,
                "protocol": "HTTP/1.1",
                "sourceIp": meta.source_ip.to_string(),
                "userAgent": text(request.headers.get("user-agent")),
            },
            "requestId": meta.request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": common_log_time(now),
            "timeEpoch": now,
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&request.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if !meta.variables.is_empty() {
        let decoded = meta.variables.iter().map(|(name, value)| (name.clone(), json!(percent_decoded(value))));
        event["pathParameters"] = Value::Object(decoded.collect());
    }
    if !body.is_empty() {
        let as_text =
            is_text(&text(request.headers.get(CONTENT_TYPE))).then(|| std::str::from_utf8(body).ok()).flatten();
        event["isBase64Encoded"] = json!(as_text.is_none());
        event["body"] = as_text.map_or_else(|| json!(BASE64_STANDARD.encode(body)), |text| json!(text));
    }
    event
}

/// As in `23/Nov/2026:04:13:08 +0000`.
fn common_log_time(milliseconds: u64) -> String {
    let seconds = i64::try_from(milliseconds / 1_000).unwrap_or_default();
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let month = time.month().to_string();
    let (hour, minute, second) = time.to_hms();
    format!("{:02}/{}/{}:{hour:02}:{minute:02}:{second:02} +0000", time.day(), &month[..3], time.year())
}

/// Headers in lower case, repeated ones joined by commas, without cookies and without hop-by-hop headers.
fn headers(request: &HeaderMap, body_bytes: usize, source_ip: IpAddr, now: u64) -> Map<String, Value> {
    let mut joined = BTreeMap::<&str, String>::new();
    for (name, value) in request.iter().filter(|(name, _)| ![COOKIE, CONNECTION, TRANSFER_ENCODING].contains(*name)) {
        let value = text(Some(value));
        joined.entry(name.as_str()).and_modify(|so_far| *so_far = format!("{so_far},{value}")).or_insert(value);
    }
    let forwarded = joined.get("x-forwarded-for").map_or_else(String::new, |before| format!("{before}, "));
    joined.insert("x-forwarded-for", format!("{forwarded}{source_ip}"));
    joined.insert("x-forwarded-proto", "https".to_owned());
    joined.insert("x-forwarded-port", "443".to_owned());
    joined.insert("content-length", body_bytes.to_string());
    joined.entry("x-amzn-trace-id").or_insert_with(|| trace_id(now));
    joined.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

/// As in `Root=1-6926a1b2-0123456789abcdef01234567`: the second, and 12 random bytes.
fn trace_id(milliseconds: u64) -> String {
    let (first, second) = (u64::from_be_bytes(random::bytes()), u32::from_be_bytes(random::bytes()));
    format!("Root=1-{:08x}-{first:016x}{second:08x}", milliseconds / 1_000)
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().map(|line| text(Some(line)));
    lines.flat_map(|line| line.split(';').map(|pair| pair.trim_ascii().to_owned()).collect::<Vec<_>>()).collect()
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decoded(&name.replace('+', " ")), percent_decoded(&value.replace('+', " ")));
        parameters.entry(name).and_modify(|so_far| *so_far = format!("{so_far},{value}")).or_insert(value);
    }
    parameters
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&essence.as_str())
        || essence.starts_with("application/") && (essence.ends_with("+json") || essence.ends_with("+xml"))
}

fn text(value: Option<&HeaderValue>) -> String {
    value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// `None` if the response is malformed, for which AWS returns 500.
pub(super) fn read_response(response: &Value) -> Option<Response> {
    let status = u16::try_from(response["statusCode"].as_u64()?).ok()?;
    let body = response["body"].as_str().unwrap_or_default();
    let body = if response["isBase64Encoded"] == json!(true) {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.as_bytes().to_vec()
    };
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = answer.headers_mut();
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.as_str()?).ok()?);
    }
    for cookie in response["cookies"].as_array().into_iter().flatten() {
        headers.append(SET_COOKIE, HeaderValue::try_from(cookie.as_str()?).ok()?);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn event(request: Request<()>, body: &[u8], proxy: Option<&str>) -> Value {
        let route = Route { method: "POST".to_owned(), path: "/auth/refresh".to_owned() };
        let source_ip = [203, 0, 113, 77].into();
        let variables = proxy.map(|proxy| ("proxy".to_owned(), proxy.to_owned())).into_iter().collect();
        let meta = Meta { route: &route, variables, request_id: "id", source_ip, drop_slash: false };
        build(&request.into_parts().0, body, &meta)
    }

    fn request() -> axum::http::request::Builder {
        Request::post("/auth/refresh").header("host", "abc.example")
    }

    fn keys(value: &Value, prefix: &str, into: &mut Vec<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = format!("{prefix}.{key}");
            keys(value, &path, into);
            into.push(path);
        }
    }

    /// Recorded events are what AWS sends. The gateway gets only the client's part of them, and adds the rest.
    #[test]
    fn events_have_the_members_of_the_recorded_ones() {
        for text in [
            include_str!("../../../events/kakao-login.json"),
            include_str!("../../../events/refresh.json"),
            include_str!("../../../events/logout.json"),
            include_str!("../../../events/profile.json"),
            include_str!("../../../events/kakao-events.json"),
            include_str!("../../../events/sessions.json"),
            include_str!("../../../events/account.json"),
        ] {
            let recorded: Value = serde_json::from_str(text).unwrap();
            let route_key = recorded["routeKey"].as_str().unwrap();
            let (method, path) = route_key.split_once(' ').unwrap();
            let mut request = Request::builder().method(method).uri(path).header("connection", "keep-alive");
            for (name, value) in recorded["headers"].as_object().unwrap() {
                if !name.starts_with("x-") && name != "content-length" {
                    request = request.header(name, value.as_str().unwrap());
                }
            }
            for cookie in recorded["cookies"].as_array().into_iter().flatten() {
                request = request.header("cookie", cookie.as_str().unwrap());
            }
            let body = recorded["body"].as_str().unwrap_or_default();
            let is_binary = recorded["isBase64Encoded"] == true;
            let body = if is_binary { BASE64_STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() };
            let made = event(request.body(()).unwrap(), &body, None);
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            keys(&recorded, "", &mut expected);
            keys(&made, "", &mut found);
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{route_key}");
            for same in ["cookies", "body", "isBase64Encoded", "rawPath", "rawQueryString", "version"] {
                assert_eq!(made.get(same), recorded.get(same), "{route_key}: {same}");
            }
            for same in ["content-length", "content-type", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"] {
                assert_eq!(made["headers"].get(same), recorded["headers"].get(same), "{route_key}: {same}");
            }
        }
    }

    #[test]
    fn the_gateway_adds_a_trace_id_unless_the_client_sent_one() {
        let made = event(request().body(()).unwrap(), b"", None);
        let made = made["headers"]["x-amzn-trace-id"].as_str().unwrap();
        let parts: Vec<usize> = made.split('-').map(str::len).collect();
        assert!(made.starts_with("Root=1-") && parts == [6, 8, 24], "{made}");
        let kept = event(request().header("x-amzn-trace-id", "Root=1-a-b").body(()).unwrap(), b"", None);
        assert_eq!(kept["headers"]["x-amzn-trace-id"], "Root=1-a-b");
    }

    #[test]
    fn headers_are_lower_case_and_joined_and_the_clients_forwarding_comes_first() {
        let request = request().header("X-A", "1").header("x-a", "2").header("x-forwarded-for", "10.0.0.1");
        let event = event(request.body(()).unwrap(), b"", None);
        assert_eq!(event["headers"]["x-a"], "1,2");
        assert_eq!(event["headers"]["x-forwarded-for"], "10.0.0.1, 203.0.113.77");
        assert_eq!(event["requestContext"]["http"]["sourceIp"], "203.0.113.77");
    }

    #[test]
    fn text_stays_text_and_anything_else_is_base64() {
        for (content_type, body, encoded) in [
            ("application/json", b"{}".as_slice(), false),
            ("application/problem+json; charset=utf-8", b"{}", false),
            ("text/plain", b"x", false),
            ("application/octet-stream", b"x", true),
            ("application/x-www-form-urlencoded", b"a=1", true),
            ("application/secevent+jwt", b"a.b.c", true),
            ("", b"x", true),
            ("application/json", b"\xff", true),
        ] {
            let event = event(request().header("content-type", content_type).body(()).unwrap(), body, None);
            assert_eq!(event["isBase64Encoded"], encoded, "{content_type}");
        }
        assert_eq!(event(request().body(()).unwrap(), b"", None).get("body"), None);
    }

    #[test]
    fn query_and_path_parameters_are_decoded_and_their_raw_form_is_kept() {
        let request = Request::post("/auth/refresh?a=1&a=%ED%95%9C+x&b").header("host", "abc.example");
        let event = event(request.body(()).unwrap(), b"", Some("x%20y"));
        assert_eq!(event["rawQueryString"], "a=1&a=%ED%95%9C+x&b");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,한 x", "b": ""}));
        assert_eq!(event["pathParameters"], json!({"proxy": "x y"}));
    }
}
