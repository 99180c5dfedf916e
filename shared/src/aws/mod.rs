//! How the functions reach AWS: addresses, credentials and the HTTP client.

mod connector;
pub mod dynamodb;
mod endpoint;

use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};

pub use self::connector::https_client;

/// The address of a service, and the credentials that sign requests to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The AWS region.
    pub region: String,
    /// An address instead of the region's own, for a local stack.
    pub url: Option<String>,
    /// The credentials of the function's role, as Lambda provides them.
    pub credentials: SharedCredentialsProvider,
    /// The HTTP client, one for all services.
    pub http_client: SharedHttpClient,
    /// The factor by which time limits are longer than on Lambda.
    pub time_factor: u32,
}
