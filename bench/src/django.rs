//! The comparison with the usual Django stack: both get the same requests in turn, and share a Kakao stand-in.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    function::{peak_mib, processor_seconds},
    measure::{self, spread},
    peer::Peer,
    scenario::{Credential, Scenario},
};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/django");
const PAIRS: usize = 5;
const CONNECTIONS: [usize; 2] = [1, 8];
/// So many that each session is due to rotate again, and each user may log in again, when its turn comes.
const OUR_USERS: usize = 16_000;
const DJANGO_USERS: usize = 64;
const COLD_RUNS: usize = 21;

/// Django in a virtual environment, with its database and the Kakao stand-in.
struct Django {
    bin: PathBuf,
    folder: PathBuf,
    kakao: String,
}

/// One of our own processes. Dropping it stops it.
struct Ours {
    process: Child,
    port: u16,
}

/// Measures both sides. `bin` is the folder of the virtual environment's programs.
pub async fn compare(binaries: &Path, bin: &Path) -> Result<Value, String> {
    let local = binaries.join("local");
    // Kakao, DynamoDB, and the gateway with the functions have a process each, so that the time of each is known.
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let (kakao, dynamodb) = (Ours::start(&local, "run", &[]).await?, Ours::start(&own, "dynamodb", &[]).await?);
    let kakao_url = format!("http://localhost:{}", kakao.port + 1);
    let functions = Ours::start(
        &local,
        "run",
        &[
            ("KAKAO_AUTH_URL", kakao_url.clone()),
            ("KAKAO_API_URL", kakao_url.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://localhost:{}", dynamodb.port)),
            ("ROTATION_WINDOW", "5".to_owned()),
            ("ACCESS_TTL", "3600".to_owned()),
            ("THROTTLING_RATE_LIMIT", "10000".to_owned()),
            ("THROTTLING_BURST_LIMIT", "5000".to_owned()),
            ("LOGIN_RATE_LIMIT", "10000".to_owned()),
            ("LOGIN_BURST_LIMIT", "5000".to_owned()),
        ],
    )
    .await?;
    let tokens = access_tokens(&kakao_url, OUR_USERS).await?;
    let logins: Vec<String> = tokens.iter().map(|token| json!({"access_token": token}).to_string()).collect();
    let ours = Peer::log_in(format!("http://localhost:{}", functions.port), functions.pid(), logins.clone()).await?;
    let django = Django::install(bin, kakao_url).await?;
    let (mut gunicorn, base) = django.serve().await?;
    let pid = gunicorn.id().unwrap_or_default();
    let theirs = Peer::log_in(base, pid, logins[..DJANGO_USERS].to_vec()).await?;

    let mut rows = Vec::new();
    for operation in ["login", "refresh", "profile"] {
        for connections in CONNECTIONS {
            rows.push(row(&ours, &dynamodb, &theirs, operation, connections).await?);
        }
    }
    let (our_peak, their_peak) = (peak_mib(functions.pid()), theirs.peak_mib());
    stop(&mut gunicorn, pid).await?;
    drop(functions);

    let scenario = Scenario::set(binaries, Credential::AccessToken).await?;
    let mut cold = Vec::new();
    for token in &tokens[..COLD_RUNS] {
        let here = measure::cold_login(&scenario).await?;
        cold.push([here, django.cold_login(token).await?]);
    }
    Ok(json!({
        "rows": rows, "our_peak_mib": our_peak, "their_peak_mib": their_peak,
        "our_cold_ms": spread(&cold, |pair| pair[0]), "their_cold_ms": spread(&cold, |pair| pair[1]),
        "cold_ratio": spread(&cold, |pair| pair[1] / pair[0]),
    }))
}

/// Pairs of loads. The two sides take turns, so that the machine is equally busy for both.
async fn row(
    ours: &Peer,
    dynamodb: &Ours,
    theirs: &Peer,
    operation: &str,
    connections: usize,
) -> Result<Value, String> {
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let before = processor_seconds(dynamodb.pid());
        let our = ours.load(operation, connections).await?;
        let database = (processor_seconds(dynamodb.pid()) - before) * 1e3 / our.count;
        let their = theirs.load(operation, connections).await?;
        pairs.push((our, database, their));
    }
    Ok(json!({
        "operation": operation,
        "connections": connections,
        "our_rate": spread(&pairs, |(our, _, _)| our.rate),
        "their_rate": spread(&pairs, |(_, _, their)| their.rate),
        "our_ms": spread(&pairs, |(our, _, _)| our.processor_ms),
        "database_ms": spread(&pairs, |(_, database, _)| *database),
        "their_ms": spread(&pairs, |(_, _, their)| their.processor_ms),
        "ratio_with": spread(&pairs, |(our, database, their)| their.processor_ms / (our.processor_ms + database)),
        "ratio_without": spread(&pairs, |(our, _, their)| their.processor_ms / our.processor_ms),
    }))
}

