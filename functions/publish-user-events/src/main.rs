//! The Lambda binary.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::function::run_worker::<publish_user_events::PublishUserEvents>().await
}
