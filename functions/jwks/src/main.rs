//! The Lambda binary.

use std::sync::Arc;

use jwks::Jwks;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let config = Config::from_env();
    let jwks: &'static _ = Box::leak(Box::new(Jwks::from_config(&config, Arc::new(SystemClock))?));
    http::prepare(config.preparation(), jwks.prepare()).await;
    http::run("jwks", |request| jwks.handle(request)).await
}
