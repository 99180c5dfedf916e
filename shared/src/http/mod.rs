//! The HTTP edge: requests are bounded and parsed here once, and every response gets the same headers.

mod cookie;
mod device;
mod django;
mod event;
mod links;
mod origin;
mod presented;
mod request;
mod token_body;

use std::{net::IpAddr, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{
        HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
        },
    },
};
use ring::digest;
use serde_json::{Map, Value, json};
use tracing::Level;

pub use self::{
    cookie::{Cookies, SameSite, cookie_values},
    device::{described_device, device},
    django::{Carrier, DjangoToken, DjangoTokens, LONGEST_EXCHANGE, PresentedDjango, VerifiedDjango},
    event::{Event, gateway_response},
    links::links,
    origin::OriginCheck,
    presented::{Compatibility, is_from_page, presented},
    request::{JsonObject, Origins, bearer, credential},
    token_body::{take_out_refresh_token, write_refresh_token},
};
use crate::{error::Error, log};

/// Shorter than Lambda's timeout, so that the client gets our response and not the gateway's 503.
pub const DEADLINE: Duration = Duration::from_millis(4_500);
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Handles one request and writes its line to the log.
pub fn respond<F>(
    function: &'static str,
    origin: &OriginCheck,
    mut request: Request,
    handle: impl FnOnce(Request) -> F,
) -> impl Future<Output = Response<Body>> + Send
where
    F: Future<Output = Result<Response<Body>, Error>> + Send,
{
    let request_id = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
    let origin = origin.check(&mut request);
    let caller = origin.as_ref().ok().copied().flatten();
    // A handler's future is large. Boxed, it is not moved into each layer around it.
    let accepted = origin.and_then(|_| reject_other_path(&request)).and_then(|()| reject_oversized(&request));
    let handling = accepted.map(|()| Box::pin(handle(request)));
    async move {
        let started = std::time::Instant::now();
        let (result, notes) = log::noting(async {
            match handling {
                Ok(handling) => tokio::time::timeout(DEADLINE, handling).await.unwrap_or(Err(Error::Deadline)),
                Err(error) => Err(error),
            }
        })
        .await;
        let (error, response) = match result {
            Ok(response) => (None, response),
            Err(error) => {
                let response = error_response(&error);
                (Some(error), response)
            }
        };
        write_line(function, &request_id, caller, notes, error.as_ref(), &response, started.elapsed());
        response
    }
}

/// Each path is declared as `/x` and `/x/{proxy+}`, for the sake of `/x/`. A remainder means another path.
fn reject_other_path(request: &Request) -> Result<(), Error> {
    let rest = request.path_parameters_ref().and_then(|path| path.first("proxy"));
    if rest.is_none_or(str::is_empty) { Ok(()) } else { Err(Error::NotFound) }
}

fn reject_oversized(request: &Request) -> Result<(), Error> {
    if request.body().len() > MAX_BODY_BYTES { Err(Error::TooLarge) } else { Ok(()) }
}

fn write_line(
    function: &str,
    request_id: &str,
    caller: Option<IpAddr>,
    notes: log::Notes,
    error: Option<&Error>,
    response: &Response<Body>,
    elapsed: Duration,
) {
    let status = response.status();
    let outcome = match error {
        Some(error) if notes.outcome.is_empty() => error.response().code,
        None if notes.outcome.is_empty() => "ok",
        _ => notes.outcome,
    };
    let mut line = Map::new();
    line.insert("message".to_owned(), Value::from(format!("{function} responded {}: {outcome}", status.as_u16())));
    line.insert("function".to_owned(), Value::from(function));
    line.insert("request_id".to_owned(), Value::from(request_id));
    if let Some(caller) = caller {
        line.insert("caller".to_owned(), Value::from(caller.to_string()));
    }
    line.insert("outcome".to_owned(), Value::from(outcome));
    line.insert("http_status".to_owned(), Value::from(status.as_u16()));
    line.insert("duration_ms".to_owned(), Value::from(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)));
    if let Some(error) = error {
        line.insert("error_reason".to_owned(), Value::from(error.to_string()));
    }
    let level = match error {
        Some(error) if error.needs_an_operator() => Level::ERROR,
        // The client of a failed hosted login gets a 303 all the same.
        Some(error) if error.response().status.is_server_error() => Level::WARN,
        _ => Level::INFO,
    };
    notes.write(level, function, outcome, line);
}

