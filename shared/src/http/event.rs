//! Payload format 2.0 of an HTTP API: turns an event into a request, whatever the client sent, and a response into the gateway's form.
//!
//! `lambda_http` does this too, but it panics if Host, path and query do not make a URL or the body is not base64. It also fails for
//! a header with a control character, and drops all cookies if one has such a character. A client can send any of these.

use std::{collections::HashMap, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    Body, Context, Request, RequestExt, Response,
    aws_lambda_events::{apigw::ApiGatewayV2httpResponse, query_map::QueryMap},
    http::{
        HeaderName, HeaderValue,
        header::{COOKIE, SET_COOKIE},
    },
};
use serde::Deserialize;

/// The parts of an event that the functions use. It cannot be printed, as it holds tokens.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    raw_path: String,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    headers: Option<HashMap<String, String>>,
    path_parameters: Option<HashMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    source_ip: Option<String>,
}

/// The client's address as the gateway saw it, or as [the edge stack](super::OriginCheck) says it. It is an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceIp(pub(super) IpAddr);

impl Event {
    /// The request. Each cookie becomes a header of its own, so that a malformed one does not affect the others.
    #[must_use]
    pub fn into_request(self, context: Context) -> Request {
        let mut request = Request::new(match self.body {
            None => Body::Empty,
            // Text that is not base64 is not JSON either, so its reader will refuse it.
            Some(text) if self.is_base64_encoded => {
                BASE64_STANDARD.decode(&text).map_or_else(|_| Body::Text(text), Body::Binary)
            }
            Some(text) => Body::Text(text),
        });
        *request.method_mut() = self.request_context.http.method.parse().unwrap_or_default();
        // The gateway has chosen the function by the path. A path that is not a URI has a remainder, which is a 404.
        *request.uri_mut() = self.raw_path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        for (name, value) in self.headers.unwrap_or_default() {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                headers.append(name, header_value(&value));
            }
        }
        for cookie in self.cookies.unwrap_or_default() {
            headers.append(COOKIE, header_value(&cookie));
        }
        if let Some(ip) = self.request_context.http.source_ip.and_then(|ip| ip.parse().ok()) {
            request.extensions_mut().insert(SourceIp(ip));
        }
        let query: QueryMap = self.raw_query_string.unwrap_or_default().parse().unwrap_or_default();
        request
            .with_raw_http_path(self.raw_path)
            .with_query_string_parameters(query)
            .with_path_parameters(self.path_parameters.unwrap_or_default())
            .with_lambda_context(context)
    }
}

/// A header value with `?` for each byte that is not allowed (RFC 9110 §5.5). The header is not dropped, because a malformed `Origin`
/// must not count as an absent one.
fn header_value(text: &str) -> HeaderValue {
    let allowed = |byte: u8| byte == b'\t' || byte >= b' ' && byte != 0x7f;
    let bytes: Vec<u8> = text.bytes().map(|byte| if allowed(byte) { byte } else { b'?' }).collect();
    HeaderValue::from_bytes(&bytes).unwrap_or(const { HeaderValue::from_static("?") })
}

