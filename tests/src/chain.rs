//! What the client of a linked session keeps: its cookie and its chain of links.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, RequestBuilder, StatusCode, header::COOKIE};
use serde_json::{Value, json};

use crate::{
    client::{Functions, Response, cookie_pair, jwt_part},
    stack::Stack,
};

/// The record of a linked session, as a front end stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The refresh token in the cookie, which never changes.
    pub token: String,
    /// The last link that was confirmed. `None` if the response of the login was lost.
    pub prev: Option<String>,
    /// The link of the next renewal. It is sent until a response confirms it.
    pub next: String,
    /// The last access token.
    pub access: String,
}

/// A new link.
#[must_use]
pub fn link() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(shared::random::bytes::<16>())
}

impl Chain {
    /// The record after the response of a login.
    ///
    /// # Panics
    ///
    /// If the session is not linked.
    #[must_use]
    pub fn begun(response: &Response) -> Self {
        Self {
            token: response.token(),
            prev: Some(confirmed(response).expect("the session is linked")),
            next: link(),
            access: response.access().to_owned(),
        }
    }

    /// The session's id.
    ///
    /// # Panics
    ///
    /// If there is no access token.
    #[must_use]
    pub fn session(&self) -> String {
        jwt_part(&self.access, 1)["sid"].as_str().expect("an access token names its session").to_owned()
    }

    /// The links as a body has them.
    #[must_use]
    pub fn links(&self) -> Value {
        match &self.prev {
            Some(prev) => json!({"prev": prev, "next": self.next}),
            None => json!({"next": self.next}),
        }
    }

    /// A renewal, to be sent.
    pub fn renewal(&self, functions: &Functions) -> RequestBuilder {
        self.request(functions, "/auth/refresh", &json!({"link": self.links()}))
    }

    /// A request with the cookie.
    pub fn request(&self, functions: &Functions, path: &str, body: &Value) -> RequestBuilder {
        functions.request(Method::POST, path).header(COOKIE, cookie_pair(&self.token)).json(body)
    }

    /// Sends a renewal. The response is not [taken](Self::take).
    pub async fn ask(&self, functions: &Functions) -> Response {
        functions.send(self.renewal(functions)).await
    }

    /// Renews the session and takes the response.
    pub async fn renew(&mut self, functions: &Functions) -> Response {
        let response = self.ask(functions).await;
        self.take(&response);
        response
    }

    /// Takes a response to the request that this record sent.
    ///
    /// # Panics
    ///
    /// If a response to a refresh sets or clears the cookie.
    pub fn take(&mut self, response: &Response) {
        assert_eq!(response.cookie, None, "a refresh of a linked session leaves the cookie alone: {}", response.body);
        if let Some(access) = response.body["access"].as_str() {
            access.clone_into(&mut self.access);
        }
        if let Some(confirmed) = confirmed(response) {
            self.prev = Some(confirmed);
            self.next = link();
        }
    }
}

/// The link that a response confirms.
#[must_use]
pub fn confirmed(response: &Response) -> Option<String> {
    response.body["link"].as_str().map(ToOwned::to_owned)
}

/// The number of a confirmed link, and the link.
///
/// # Panics
///
/// If it is not 36 bytes of base64url.
#[must_use]
pub fn parts(confirmed: &str) -> (u32, String) {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(confirmed).expect("base64url");
    let (number, rest) = bytes.split_first_chunk::<4>().expect("a number");
    assert_eq!(rest.len(), 32, "a link and a tag");
    (u32::from_be_bytes(*number), BASE64_URL_SAFE_NO_PAD.encode(&rest[..16]))
}

/// What a client does about a response depends on these: its status, its code, and the cookie that it sets or clears.
#[must_use]
pub fn refusal(response: &Response) -> (StatusCode, &str, Option<&str>) {
    (response.status, response.code(), response.cookie.as_deref())
}

impl Stack {
    /// Logs a new user in, with a linked session.
    pub async fn log_in_linked(&self) -> Chain {
        let user = self.kakao.new_user().await;
        self.log_in_linked_as(&user).await
    }

    /// Logs this user in, with a linked session.
    ///
    /// # Panics
    ///
    /// If the user cannot log in.
    pub async fn log_in_linked_as(&self, user: &str) -> Chain {
        let body = json!({"access_token": self.kakao.token(user).await, "link": link()});
        Chain::begun(&self.login(&body).await)
    }
}
