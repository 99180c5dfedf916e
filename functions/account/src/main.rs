//! The Lambda binary.

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::function::run::<account::Account>().await
}
