//! The Lambda binary.

use std::sync::Arc;

use logout::Logout;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let config = Config::from_env();
    let logout: &'static _ = Box::leak(Box::new(Logout::from_config(&config, Arc::new(SystemClock))?));
    http::prepare(config.preparation(), logout.prepare()).await;
    http::run("logout", |request| logout.handle(request)).await
}
