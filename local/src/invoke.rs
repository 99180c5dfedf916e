//! Lambda's Invoke API, for functions that operators invoke.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use shared::function::Worker;
use tokio::net::TcpListener;

use crate::server::Server;

/// Serves invocations of this function, by any name, until the server is dropped.
///
/// # Errors
///
/// If the listener has no address.
pub fn start<W: Worker>(listener: TcpListener, function: Arc<W>) -> io::Result<Server> {
    let routes =
        Router::new().route("/2015-03-31/functions/{function}/invocations", post(invoke::<W>)).with_state(function);
    Server::start(listener, routes)
}

async fn invoke<W: Worker>(State(function): State<Arc<W>>, body: Bytes) -> Response {
    let outcome = match serde_json::from_slice(&body) {
        Ok(event) => function.handle(event).await.map_err(|error| error.to_string()),
        Err(_) => Err("the event is not a command".to_owned()),
    };
    match outcome {
        Ok(outcome) => Json(outcome).into_response(),
        Err(message) => {
            ([("x-amz-function-error", "Unhandled")], Json(json!({"errorMessage": message}))).into_response()
        }
    }
}
