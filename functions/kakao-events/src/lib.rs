//! `/webhooks/kakao/unlink` and `/webhooks/kakao/account-status`: Kakao says that something has happened to a person's account. It goes
//! into the outbox, and a worker acts on it: Kakao waits 3 s for the response.

mod account_status;
mod unlink;

use std::sync::{Arc, Mutex};

use lambda_http::{Body, Request, Response, http::header::ORIGIN};
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    kakao::{AdminKeyHashes, Kakao},
    store::Store,
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct KakaoEvents {
    /// Verifies security event tokens.
    pub kakao: Kakao,
    /// Know the admin keys with which Kakao calls.
    pub admin_keys: AdminKeyHashes,
    /// Puts work into the outbox.
    pub store: Store,
    /// When a refused webhook was last warned of.
    pub warned_at: Mutex<Option<Timestamp>>,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for KakaoEvents {
    const NAME: &'static str = "kakao-events";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(kakao), Some(admin_keys), Some(store)) =
            (config.kakao_without_logins(), config.admin_key_hashes(), config.store())
        else {
            return Err(config.into_error());
        };
        Ok(Self { kakao, admin_keys, store, warned_at: Mutex::default(), clock })
    }

    /// Does nothing: a webhook needs DynamoDB or Kakao, and its role may not read from the table.
    async fn warm_up(&self) {}

    /// Receives a webhook. No response tells whether there is a user for the person.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a browser calls, whatever page it shows.
    /// - [`Error::NotKakao`] if an unlink webhook has another key or app ID than ours.
    /// - [`Error::SecurityEventRefused`] if a security event token is not good.
    /// - [`Error::Kakao`] and [`Error::Store`] if the token cannot be verified or stored now. Kakao sends it again.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        if request.headers().contains_key(ORIGIN) {
            return Err(Error::ForeignOrigin);
        }
        let now = self.clock.now();
        if request.uri().path().trim_end_matches('/').ends_with("/account-status") {
            self.receive_events(&request, now).await
        } else {
            self.receive_unlink(&request, now).await
        }
    }
}
