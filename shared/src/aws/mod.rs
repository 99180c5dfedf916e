//! How the functions reach AWS: where a service is, with which credentials, and over which HTTP client.

mod connector;
pub mod dynamodb;
mod endpoint;

use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};

pub use self::connector::https_client;

/// Where a service is, and the credentials to sign requests with.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The AWS region.
    pub region: String,
    /// Another address than the region's own, for a local stack.
    pub url: Option<String>,
    /// The credentials of the function's role, as Lambda provides them.
    pub credentials: SharedCredentialsProvider,
    /// Makes the connections: one client for all services.
    pub http_client: SharedHttpClient,
    /// By how much time limits are longer than on Lambda.
    pub time_factor: u32,
}
