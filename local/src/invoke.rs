//! Lambda's Invoke API, for functions that operators invoke.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::{fmt, io, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use lambda_http::BoxFuture;
use serde_json::{Value, json};
use shared::function::Worker;
use tokio::net::TcpListener;

use crate::server::Server;

/// A function that operators invoke.
#[derive(Clone)]
pub struct Invocable {
    name: &'static str,
    invoke: Arc<Invoke>,
}

type Invoke = dyn Fn(Bytes) -> BoxFuture<'static, Result<Value, String>> + Send + Sync;

impl fmt::Debug for Invocable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Invocable").field(&self.name).finish()
    }
}

impl Invocable {
    /// This function.
    pub fn new<W: Worker>(function: Arc<W>) -> Self {
        let invoke = move |event: Bytes| -> BoxFuture<'static, Result<Value, String>> {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let event = serde_json::from_slice(&event).map_err(|_| "the event is not a command".to_owned())?;
                let outcome = function.handle(event).await.map_err(|error| error.to_string())?;
                serde_json::to_value(outcome).map_err(|error| error.to_string())
            })
        };
        Self { name: W::NAME, invoke: Arc::new(invoke) }
    }

    /// By its own name, or by that of its resource in the template.
    fn is_called(&self, name: &str) -> bool {
        self.name.replace('-', "").eq_ignore_ascii_case(&name.replace('-', ""))
    }
}

/// Serves invocations of these functions until the server is dropped.
///
/// # Errors
///
/// If the listener has no address.
pub fn start(listener: TcpListener, functions: Vec<Invocable>) -> io::Result<Server> {
    let routes =
        Router::new()
            .route("/2015-03-31/functions/{function}/invocations", post(invoke))
            .with_state(Arc::<[Invocable]>::from(functions));
    Server::start(listener, routes)
}

async fn invoke(State(functions): State<Arc<[Invocable]>>, Path(name): Path<String>, body: Bytes) -> Response {
    let Some(function) = functions.iter().find(|function| function.is_called(&name)) else {
        let message = json!({"Type": "User", "Message": format!("Function not found: {name}")});
        return (StatusCode::NOT_FOUND, [("x-amzn-errortype", "ResourceNotFoundException")], Json(message))
            .into_response();
    };
    match (function.invoke)(body).await {
        Ok(outcome) => Json(outcome).into_response(),
        Err(message) => {
            ([("x-amz-function-error", "Unhandled")], Json(json!({"errorMessage": message}))).into_response()
        }
    }
}
