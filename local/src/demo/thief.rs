//! The thief of the demo: presents what was copied from a browser, as another computer would.

use axum::{
    Json, Router,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{COOKIE, USER_AGENT},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Client;
use serde_json::{Value, json};

use crate::client::http_client;

#[derive(Clone)]
struct Thief {
    client: Client,
    refresh_url: String,
}

/// A route that refreshes a session with the cookies and the body of its request. Nothing else of the request is sent, so the API
/// sees no browser. The page cannot do this by itself, because the cookie is `HttpOnly`.
///
/// The response says how the API responded, without the token.
pub(super) fn routes(path: &str, api: &str) -> Router {
    let thief = Thief { client: http_client(), refresh_url: format!("{api}/auth/refresh") };
    Router::new().route(path, post(steal)).with_state(thief)
}

async fn steal(State(thief): State<Thief>, headers: HeaderMap, Json(copied): Json<Value>) -> Response {
    let mut request = thief.client.post(&thief.refresh_url).header(USER_AGENT, "curl/8.7.1").json(&copied);
    for cookies in headers.get_all(COOKIE) {
        request = request.header(COOKIE, cookies);
    }
    match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let body: Value = response.json().await.unwrap_or_default();
            Json(json!({"status": status, "code": body["code"]})).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
