//! The Lambda binary.

use std::sync::Arc;

use profile::Profile;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let config = Config::from_env();
    let profile: &'static _ = Box::leak(Box::new(Profile::from_config(&config, Arc::new(SystemClock))?));
    http::prepare(config.preparation(), profile.prepare()).await;
    http::run("profile", |request| profile.handle(request)).await
}
