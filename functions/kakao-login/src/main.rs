//! The Lambda binary.

use std::sync::Arc;

use kakao_login::KakaoLogin;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let config = Config::from_env();
    let login: &'static _ = Box::leak(Box::new(KakaoLogin::from_config(&config, Arc::new(SystemClock))?));
    http::prepare(config.preparation(), login.prepare()).await;
    http::run("kakao-login", |request| login.handle(request)).await
}
