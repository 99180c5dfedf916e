//! The HTTP client for Kakao: bounded in time, without redirects, and never on a connection that may have died meanwhile.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, redirect::Policy};

use crate::clock::Timestamp;

/// Shorter than servers keep an idle connection.
const IDLE: Duration = Duration::from_secs(20);

/// Connections to Kakao. They are reused if the last use was recent.
#[derive(Debug)]
pub(super) struct Connections {
    tls: rustls::ClientConfig,
    kept: Mutex<Option<(Client, Timestamp)>>,
}

impl Connections {
    pub(super) fn new() -> Self {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls, kept: Mutex::default() }
    }

    /// A client for a request at this time.
    ///
    /// While a function is frozen its timers may stand still, so a connection that the network has dropped looks alive, and a request
    /// on it would time out. The wall clock goes on, so it decides whether connections are reused.
    pub(super) fn client(&self, now: Timestamp) -> Client {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match kept.take() {
            Some((client, last_used)) if now.seconds_since(last_used) < IDLE.as_secs() => client,
            _ => self.fresh(),
        };
        *kept = Some((client.clone(), now));
        client
    }

    fn fresh(&self) -> Client {
        Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_millis(2_500))
            .pool_idle_timeout(IDLE)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .expect("the client's settings are constant and fit together")
    }
}