/// An access token for each of so many new users.
async fn access_tokens(kakao: &str, count: usize) -> Result<Vec<String>, String> {
    let client = local::client::http_client();
    let post = async |path: &str, body: Value| -> Result<Value, String> {
        let url = format!("{kakao}/control/{path}");
        let response = client.post(&url).json(&body).send().await.map_err(|error| error.to_string())?;
        response.json().await.map_err(|error| format!("{url}: {error}"))
    };
    let mut tokens = Vec::with_capacity(count);
    for _ in 0..count {
        let user = post("users", json!({})).await?;
        let token = post("tokens", json!({"user": user["name"]})).await?;
        tokens.push(token["access_token"].as_str().unwrap_or_default().to_owned());
    }
    Ok(tokens)
}

impl Django {
    async fn install(bin: &Path, kakao: String) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("bench-django-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let django = Self { bin: bin.to_owned(), folder, kakao };
        let migrated = django.command("python").args(["-m", "django", "migrate", "--verbosity", "0"]).status().await;
        if migrated.is_ok_and(|status| status.success()) {
            Ok(django)
        } else {
            Err("python -m django migrate failed".into())
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir(PROJECT).env("DJANGO_SETTINGS_MODULE", "settings").env("PYTHONPATH", PROJECT);
        command.env("PYTHONPYCACHEPREFIX", self.folder.join("bytecode"));
        command.env("KAKAO_URL", &self.kakao).env("SQLITE_PATH", self.folder.join("db.sqlite3")).kill_on_drop(true);
        command
    }

    /// Runs Django under gunicorn, with a worker for each of two cores.
    async fn serve(&self) -> Result<(Child, String), String> {
        let port = free_ports().map_err(|error| error.to_string())?;
        let address = format!("127.0.0.1:{port}");
        let mut command = self.command("gunicorn");
        command.args(["django.core.wsgi:get_wsgi_application()", "--workers", "2", "--log-level", "error", "--bind"]);
        let gunicorn = command.arg(&address).spawn().map_err(|error| format!("gunicorn: {error}"))?;
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(&address).await.is_ok() {
                return Ok((gunicorn, format!("http://{address}")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("gunicorn does not listen on {address}"))
    }

    /// Milliseconds from the start of a Python process to the response to its first login.
    async fn cold_login(&self, token: &str) -> Result<f64, String> {
        let started = Instant::now();
        let mut command = self.command("python");
        let process = command.arg("cold_login.py").env("TOKEN", token).stdout(Stdio::piped()).spawn();
        let mut process = process.map_err(|error| format!("cold_login.py: {error}"))?;
        let output = process.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.map_err(|error| error.to_string())?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        process.wait().await.map_err(|error| error.to_string())?;
        if line.starts_with("200 ") { Ok(milliseconds) } else { Err(format!("cold_login.py: {line:?}")) }
    }
}

impl Drop for Django {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Ours {
    async fn start(program: &Path, argument: &str, environment: &[(&str, String)]) -> Result<Self, String> {
        let port = free_ports().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.env("PORT", port.to_string()).envs(environment.iter().map(|(name, value)| (name, value)));
        command.arg(argument).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut output = process.stdout.take().ok_or("no standard output")?;
        let mut first = [0; 1];
        output.read_exact(&mut first).await.map_err(|_| format!("{} {argument} does not start", program.display()))?;
        // Nobody reads its log, but a full pipe would block it.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        Ok(Self { process, port })
    }

    fn pid(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }
}

/// Runs the embedded DynamoDB at the port `PORT`, for [`compare`].
pub async fn dynamodb() -> Result<(), String> {
    let port = std::env::var("PORT").map_err(|_| "PORT is missing")?;
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.map_err(|error| error.to_string())?;
    let database = dynoxide::Database::memory().map_err(|error| error.to_string())?;
    println!("http://127.0.0.1:{port}");
    dynoxide::server::serve_on(listener, database).await;
    Ok(())
}

/// Ends gunicorn and its workers with SIGTERM. SIGKILL would leave the workers running.
async fn stop(gunicorn: &mut Child, pid: u32) -> Result<(), String> {
    let asked = Command::new("kill").arg(pid.to_string()).status().await;
    let ended = tokio::time::timeout(Duration::from_secs(30), gunicorn.wait()).await;
    if asked.is_ok() && ended.is_ok() { Ok(()) } else { Err("gunicorn does not end".into()) }
}

/// The first of four free ports in a row: the stack's own, Kakao's, DynamoDB's and Lambda's.
fn free_ports() -> std::io::Result<u16> {
    loop {
        let first = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if first < 60_000 && (first..first + 4).all(free) {
            return Ok(first);
        }
    }
}
