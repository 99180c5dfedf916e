//! The Lambda binary.

use std::sync::Arc;

use kakao_login::KakaoLogin;
use shared::{clock::SystemClock, config::Config, http, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let login = &KakaoLogin::from_config(&Config::from_env().await?, Arc::new(SystemClock))?;
    http::prepare(login.prepare()).await;
    http::run("kakao-login", |request| login.handle(request)).await
}
