//! `POST /auth/verify`: whether an access token is valid, for callers that cannot verify it themselves. Like simplejwt's
//! `TokenVerifyView`.

use std::sync::Arc;

use lambda_http::{Body, Request, Response, http::StatusCode};
use serde_json::json;
use shared::{
    access_token::InvalidAccessToken,
    clock::Clock,
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, JsonObject},
    keys::{self, SecretCache, VerificationKeys},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Verify {
    /// Verifies access tokens.
    pub keys: SecretCache<VerificationKeys>,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Verify {
    const NAME: &'static str = "verify";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let Some(keys) = config.verification_keys() else { return Err(config.into_error()) };
        Ok(Self { keys, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Responds with `{}` if the token is valid. Like simplejwt it does not check whether the session is alive; profile does.
    ///
    /// # Errors
    ///
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] if the body is not a JSON object.
    /// - [`Error::FieldRequired`] if it has no `token`.
    /// - [`Error::TokenRefused`] if the token is malformed, expired, of another kind or not from us.
    /// - [`Error::Secret`] if there are no keys.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        let body = JsonObject::required(&request)?;
        // Anything that is not a text of this length cannot be one of our tokens.
        let token = body.text("token", 4_096).map_err(|_| Error::TokenRefused(InvalidAccessToken::Malformed))?;
        let token = token.ok_or(Error::FieldRequired("token"))?;
        match keys::verify(&self.keys, token, now).await? {
            Ok(_) => Ok(http::json_response(StatusCode::OK, &json!({}))),
            Err(reason) => Err(Error::TokenRefused(reason)),
        }
    }
}
