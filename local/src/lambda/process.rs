//! Runs a function's binary, in one process for each concurrent request.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use lambda_http::BoxFuture;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    sync::{mpsc, oneshot, watch},
};

use super::{
    Failed, Invocation, lock,
    runtime::{Runtime, Work},
    variables,
};
use crate::server::Server;

/// How long Lambda waits for a process to ask for its first event.
const INIT: Duration = Duration::from_secs(10);

/// A function and its execution environments. Dropping it stops them.
#[derive(Debug)]
pub struct Lambda {
    name: String,
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    environments: Mutex<Vec<Arc<Environment>>>,
    /// How many processes were started, and how many have ended without [`Environment::kill`].
    started: AtomicU64,
    died: Arc<AtomicU64>,
    outcomes: Outcomes,
    /// Whether a process keeps running after a timeout.
    spares: AtomicBool,
}

/// The number of requests by the `outcome` in the function's log.
type Outcomes = Arc<Mutex<BTreeMap<String, u64>>>;

/// An execution environment: one process, which handles one event at a time.
#[derive(Debug)]
pub struct Environment {
    /// The ID of its process.
    pub pid: u32,
    runtime: Arc<Runtime>,
    work: mpsc::UnboundedSender<Work>,
    busy: AtomicBool,
    kill: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Lambda {
    /// A function that runs this binary, with these environment variables and those that Lambda sets.
    #[must_use]
    pub fn new(name: &str, binary: PathBuf, environment: BTreeMap<String, String>) -> Self {
        let mut variables = variables(name);
        variables.extend(environment);
        Self {
            name: name.to_owned(),
            binary,
            variables,
            environments: Mutex::default(),
            started: AtomicU64::default(),
            died: Arc::default(),
            outcomes: Outcomes::default(),
            spares: AtomicBool::default(),
        }
    }

    /// Passes the event to a free environment, or to a new one.
    ///
    /// # Errors
    ///
    /// [`Failed`] if the function timed out or failed.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Value, Failed> {
        // Prefer the oldest, so that few environments handle most of the events.
        let free = self.environments().into_iter().find(|one| one.take());
        let environment = match free {
            Some(environment) => environment,
            None => self.begin(true).map_err(|_| Failed::Crashed)?,
        };
        let answer = environment.invoke(invocation).await;
        match answer {
            Err(Failed::TimedOut) if !self.spares.load(Ordering::SeqCst) => environment.kill(),
            Err(Failed::TimedOut) => {}
            _ => environment.busy.store(false, Ordering::SeqCst),
        }
        answer
    }

    /// Starts a free environment and waits until it asks for its first event.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends, or does not ask for an event within ten seconds.
    pub async fn warm(&self) -> io::Result<Arc<Environment>> {
        let environment = self.begin(false)?;
        let mut asked = environment.runtime.asked.subscribe();
        tokio::select! {
            asked = tokio::time::timeout(INIT, asked.wait_for(Option::is_some)) => match asked {
                Ok(Ok(_)) => Ok(Arc::clone(&environment)),
                _ => Err(io::Error::other(format!("{} did not ask for its first event", self.name))),
            },
            () = environment.end() => Err(io::Error::other(format!("{} ended before its first event", self.name))),
        }
    }

    /// From now on, a process keeps running after a timeout, as if the whole machine had been suspended.
    pub fn spare(&self) {
        self.spares.store(true, Ordering::SeqCst);
    }

    /// The environments whose processes are running.
    #[must_use]
    pub fn environments(&self) -> Vec<Arc<Environment>> {
        let mut environments = lock(&self.environments);
        environments.retain(|environment| !*environment.ended.borrow());
        environments.clone()
    }

    /// How many processes were started so far.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    /// How many processes have ended without [`Environment::kill`].
    #[must_use]
    pub fn died(&self) -> u64 {
        self.died.load(Ordering::SeqCst)
    }

