//! A client that checks every response against the contract: JSON, not cached, with the headers that all responses have.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::client::http_client;
use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{COOKIE, HeaderMap, SET_COOKIE},
};
use serde_json::{Value, json};

/// The cookie's name.
pub const COOKIE_NAME: &str = "__Host-Http-refresh_token";

const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("strict-transport-security", "max-age=63072000"),
];

/// Members of a body that a 400 may name, in the format of Django's forms.
const FORM_FIELDS: [&str; 4] = ["first_name", "last_name", "token", "username"];

/// Calls the functions through a gateway, as a front end does.
#[derive(Clone, Debug)]
pub struct Functions {
    client: Client,
    url: String,
}

/// A response of a function or of the gateway.
#[derive(Debug)]
pub struct Response {
    /// The response status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
    /// All headers.
    pub headers: HeaderMap,
    /// The refresh token that the response sets: `Some("")` if it clears the cookie, `None` if it does not set it.
    pub cookie: Option<String>,
}

impl Functions {
    /// Calls the gateway at this address.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { client: http_client(), url: url.to_owned() }
    }

    /// Starts a request, to be completed and passed to [`send`](Self::send).
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// `POST /auth/kakao`.
    pub async fn login(&self, body: &Value) -> Response {
        self.send(self.request(Method::POST, "/auth/kakao").json(body)).await
    }

    /// `POST /auth/refresh` with a cookie.
    pub async fn refresh(&self, cookie: &str) -> Response {
        self.send(self.request(Method::POST, "/auth/refresh").header(COOKIE, cookie_pair(cookie))).await
    }

    /// `POST /auth/refresh` with a cookie, asking for the user as well.
    pub async fn refresh_with_user(&self, cookie: &str) -> Response {
        let request = self.request(Method::POST, "/auth/refresh").header(COOKIE, cookie_pair(cookie));
        self.send(request.json(&json!({"user": true}))).await
    }

    /// `POST /auth/logout` with a cookie.
    pub async fn logout(&self, cookie: &str) -> Response {
        self.send(self.request(Method::POST, "/auth/logout").header(COOKIE, cookie_pair(cookie))).await
    }

    /// `POST /auth/logout?scope=all` with a cookie.
    pub async fn logout_everywhere(&self, cookie: &str) -> Response {
        self.send(self.request(Method::POST, "/auth/logout?scope=all").header(COOKIE, cookie_pair(cookie))).await
    }

    /// `POST /auth/logout?scope=others` with a cookie.
    pub async fn logout_others(&self, cookie: &str) -> Response {
        self.send(self.request(Method::POST, "/auth/logout?scope=others").header(COOKIE, cookie_pair(cookie))).await
    }

    /// `GET /auth/sessions` with an access token.
    pub async fn sessions(&self, access: &str) -> Response {
        self.send(self.request(Method::GET, "/auth/sessions").bearer_auth(access)).await
    }

    /// `DELETE /auth/sessions/{id}` with an access token. A success has no body.
    ///
    /// # Panics
    ///
    /// If the response breaks the contract, or there is none.
    pub async fn end_session(&self, access: &str, id: &str) -> Response {
        let request = self.request(Method::DELETE, &format!("/auth/sessions/{id}")).bearer_auth(access);
        let response = self.ask(request).await.expect("the gateway responds");
        if response.status == StatusCode::NO_CONTENT {
            assert!(response.body.is_null() && !response.headers.contains_key("content-type"), "{response:?}");
            assert_eq!(response.headers["cache-control"], "no-store");
        } else {
            check(&response);
        }
        response
    }

    /// `PATCH /auth/profile` with an access token.
    pub async fn change_profile(&self, access: &str, body: &Value) -> Response {
        self.send(self.request(Method::PATCH, "/auth/profile").bearer_auth(access).json(body)).await
    }

    /// `GET /auth/profile` with an access token.
    pub async fn profile(&self, access: &str) -> Response {
        self.send(self.request(Method::GET, "/auth/profile").bearer_auth(access)).await
    }

    /// `GET /auth/account` with an access token.
    pub async fn export(&self, access: &str) -> Response {
        self.send(self.request(Method::GET, "/auth/account").bearer_auth(access)).await
    }

    /// `DELETE /auth/account` with an access token.
    pub async fn delete_account(&self, access: &str) -> Response {
        self.send(self.request(Method::DELETE, "/auth/account").bearer_auth(access)).await
    }

    /// `POST /auth/verify` with an access token.
    pub async fn verify(&self, access: &str) -> Response {
        self.send(self.request(Method::POST, "/auth/verify").json(&json!({"token": access}))).await
    }

    /// `GET /.well-known/jwks.json`, without a cache.
    ///
    /// # Panics
    ///
    /// If there is no JWK Set.
    pub async fn jwks(&self) -> Value {
        let response = self.request(Method::GET, "/.well-known/jwks.json").send().await.expect("the gateway responds");
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.expect("a JWK Set is JSON")
    }

    /// Sends a request to a function and checks what holds for every response.
    ///
    /// # Panics
    ///
    /// If the response breaks the contract, or there is none.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let response = self.ask(request).await.expect("the gateway responds");
        check(&response);
        response
    }

    /// Sends a request and returns any response, also the gateway's own. A body that is not JSON becomes `null`.
    ///
    /// # Errors
    ///
    /// If there is no response.
    pub async fn ask(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = serde_json::from_str(&response.text().await?).unwrap_or_default();
        let cookie =
            headers.get_all(SET_COOKIE).iter().next_back().and_then(|cookie| cookie.to_str().ok()).map(|cookie| {
                let pair = cookie.split_once(';').map_or(cookie, |(pair, _)| pair);
                pair.split_once('=').map_or(pair, |(_, value)| value).to_owned()
            });
        Ok(Response { status, body, headers, cookie })
    }
}

