//! Lambda: a function takes an event and returns a response, in this process or as a binary in its own processes.

mod process;
mod runtime;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use lambda_http::{Body, BoxFuture, Context};
use serde::Serialize;
use serde_json::Value;
use shared::{function::Worker, http};

pub use self::{
    process::{Environment, Lambda, function},
    runtime::{Answered, Runtime, Work},
};

/// A function as its caller invokes it.
pub type Function = Arc<dyn Fn(Invocation) -> BoxFuture<'static, Result<Value, Failed>> + Send + Sync>;

/// The handler of a function that runs in this process.
pub type Handler = Arc<dyn Fn(lambda_http::Request) -> BoxFuture<'static, lambda_http::Response<Body>> + Send + Sync>;

tokio::task_local! {
    /// The name of the function that a task runs, so that the lines of all functions in one process can be told apart.
    pub static RUNNING: &'static str;
}

/// What a function is invoked with.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The event.
    pub event: Value,
    /// The request ID in the function's logs.
    pub request_id: String,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The function took too long and was stopped.
    TimedOut,
    /// It panicked or failed, or its process ended.
    Crashed,
}

/// Runs a handler as Lambda does: the functions' own code parses the event and serialises the response.
#[must_use]
pub fn here(handler: Handler) -> Function {
    Arc::new(move |invocation| Box::pin(run_here(Arc::clone(&handler), invocation)))
}

/// Runs a worker as Lambda does: it parses the event and serialises what comes of it.
#[must_use]
pub fn worker_here<W: Worker>(worker: Arc<W>) -> Function {
    Arc::new(move |invocation| {
        let worker = Arc::clone(&worker);
        Box::pin(async move {
            let Ok(event) = serde_json::from_str(&invocation.event.to_string()) else { return Err(Failed::Crashed) };
            let outcome =
                within(invocation.timeout, RUNNING.scope(W::NAME, async move { worker.handle(event).await.ok() }))
                    .await?;
            if outcome.is_null() { Err(Failed::Crashed) } else { Ok(outcome) }
        })
    })
}

async fn run_here(handler: Handler, invocation: Invocation) -> Result<Value, Failed> {
    // Parse from text, as a function on Lambda receives it.
    let Ok(event) = serde_json::from_str::<http::Event>(&invocation.event.to_string()) else {
        return Err(Failed::Crashed);
    };
    let mut context = Context::default();
    context.request_id = invocation.request_id;
    context.deadline = deadline(invocation.timeout);
    let handling = async move { http::gateway_response(handler(event.into_request(context)).await) };
    within(invocation.timeout, handling).await
}

async fn within<T>(timeout: Duration, handling: impl Future<Output = T> + Send + 'static) -> Result<Value, Failed>
where
    T: Serialize + Send + 'static,
{
    // A separate task catches a panic, as the Lambda runtime does.
    let running = tokio::spawn(handling);
    let stop = running.abort_handle();
    match tokio::time::timeout(timeout, running).await {
        Err(_) => {
            // Lambda stops the function too, so that it cannot write after the client got an error.
            stop.abort();
            Err(Failed::TimedOut)
        }
        Ok(Ok(reply)) => serde_json::to_value(&reply).map_err(|_| Failed::Crashed),
        Ok(Err(_)) => Err(Failed::Crashed),
    }
}

/// The environment variables that Lambda sets for every function, except the credentials of its role.
#[must_use]
pub fn variables(function: &str) -> BTreeMap<String, String> {
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_REGION", "ap-northeast-2"),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[expect(clippy::disallowed_methods, reason = "Lambda itself does not run on the functions' clock")]
pub(crate) fn milliseconds_since_epoch() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// In milliseconds since the Unix epoch.
fn deadline(timeout: Duration) -> u64 {
    milliseconds_since_epoch() + u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
