//! `POST /auth/logout`: ends the session of the refresh cookie, or with `?scope=all` all sessions of its user.

use std::sync::Arc;

use lambda_http::{Body, Request, RequestExt, Response, http::StatusCode};
use secrecy::SecretString;
use serde_json::json;
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Cookies, JsonObject, Origins},
    keys::{self, LogoutKeys, SecretCache},
    log,
    session::{RefreshToken, RefreshTokenKeys, SessionPolicy, Verdict, judge},
    store::{Store, StoreError},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Logout {
    /// Stores the sessions.
    pub store: Store,
    /// Reads refresh tokens.
    pub keys: SecretCache<LogoutKeys>,
    /// How the cookie of the refresh token is set and read.
    pub cookies: Cookies,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// How long the parent of a session's token is accepted.
    pub sessions: SessionPolicy,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

/// What is logged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Local,
    All,
}

impl Function for Logout {
    const NAME: &'static str = "logout";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(keys), Some(cookies), Some(origins), Some(sessions)) =
            (config.store(), config.logout_keys(), config.cookies(), config.origins(), config.session_policy())
        else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, cookies, origins, sessions, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Ends the session of each presented cookie and clears the cookies. Logout is idempotent and accepts any cookie or none.
    ///
    /// If DynamoDB is down or the keys cannot be read, `local` still clears the cookie, so this browser is logged out. A copy of the
    /// cookie would work until it expires, which the log reports.
    ///
    /// A spent token ends only its own session, also with `all`, and is reported: a thief may have kept it.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin calls.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] for a body that is not empty and not a JSON object, or for an unknown scope.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys, while logging out everywhere. The cookie stays
    ///   valid, so that the client can try again.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
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
}

impl Logout {
    /// Ends the sessions of these cookies as far as possible, and returns the outcome.
    async fn end(&self, presented: &[SecretString], scope: Scope, now: Timestamp) -> Result<&'static str, Error> {
        if presented.is_empty() {
            return Ok("no_session");
        }
        let (tokens, keys) = keys::read_refresh_tokens(&self.keys, |keys| &keys.refresh_tokens, presented, now).await?;
        let (mut outcome, mut failed) = ("no_session", None);
        for token in &tokens {
            keys.pseudonyms.note(token.user, token.session);
            match self.end_by(token, &keys.refresh_tokens, scope, now).await {
                Ok(Verdict::Ended) if scope == Scope::All => {}
                Ok(verdict) => {
                    let everywhere = scope == Scope::All && verdict.may_end_all_sessions();
                    outcome = if everywhere { "logged_out_everywhere" } else { "logged_out" };
                    if matches!(verdict, Verdict::Reuse) {
                        log::refresh_reuse();
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(outcome), |error| Err(error.into()))
    }

    /// Ends what this token may end, and returns the verdict about it.
    async fn end_by(
        &self,
        token: &RefreshToken,
        keys: &RefreshTokenKeys,
        scope: Scope,
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        match scope {
            Scope::All => self.store.end_all_sessions(token, keys, self.sessions.rotation_window, now).await,
            Scope::Local => {
                let session = self.store.end_session(token.user, token.session).await?;
                Ok(judge(token, session.as_ref(), keys, now, self.sessions.rotation_window))
            }
        }
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