impl Response {
    /// The access token of a login or a refresh.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn access(&self) -> &str {
        self.body["access"].as_str().unwrap_or_else(|| panic!("no access token: {} {}", self.status, self.body))
    }

    /// The refresh token of a login or a rotation.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn token(&self) -> String {
        let token = self.cookie.clone().filter(|token| !token.is_empty());
        token.unwrap_or_else(|| panic!("no refresh token: {} {}", self.status, self.body))
    }

    /// The `code` of an error response, or `""`.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The whole `Set-Cookie`, the last one if there are two, or `""`.
    #[must_use]
    pub fn set_cookie(&self) -> &str {
        self.set_cookies().last().copied().unwrap_or_default()
    }

    /// Every `Set-Cookie`, in order.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).collect()
    }
}

/// Checks what holds for every response with a body.
fn check(response: &Response) {
    let Response { status, body, headers, .. } = response;
    let status = *status;
    assert!(!body.is_null(), "{status} with no JSON");
    for (name, expected) in HEADERS {
        let found: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(found, [expected], "header {name} of {status} {body}");
    }
    let mut cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
    // The cookie that is set comes last, after those that clear Django's cookie and the cookie of the other kind.
    cookies.pop();
    assert!(cookies.len() <= 2, "more than three cookies");
    assert!(cookies.iter().all(|cookie| cookie.to_str().is_ok_and(|text| text.contains("Max-Age=0"))), "{cookies:?}");
    if !status.is_success() {
        let is_form_error = |name: &&str| status == StatusCode::BAD_REQUEST && FORM_FIELDS.contains(name);
        let members = body.as_object().expect("an error is an object").keys().map(String::as_str);
        let members: Vec<&str> = members.filter(|name| !is_form_error(name)).collect();
        let expected: &[&str] = match (status, response.code()) {
            (StatusCode::BAD_REQUEST, _) => &["code", "detail", "non_field_errors"],
            (_, "link_required") => &["code", "detail", "session"],
            _ => &["code", "detail"],
        };
        assert_eq!(members, expected, "{status} {body}");
    }
    assert_eq!(status == StatusCode::UNAUTHORIZED, headers.contains_key("www-authenticate"), "{status} {body}");
    let may_ask_to_wait = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS, StatusCode::CONFLICT];
    let asks_to_wait = may_ask_to_wait.contains(&status) && response.code() != "link_stale";
    assert_eq!(asks_to_wait, headers.contains_key("retry-after"), "{status} {body}");
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
}

/// The `Cookie` header for this refresh token.
#[must_use]
pub fn cookie_pair(token: &str) -> String {
    format!("{COOKIE_NAME}={token}")
}

/// The header (0) or the claims (1) of a JWT, without verifying it.
///
/// # Panics
///
/// If it is not a JWT.
#[must_use]
pub fn jwt_part(token: &str, part: usize) -> Value {
    let part = token.split('.').nth(part).expect("a JWT has parts");
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("a part is base64url");
    serde_json::from_slice(&json).expect("a part is JSON")
}

/// A text that was never there before.
#[must_use]
pub fn unique() -> String {
    shared::id::SessionId::generate().to_string()
}
