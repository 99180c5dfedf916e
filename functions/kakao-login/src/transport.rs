//! How the client of a login carries its refresh token.

use lambda_http::Request;
use shared::{
    error::Error,
    http::{Compatibility, JsonObject, is_from_page},
    session::Transport,
};

use crate::KakaoLogin;

impl KakaoLogin {
    /// The transport that a body asks for. In compatibility mode, a login that names neither a transport nor a link is one of a front
    /// end that reads its refresh token from the body; our own clients name one.
    pub(crate) fn transport(&self, request: &Request, body: &JsonObject) -> Result<Transport, Error> {
        let invalid = |detail: &str| Err(Error::InvalidRequest(detail.to_owned()));
        match body.text("transport", 16)? {
            Some("cookie") => Ok(Transport::Cookie),
            Some("body") if !self.native_clients => {
                invalid("`transport`: `body` is not accepted here (setting NativeClients).")
            }
            Some("body") if is_from_page(request) => Err(Error::NativeOnly),
            Some("body") => Ok(Transport::App),
            Some(_) => invalid("`transport` must be cookie or body."),
            None if self.compatibility == Compatibility::DjRestAuth && body.member("link").is_none() => {
                Ok(Transport::Page)
            }
            None => Ok(Transport::Cookie),
        }
    }
}
