//! Calls to Kakao: bounded in time and size, counted, tried again only where that is harmless, and not made while Kakao is down.

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::{
    AuthorizationCode, Kakao, KakaoError, KakaoSecrets,
    answers::{ApiFailure, AuthFailure, Tokens},
    circuit::Circuit,
    codes, nonsense,
};
use crate::{clock::Timestamp, log};

const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// A second try begins only this early, so that both fit into the time that a sign-in has for Kakao.
const RETRY_WITHIN: Duration = Duration::from_millis(700);

impl Kakao {
    pub(super) async fn get_api<T: DeserializeOwned>(
        &self,
        name: &'static str,
        path: &str,
        query: &[(&str, &str)],
        authorization: &SecretString,
        now: Timestamp,
    ) -> Result<T, KakaoError> {
        let mut authorization = HeaderValue::try_from(authorization.expose_secret())
            .map_err(|_| KakaoError::Rejected("the token fits into no header".to_owned()))?;
        authorization.set_sensitive(true);
        let request = || {
            let request = self.connections.client(now).get(format!("{}{path}", self.app.api_url)).query(query);
            request.header(AUTHORIZATION, authorization.clone())
        };
        let started = Instant::now();
        let first = call(name, &self.api_circuit, request(), api_failure, now).await;
        match first {
            // A connection that died while the function was frozen, or Kakao's -1: asking changes nothing there.
            Err(KakaoError::Unavailable { is_outage: true, .. }) if started.elapsed() < RETRY_WITHIN => {
                call(name, &self.api_circuit, request(), api_failure, now).await
            }
            answer => answer,
        }
    }

    pub(super) async fn post_token(
        &self,
        grant: &AuthorizationCode,
        secrets: &KakaoSecrets,
        now: Timestamp,
    ) -> Result<Tokens, KakaoError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.app.rest_api_key),
            ("client_secret", secrets.client_secret.expose_secret()),
            ("redirect_uri", &grant.redirect_uri),
            ("code", grant.code.expose_secret()),
        ];
        if let Some(verifier) = &grant.code_verifier {
            form.push(("code_verifier", verifier.expose_secret()));
        }
        let request = self.connections.client(now).post(format!("{}/oauth/token", self.app.auth_url)).form(&form);
        call("kakao_token", &self.auth_circuit, request, auth_failure, now).await
    }

    pub(super) async fn fetch_keys(&self, now: Timestamp) -> Result<JwkSet, KakaoError> {
        let request = self.connections.client(now).get(format!("{}/.well-known/jwks.json", self.app.auth_url));
        call("kakao_jwks", &self.auth_circuit, request, auth_failure, now).await
    }
}

fn api_failure(body: &[u8]) -> Option<KakaoError> {
    serde_json::from_slice(body).ok().map(|failure: ApiFailure| codes::of_api(failure.code))
}

fn auth_failure(body: &[u8]) -> Option<KakaoError> {
    let failure: AuthFailure = serde_json::from_slice(body).ok()?;
    Some(codes::of_auth(failure.error_code.as_deref(), &failure.error))
}

async fn call<T: DeserializeOwned>(
    name: &'static str,
    circuit: &Circuit,
    request: RequestBuilder,
    failure: impl FnOnce(&[u8]) -> Option<KakaoError>,
    now: Timestamp,
) -> Result<T, KakaoError> {
    circuit.admit(now).map_err(|retry_after| {
        let reason = format!("{name} is not asked while Kakao is down");
        KakaoError::Unavailable { reason, retry_after, is_outage: false }
    })?;
    let answer = log::counted(name, send(request, failure), |answer| outcome(answer)).await;
    circuit.record(matches!(answer, Err(KakaoError::Unavailable { is_outage: true, .. })), now);
    answer
}

const fn outcome<T>(answer: &Result<T, KakaoError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(KakaoError::Rejected(_) | KakaoError::WrongApp | KakaoError::Underage) => "rejected",
        Err(KakaoError::Misconfigured { .. }) => "misconfigured",
        Err(KakaoError::Unavailable { is_outage: true, .. }) => "outage",
        Err(KakaoError::Unavailable { .. }) => "quota",
    }
}

/// Sends a request and reads a bounded JSON answer. Neither Kakao's texts nor the HTTP client's errors leave here: the
/// former can echo secrets, the latter hold addresses.
async fn send<T: DeserializeOwned>(
    request: RequestBuilder,
    failure: impl FnOnce(&[u8]) -> Option<KakaoError>,
) -> Result<T, KakaoError> {
    let mut response = request.send().await.map_err(|error| unreachable(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(nonsense("an answer of more than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    if response.status().is_success() {
        serde_json::from_slice(&body).map_err(|_| nonsense("an answer of another shape"))
    } else {
        let status = response.status().as_u16();
        Err(failure(&body).unwrap_or_else(|| nonsense(&format!("status {status} without a code"))))
    }
}

fn unreachable(error: &reqwest::Error) -> KakaoError {
    nonsense(if error.is_timeout() { "timed out" } else { "no connection" })
}
