//! `GET /auth/sessions`: the caller's living sessions. `DELETE /auth/sessions/{id}`: ends one of them.

use std::sync::Arc;

use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http,
    id::SessionId,
    keys::{self, SecretCache, VerificationKeys},
    log,
    store::{DeviceSession, Store},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Sessions {
    /// Stores the sessions.
    pub store: Store,
    /// Verifies access tokens.
    pub keys: SecretCache<VerificationKeys>,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Sessions {
    const NAME: &'static str = "sessions";

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

    /// Responds with the list, or ends a session that is on it.
    ///
    /// The list comes first in both cases, because a session that was ended must not end others: its access token is valid for a few
    /// minutes more, and whoever was shown out could return the favour. The list also makes a repeat after a lost response of
    /// DynamoDB a success.
    ///
    /// # Errors
    ///
    /// - [`Error::NoAccessToken`] without a bearer token.
    /// - [`Error::AccessTokenRefused`] if the token is malformed, expired, of another kind or not from us.
    /// - [`Error::SessionEnded`] if its session was logged out or has expired.
    /// - [`Error::NotFound`] for an id that is not on the list: ended, another user's, or not an id.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        let access = keys::verify(&self.keys, http::bearer(&request)?, now).await??;
        let sessions = self.store.sessions(access.user, now).await?;
        if !sessions.iter().any(|session| session.id == access.session) {
            return Err(Error::SessionEnded);
        }
        if request.method() == Method::DELETE {
            let named: Option<SessionId> = id(&request);
            let ended = sessions.iter().find(|session| Some(session.id) == named).ok_or(Error::NotFound)?;
            self.store.end_session(access.user, ended.id).await?;
            log::outcome("session_ended");
            return Ok(http::no_content());
        }
        let sessions: Vec<Value> = sessions.iter().map(|session| show(session, access.session)).collect();
        Ok(http::json_response(StatusCode::OK, &json!({ "sessions": sessions })))
    }
}

/// The id in the path, if it is one.
fn id(request: &Request) -> Option<SessionId> {
    request.path_parameters_ref()?.first("id")?.parse().ok()
}

fn show(session: &DeviceSession, current: SessionId) -> Value {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let (name, platform) = (text(&session.device.name), text(&session.device.platform));
    let device = (name.is_some() || platform.is_some()).then(|| json!({"name": name, "platform": platform}));
    json!({
        "id": session.id.to_string(),
        "user_agent": session.device.user_agent,
        "ip_prefix": session.device.ip_prefix,
        "device": device,
        "created_at": session.created_at.to_rfc3339(),
        "last_used_at": session.last_used_at.to_rfc3339(),
        "expires_at": session.expires_at.to_rfc3339(),
        "current": session.id == current,
    })
}
