//! Another service, which verifies access tokens with the public keys alone, and caches these for as long as it may.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Client;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Value, json};
use shared::clock::{Clock, Timestamp};

use crate::{client::http_client, clock::AdjustableClock};

/// A service with a cache of its own. It does not fetch the keys when it meets an unknown one, only when its cache is too old.
pub(super) struct Service {
    client: Client,
    jwks_url: String,
    clock: Arc<AdjustableClock>,
    lifetime: Duration,
    cache: Mutex<Option<Cached>>,
}

#[derive(Clone)]
struct Cached {
    fetched_at: Timestamp,
    keys: Arc<Vec<Value>>,
}

impl Service {
    /// A service that verifies the tokens of this API.
    pub(super) fn of(api: &str, clock: Arc<AdjustableClock>, lifetime: Duration) -> Self {
        let jwks_url = format!("{api}/.well-known/jwks.json");
        Self { client: http_client(), jwks_url, clock, lifetime, cache: Mutex::default() }
    }

    /// `GET` with an access token in `Authorization` returns how the service responds to it, and how old its keys are.
    pub(super) fn routes(self, path: &str) -> Router {
        Router::new().route(path, get(respond)).with_state(Arc::new(self))
    }

    async fn keys(&self, now: Timestamp) -> Result<Cached, reqwest::Error> {
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = cached.filter(|cached| now < cached.fetched_at + self.lifetime) {
            return Ok(cached);
        }
        let set: Value = self.client.get(&self.jwks_url).send().await?.error_for_status()?.json().await?;
        let cached = Cached { fetched_at: now, keys: Arc::new(set["keys"].as_array().cloned().unwrap_or_default()) };
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached.clone());
        Ok(cached)
    }
}

async fn respond(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let now = service.clock.now();
    let Ok(Cached { fetched_at, keys }) = service.keys(now).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let token = token.unwrap_or_default();
    let is_valid = verified(token, &keys).is_some_and(|claims| claims["exp"].as_i64() > Some(now.unix_seconds()));
    let age = now.unix_seconds() - fetched_at.unix_seconds();
    let kids: Vec<&Value> = keys.iter().map(|key| &key["kid"]).collect();
    let status = if is_valid { 200 } else { 401 };
    Json(json!({"status": status, "kid": header(token)["kid"], "known": kids, "cached_for": age})).into_response()
}

/// The header of a token, of which nothing has been verified.
fn header(token: &str) -> Value {
    token.split('.').next().and_then(read).unwrap_or_default()
}

/// The claims of a token, if one of the keys has signed it.
fn verified(token: &str, keys: &[Value]) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let header = header(token);
    let key = keys.iter().find(|key| key["kid"] == header["kid"] && key["alg"] == header["alg"])?;
    let part = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str()?).ok();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let checked = match header["alg"].as_str()? {
        "ES256" => {
            let point = [vec![4], part("x")?, part("y")?].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed.as_bytes(), &signature)
        }
        "RS256" => RsaPublicKeyComponents { n: part("n")?, e: part("e")? }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed.as_bytes(),
            &signature,
        ),
        _ => return None,
    };
    checked.ok()?;
    read(signed.split_once('.')?.1)
}

fn read(part: &str) -> Option<Value> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
