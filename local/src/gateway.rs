//! A local AWS HTTP API: routes and CORS as in the template, events in payload format 2.0.

mod development_cookie;
mod event;
mod routes;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, ORIGIN, VARY},
        uri::Authority,
    },
    response::{IntoResponse, Response},
};
use lambda_http::Service;
use serde_json::{Value, json};
use shared::random;
use tokio::net::TcpListener;

pub use self::development_cookie::DevelopmentCookie;
use self::routes::Variables;
use crate::{
    lambda::{Failed, Function, Invocation},
    template::{self, Template, Throttle},
};

/// How a request for `/x/` is routed where `/x` and `/x/{proxy+}` are declared. AWS has been observed to do each of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingSlash {
    /// It reaches `/x`.
    #[default]
    Exact,
    /// It reaches `/x/{proxy+}` with an empty remainder.
    Greedy,
    /// It reaches `/x`, and `requestContext.http.path` has lost the slash.
    Dropped,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
const MAX_HEADER_BYTES: usize = 10_240;

/// An HTTP API in front of functions.
pub struct Gateway {
    routes: Vec<Target>,
    cors: template::Cors,
    slash: TrailingSlash,
    pages: Router,
    has_development_cookie: bool,
}

struct Target {
    route: template::Route,
    function: Function,
    timeout: Duration,
    bucket: Mutex<Bucket>,
}

/// The token bucket of a route's throttle.
struct Bucket {
    throttle: Throttle,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn full(throttle: Throttle) -> Self {
        Self { throttle, tokens: throttle.burst, filled: Instant::now() }
    }
}

impl Target {
    /// Takes a token out of the route's bucket, if there is one.
    fn take_token(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = bucket.filled.elapsed().as_secs_f64() * bucket.throttle.rate;
        bucket.tokens = (bucket.tokens + gained).min(bucket.throttle.burst);
        bucket.filled = Instant::now();
        let taken = bucket.tokens >= 1.0;
        if taken {
            bucket.tokens -= 1.0;
        }
        taken
    }
}

impl Gateway {
    /// A gateway with the template's routes. `pages` serves requests that no route matches.
    ///
    /// # Panics
    ///
    /// If the template has a function that `functions` lacks.
    #[must_use]
    pub fn new(
        template: &Template,
        functions: &BTreeMap<String, Function>,
        slash: TrailingSlash,
        pages: Option<Router>,
    ) -> Self {
        let mut routes = Vec::new();
        for (name, declared) in template.functions.iter().filter(|(_, declared)| !declared.routes.is_empty()) {
            let function = functions.get(name).unwrap_or_else(|| panic!("no function {name} was given"));
            for route in &declared.routes {
                let bucket = Mutex::new(Bucket::full(template.throttles.of(route)));
                let (route, function) = (route.clone(), Arc::clone(function));
                routes.push(Target { route, function, timeout: declared.timeout, bucket });
            }
        }
        let pages = pages.unwrap_or_else(|| Router::new().fallback(async || not_found()));
        Self { routes, cors: template.cors.clone(), slash, pages, has_development_cookie: false }
    }

    /// Serves browsers that refuse our cookies over plain HTTP, by cookies that they keep. AWS does not do this.
    #[must_use]
    pub const fn with_development_cookie(mut self) -> Self {
        self.has_development_cookie = true;
        self
    }

    /// Serves until the process ends or the future is dropped.
    pub async fn serve(self, listener: TcpListener) {
        let app = Router::new().fallback(handle).with_state(Arc::new(self));
        let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
        // axum's server cannot fail once it listens.
        let _ = axum::serve(listener, app).await;
    }

    /// The route for a request, and the values of its path variables.
    fn find(&self, method: &Method, path: &str) -> Option<(&Target, Variables)> {
        let fitting = self.routes.iter().filter_map(|target| {
            let found = routes::fit(&target.route, method.as_str(), path, self.slash)?;
            Some((target, found))
        });
        let (target, found) = fitting.max_by(|(_, one), (_, other)| one.cmp(other))?;
        Some((target, found.variables))
    }
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>,
    mut request: Request,
) -> Response {
    let headers = request.headers();
    let origin = headers.get(ORIGIN).cloned();
    let is_translated = gateway.translates(headers) && development_cookie::is_webkit(headers);
    if is_translated {
        request.extensions_mut().insert(DevelopmentCookie);
    }
    let mut response = gateway.answer(request, peer).await;
    if is_translated {
        development_cookie::drop_prefix(response.headers_mut());
    }
    gateway.add_cors(response.headers_mut(), origin.as_ref());
    response
}