/// The response as the gateway expects it.
#[must_use]
pub fn gateway_response(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (mut parts, body) = response.into_parts();
    let mut gateway = ApiGatewayV2httpResponse::default();
    gateway.status_code = parts.status.as_u16().into();
    let cookies = parts.headers.get_all(SET_COOKIE).iter();
    gateway.cookies = cookies.filter_map(|cookie| Some(cookie.to_str().ok()?.to_owned())).collect();
    parts.headers.remove(SET_COOKIE);
    gateway.headers = parts.headers;
    gateway.is_base64_encoded = matches!(body, Body::Binary(_));
    gateway.body = Some(body);
    gateway
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(event: &Value) -> Request {
        let mut whole = json!({
            "version": "2.0", "rawPath": "/auth/logout", "rawQueryString": "scope=all",
            "headers": {"host": "api.example.com", "content-type": "application/json"},
            "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.77"}},
        });
        for (name, value) in event.as_object().unwrap() {
            whole[name] = value.clone();
        }
        serde_json::from_value::<Event>(whole).unwrap().into_request(Context::default())
    }

    #[test]
    fn an_event_becomes_the_request_that_the_client_sent() {
        let request = request(&json!({
            "cookies": ["a=1", "b=2"], "body": "e30=", "isBase64Encoded": true, "pathParameters": {"proxy": "x"},
        }));
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/auth/logout"));
        assert_eq!(request.query_string_parameters_ref().and_then(|query| query.first("scope")), Some("all"));
        assert_eq!(request.path_parameters_ref().and_then(|path| path.first("proxy")), Some("x"));
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(request.headers().get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(request.extensions().get::<SourceIp>().unwrap().0, IpAddr::from([203, 0, 113, 77]));
        assert_eq!(&**request.body(), b"{}");
    }

    #[test]
    fn whatever_a_client_sends_makes_a_request() {
        for host in ["", "a b", "[", "ex<>ample", "user@host:99999", "\u{1}"] {
            let request = request(&json!({"headers": {"host": host, "x-forwarded-proto": ":", "bad name": "x"}}));
            assert_eq!(request.uri().path(), "/auth/logout", "{host:?}");
        }
        for path in ["", "/a b", "/<\">", "/\u{1}", "//", "/한글", "*", "/%zz", "/[^`{|}]"] {
            assert_eq!(request(&json!({"rawPath": path})).raw_http_path(), path);
        }
        for query in ["a b", "a=<\">", "{|}^`\\", "%", "%zz", "한글=\u{1}", "#", "=&=", "?&?"] {
            let request = request(&json!({"rawQueryString": format!("{query}&scope=all")}));
            let scope = request.query_string_parameters_ref().and_then(|query| query.first("scope"));
            assert_eq!(scope, Some("all"), "{query}");
        }
        for body in ["{}", "e30", "=", "\u{1}", "한글"] {
            assert_eq!(&**request(&json!({"body": body, "isBase64Encoded": true})).body(), body.as_bytes());
        }
        for method in ["", "A B", "\u{1}"] {
            let context = json!({"http": {"method": method, "sourceIp": "nowhere"}});
            assert!(request(&json!({"requestContext": context})).extensions().get::<SourceIp>().is_none());
        }
        for absent in ["rawQueryString", "cookies", "headers", "pathParameters", "body"] {
            assert_eq!(request(&json!({absent: null})).uri().path(), "/auth/logout", "{absent}");
        }
    }

    #[test]
    fn a_byte_that_no_header_may_hold_spoils_its_own_cookie_or_header_only() {
        let request = request(&json!({
            "cookies": ["a=1", "b=\u{0}", "c=\r\nset-cookie: x", "d=한글", "e=\u{7f}", "f=6"],
            "headers": {"origin": "https://www.example.com\u{1}", "x-other": "\n", "user-agent": "ok"},
        }));
        let cookies: Vec<_> = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        let expected = ["a=1", "b=?", "c=??set-cookie: x", "d=한글", "e=?", "f=6"];
        assert_eq!(cookies, expected.map(str::as_bytes));
        assert_eq!(request.headers()["origin"], "https://www.example.com?");
        assert_eq!(request.headers()["user-agent"], "ok");
    }

    #[test]
    fn a_response_becomes_one_for_the_gateway_with_its_cookies_apart() {
        let response = Response::builder().status(401).header("set-cookie", "a=1").header("set-cookie", "b=2");
        let response = response.header("retry-after", "1").body(Body::Text("{}".to_owned())).unwrap();
        let gateway = serde_json::to_value(gateway_response(response)).unwrap();
        assert_eq!((&gateway["statusCode"], &gateway["cookies"]), (&json!(401), &json!(["a=1", "b=2"])));
        assert_eq!((&gateway["headers"], &gateway["body"]), (&json!({"retry-after": "1"}), &json!("{}")));
        assert_eq!(gateway["isBase64Encoded"], false);
        let bytes = serde_json::to_value(gateway_response(Response::new(Body::Binary(vec![0, 1])))).unwrap();
        assert_eq!((&bytes["body"], &bytes["isBase64Encoded"]), (&json!("AAE="), &json!(true)));
    }
}
