//! What a Lambda function is: its name, its configuration, and what it does with a request or an event.

use std::{fmt, sync::Arc, time::Duration};

use lambda_http::{
    Body, LambdaEvent, Request, Response,
    lambda_runtime::{self, service_fn},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
    error::Error,
    http::{self, Event, OriginCheck},
    log,
};

/// A function that responds to HTTP requests.
///
/// The struct lists what the function needs, so its environment and its IAM role in the template list the same things.
pub trait Function: Sized + Send + Sync + 'static {
    /// The name of its crate, of its binary, and of the function in the log.
    const NAME: &'static str;

    /// Takes what the function needs from the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] lists everything that is missing or wrong.
    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError>;

    /// Reads keys and opens connections before the first request. Ignores failures: a request meets them again and reports them.
    fn warm_up(&self) -> impl Future<Output = ()> + Send;

    /// Handles one request.
    ///
    /// # Errors
    ///
    /// An [`Error`], which becomes the response and a line in the log.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Response<Body>, Error>> + Send;
}

/// A [`Function`] that handles only requests that come from where they should.
#[derive(Debug)]
pub struct Guarded<F> {
    function: F,
    origin: OriginCheck,
}

impl<F: Function> Guarded<F> {
    /// Takes from the configuration what the function and the check need.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] lists everything that is missing or wrong.
    pub fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let origin = config.origin_check();
        let function = F::from_config(config, clock)?;
        Ok(Self { function, origin: origin.ok_or_else(|| config.into_error())? })
    }

    /// Handles one request and writes its line to the log.
    pub fn respond(&self, request: Request) -> impl Future<Output = Response<Body>> + Send {
        http::respond(F::NAME, &self.origin, request, |request| self.function.handle(request))
    }
}

/// A function that a schedule or an operator calls, with an event of its own.
pub trait Worker: Sized + Send + Sync + 'static {
    /// The name of its crate and of its binary.
    const NAME: &'static str;
    /// The event's JSON.
    type Event: DeserializeOwned + Send + 'static;
    /// The result's JSON.
    type Outcome: Serialize + Send + 'static;
    /// Why it failed, in words for an operator.
    type Failure: std::error::Error + fmt::Display + Send + Sync + 'static;

    /// Takes what the function needs from the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] lists everything that is missing or wrong.
    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError>;

    /// Handles one event.
    ///
    /// # Errors
    ///
    /// Lambda reports the error to the caller.
    fn handle(&self, event: Self::Event) -> impl Future<Output = Result<Self::Outcome, Self::Failure>> + Send;
}

/// The `main` of a [`Function`]: takes requests from the Lambda Runtime API until the environment is shut down. Call it on a
/// runtime of tokio's `local` flavor.
///
/// # Errors
///
/// If the configuration is wrong, or the Runtime API cannot be reached.
pub async fn run<F: Function>() -> Result<(), lambda_http::Error> {
    let config = Config::from_env();
    log::start(config.stack());
    let guarded: &'static Guarded<F> = Box::leak(Box::new(Guarded::from_config(&config, Arc::new(SystemClock))?));
    warm_up(config.preparation(), guarded.function.warm_up()).await;
    // A task of its own, because waking the outermost future costs a system call: three for each request.
    tokio::task::spawn_local(lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| {
        let handling = guarded.respond(event.payload.into_request(event.context));
        async { Ok::<_, lambda_http::Error>(http::gateway_response(handling.await)) }
    })))
    .await?
}

/// The `main` of a [`Worker`].
///
/// # Errors
///
/// If the configuration is wrong, or the Runtime API cannot be reached.
pub async fn run_worker<W: Worker>() -> Result<(), lambda_http::Error> {
    let config = Config::from_env();
    log::start(config.stack());
    let worker = &W::from_config(&config, Arc::new(SystemClock))?;
    let run = async |event: LambdaEvent<W::Event>| Ok::<_, lambda_http::Error>(worker.handle(event.payload).await?);
    lambda_runtime::run(service_fn(run)).await
}

/// Gets a function ready before its first request. A request may be waiting already, so after `limit` the function starts anyway and
/// connects later.
async fn warm_up(limit: Duration, ready: impl Future) {
    let _ = tokio::time::timeout(limit, ready).await;
}
