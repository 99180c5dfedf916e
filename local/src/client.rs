//! An HTTP client for servers on this machine.

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// A client for servers on this machine: it uses no proxy and follows no redirect.
///
/// # Panics
///
/// If its constant settings are invalid.
#[must_use]
pub fn http_client() -> Client {
    builder().build().expect("the constant settings are valid")
}

/// A client that opens a new connection for each request, so that it never uses one that the network has dropped.
///
/// # Panics
///
/// If its constant settings are invalid.
#[must_use]
pub fn http_client_without_pool() -> Client {
    builder().pool_max_idle_per_host(0).build().expect("the constant settings are valid")
}

fn builder() -> ClientBuilder {
    // reqwest asks for the process's TLS provider although nothing here speaks TLS. A second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(Policy::none())
}
