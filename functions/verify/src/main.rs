//! The Lambda binary.

use std::sync::Arc;

use shared::{clock::SystemClock, config::Config, http, log};
use verify::Verify;

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let config = Config::from_env();
    let verify: &'static _ = Box::leak(Box::new(Verify::from_config(&config, Arc::new(SystemClock))?));
    http::prepare(config.preparation(), verify.prepare()).await;
    http::run("verify", |request| verify.handle(request)).await
}