impl Gateway {
    async fn answer(&self, request: Request, peer: std::net::SocketAddr) -> Response {
        if head_bytes(&request) > MAX_HEADER_BYTES {
            return own(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large");
        }
        if !has_good_host(&request) {
            return own(StatusCode::BAD_REQUEST, "Bad Request");
        }
        let headers = request.headers();
        if request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        {
            return self.preflight(&request);
        }
        let Some((target, variables)) = self.find(request.method(), request.uri().path()) else {
            return self.pages.clone().call(request).await.unwrap_or_else(|never| match never {});
        };
        if !target.take_token() {
            return own(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        }
        let (mut parts, body) = request.into_parts();
        if self.translates(&parts.headers) {
            development_cookie::add_prefix(&mut parts.headers);
        }
        let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
            return own(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let request_id = request_id();
        let event = event::build(
            &parts,
            &body,
            &event::Meta {
                route: &target.route,
                variables,
                request_id: &request_id,
                source_ip: peer.ip(),
                drop_slash: self.slash == TrailingSlash::Dropped,
            },
        );
        let mut response = invoke(target, event, &request_id).await;
        drop_cors(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, header_value(request_id));
        response
    }

    fn translates(&self, headers: &HeaderMap) -> bool {
        self.has_development_cookie && development_cookie::is_plain(headers)
    }

    fn allows(&self, origin: Option<&HeaderValue>) -> bool {
        origin.is_some_and(|origin| self.cors.origins.iter().any(|allowed| allowed == "*" || origin == allowed))
    }

    /// The response to a preflight, which never reaches a function.
    fn preflight(&self, request: &Request) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().insert(REQUEST_ID, header_value(request_id()));
        if self.allows(request.headers().get(ORIGIN)) {
            let answers = [
                ("access-control-allow-methods", self.cors.methods.join(",")),
                ("access-control-allow-headers", self.cors.headers.join(",")),
                ("access-control-max-age", self.cors.max_age.to_string()),
            ];
            for (name, value) in answers {
                response.headers_mut().insert(name, header_value(value));
            }
        }
        response
    }

    /// Adds the CORS headers of the API's configuration.
    fn add_cors(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        if let Some(origin) = origin.filter(|origin| self.allows(Some(origin))) {
            let any = self.cors.origins.iter().any(|allowed| allowed == "*");
            let origin = if any { HeaderValue::from_static("*") } else { origin.clone() };
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            if !self.cors.exposed.is_empty() {
                headers.insert("access-control-expose-headers", header_value(self.cors.exposed.join(",")));
            }
            if self.cors.credentials {
                headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
            }
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
    }
}

async fn invoke(target: &Target, event: Value, request_id: &str) -> Response {
    let invocation = Invocation { event, request_id: request_id.to_owned(), timeout: target.timeout };
    match (target.function)(invocation).await {
        Err(Failed::TimedOut) => own(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Err(Failed::Crashed) => own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Ok(response) => event::read_response(&response)
            .unwrap_or_else(|| own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
    }
}

fn request_id() -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    format!("{}=", BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<11>()))
}

/// Whether the request has exactly one valid `Host`. AWS finds an API by it, so it refuses any other request.
fn has_good_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    host.parse::<Authority>().is_ok() && !host.contains('@') && reqwest::Url::parse(&format!("https://{host}")).is_ok()
}

/// Removes a function's own CORS headers, as an API with a CORS configuration does.
fn drop_cors(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("the template's texts and base64url fit into a header")
}

fn head_bytes(request: &Request) -> usize {
    let line = request.method().as_str().len() + request.uri().to_string().len();
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    line + headers.sum::<usize>()
}

/// The response if neither a route nor a page matches. An HTTP API sends it for a wrong method too.
#[must_use]
pub fn not_found() -> Response {
    own(StatusCode::NOT_FOUND, "Not Found")
}

fn own(status: StatusCode, message: &str) -> Response {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static("application/json")), (REQUEST_ID, header_value(request_id()))];
    (status, headers, json!({"message": message}).to_string()).into_response()
}
