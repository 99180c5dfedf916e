//! The unlink webhook: Kakao has unlinked a person, and says so once.
//!
//! <https://developers.kakao.com/docs/latest/en/kakaologin/callback>

use std::{sync::PoisonError, time::Duration};

use lambda_http::{
    Body, Request, RequestExt, Response, aws_lambda_events::query_map::QueryMap, http::Method, http::StatusCode,
};
use secrecy::SecretString;
use serde_json::json;
use shared::{clock::Timestamp, error::Error, http, id::KakaoId, log};

use crate::KakaoEvents;

/// How often a refused webhook is warned of at most. Anybody can send one.
const BETWEEN_WARNINGS: Duration = Duration::from_mins(1);

impl KakaoEvents {
    /// Puts an inquiry into the outbox, and responds with 200 whether that worked or not: Kakao does not send the webhook again, and
    /// turns it off if it keeps failing. The store gives up after 2 s.
    pub(crate) async fn receive_unlink(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let parameters = parameters(request);
        if let Err(reason) = self.check_sender(request, &parameters) {
            self.warn_of_refusal(reason, now);
            return Err(Error::NotKakao(reason));
        }
        let person = single(&parameters, "user_id").and_then(|id| id.parse::<KakaoId>().ok());
        match person {
            None => {
                log::outcome("webhook_unreadable");
                log::failure("webhook_unreadable", true, format_args!("An unlink webhook names no user of Kakao's"));
            }
            Some(person) => match self.store.put_inquiry(person, now).await {
                Ok(()) => log::outcome("unlink_received"),
                Err(error) => {
                    log::outcome("webhook_lost");
                    log::failure("webhook_lost", true, format_args!("Could not store an unlink webhook: {error}"));
                }
            },
        }
        Ok(http::json_response(StatusCode::OK, &json!({})))
    }

    fn check_sender(&self, request: &Request, parameters: &QueryMap) -> Result<(), &'static str> {
        let key = http::credential(request, "KakaoAK").map(SecretString::from);
        if !key.is_some_and(|key| self.admin_keys.contains(&key)) {
            return Err("it has not the primary admin key (setting KakaoAdminKeyHashes)");
        }
        if !single(parameters, "app_id").is_some_and(|app_id| self.kakao.is_our_app(app_id)) {
            return Err("it has another app ID (setting KakaoAppId)");
        }
        Ok(())
    }

    fn warn_of_refusal(&self, reason: &'static str, now: Timestamp) {
        let mut warned_at = self.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| at + BETWEEN_WARNINGS <= now) {
            *warned_at = Some(now);
            log::failure("webhook_refused", false, format_args!("Refused an unlink webhook: {reason}"));
        }
    }
}

/// The parameters of the query or of the form: Kakao's console decides which.
fn parameters(request: &Request) -> QueryMap {
    if request.method() == Method::POST {
        String::from_utf8_lossy(request.body()).parse().unwrap_or_default()
    } else {
        request.query_string_parameters()
    }
}

/// A parameter that is sent once.
fn single<'a>(parameters: &'a QueryMap, name: &str) -> Option<&'a str> {
    match parameters.all(name)?[..] {
        [value] => Some(value),
        _ => None,
    }
}
