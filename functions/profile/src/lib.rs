//! `GET /auth/profile`: the user of an access token (RFC 6750), while its session is alive. `PATCH` and `PUT` change the names.
//! `GET /auth/session`: also the user of the session's cookie.

mod by_cookie;
mod names;

use std::{sync::Arc, time::Duration};

use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode},
};
use shared::{
    access_token::Access,
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Cookies, JsonObject, Origins},
    keys::{self, LogoutKeys, SecretCache, VerificationKeys},
    log,
    store::{NameChange, Store, StoreError},
    user::User,
};

use self::names::Change;

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Profile {
    /// Stores users and sessions.
    pub store: Store,
    /// Verifies access tokens.
    pub keys: SecretCache<VerificationKeys>,
    /// Reads refresh tokens.
    pub refresh_keys: SecretCache<LogoutKeys>,
    /// How the cookie of the refresh token is read.
    pub cookies: Cookies,
    /// The origins whose pages may call with a cookie.
    pub origins: Origins,
    /// How long the parent of a session's token is accepted.
    pub rotation_window: Duration,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Profile {
    const NAME: &'static str = "profile";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(keys), Some(refresh_keys), Some(cookies), Some(origins), Some(rotation_window)) = (
            config.store(),
            config.verification_keys(),
            config.logout_keys(),
            config.cookies(),
            config.origins(),
            config.rotation_window(),
        ) else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, refresh_keys, cookies, origins, rotation_window, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Responds with the user, after the change if the request is one.
    ///
    /// # Errors
    ///
    /// - [`Error::NotJson`], [`Error::InvalidRequest`] and [`Error::InvalidFields`] for a change that cannot be made.
    /// - [`Error::NoAccessToken`] without a bearer token.
    /// - [`Error::AccessTokenRefused`] if the token is malformed, expired, of another kind or not from us.
    /// - [`Error::SessionEnded`] if its session was logged out or has expired.
    /// - [`Error::ForeignOrigin`], [`Error::LoggedOut`] and [`Error::LinkRequired`] for a request by cookie.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        if by_cookie::is_asked(&request) {
            let user = self.user_of_cookie(&request, now).await?;
            return Ok(http::json_response(StatusCode::OK, &user.to_json()));
        }
        let access = keys::verify(&self.keys, http::bearer(&request)?, now).await??;
        let change = match *request.method() {
            Method::PATCH => Some(Change::Partial),
            Method::PUT => Some(Change::Whole),
            _ => None,
        };
        let user = match change {
            None => self.store.user_with_session(access.user, access.session, now).await?,
            Some(change) => {
                let names = names::read(&JsonObject::optional(&request)?, change)?;
                self.change(access, names, now).await?
            }
        };
        let user = user.ok_or(Error::SessionEnded)?;
        Ok(http::json_response(StatusCode::OK, &user.to_json()))
    }
}

impl Profile {
    /// Changes the names that differ. Returns `None` if the session has ended, or the user is gone.
    ///
    /// The read is consistent: a name that was changed a moment ago must not seem to be what it was.
    async fn change(&self, access: Access, names: NameChange, now: Timestamp) -> Result<Option<User>, StoreError> {
        let user = self.store.latest_user_with_session(access.user, access.session, now).await?.map(|(user, _)| user);
        let Some(user) = user else { return Ok(None) };
        let names = names::without_unchanged(names, &user);
        if names == NameChange::default() {
            return Ok(Some(user));
        }
        let changed = self.store.change_names(access.user, &names).await?;
        if changed.is_some() {
            log::outcome("profile_changed");
        }
        Ok(changed)
    }
}
