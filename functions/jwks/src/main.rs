//! The Lambda binary.

use std::sync::Arc;

use jwks::Jwks;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let jwks = &Jwks::from_config(&Config::from_env(), Arc::new(SystemClock))?;
    http::prepare(jwks.prepare()).await;
    http::run("jwks", |request| jwks.handle(request)).await
}
