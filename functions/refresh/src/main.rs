//! The Lambda binary.

use std::sync::Arc;

use refresh::Refresh;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let refresh = &Refresh::from_config(&Config::from_env().await?, Arc::new(SystemClock))?;
    http::prepare(refresh.prepare()).await;
    http::run("refresh", |request| refresh.handle(request)).await
}