/// A response with a JSON body and the headers that all our responses have.
///
/// The headers keep tokens and personal data out of caches (RFC 6749 §5.1), and keep browsers from showing the body as a page.
#[must_use]
pub fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_TYPE.as_str(), "application/json"),
        (CACHE_CONTROL.as_str(), "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=63072000"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A 204 with the headers that all our responses have.
#[must_use]
pub fn no_content() -> Response<Body> {
    without_body(json_response(StatusCode::OK, &Value::Null), StatusCode::NO_CONTENT)
}

/// A 202 without a body, as RFC 8935 §2.2 has it, with the headers that all our responses have.
#[must_use]
pub fn accepted() -> Response<Body> {
    without_body(json_response(StatusCode::OK, &Value::Null), StatusCode::ACCEPTED)
}

/// A 303 to this address (RFC 9110 §15.4.4), with the headers that all our responses have. They keep the address that the browser
/// comes from, which may have a code in it, out of `Referer`.
///
/// # Panics
///
/// If the address has characters that no serialised URL has.
#[must_use]
pub fn redirect(address: &str) -> Response<Body> {
    let mut response = without_body(json_response(StatusCode::OK, &Value::Null), StatusCode::SEE_OTHER);
    let address = HeaderValue::try_from(address).expect("a URL is visible ASCII");
    response.headers_mut().insert(LOCATION, address);
    response
}

fn without_body(mut response: Response<Body>, status: StatusCode) -> Response<Body> {
    *response.status_mut() = status;
    *response.body_mut() = Body::Empty;
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// Adds these `Set-Cookie` headers.
pub fn add_cookies(response: &mut Response<Body>, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// A public response that may be cached for five minutes. It is a 304 if the client has it already (RFC 9110 §13.1.2).
///
/// # Panics
///
/// If base64url does not fit into a header.
#[must_use]
pub fn public_response(request: &Request, body: &Value) -> Response<Body> {
    let mut response = json_response(StatusCode::OK, body);
    let hash = digest::digest(&digest::SHA256, response.body());
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..15]));
    let known = request.headers().get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let known = known.flat_map(|tags| tags.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    });
    if known {
        response = without_body(response, StatusCode::NOT_MODIFIED);
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(ETAG, HeaderValue::try_from(tag).expect("base64url between quotes fits into a header"));
    response
}

fn error_response(error: &Error) -> Response<Body> {
    if let Error::LoginFailed { page, .. } = error {
        return redirect(page);
    }
    let parts = error.response();
    let mut body = json!({"code": parts.code, "detail": parts.detail});
    if parts.status == StatusCode::BAD_REQUEST {
        // Front ends for dj-rest-auth look here for the text of a 400.
        body["non_field_errors"] = json!([parts.detail]);
    }
    match error {
        Error::FieldRequired(name) => body[name] = json!(["This field is required."]),
        Error::LinkRequired { session } => body["session"] = json!(session.to_string()),
        Error::SecurityEventRefused(_) => body = json!({"err": parts.code, "description": parts.detail}),
        _ => {}
    }
    if let Error::InvalidFields(fields) = error {
        for (name, problem) in fields {
            body[name] = json!([problem]);
        }
    }
    let mut response = json_response(parts.status, &body);
    let headers = response.headers_mut();
    if let Some(retry_after) = parts.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
    }
    match error {
        Error::NoAccessToken => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Error::NotKakao(_) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("KakaoAK"));
        }
        Error::AccessTokenRefused(_) | Error::TokenRefused(_) | Error::SessionEnded => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#));
        }
        Error::LoggedOut { clear_cookies, .. } => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            add_cookies(&mut response, clear_cookies.clone());
        }
        _ => {}
    }
    response
}
