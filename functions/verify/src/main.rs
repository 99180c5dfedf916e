//! The Lambda binary.

use std::sync::Arc;

use shared::{clock::SystemClock, config::Config, http, log};
use verify::Verify;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let verify = &Verify::from_config(&Config::from_env(), Arc::new(SystemClock))?;
    http::prepare(verify.prepare()).await;
    http::run("verify", |request| verify.handle(request)).await
}
