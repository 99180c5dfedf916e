//! `POST /auth/logout`: ends the session of the refresh cookie, or with `?scope=all` all sessions of its user.

use std::sync::Arc;

use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{StatusCode, header::SET_COOKIE},
};
use secrecy::ExposeSecret;
use serde_json::json;
use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    error::Error,
    http::{self, Cookies, JsonObject, Origins, PresentedCookie},
    id::UserId,
    log::{self, Pseudonyms},
    store::Store,
    token::{RefreshToken, SessionSecrets},
};

/// What this function needs, and so all that its IAM role may touch.
#[derive(Debug)]
pub struct Logout {
    /// Keeps the sessions.
    pub store: Store,
    /// Reads refresh tokens.
    pub secrets: SessionSecrets,
    /// Carries the refresh token.
    pub cookies: Cookies,
    /// Whose pages may call.
    pub origins: Origins,
    /// Names users and sessions in the log.
    pub pseudonyms: Pseudonyms,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

/// What is logged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Local,
    All,
}

impl Logout {
    /// Takes from the configuration what this function needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is missing or wrong.
    pub fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(secrets), Some(cookies), Some(origins), Some(pseudonyms)) =
            (config.store(), config.session_secrets(), config.cookies(), config.origins(), config.pseudonyms())
        else {
            return Err(config.into_error());
        };
        Ok(Self { store, secrets, cookies, origins, pseudonyms, clock })
    }

    /// Connects to DynamoDB by asking for what is not there.
    pub async fn prepare(&self) {
        let now = self.clock.now();
        let nobodys = self.secrets.issue(UserId::generate(), self.secrets.begin(None), now);
        // A failure shows again, and is answered, when there is a request.
        let _ = self.store.end_all_sessions(&nobodys, now).await;
    }

    /// Ends the session and clears the cookie, as often as asked and whatever the cookie holds.
    ///
    /// With DynamoDB down, `local` clears the cookie all the same: the person at this browser is out. A cookie that was copied
    /// before lives on until it expires, which the log tells.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another site calls.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] for a body that is neither empty nor a JSON object, or another scope.
    /// - [`Error::Store`] if DynamoDB fails while logging out everywhere. The cookie stays good, to try again with.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        self.origins.admit(&request)?;
        JsonObject::optional(&request)?;
        let scope = scope(&request)?;
        match (self.presented(&request), scope) {
            (None, _) => log::outcome("no_session"),
            (Some(token), Scope::Local) => match self.store.end_session(&token).await {
                Ok(()) => log::outcome("logged_out"),
                Err(error) => {
                    log::outcome("logged_out_unstored");
                    tracing::warn!(event = "logout_unstored", "Logged out at the browser only: {error}");
                }
            },
            (Some(token), Scope::All) => {
                let ended = self.store.end_all_sessions(&token, now).await?;
                log::outcome(if ended == 0 { "no_session" } else { "logged_out_everywhere" });
            }
        }
        let mut response = http::json_response(StatusCode::OK, &json!({"detail": "Successfully logged out."}));
        response.headers_mut().insert(SET_COOKIE, self.cookies.clear());
        Ok(response)
    }

    fn presented(&self, request: &Request) -> Option<RefreshToken> {
        let PresentedCookie::One(text) = self.cookies.presented(request) else {
            return None;
        };
        let token = self.secrets.verify(text.expose_secret()).ok()?;
        self.pseudonyms.note(token.user, token.session);
        Some(token)
    }
}

fn scope(request: &Request) -> Result<Scope, Error> {
    let query = request.query_string_parameters_ref();
    match query.and_then(|query| query.first("scope")) {
        None | Some("local") => Ok(Scope::Local),
        Some("all") => Ok(Scope::All),
        Some(_) => Err(Error::InvalidRequest("`scope` must be local or all.".to_owned())),
    }
}
