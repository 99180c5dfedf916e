//! A proxy in front of DynamoDB or Kakao. It counts the requests that pass, and fails on request as networks and services do.

mod fault;
mod forward;
mod pass;
mod response;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Bytes, http::StatusCode};
use local::{
    client::http_client,
    server::{End, Server},
};
use serde_json::Value;
use tokio::sync::oneshot;

pub use self::fault::{Fault, FaultRates};
use self::{
    forward::{Crossing, forward},
    pass::{Both, pass},
};

/// A proxy in front of a server. It stops when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    server: Arc<Server>,
    state: Arc<Shared>,
}

/// The requests that passed a proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// The operations in the order of their arrival, such as `UpdateItem`; at Kakao, paths.
    pub operations: Vec<String>,
    /// Read units that DynamoDB says it consumed.
    pub read_units: f64,
    /// Write units that DynamoDB says it consumed.
    pub write_units: f64,
}

/// When a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before it reaches the server.
    Before,
    /// After the server carried it out and before the response is sent.
    After,
}

/// A request that is or will be held. It continues when this is dropped.
#[derive(Debug)]
pub struct Held {
    arrived: oneshot::Receiver<()>,
    go_on: oneshot::Sender<bool>,
}

/// A copy of a request that is still under way.
#[derive(Clone, Debug)]
pub struct HeldBack(Crossing);

#[derive(Debug)]
struct Hold {
    /// How many requests pass first.
    before: usize,
    moment: Moment,
    arrived: oneshot::Sender<()>,
    go_on: oneshot::Receiver<bool>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    client: reqwest::Client,
    fault: Mutex<Option<Fault>>,
    /// How many requests pass before the fault begins.
    spared: Mutex<usize>,
    rates: Mutex<FaultRates>,
    traffic: Mutex<Traffic>,
    hold: Mutex<Option<Hold>>,
    /// The last request of each operation.
    last: Mutex<BTreeMap<String, Crossing>>,
    /// For each eventually consistent read, its last two distinct responses, the newer one last.
    reads: Mutex<BTreeMap<Bytes, [Bytes; 2]>>,
}

impl Shared {
    fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            client: http_client(),
            fault: Mutex::default(),
            spared: Mutex::default(),
            rates: Mutex::default(),
            traffic: Mutex::default(),
            hold: Mutex::default(),
            last: Mutex::default(),
            reads: Mutex::default(),
        }
    }
}

impl FaultProxy {
    /// Starts a proxy in front of the server at `target`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(target: &str) -> io::Result<Self> {
        let state = Arc::new(Shared::new(target));
        let routes = Router::new().fallback(pass).with_state(Both { state: Arc::clone(&state), keys: None });
        Ok(Self { server: Arc::new(Server::start_on_free_port(routes).await?), state })
    }

    /// Starts two proxies at one address in front of the DynamoDB at `target`: the first proxy gets the requests for this
    /// table of keys, and the second one all others.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start_pair(target: &str, table: &str) -> io::Result<[Self; 2]> {
        let [keys, state] = [(); 2].map(|()| Arc::new(Shared::new(target)));
        let both = Both { state: Arc::clone(&state), keys: Some((table.to_owned(), Arc::clone(&keys))) };
        let server = Arc::new(Server::start_on_free_port(Router::new().fallback(pass).with_state(both)).await?);
        Ok([keys, state].map(|state| Self { server: Arc::clone(&server), state }))
    }

    /// The proxy's address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Injects this fault into all further requests.
    pub fn fail(&self, fault: Fault) {
        self.fail_after(0, fault);
    }

    /// Lets this many requests pass, and injects the fault into all further ones.
    pub fn fail_after(&self, requests: usize, fault: Fault) {
        *lock(&self.state.spared) = requests;
        *lock(&self.state.fault) = Some(fault);
    }

    /// Stops all faults.
    pub fn heal(&self) {
        *lock(&self.state.fault) = None;
        *lock(&self.state.rates) = FaultRates::default();
    }

    /// Fails requests at random, at these rates, until [`heal`](Self::heal).
    pub fn set_rates(&self, rates: FaultRates) {
        *lock(&self.state.rates) = rates;
    }

    /// Lets `before` requests pass and holds the next one.
    #[must_use]
    pub fn hold(&self, before: usize, moment: Moment) -> Held {
        let (arrived, is_there) = oneshot::channel();
        let (go_on, told) = oneshot::channel();
        *lock(&self.state.hold) = Some(Hold { before, moment, arrived, go_on: told });
        Held { arrived: is_there, go_on }
    }

    /// Ends all open connections. New ones work.
    pub fn end_connections(&self, end: End) {
        self.server.end_connections(end);
    }

    /// A copy of the last request of this operation, as if the network had delayed it.
    ///
    /// # Panics
    ///
    /// If there was no such request.
    #[must_use]
    pub fn copy_of_last(&self, operation: &str) -> HeldBack {
        let last = lock(&self.state.last).get(operation).cloned();
        HeldBack(last.unwrap_or_else(|| panic!("no {operation} has passed")))
    }

    /// Delivers such a copy, so late that DynamoDB no longer remembers its `ClientRequestToken`.
    ///
    /// # Errors
    ///
    /// If DynamoDB does not respond.
    pub async fn arrive(&self, copy: &HeldBack) -> Result<StatusCode, reqwest::Error> {
        Ok(forward(&self.state, &copy.0.without_token()).await?.status())
    }

    /// Sends the last request of this operation once more.
    ///
    /// # Errors
    ///
    /// If DynamoDB does not respond.
    ///
    /// # Panics
    ///
    /// If there was no such request.
    pub async fn repeat_last(&self, operation: &str) -> Result<StatusCode, reqwest::Error> {
        self.arrive(&self.copy_of_last(operation)).await
    }

    /// The body of the last request of this operation, or `null` if there was none.
    #[must_use]
    pub fn last_body(&self, operation: &str) -> Value {
        let last = lock(&self.state.last);
        last.get(operation).and_then(|crossing| serde_json::from_slice(&crossing.body).ok()).unwrap_or_default()
    }

    /// The requests since the last call of this.
    #[must_use]
    pub fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut *lock(&self.state.traffic))
    }
}

impl Held {
    /// Waits until the request has arrived.
    ///
    /// # Panics
    ///
    /// If the proxy has stopped.
    pub async fn arrived(&mut self) {
        (&mut self.arrived).await.expect("the proxy is running");
    }

    /// Lets the request continue.
    pub fn release(self) {
        let _ = self.go_on.send(true);
    }

    /// Closes the request's connection. If it had not reached the server yet, it never will.
    pub fn discard(self) {
        let _ = self.go_on.send(false);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
