//! The Lambda binary.

use std::sync::Arc;

use profile::Profile;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let profile = &Profile::from_config(&Config::from_env().await?, Arc::new(SystemClock))?;
    http::prepare(profile.prepare()).await;
    http::run("profile", |request| profile.handle(request)).await
}
