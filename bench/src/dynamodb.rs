//! A DynamoDB that replays the recorded responses of the embedded one, over TLS or not.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse, Response},
    serve::{Listener, ListenerExt},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Responses by operation and kind of item.
pub type Responses = BTreeMap<String, Bytes>;

/// A running server. Dropping it stops it.
pub struct DynamoDb {
    pub url: String,
    state: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    /// Where requests are forwarded to while recording.
    target: Option<(String, reqwest::Client)>,
    responses: Mutex<Responses>,
    delay: Duration,
    requests: AtomicU64,
    handshakes: AtomicU64,
}

impl DynamoDb {
    /// Forwards every request and records the responses.
    pub async fn recording(target: &str) -> io::Result<Self> {
        let target = Some((target.to_owned(), local::client::http_client()));
        Self::start(target, Responses::new(), Duration::ZERO, false).await
    }

    /// Replays recorded responses, after `delay`.
    pub async fn replaying(responses: &Responses, delay: Duration, tls: bool) -> io::Result<Self> {
        Self::start(None, responses.clone(), delay, tls).await
    }

    async fn start(
        target: Option<(String, reqwest::Client)>,
        responses: Responses,
        delay: Duration,
        tls: bool,
    ) -> io::Result<Self> {
        let state = Arc::new(Shared {
            target,
            responses: Mutex::new(responses),
            delay,
            requests: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = Router::new().fallback(respond).with_state(Arc::clone(&state));
        let (scheme, task) = if tls {
            let listener = TlsListener { listener, acceptor: acceptor()?, state: Arc::clone(&state) };
            ("https", tokio::spawn(async { drop(axum::serve(listener, routes).await) }))
        } else {
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            ("http", tokio::spawn(async { drop(axum::serve(listener, routes).await) }))
        };
        Ok(Self { url: format!("{scheme}://localhost:{}", address.port()), state, task })
    }

    /// The responses so far.
    pub fn responses(&self) -> Responses {
        self.state.responses.lock().map(|responses| responses.clone()).unwrap_or_default()
    }

    /// Requests and TLS handshakes so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.state.requests.load(Ordering::SeqCst), self.state.handshakes.load(Ordering::SeqCst))
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn respond(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    state.requests.fetch_add(1, Ordering::SeqCst);
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let key = format!("{} {}", target.rsplit('.').next().unwrap_or_default(), kind(&body));
    tokio::time::sleep(state.delay).await;
    let bytes = match &state.target {
        None => state.responses.lock().ok().and_then(|responses| responses.get(&key).cloned()),
        Some((url, client)) => {
            let mut headers = headers;
            headers.remove("content-length");
            let response = client.post(url).headers(headers).body(body).send().await;
            let Ok(response) = response else { return axum::http::StatusCode::BAD_GATEWAY.into_response() };
            let (status, bytes) = (response.status(), response.bytes().await.unwrap_or_default());
            if !status.is_success() {
                return (status, json_headers(), bytes).into_response();
            }
            if let Ok(mut responses) = state.responses.lock() {
                responses.insert(key, bytes.clone());
            }
            Some(bytes)
        }
    };
    (json_headers(), bytes.unwrap_or_else(|| Bytes::from_static(b"{}"))).into_response()
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(
        "content-type".parse().expect("a name"),
        HeaderValue::from_static("application/x-amz-json-1.0"),
    )])
}

/// The kind of item that a request is about: the name of a document of keys, or the part of the sort key before its `#`. For a batch,
/// the table; for a query, nothing.
fn kind(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some((table, _)) = body["RequestItems"].as_object().and_then(|tables| tables.iter().next()) {
        return table.clone();
    }
    let key = body.get("Key").or_else(|| body.get("Item"));
    let text = |name: &str| key.and_then(|key| key[name]["S"].as_str());
    let kind = text("name").or_else(|| text("sk")).unwrap_or_default();
    kind.split('#').next().unwrap_or_default().to_owned()
}

/// The root of the chain below, as `AWS_CA_BUNDLE` takes it.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/root.pem");

/// A chain like Amazon's: RSA root, RSA intermediate, RSA leaf for `localhost`. Its keys are those of the Kakao stand-in.
const CHAIN: [&[u8]; 2] = [include_bytes!("../tls/leaf.der"), include_bytes!("../tls/intermediate.der")];
const LEAF_KEY: &[u8] = include_bytes!("../../local/src/kakao/keys/three.pk8");

fn acceptor() -> io::Result<TlsAcceptor> {
    let chain = CHAIN.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(LEAF_KEY));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
    Ok(TlsAcceptor::from(Arc::new(config.map_err(io::Error::other)?)))
}

/// Accepts connections once their TLS handshake succeeds, and counts them.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    state: Arc<Shared>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            // Without it, the small packets of the handshake wait 40 ms for each other.
            let _ = stream.set_nodelay(true);
            if let Ok(stream) = self.acceptor.accept(stream).await {
                self.state.handshakes.fetch_add(1, Ordering::SeqCst);
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
