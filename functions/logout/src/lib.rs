//! `POST /auth/logout`: ends the session of the refresh cookie, or with `?scope=all` all sessions of its user.

use std::sync::Arc;

use lambda_http::{Body, Request, RequestExt, Response, http::StatusCode};
use secrecy::SecretString;
use serde_json::json;
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    http::{self, Cookies, JsonObject, Origins},
    id::UserId,
    keys::{self, LogoutKeys},
    log,
    secret::Secret,
    store::Store,
    token::SessionSecrets,
};

/// What this function needs, and so all that its IAM role may touch.
#[derive(Debug)]
pub struct Logout {
    /// Keeps the sessions.
    pub store: Store,
    /// Reads refresh tokens.
    pub keys: Secret<LogoutKeys>,
    /// Carries the refresh token.
    pub cookies: Cookies,
    /// Whose pages may call.
    pub origins: Origins,
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
        let (Some(store), Some(keys), Some(cookies), Some(origins)) =
            (config.store(), config.logout_keys(), config.cookies(), config.origins())
        else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, cookies, origins, clock })
    }

    /// Reads the keys, and connects to DynamoDB by asking for what is not there.
    pub async fn prepare(&self) {
        let (now, nobodys) = (self.clock.now(), SessionSecrets::nobodys());
        let nobodys = nobodys.issue(UserId::generate(), nobodys.begin(None, now), now, now);
        // A failure shows again, and is answered, when there is a request.
        let _ = tokio::join!(self.keys.at(now), self.store.end_all_sessions(&nobodys, now));
    }

    /// Ends the session of each cookie that is presented, and clears them, as often as asked and whatever they hold.
    ///
    /// With DynamoDB down, or without keys to read the cookie with, `local` clears the cookie all the same: the person at this
    /// browser is out. A cookie that was copied before lives on until it expires, which the log tells.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page calls that is not allowed to.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] for a body that is neither empty nor a JSON object, or another scope.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys, while logging out everywhere. The cookie
    ///   stays good, to try again with.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        self.origins.check_origin(&request)?;
        JsonObject::optional(&request)?;
        let scope = scope(&request)?;
        let presented = self.cookies.presented(&request);
        match self.end(&presented, scope, now).await {
            Ok(outcome) => log::outcome(outcome),
            Err(error) if scope == Scope::Local => unstored(&error),
            Err(error) => return Err(error),
        }
        let mut response = http::json_response(StatusCode::OK, &json!({"detail": "Successfully logged out."}));
        http::add_cookies(&mut response, self.cookies.clear(&presented));
        Ok(response)
    }

    /// Ends what these cookies stand for, as far as that is possible, and says what that was.
    async fn end(&self, presented: &[SecretString], scope: Scope, now: Timestamp) -> Result<&'static str, Error> {
        if presented.is_empty() {
            return Ok("no_session");
        }
        let (tokens, keys) = keys::read_refresh_tokens(&self.keys, |keys| &keys.secrets, presented, now).await?;
        let (mut outcome, mut failed) = ("no_session", None);
        for token in &tokens {
            keys.pseudonyms.note(token.user, token.session);
            let ended = match scope {
                Scope::Local => self.store.end_session(token).await.map(|()| "logged_out"),
                Scope::All => self
                    .store
                    .end_all_sessions(token, now)
                    .await
                    .map(|ended| if ended == 0 { "no_session" } else { "logged_out_everywhere" }),
            };
            match ended {
                Ok("no_session") => {}
                Ok(ended) => outcome = ended,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(outcome), |error| Err(error.into()))
    }
}

fn unstored(error: &Error) {
    log::outcome("logged_out_unstored");
    let text = format_args!("Logged out at the browser only: {error}");
    log::failure("logout_unstored", error.needs_an_operator(), text);
}

fn scope(request: &Request) -> Result<Scope, Error> {
    let query = request.query_string_parameters_ref();
    match query.and_then(|query| query.first("scope")) {
        None | Some("local") => Ok(Scope::Local),
        Some("all") => Ok(Scope::All),
        Some(_) => Err(Error::InvalidRequest("`scope` must be local or all.".to_owned())),
    }
}
