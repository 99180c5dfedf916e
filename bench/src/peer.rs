//! Beside another server with the same wire contract: the same requests in turn, processor time from the kernel.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    sync::Mutex,
};

use crate::{
    function::{peak_mib, processor_seconds},
    measure::spread,
};

/// The other server, as the command line names it.
pub struct Peer {
    pub base: String,
    pub pid: u32,
    /// A Kakao access token that its own stand-in knows, with `{}` where a user's number goes.
    pub token: String,
    /// A command that answers one sign-in in a new process and then writes a line.
    pub cold: Option<String>,
}

const PAIRS: usize = 5;
const CONNECTIONS: [usize; 3] = [1, 8, 32];
const SECONDS: Duration = Duration::from_secs(2);
/// Ours rotates a session once in its window, so a refresh needs a session of its own to do what it does in earnest.
const OUR_SESSIONS: usize = 8_000;
const PEER_SESSIONS: usize = 64;
const USERS: usize = 64;

/// A server under load.
struct Side {
    base: String,
    /// The processes whose time counts.
    pid: u32,
    credentials: Vec<String>,
    sessions: Vec<Session>,
    turn: AtomicUsize,
}

struct Session {
    /// `name=value`.
    cookie: Mutex<String>,
    access: String,
}

/// One of our processes, stopped when dropped.
struct Ours {
    process: Child,
    port: u16,
}

/// Ours and the peer's figures, in turn.
pub async fn beside(peer: &Peer, local: &Path) -> Result<Value, String> {
    // Kakao and DynamoDB in one process, gateway and functions in another, as the cloud has them apart.
    let surroundings = Ours::start(local, &[]).await?;
    let (kakao, dynamodb) = (surroundings.port + 1, surroundings.port + 2);
    let urls = [
        ("KAKAO_AUTH_URL", format!("http://localhost:{kakao}")),
        ("KAKAO_API_URL", format!("http://localhost:{kakao}")),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://localhost:{dynamodb}")),
        ("ROTATION_WINDOW", "5".to_owned()),
        ("THROTTLING_RATE_LIMIT", "10000".to_owned()),
        ("THROTTLING_BURST_LIMIT", "5000".to_owned()),
        ("LOGIN_RATE_LIMIT", "10000".to_owned()),
        ("LOGIN_BURST_LIMIT", "5000".to_owned()),
    ];
    let functions = Ours::start(local, &urls).await?;
    let client = local::client::http_client();
    let mut ours = Vec::new();
    for _ in 0..USERS {
        let people = format!("http://localhost:{kakao}/control");
        let user = post(&client, &format!("{people}/users"), &json!({})).await?;
        let token = post(&client, &format!("{people}/tokens"), &json!({"user": user["name"]})).await?;
        ours.push(json!({"access_token": token["access_token"]}).to_string());
    }
    let base = format!("http://localhost:{}", functions.port);
    let ours = Side::signed_in(base, functions.pid(), ours, OUR_SESSIONS).await?;
    let token = |number: usize| peer.token.replace("{}", &(5_000_000 + number).to_string());
    let theirs = (0..USERS).map(|number| json!({"access_token": token(number)}).to_string()).collect();
    let theirs = Side::signed_in(peer.base.clone(), peer.pid, theirs, PEER_SESSIONS).await?;

    let mut rows = Vec::new();
    for operation in ["sign-in", "refresh", "profile"] {
        for connections in CONNECTIONS {
            let mut pairs = Vec::new();
            for _ in 0..PAIRS {
                let database = processor_seconds(surroundings.pid());
                let (our_rate, our_processor, count) = ours.load(operation, connections).await?;
                let database = (processor_seconds(surroundings.pid()) - database) * 1e3 / count;
                let (their_rate, their_processor, _) = theirs.load(operation, connections).await?;
                pairs.push([our_rate, their_rate, our_processor, their_processor, database]);
            }
            let of = |index: usize| spread(&pairs, |pair| pair[index]);
            rows.push(json!({
                "operation": operation, "connections": connections, "our_rate": of(0), "their_rate": of(1),
                "rate_ratio": spread(&pairs, |pair| pair[0] / pair[1]), "our_processor_ms": of(2), "their_processor_ms": of(3),
                "processor_ratio": spread(&pairs, |pair| pair[3] / pair[2]), "surroundings_processor_ms": of(4),
            }));
        }
    }
    let memory = tree(peer.pid).into_iter().map(peak_mib).fold(0.0, f64::max);
    Ok(json!({"rows": rows, "their_peak_mib": memory, "our_gateway_peak_mib": peak_mib(functions.pid())}))
}

