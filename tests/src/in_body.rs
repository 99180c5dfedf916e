//! What clients send and get that carry their refresh token in bodies.

use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::{Value, json};

use crate::client::{Functions, Response, cookie_pair};

/// Where a client carries its refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In the cookie.
    Cookie,
    /// In the body.
    Body,
}

impl Carrier {
    /// A POST with this token and this body.
    pub fn request(self, functions: &Functions, path: &str, token: &str, mut body: Value) -> RequestBuilder {
        let request = functions.request(Method::POST, path);
        match self {
            Self::Cookie => request.header(COOKIE, cookie_pair(token)).json(&body),
            Self::Body => {
                body["refresh"] = token.into();
                request.json(&body)
            }
        }
    }

    /// The refresh token that a response hands out.
    ///
    /// # Panics
    ///
    /// If there is none, or it is elsewhere.
    #[must_use]
    pub fn token(self, response: &Response) -> String {
        match self {
            Self::Cookie => response.token(),
            Self::Body => response.body_token(),
        }
    }
}

impl Functions {
    /// A POST with this body, and neither cookies nor the headers of a page.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `POST /auth/refresh` with a token in the body.
    pub async fn refresh_in_body(&self, token: &str) -> Response {
        self.post("/auth/refresh", &json!({"refresh": token})).await
    }

    /// `POST /auth/logout` with a token in the body.
    pub async fn logout_in_body(&self, token: &str) -> Response {
        self.post("/auth/logout", &json!({"refresh": token})).await
    }
}

impl Response {
    /// The refresh token in the body.
    ///
    /// # Panics
    ///
    /// If there is none, or the response sets or clears a cookie.
    #[must_use]
    pub fn body_token(&self) -> String {
        assert!(self.set_cookies().is_empty(), "{:?}", self.set_cookies());
        let token = self.body["refresh"].as_str().filter(|token| !token.is_empty());
        token.unwrap_or_else(|| panic!("no refresh token: {} {}", self.status, self.body)).to_owned()
    }
}
