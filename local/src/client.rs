//! An HTTP client for servers of this machine.

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// A client for servers of this machine: no proxy, and no redirect is followed.
///
/// # Panics
///
/// If its constant settings do not fit together.
#[must_use]
pub fn http_client() -> Client {
    builder().build().expect("constant settings fit together")
}

/// A client that opens a new connection for each request, so that it never meets one that the network has dropped.
///
/// # Panics
///
/// If its constant settings do not fit together.
#[must_use]
pub fn http_client_without_pool() -> Client {
    builder().pool_max_idle_per_host(0).build().expect("constant settings fit together")
}

fn builder() -> ClientBuilder {
    // reqwest asks for the process's TLS provider although nothing here speaks TLS. A second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(Policy::none())
}
