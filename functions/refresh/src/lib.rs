//! `POST /auth/refresh`: exchanges the refresh cookie for a new access token (RFC 6749 §6).

use std::sync::Arc;

use lambda_http::{Body, Request, Response, http::StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Cookies, JsonObject, Origins},
    keys::{self, IssuingKeys, SecretCache},
    log,
    session::{RefreshToken, SessionPolicy},
    store::{Ended, Rotation, Store},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Refresh {
    /// Stores the sessions.
    pub store: Store,
    /// The keys that sign access tokens, read refresh tokens and derive their successors.
    pub keys: SecretCache<IssuingKeys>,
    /// How the cookie of the refresh token is set and read.
    pub cookies: Cookies,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// How long sessions last, and when their tokens are rotated.
    pub sessions: SessionPolicy,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Refresh {
    const NAME: &'static str = "refresh";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(keys), Some(cookies), Some(origins), Some(sessions)) =
            (config.store(), config.issuing_keys(), config.cookies(), config.origins(), config.session_policy())
        else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, cookies, origins, sessions, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Responds with a new access token, and with the successor of the presented refresh token if it is due.
    ///
    /// If several cookies are presented, the newest token is tried first. If its session has ended, the next token is
    /// tried.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin calls.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] for a body that is neither empty nor a JSON object.
    /// - [`Error::LoggedOut`] if there is no session to renew. If a spent token is presented, two parties hold it, so its session ends
    ///   for both (RFC 9700 §4.14.2).
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys. The cookie stays valid.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        self.origins.check_origin(&request)?;
        let with_user = JsonObject::optional(&request)?.flag("user")?;
        let presented = self.cookies.presented(&request);
        match self.renew_any(&presented, with_user, now).await? {
            Ok(renewed) => Ok(self.response(renewed, &presented, now)),
            Err(reason) => Err(Error::LoggedOut { reason, clear_cookies: self.cookies.clear(&presented) }),
        }
    }
}

impl Refresh {
    /// Renews the newest session that is alive, or returns what is wrong with the last one that was tried.
    async fn renew_any(
        &self,
        presented: &[SecretString],
        with_user: bool,
        now: Timestamp,
    ) -> Result<Result<Renewed, &'static str>, Error> {
        if presented.is_empty() {
            return Ok(Err("no cookie"));
        }
        let (tokens, keys) = keys::read_refresh_tokens(&self.keys, |keys| &keys.refresh_tokens, presented, now).await?;
        let mut reason = "not a refresh token of this server";
        for token in &tokens {
            match self.renew(token, &keys, with_user, now).await? {
                Ok(renewed) => return Ok(Ok(renewed)),
                Err(ended) => reason = ended,
            }
        }
        Ok(Err(reason))
    }

    async fn renew(
        &self,
        presented: &RefreshToken,
        keys: &IssuingKeys,
        with_user: bool,
        now: Timestamp,
    ) -> Result<Result<Renewed, &'static str>, Error> {
        keys.pseudonyms.note(presented.user, presented.session);
        if presented.session_ends_at <= now {
            return Ok(Err("the session has reached its maximum life"));
        }
        let expires_at = self.sessions.expires_at(presented.session_ends_at, now);
        let rotation =
            self.store.rotate(presented, &keys.refresh_tokens, self.sessions.rotation_window, expires_at, now);
        let (rotation, user) = tokio::try_join!(rotation, async {
            if with_user { self.store.user(presented.user).await } else { Ok(None) }
        })?;
        let (outcome, successor, logged_in_at) = match rotation {
            Rotation::Rotated { successor, logged_in_at } => ("rotated", Some(successor), logged_in_at),
            Rotation::Repeated { successor, logged_in_at } => ("repeated", Some(successor), logged_in_at),
            Rotation::Current { logged_in_at } => ("current", None, logged_in_at),
            Rotation::Ended(ended) => return Ok(Err(explain(ended))),
        };
        log::outcome(outcome);
        let access = keys.signer.sign(presented.user, presented.session, logged_in_at, now);
        let mut body = access.to_json();
        if with_user {
            // While a user is being deleted, a session may outlive the user for a moment.
            let Some(user) = user else { return Ok(Err("the user is gone")) };
            body["user"] = user.to_json();
        }
        Ok(Ok(Renewed { body, successor, expires_at }))
    }

    fn response(&self, renewed: Renewed, presented: &[SecretString], now: Timestamp) -> Response<Body> {
        let mut response = http::json_response(StatusCode::OK, &renewed.body);
        if let Some(successor) = renewed.successor {
            http::add_cookies(&mut response, self.cookies.set(&successor, renewed.expires_at, now, presented));
        }
        response
    }
}

/// What the response for a renewed session needs.
struct Renewed {
    body: Value,
    successor: Option<RefreshToken>,
    expires_at: Timestamp,
}

fn explain(ended: Ended) -> &'static str {
    match ended {
        Ended::Gone => "logged out or expired",
        Ended::Reused => {
            log::outcome("reuse");
            log::refresh_reuse();
            "a spent token was presented"
        }
        Ended::Ahead => {
            log::outcome("ahead");
            tracing::warn!(event = "refresh_ahead", "A token is newer than its session: was the table restored?");
            "the token is newer than its session"
        }
    }
}
