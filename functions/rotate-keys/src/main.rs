//! The Lambda binary.

use std::sync::Arc;

use lambda_http::{
    LambdaEvent,
    lambda_runtime::{self, service_fn},
};
use rotate_keys::RotateKeys;
use shared::{clock::SystemClock, config::Config, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log::start(&[]);
    let rotate = &RotateKeys::from_config(&Config::from_env(), Arc::new(SystemClock))?;
    let run = async |event: LambdaEvent<_>| Ok::<_, lambda_http::Error>(rotate.handle(event.payload).await?);
    lambda_runtime::run(service_fn(run)).await
}
