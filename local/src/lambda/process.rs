//! A function's binary, in as many processes as there are requests at once, fed through the Runtime API.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use lambda_http::BoxFuture;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
};

use super::{Failed, Invocation, deadline, variables};
use crate::server::Server;

/// How long Lambda waits for a process to ask for its first event.
const INIT: Duration = Duration::from_secs(10);

/// A function and its execution environments. They end when this is dropped.
#[derive(Debug)]
pub struct Lambda {
    name: String,
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    environments: Mutex<Vec<Arc<Environment>>>,
    /// How many processes were started.
    started: AtomicU64,
}

/// An execution environment: one process, which works at one event at a time.
#[derive(Debug)]
pub struct Environment {
    /// Its process.
    pub pid: u32,
    runtime: Arc<Runtime>,
    work: mpsc::UnboundedSender<Work>,
    busy: AtomicBool,
    kill: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
    _server: Server,
}

/// The Runtime API of one process.
#[derive(Debug)]
struct Runtime {
    next: tokio::sync::Mutex<mpsc::UnboundedReceiver<Work>>,
    current: Mutex<Option<oneshot::Sender<Result<Value, Failed>>>>,
    asked: watch::Sender<bool>,
    answered: AtomicU64,
}

#[derive(Debug)]
struct Work {
    invocation: Invocation,
    given: oneshot::Sender<()>,
    answer: oneshot::Sender<Result<Value, Failed>>,
}

impl Lambda {
    /// A function that is this binary, started with these variables and Lambda's own.
    #[must_use]
    pub fn new(name: &str, binary: PathBuf, environment: BTreeMap<String, String>) -> Self {
        let mut variables = variables(name);
        variables.extend(environment);
        let environments = Mutex::default();
        Self { name: name.to_owned(), binary, variables, environments, started: AtomicU64::new(0) }
    }

    /// Gives the event to an environment that is free, or to a new one.
    ///
    /// # Errors
    ///
    /// [`Failed`], after which that environment is gone.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Value, Failed> {
        let free = self.environments().into_iter().rev().find(|one| one.take());
        let environment = match free {
            Some(environment) => environment,
            None => self.begin(true).map_err(|_| Failed::Crashed)?,
        };
        let answer = environment.invoke(invocation).await;
        match answer {
            Err(Failed::TimedOut) => environment.kill(),
            _ => environment.busy.store(false, Ordering::SeqCst),
        }
        answer
    }

    /// Starts an environment that is free, and waits until it has asked for its first event.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or ends or asks for nothing within ten seconds.
    pub async fn warm(&self) -> io::Result<Arc<Environment>> {
        let environment = self.begin(false)?;
        let mut asked = environment.runtime.asked.subscribe();
        tokio::select! {
            asked = tokio::time::timeout(INIT, asked.wait_for(|asked| *asked)) => match asked {
                Ok(Ok(_)) => Ok(Arc::clone(&environment)),
                _ => Err(io::Error::other(format!("{} asks for no event", self.name))),
            },
            () = environment.end() => Err(io::Error::other(format!("{} has ended", self.name))),
        }
    }

    /// Those that live.
    #[must_use]
    pub fn environments(&self) -> Vec<Arc<Environment>> {
        let mut environments = lock(&self.environments);
        environments.retain(|environment| !*environment.ended.borrow());
        environments.clone()
    }

    /// How many processes were ever started.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    fn begin(&self, busy: bool) -> io::Result<Arc<Environment>> {
        let environment = Arc::new(Environment::start(&self.binary, &self.variables, busy)?);
        self.started.fetch_add(1, Ordering::SeqCst);
        lock(&self.environments).push(Arc::clone(&environment));
        Ok(environment)
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        for environment in lock(&self.environments).drain(..) {
            environment.kill();
        }
    }
}

