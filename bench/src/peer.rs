//! One of the two servers that are compared, under load. Its processor time comes from the kernel.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::function::{peak_mib, processor_seconds};

const SECONDS: Duration = Duration::from_secs(2);

/// A server with users who are logged in.
pub struct Peer {
    base: String,
    /// The process whose time counts, with that of its descendants.
    pid: u32,
    /// Bodies of login requests.
    logins: Vec<String>,
    sessions: Vec<Session>,
    turn: AtomicUsize,
}

struct Session {
    /// `name=value`.
    cookie: Mutex<String>,
    access: String,
}

/// The result of a load.
pub struct Load {
    /// Requests per second.
    pub rate: f64,
    /// Milliseconds of processor time for each request.
    pub processor_ms: f64,
    /// How many requests were made.
    pub count: f64,
}

impl Peer {
    /// Logs in once with each of these bodies.
    pub async fn log_in(base: String, pid: u32, logins: Vec<String>) -> Result<Self, String> {
        let client = local::client::http_client();
        let mut sessions = Vec::with_capacity(logins.len());
        for login in &logins {
            let request = client.post(format!("{base}/dj-rest-auth/kakao/")).header("content-type", "application/json");
            let response = request.body(login.clone()).send().await.map_err(|error| error.to_string())?;
            let (status, cookie) = (response.status(), refresh_cookie(&response));
            let text = response.text().await.map_err(|error| error.to_string())?;
            let cookie = cookie.ok_or_else(|| format!("{base}: {status} without a cookie: {text}"))?;
            let body: Value = serde_json::from_str(&text).map_err(|error| format!("{base}: {error}"))?;
            let access = body["access"].as_str().unwrap_or_default().to_owned();
            sessions.push(Session { cookie: Mutex::new(cookie), access });
        }
        Ok(Self { base, pid, logins, sessions, turn: AtomicUsize::new(0) })
    }

    /// Sends requests one after another over each of so many connections.
    pub async fn load(&self, operation: &str, connections: usize) -> Result<Load, String> {
        let (done, failed, stop) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
        let before = processor_of_tree(self.pid);
        let began = Instant::now();
        let lanes = (0..connections).map(|_| async {
            let client = local::client::http_client();
            while !stop.load(Ordering::Relaxed) {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                let ok = self.request(&client, operation, turn).await;
                if ok { &done } else { &failed }.fetch_add(1, Ordering::Relaxed);
            }
        });
        let timer = async {
            tokio::time::sleep(SECONDS).await;
            stop.store(true, Ordering::Relaxed);
        };
        tokio::join!(join_all(lanes), timer);
        let seconds = began.elapsed().as_secs_f64();
        let (count, failed) = (f64::from(done.into_inner()), failed.into_inner());
        if failed > 0 || count == 0.0 {
            return Err(format!("{}: {operation}: {failed} requests failed, {count} did not", self.base));
        }
        let processor_ms = (processor_of_tree(self.pid) - before) * 1e3 / count;
        Ok(Load { rate: count / seconds, processor_ms, count })
    }

    async fn request(&self, client: &Client, operation: &str, turn: usize) -> bool {
        let session = &self.sessions[turn % self.sessions.len()];
        let post = |path: &str| client.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        if operation == "refresh" {
            let mut cookie = session.cookie.lock().await;
            let request = post("/dj-rest-auth/token/refresh/").header("cookie", cookie.as_str()).body("{}");
            let Ok(response) = request.send().await else { return false };
            let ok = response.status() == 200;
            if let Some(next) = refresh_cookie(&response) {
                *cookie = next;
            }
            return response.bytes().await.is_ok() && ok;
        }
        let request = if operation == "login" {
            post("/dj-rest-auth/kakao/").body(self.logins[turn % self.logins.len()].clone())
        } else {
            client.get(format!("{}/api/profile/", self.base)).bearer_auth(&session.access)
        };
        let Ok(response) = request.send().await else { return false };
        response.status() == 200 && response.bytes().await.is_ok()
    }

    /// The peak memory of its largest process, in MiB.
    pub fn peak_mib(&self) -> f64 {
        tree(self.pid).into_iter().map(peak_mib).fold(0.0, f64::max)
    }
}

fn refresh_cookie(response: &reqwest::Response) -> Option<String> {
    let cookies = response.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    cookies.filter_map(|cookie| cookie.split(';').next()).find(|pair| pair.contains("refresh")).map(ToOwned::to_owned)
}

async fn join_all(lanes: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut lanes: Vec<_> = lanes.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        lanes.retain_mut(|lane| lane.as_mut().poll(context).is_pending());
        if lanes.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

fn processor_of_tree(pid: u32) -> f64 {
    tree(pid).into_iter().map(processor_seconds).sum()
}

/// A process and its descendants.
fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        found.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        next += 1;
    }
    found
}
