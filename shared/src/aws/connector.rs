//! The HTTP client under the SDK's clients.
//!
//! The SDK's own client costs too much at a cold start: it parses its trust store from PEM and builds a second connector only to
//! validate the configuration.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as TcpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, TrustAnchor, pem::PemObject},
};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// DynamoDB closes connections after a minute. A connection that is kept for less than that is never found closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

#[derive(Clone, Debug)]
struct Connector(Client<HttpsConnector<TcpConnector>, SdkBody>);

/// An HTTP client that trusts Amazon's root certificates, and in a local stack those in `more_roots` (PEM) as well.
///
/// `time_factor` is the factor by which its time limit is longer than on Lambda. The roots are constants of `webpki-roots`, because
/// reading the system's 145 certificates costs 18.6 M instructions at a cold start.
///
/// # Panics
///
/// If `more_roots` are not certificates.
#[must_use]
pub fn https_client(more_roots: Option<&[u8]>, time_factor: u32) -> SharedHttpClient {
    let mut roots = RootCertStore { roots: amazon_roots().cloned().collect() };
    for certificate in more_roots.into_iter().flat_map(CertificateDer::pem_slice_iter) {
        roots.add(certificate.expect("the file is PEM")).expect("the file holds certificates");
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT * time_factor));
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(https);
    let connector = SharedHttpConnector::new(Connector(client));
    http_client_fn(move |_, _| connector.clone())
}

/// The roots of Amazon Trust Services, which all AWS endpoints' certificates lead to
/// (<https://www.amazontrust.com/repository/>).
fn amazon_roots() -> impl Iterator<Item = &'static TrustAnchor<'static>> {
    let names = [
        b"Amazon Root CA 1".as_slice(),
        b"Amazon Root CA 2",
        b"Amazon Root CA 3",
        b"Amazon Root CA 4",
        b"Starfield Services Root Certificate Authority - G2",
    ];
    // A subject ends with the common name. Searching all subjects for the names would cost 0.4 M instructions.
    webpki_roots::TLS_SERVER_ROOTS.iter().filter(move |root| names.iter().any(|name| root.subject.ends_with(name)))
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let response = self.0.request(request);
        HttpConnectorFuture::new(async move {
            // The SDK may retry after every failure of a connection, because all our writes are safe to repeat.
            let response = response.await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_five_roots_of_amazon_are_trusted_and_no_other() {
        assert_eq!(amazon_roots().count(), 5);
    }
}
