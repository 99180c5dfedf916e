//! Rotates the signing key on demand, by the command that operators send.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Client;
use rotate_keys::document::SETTLING;
use serde_json::{Value, json};
use shared::id::SessionId;

use crate::client::http_client;

struct Rotation {
    client: Client,
    /// Where the function `rotate-keys` is invoked.
    url: String,
    /// When a new key signs after the rotation: every cache has it by then.
    signs_after: Duration,
}

/// `POST {}` rotates the keys, as the schedule does after 30 days, and returns in how many seconds the new key begins to sign.
pub(super) fn routes(path: &str, lambda: &str, verifier_cache: Duration) -> Router {
    let url = format!("{lambda}/2015-03-31/functions/rotate-keys/invocations");
    let rotation = Rotation { client: http_client(), url, signs_after: SETTLING + verifier_cache };
    Router::new().route(path, post(rotate)).with_state(Arc::new(rotation))
}

async fn rotate(State(rotation): State<Arc<Rotation>>, Json(_): Json<Value>) -> Response {
    let attempt = SessionId::generate().to_string();
    let command = json!({"command": "replace", "keys": "schedule", "attempt": attempt});
    let sent = rotation.client.post(&rotation.url).json(&command).send().await;
    match sent.and_then(reqwest::Response::error_for_status) {
        // Lambda marks a function's own failure with this header, and a status of success.
        Ok(response) if !response.headers().contains_key("x-amz-function-error") => {
            Json(json!({"signs_after": rotation.signs_after.as_secs()})).into_response()
        }
        _ => StatusCode::BAD_GATEWAY.into_response(),
    }
}