    /// The number of requests by the `outcome` in the function's log.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        lock(&self.outcomes).clone()
    }

    fn begin(&self, busy: bool) -> io::Result<Arc<Environment>> {
        let environment = Arc::new(self.start(busy)?);
        self.started.fetch_add(1, Ordering::SeqCst);
        lock(&self.environments).push(Arc::clone(&environment));
        Ok(environment)
    }

    fn start(&self, busy: bool) -> io::Result<Environment> {
        let (work, runtime) = Runtime::new();
        let server = runtime.serve()?;
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .envs(&self.variables)
            .env("AWS_LAMBDA_RUNTIME_API", server.url().trim_start_matches("http://"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let pid = child.id().unwrap_or_default();
        if let Some(log) = child.stdout.take() {
            tokio::spawn(read_log(log, Arc::clone(&self.outcomes)));
        }
        let died = Arc::clone(&self.died);
        let (kill, killed) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            if !attend(server, child, killed).await {
                died.fetch_add(1, Ordering::SeqCst);
            }
            end.send_replace(true);
        });
        Ok(Environment { pid, runtime, work, busy: AtomicBool::new(busy), kill, ended })
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
    /// How many responses it has returned.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.runtime.answered.load(Ordering::SeqCst)
    }

    /// Whether it is handling an event.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// Kills its process (SIGKILL).
    pub fn kill(&self) {
        self.kill.send_replace(true);
    }

    /// Sends its process a signal by its name, such as `STOP`.
    ///
    /// # Errors
    ///
    /// If there is no such signal or process.
    pub async fn signal(&self, name: &str) -> io::Result<()> {
        let mut kill = Command::new("kill");
        let status = kill.args([format!("-{name}"), self.pid.to_string()]).stderr(Stdio::null()).status().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name}: {status}"))) }
    }

    /// Waits until its process has ended.
    pub async fn end(&self) {
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Reserves the environment if it is free. Returns whether it was.
    fn take(&self) -> bool {
        !*self.ended.borrow() && !self.busy.swap(true, Ordering::SeqCst)
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failed> {
        let timeout = invocation.timeout;
        let (given, is_given) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        self.work.send(Work { invocation, given, answer }).map_err(|_| Failed::Crashed)?;
        let run = async {
            // The start of the process does not count towards the timeout of the event.
            match tokio::time::timeout(INIT, is_given).await {
                Ok(Ok(_)) => tokio::time::timeout(timeout, answered).await.map_err(|_| Failed::TimedOut),
                Ok(Err(_)) => Err(Failed::Crashed),
                Err(_) => Err(Failed::TimedOut),
            }
        };
        tokio::select! {
            biased;
            answer = run => answer?.map_err(|_| Failed::Crashed)?.response,
            () = self.end() => Err(Failed::Crashed),
        }
    }
}

/// Counts the outcomes in a function's log.
async fn read_log(log: ChildStdout, outcomes: Outcomes) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(outcome) = line["outcome"].as_str() {
            *lock(&outcomes).entry(outcome.to_owned()).or_default() += 1;
        }
    }
}

/// Waits for a process to end, or kills it once `killed` is true or its sender is dropped. Returns whether it was killed.
/// The Runtime API stops after the process.
async fn attend(_server: Server, mut child: Child, mut killed: watch::Receiver<bool>) -> bool {
    let told = async {
        let _ = killed.wait_for(|killed| *killed).await;
    };
    tokio::select! {
        _ = child.wait() => return false,
        () = told => {}
    }
    let _ = child.kill().await;
    true
}

/// The function as a gateway invokes it.
#[must_use]
pub fn function(lambda: &Arc<Lambda>) -> super::Function {
    let lambda = Arc::clone(lambda);
    Arc::new(move |invocation| -> BoxFuture<'static, Result<Value, Failed>> {
        let lambda = Arc::clone(&lambda);
        // In a separate task: Lambda keeps running a function when its caller disconnects.
        let running = tokio::spawn(async move { lambda.invoke(invocation).await });
        Box::pin(async move { running.await.unwrap_or(Err(Failed::Crashed)) })
    })
}
