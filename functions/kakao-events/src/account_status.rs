//! The account status webhook: security event tokens, pushed by RFC 8935.
//!
//! <https://developers.kakao.com/docs/latest/en/kakaologin/callback>

use std::time::Duration;

use lambda_http::{Body, Request, Response};
use secrecy::SecretString;
use shared::{
    clock::Timestamp,
    error::Error,
    http,
    kakao::{SecurityEventError, SecurityEventToken},
    log,
    store::StoreError,
};

use crate::KakaoEvents;

/// How long storing a token may take. Kakao sends it again if we give up.
const STORED_WITHIN: Duration = Duration::from_secs(1);

impl KakaoEvents {
    /// Puts the events of a token into the outbox, once, and responds with 202.
    pub(crate) async fn receive_events(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let body = str::from_utf8(request.body()).map_err(|_| SecurityEventError::Request("is not a JWT"))?;
        let token = self.kakao.security_event(&SecretString::from(body.trim_ascii()), now).await?;
        let is_new = self.store_events(&token, now).await?;
        log::outcome(if is_new { "events_received" } else { "events_known" });
        Ok(http::accepted())
    }

    async fn store_events(&self, token: &SecurityEventToken, now: Timestamp) -> Result<bool, StoreError> {
        let put = self.store.put_events(&token.jti, token.kakao_id, &token.events, now);
        tokio::time::timeout(STORED_WITHIN, put).await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable { operation: "TransactWriteItems", reason: "timed out".to_owned() })
        })
    }
}