/// Milliseconds from the start of the peer's process to the line that it writes after its first sign-in.
pub async fn cold(command: &str) -> Result<f64, String> {
    let started = Instant::now();
    let process = Command::new("sh").args(["-c", &format!("exec {command}")]).stdout(Stdio::piped()).spawn();
    let mut process = process.map_err(|error| format!("{command}: {error}"))?;
    let mut line = String::new();
    let output = process.stdout.take().ok_or("no standard output")?;
    let read = BufReader::new(output).read_line(&mut line).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let ended = process.wait().await.is_ok_and(|status| status.success());
    if read.is_ok() && !line.is_empty() && ended { Ok(milliseconds) } else { Err(format!("{command}: wrote no line")) }
}

impl Side {
    async fn signed_in(base: String, pid: u32, credentials: Vec<String>, count: usize) -> Result<Self, String> {
        let client = local::client::http_client();
        let mut sessions = Vec::with_capacity(count);
        for number in 0..count {
            let request = client.post(format!("{base}/dj-rest-auth/kakao/")).header("content-type", "application/json");
            let answer = request.body(credentials[number % credentials.len()].clone()).send().await;
            let answer = answer.map_err(|error| error.to_string())?;
            let cookie = refresh_cookie(&answer).ok_or_else(|| format!("{base}: {} and no cookie", answer.status()))?;
            let body: Value = answer.json().await.map_err(|error| error.to_string())?;
            let access = body["access"].as_str().unwrap_or_default().to_owned();
            sessions.push(Session { cookie: Mutex::new(cookie), access });
        }
        Ok(Self { base, pid, credentials, sessions, turn: AtomicUsize::new(0) })
    }

    /// Requests per second, milliseconds of processor time for each, and how many there were.
    async fn load(&self, operation: &str, connections: usize) -> Result<(f64, f64, f64), String> {
        let (done, failed, stop) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
        let before = whole_tree(self.pid);
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
        let (done, failed) = (f64::from(done.into_inner()), failed.into_inner());
        if failed > 0 || done == 0.0 {
            return Err(format!("{}: {operation}: {failed} requests failed, {done} did not", self.base));
        }
        Ok((done / seconds, (whole_tree(self.pid) - before) * 1e3 / done, done))
    }

    async fn request(&self, client: &Client, operation: &str, turn: usize) -> bool {
        let session = &self.sessions[turn % self.sessions.len()];
        let json = |path: &str| client.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        if operation == "refresh" {
            let mut cookie = session.cookie.lock().await;
            let request = json("/dj-rest-auth/token/refresh/").header("cookie", cookie.as_str()).body("{}");
            let Ok(answer) = request.send().await else { return false };
            let ok = answer.status() == 200;
            if let Some(next) = refresh_cookie(&answer) {
                *cookie = next;
            }
            return answer.bytes().await.is_ok() && ok;
        }
        let request = if operation == "sign-in" {
            json("/dj-rest-auth/kakao/").body(self.credentials[turn % self.credentials.len()].clone())
        } else {
            client.get(format!("{}/api/profile/", self.base)).bearer_auth(&session.access)
        };
        let Ok(answer) = request.send().await else { return false };
        answer.status() == 200 && answer.bytes().await.is_ok()
    }
}

impl Ours {
    async fn start(local: &Path, environment: &[(&str, String)]) -> Result<Self, String> {
        let port = free_ports().map_err(|error| error.to_string())?;
        let mut command = Command::new(local);
        command.env("PORT", port.to_string()).envs(environment.iter().map(|(name, value)| (name, value)));
        command.arg("run").stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(|error| format!("{}: {error}", local.display()))?;
        let mut output = process.stdout.take().ok_or("no standard output")?;
        let mut first = [0; 1];
        output.read_exact(&mut first).await.map_err(|_| "the local stack does not start")?;
        // Its log goes on; nobody reads it, but it must not block.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        Ok(Self { process, port })
    }

    fn pid(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }
}

/// Free ports in a row: its own, Kakao's, DynamoDB's and Lambda's.
fn free_ports() -> std::io::Result<u16> {
    loop {
        let first = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if first < 60_000 && (first..first + 4).all(free) {
            return Ok(first);
        }
    }
}

async fn post(client: &Client, url: &str, body: &Value) -> Result<Value, String> {
    let answer = client.post(url).json(body).send().await.map_err(|error| error.to_string())?;
    answer.json().await.map_err(|error| format!("{url}: {error}"))
}

fn refresh_cookie(answer: &reqwest::Response) -> Option<String> {
    let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
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

fn whole_tree(pid: u32) -> f64 {
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
