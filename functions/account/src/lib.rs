//! `DELETE /auth/account`: marks the user of an access token as deleted and ends all sessions. `GET /auth/account`: everything that is
//! stored about the user.

use std::sync::Arc;

use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header::CONTENT_DISPOSITION},
};
use serde_json::json;
use shared::{
    account::{MarkedBy, RequestVerdict},
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Cookies, Origins},
    keys::{self, SecretCache, VerificationKeys},
    log,
    store::{Marked, Store},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Account {
    /// Stores users, sessions and the work of a deletion.
    pub store: Store,
    /// Verifies access tokens.
    pub keys: SecretCache<VerificationKeys>,
    /// How the cookie of the refresh token is cleared.
    pub cookies: Cookies,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// Whether there is an admin key, which another function unlinks with.
    pub can_unlink: bool,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Account {
    const NAME: &'static str = "account";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(keys), Some(cookies), Some(origins), Some(admin_keys)) =
            (config.store(), config.verification_keys(), config.cookies(), config.origins(), config.admin_key_hashes())
        else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, cookies, origins, can_unlink: !admin_keys.is_empty(), clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Deletes the account, or exports it. A body is ignored.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin asks to delete.
    /// - [`Error::NoAccessToken`] without a bearer token.
    /// - [`Error::AccessTokenRefused`] if the token is malformed, expired, of another kind or not from us.
    /// - [`Error::SessionEnded`] if its session was logged out or has expired.
    /// - [`Error::LoginRequired`] if the session is too old to delete with, and [`Error::NoAdminKey`] if nobody could be unlinked.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        match *request.method() {
            Method::DELETE => self.delete(&request, now).await,
            Method::GET => self.export(&request, now).await,
            _ => Err(Error::NotFound),
        }
    }
}

impl Account {
    /// Marks the user and ends all sessions. What is left is another function's work, and so are sessions that do not end here.
    ///
    /// A client that got no response may repeat the request: the access token stays good until it expires.
    async fn delete(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        self.origins.check_origin(request)?;
        let access = keys::verify(&self.keys, http::bearer(request)?, now).await??;
        let user = access.user;
        let asked = self.store.deletion_request(user, access.session, now).await?;
        let marked = match asked.judge(self.can_unlink, now) {
            RequestVerdict::Mark(kakao) => self.store.mark_deleted(user, kakao, MarkedBy::Person, now).await?,
            RequestVerdict::Repeat { deleted_at } => Marked::Before(deleted_at),
            RequestVerdict::SessionEnded => return Err(Error::SessionEnded),
            RequestVerdict::LoginRequired => return Err(Error::LoginRequired),
            RequestVerdict::CannotUnlink => return Err(Error::NoAdminKey),
        };
        let deleted_at = match marked {
            Marked::Now => now,
            Marked::Before(deleted_at) => deleted_at,
            Marked::Outdated => return Err(Error::SessionEnded),
        };
        log::account_deleted(user, deleted_at);
        log::outcome(if marked == Marked::Now { "account_deleted" } else { "account_deleted_before" });
        if let Err(error) = self.store.end_sessions(user, None).await {
            let text =
                format_args!("An account was deleted, and some of its sessions live for a minute or two: {error}");
            log::failure("deleted_sessions_stay", error.needs_an_operator(), text);
        }
        let receipt = json!({"id": user.to_string(), "deleted_at": deleted_at.to_rfc3339()});
        let mut response = http::json_response(StatusCode::ACCEPTED, &receipt);
        http::add_cookies(&mut response, self.cookies.clear(&self.cookies.presented(request)));
        Ok(response)
    }

    /// Everything that is stored about the user, as a file to download.
    async fn export(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let access = keys::verify(&self.keys, http::bearer(request)?, now).await??;
        let exported = self.store.export(access.user, access.session, now).await?.ok_or(Error::SessionEnded)?;
        log::outcome("account_exported");
        let mut response = http::json_response(StatusCode::OK, &exported);
        let name = HeaderValue::from_static("attachment; filename=\"account.json\"");
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
        Ok(response)
    }
}
