//! The Lambda binary.

use std::sync::Arc;

use refresh::Refresh;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let config = Config::from_env();
    let refresh: &'static _ = Box::leak(Box::new(Refresh::from_config(&config, Arc::new(SystemClock))?));
    http::prepare(config.preparation(), refresh.prepare()).await;
    http::run("refresh", |request| refresh.handle(request)).await
}