impl Environment {
    fn start(binary: &PathBuf, variables: &BTreeMap<String, String>, busy: bool) -> io::Result<Self> {
        let (work, next) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            next: tokio::sync::Mutex::new(next),
            current: Mutex::default(),
            asked: watch::Sender::new(false),
            answered: AtomicU64::new(0),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_event))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(take_answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(take_error))
            .route("/2018-06-01/runtime/init/error", post(take_error))
            .with_state(Arc::clone(&runtime));
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let server = Server::start(tokio::net::TcpListener::from_std(listener)?, routes)?;

        let mut command = Command::new(binary);
        command.env_clear().envs(variables).env("AWS_LAMBDA_RUNTIME_API", server.url().trim_start_matches("http://"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        let pid = child.id().unwrap_or_default();
        let (kill, killed) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        tokio::spawn(attend(child, killed, end));
        Ok(Self { pid, runtime, work, busy: AtomicBool::new(busy), kill, ended, _server: server })
    }

    /// How many events it has answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.runtime.answered.load(Ordering::SeqCst)
    }

    /// Whether it works at an event.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// Ends its process at once (SIGKILL).
    pub fn kill(&self) {
        self.kill.send_replace(true);
    }

    /// Sends its process a signal by its name, such as `STOP`.
    ///
    /// # Errors
    ///
    /// If there is no such signal or process.
    pub async fn signal(&self, name: &str) -> io::Result<()> {
        let status = Command::new("kill").args([format!("-{name}"), self.pid.to_string()]).status().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name}: {status}"))) }
    }

    /// Waits until its process has ended.
    pub async fn end(&self) {
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Whether it was free, and is the caller's now.
    fn take(&self) -> bool {
        !*self.ended.borrow() && !self.busy.swap(true, Ordering::SeqCst)
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failed> {
        let timeout = invocation.timeout;
        let (given, is_given) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        self.work.send(Work { invocation, given, answer }).map_err(|_| Failed::Crashed)?;
        let run = async {
            // The time that a process takes to start is not the event's.
            match tokio::time::timeout(INIT, is_given).await {
                Ok(Ok(())) => tokio::time::timeout(timeout, answered).await.map_err(|_| Failed::TimedOut),
                Ok(Err(_)) => Err(Failed::Crashed),
                Err(_) => Err(Failed::TimedOut),
            }
        };
        tokio::select! {
            biased;
            answer = run => answer?.map_err(|_| Failed::Crashed)?,
            () = self.end() => Err(Failed::Crashed),
        }
    }
}

/// Waits for a process to end, and ends it when told to.
async fn attend(mut child: Child, mut killed: watch::Receiver<bool>, end: watch::Sender<bool>) {
    let told = async {
        // Also when nobody is left who could tell.
        let _ = killed.wait_for(|killed| *killed).await;
    };
    tokio::select! {
        _ = child.wait() => {}
        () = told => {
            let _ = child.start_kill();
        }
    }
    let _ = child.wait().await;
    end.send_replace(true);
}

async fn next_event(State(runtime): State<Arc<Runtime>>) -> Response {
    runtime.asked.send_replace(true);
    let Some(work) = runtime.next.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", work.invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline(work.invocation.timeout).to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-2:123456789012:function:f".to_owned()),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    *lock(&runtime.current) = Some(work.answer);
    let _ = work.given.send(());
    (headers, work.invocation.event.to_string()).into_response()
}

async fn take_answer(State(runtime): State<Arc<Runtime>>, body: Bytes) -> StatusCode {
    runtime.answered.fetch_add(1, Ordering::SeqCst);
    runtime.answer(serde_json::from_slice(&body).map_err(|_| Failed::Crashed))
}

async fn take_error(State(runtime): State<Arc<Runtime>>) -> StatusCode {
    runtime.answer(Err(Failed::Crashed))
}

impl Runtime {
    fn answer(&self, answer: Result<Value, Failed>) -> StatusCode {
        if let Some(current) = lock(&self.current).take() {
            let _ = current.send(answer);
        }
        StatusCode::ACCEPTED
    }
}

/// The function as a gateway invokes it.
#[must_use]
pub fn function(lambda: &Arc<Lambda>) -> super::Function {
    let lambda = Arc::clone(lambda);
    Arc::new(move |invocation| -> BoxFuture<'static, Result<Value, Failed>> {
        let lambda = Arc::clone(&lambda);
        // In a task of its own: Lambda goes on although the one who asked has gone.
        let running = tokio::spawn(async move { lambda.invoke(invocation).await });
        Box::pin(async move { running.await.unwrap_or(Err(Failed::Crashed)) })
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
