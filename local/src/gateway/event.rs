//! Payload format 2.0: requests into events, responses back.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::{collections::BTreeMap, net::IpAddr};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
        request::Parts,
    },
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::template::Route;

/// What an event has beside the request itself.
pub(super) struct Meta<'a> {
    pub route: &'a Route,
    pub proxy: Option<String>,
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
    let now = super::milliseconds_since_epoch();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&request.headers, meta.source_ip),
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
    if let Some(proxy) = &meta.proxy {
        event["pathParameters"] = json!({"proxy": percent_decoded(proxy)});
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

/// In lower case, several of one name joined by commas, cookies apart.
fn headers(request: &HeaderMap, source_ip: IpAddr) -> Map<String, Value> {
    let mut joined = BTreeMap::<&str, String>::new();
    for (name, value) in request.iter().filter(|(name, _)| *name != COOKIE) {
        let value = text(Some(value));
        joined.entry(name.as_str()).and_modify(|so_far| *so_far = format!("{so_far},{value}")).or_insert(value);
    }
    let forwarded = joined.get("x-forwarded-for").map_or_else(String::new, |before| format!("{before}, "));
    joined.insert("x-forwarded-for", format!("{forwarded}{source_ip}"));
    joined.insert("x-forwarded-proto", "https".to_owned());
    joined.insert("x-forwarded-port", "443".to_owned());
    joined.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().map(|line| text(Some(line)));
    lines.flat_map(|line| line.split(';').map(|pair| pair.trim().to_owned()).collect::<Vec<_>>()).collect()
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

/// `None` if the response is not of the format, for which the cloud answers 500.
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
        let proxy = proxy.map(str::to_owned);
        let meta = Meta { route: &route, proxy, request_id: "id", source_ip, drop_slash: false };
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

    /// The recorded event is what the cloud sends; what this gateway makes of the same request has the same members.
    #[test]
    fn an_event_has_the_members_of_a_recorded_one() {
        let recorded: Value = serde_json::from_str(include_str!("../../../events/refresh.json")).unwrap();
        let mut request = request().header("cookie", "theme=dark; a=b");
        for (name, value) in recorded["headers"].as_object().unwrap() {
            if name != "host" && !name.starts_with("x-forwarded") {
                request = request.header(name, value.as_str().unwrap());
            }
        }
        let made = event(request.body(()).unwrap(), b"", None);
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        keys(&recorded, "", &mut expected);
        keys(&made, "", &mut found);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(made["cookies"], json!(["theme=dark", "a=b"]));
    }

    #[test]
    fn headers_are_lower_case_and_joined_and_the_clients_own_forwarding_comes_first() {
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
            ("", b"x", true),
            ("application/json", b"\xff", true),
        ] {
            let event = event(request().header("content-type", content_type).body(()).unwrap(), body, None);
            assert_eq!(event["isBase64Encoded"], encoded, "{content_type}");
        }
        assert_eq!(event(request().body(()).unwrap(), b"", None).get("body"), None);
    }

    #[test]
    fn queries_and_remainders_are_decoded_and_their_raw_form_is_kept() {
        let request = Request::post("/auth/refresh?a=1&a=%ED%95%9C+x&b").header("host", "abc.example");
        let event = event(request.body(()).unwrap(), b"", Some("x%20y"));
        assert_eq!(event["rawQueryString"], "a=1&a=%ED%95%9C+x&b");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,한 x", "b": ""}));
        assert_eq!(event["pathParameters"], json!({"proxy": "x y"}));
    }
}
