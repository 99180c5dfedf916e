//! Real faults that the page switches on: Kakao is down, or the functions of the auth routes respond with 503.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::http_client,
    lambda::{Failed, Function},
};

/// What the functions call at Kakao. Its login page stays up: without it nobody would get as far as these calls.
const KAKAO_CALLS: [&str; 4] = ["/oauth/token", "/v1/user/access_token_info", "/v2/user/me", "/v1/user/unlink"];
/// The functions that use the refresh token.
const AUTH: [&str; 3] = ["kakao-login", "refresh", "logout"];

/// The switches, and what they switch.
#[derive(Debug)]
pub struct Faults {
    client: Client,
    /// The stand-in's route for faults.
    kakao_url: String,
    kakao: AtomicBool,
    auth: Arc<AtomicBool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    kakao: bool,
    auth: bool,
}

impl Faults {
    /// Switches for this stand-in, all off.
    #[must_use]
    pub fn at(stand_in: &str) -> Self {
        let kakao_url = format!("{stand_in}/control/faults");
        Self { client: http_client(), kakao_url, kakao: AtomicBool::default(), auth: Arc::default() }
    }

    /// The functions, of which those with the auth routes time out while the switch is on. The gateway then responds with 503.
    #[must_use]
    pub fn breakable(&self, functions: BTreeMap<String, Function>) -> BTreeMap<String, Function> {
        let broken = |(name, function): (String, Function)| {
            if !AUTH.contains(&name.as_str()) {
                return (name, function);
            }
            let is_broken = Arc::clone(&self.auth);
            let broken: Function = Arc::new(move |invocation| {
                if is_broken.load(Ordering::SeqCst) {
                    Box::pin(async { Err(Failed::TimedOut) })
                } else {
                    function(invocation)
                }
            });
            (name, broken)
        };
        functions.into_iter().map(broken).collect()
    }

    pub(super) fn state(&self) -> Value {
        json!({"kakao": self.kakao.load(Ordering::SeqCst), "auth": self.auth.load(Ordering::SeqCst)})
    }

    async fn set(&self, wanted: Wanted) -> Result<(), reqwest::Error> {
        let was = self.kakao.load(Ordering::SeqCst);
        if wanted.kakao && !was {
            for endpoint in KAKAO_CALLS {
                let rule = json!({"endpoint": endpoint, "fault": {"kind": "down"}});
                self.client.post(&self.kakao_url).json(&rule).send().await?.error_for_status()?;
            }
        } else if was && !wanted.kakao {
            // This also clears what was set at the stand-in itself.
            self.client.delete(&self.kakao_url).send().await?.error_for_status()?;
        }
        self.kakao.store(wanted.kakao, Ordering::SeqCst);
        self.auth.store(wanted.auth, Ordering::SeqCst);
        Ok(())
    }
}

/// `POST {"kakao", "auth"}` sets both switches and returns them. Its body is JSON, which pages of other sites cannot send.
pub(super) fn routes(path: &str, faults: Arc<Faults>) -> Router {
    async fn set(State(faults): State<Arc<Faults>>, Json(wanted): Json<Wanted>) -> Response {
        match faults.set(wanted).await {
            Ok(()) => Json(faults.state()).into_response(),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
    Router::new().route(path, post(set)).with_state(faults)
}
