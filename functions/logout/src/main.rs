//! The Lambda binary.

use std::sync::Arc;

use logout::Logout;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let logout = &Logout::from_config(&Config::from_env().await?, Arc::new(SystemClock))?;
    http::prepare(logout.prepare()).await;
    http::run("logout", |request| logout.handle(request)).await
}
