//! `GET /auth/profile`: the user of an access token (RFC 6750), while its session is alive.

use std::sync::Arc;

use lambda_http::{Body, Request, Response, http::StatusCode};
use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http,
    keys::{self, SecretCache, VerificationKeys},
    store::Store,
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Profile {
    /// Stores users and sessions.
    pub store: Store,
    /// Verifies access tokens.
    pub keys: SecretCache<VerificationKeys>,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Profile {
    const NAME: &'static str = "profile";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(keys)) = (config.store(), config.verification_keys()) else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Responds with the user.
    ///
    /// # Errors
    ///
    /// - [`Error::NoAccessToken`] without a bearer token.
    /// - [`Error::AccessTokenRefused`] if the token is malformed, expired, of another kind or not from us.
    /// - [`Error::SessionEnded`] if its session was logged out or has expired.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        let access = keys::verify(&self.keys, http::bearer(&request)?, now).await??;
        let user = self.store.user_with_session(access.user, access.session, now).await?;
        let user = user.ok_or(Error::SessionEnded)?;
        Ok(http::json_response(StatusCode::OK, &user.to_json()))
    }
}
