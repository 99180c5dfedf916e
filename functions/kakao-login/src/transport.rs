//! How the client of a login carries its refresh token.

use lambda_http::{Body, Request, Response, http::StatusCode};
use serde_json::Value;
use shared::{
    error::Error,
    http::{self, Compatibility, JsonObject},
    session::{RefreshToken, Transport},
};

use crate::{KakaoLogin, start::LoginContext};

impl KakaoLogin {
    /// The transport that a body asks for. In compatibility mode, a login that names neither a transport nor a link is one of a front
    /// end that reads its refresh token from the body; our own clients name one.
    pub(crate) fn transport(&self, request: &Request, body: &JsonObject, has_link: bool) -> Result<Transport, Error> {
        let invalid = |detail: &str| Err(Error::InvalidRequest(detail.to_owned()));
        match body.text("transport", 16)? {
            Some("cookie") => Ok(Transport::Cookie),
            Some("body") if !self.native_clients => {
                invalid("`transport`: `body` is not accepted here (setting NativeClients).")
            }
            Some("body") if http::is_from_page(request) => Err(Error::NativeOnly),
            Some("body") => Ok(Transport::App),
            Some(_) => invalid("`transport` must be cookie or body."),
            None if self.compatibility == Compatibility::DjRestAuth && !has_link => Ok(Transport::Page),
            None => Ok(Transport::Cookie),
        }
    }

    /// The response to a login, with the first refresh token where its client carries it: in one place, as a copy in the other would
    /// be spent, or go on after a logout.
    pub(crate) fn hand_out(&self, first: &RefreshToken, mut body: Value, context: &LoginContext) -> Response<Body> {
        let expires_at = self.sessions.expires_at(first.session_ends_at, context.now);
        let cookies = match first.transport() {
            Transport::Cookie => self.cookies.set(first, expires_at, context.now, context.cookies()),
            Transport::App => {
                http::write_refresh_token(&mut body, first, expires_at);
                Vec::new()
            }
            Transport::Page => {
                http::write_refresh_token(&mut body, first, expires_at);
                // The names of dj-rest-auth before its version 3.
                body["access_token"] = body["access"].clone();
                body["refresh_token"] = body["refresh"].clone();
                // Their sessions have ended.
                self.cookies.clear(context.cookies())
            }
        };
        let mut response = http::json_response(StatusCode::OK, &body);
        let clear_django = self.django.clear(&context.django, &self.cookies);
        http::add_cookies(&mut response, clear_django.into_iter().chain(cookies).collect());
        response
    }
}
