//! How the functions reach AWS: who asks, where, and over which TLS.

use std::time::Duration;

use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

/// Where a service is and who asks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The AWS region.
    pub region: String,
    /// Another address than the region's own, for a local stack.
    pub url: Option<String>,
    /// The function's role, as Lambda gives it.
    pub credentials: SharedCredentialsProvider,
    /// What connects to it: one for all services, as its TLS configuration costs half a million instructions at a cold start.
    pub http_client: SharedHttpClient,
}

/// Trusts Amazon's own roots, and in a local stack `more_roots` in PEM, and reads no file for it: loading the system's 145 costs
/// 18.6 M instructions at a cold start.
///
/// # Panics
///
/// If `more_roots` are no certificates.
#[must_use]
pub fn https_client(more_roots: Option<&[u8]>) -> SharedHttpClient {
    let mut roots = TrustStore::empty().with_pem_certificate(include_bytes!("amazon-roots.pem").as_slice());
    if let Some(more) = more_roots {
        roots = roots.with_pem_certificate(more);
    }
    let tls = TlsContext::builder().with_trust_store(roots).build().expect("the roots are readable");
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        // Shorter than DynamoDB's own, so that a function that was frozen does not write into a dead connection.
        .pool_idle_timeout(Duration::from_secs(20))
        .build_https()
}
