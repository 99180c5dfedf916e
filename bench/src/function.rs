//! Runs one function's binary as a process, with events from a Runtime API.

use std::{
    collections::BTreeMap,
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use local::lambda::{Runtime, Work};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::{mpsc, oneshot},
};

use crate::{scenario::Scenario, share::Share};

/// The functions that are measured. Their binaries have the same names.
pub const FUNCTIONS: [&str; 4] = ["kakao-login", "refresh", "logout", "profile"];

/// How long a run may take. Valgrind is some 50 times slower, and the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// How a function is run.
pub struct Run<'a> {
    pub function: &'static str,
    /// How many times it gets its event.
    pub times: usize,
    /// The program that starts it, with arguments, such as valgrind.
    pub under: &'a [&'a str],
    pub environment: BTreeMap<String, String>,
    /// From its first event on, it gets the share of a processor that Lambda gives to so many MB.
    pub share_of: Option<u32>,
    /// How long the last event is held back.
    pub pause: Duration,
}

/// What a run came to.
pub struct Outcome {
    pub started: Instant,
    pub record: Record,
    pub peak_mib: f64,
    /// Seconds of processor time from start to end.
    pub processor: f64,
    /// What it wrote on standard error.
    pub errors: String,
}

/// What the process did, and when.
#[derive(Default)]
pub struct Record {
    /// When it first asked for an event.
    pub ready: Option<Instant>,
    /// When each event was handed out, and when its response came.
    pub invocations: Vec<(Instant, Instant)>,
    last_response: Value,
}

impl Run<'_> {
    /// So many events one after another, on a whole processor.
    pub fn of(function: &'static str, times: usize) -> Self {
        Self { function, times, under: &[], environment: BTreeMap::new(), share_of: None, pause: Duration::ZERO }
    }

    /// Runs it in this scenario until it has handled its events and asks for another. Its last response must have the status 200.
    pub async fn go(self, scenario: &Scenario) -> Result<Outcome, String> {
        let share = self.share_of.map(Share::of_memory).transpose()?;
        let (work, runtime) = Runtime::new();
        let api = runtime.serve().map_err(|error| error.to_string())?;

        let binary = scenario.binary(self.function);
        let mut words = self.under.iter().copied().chain([binary.to_str().unwrap_or_default()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().envs(scenario.environment(self.function)).envs(&self.environment);
        command.env("AWS_LAMBDA_RUNTIME_API", api.url().trim_start_matches("http://")).env("PATH", "/usr/bin:/bin");
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", self.function))?;
        let id = child.id().unwrap_or_default();

        let limit = || share.iter().for_each(|share| share.limit(id));
        let mut record = Record::default();
        let ran = tokio::select! {
            ran = tokio::time::timeout(PATIENCE, self.hand_out(scenario, &work, &runtime, limit, &mut record)) => {
                ran.unwrap_or_else(|_| Err("it takes too long".to_owned()))
            }
            ended = child.wait() => Err(format!("it has ended: {ended:?}")),
        };
        let (peak_mib, processor) = (peak_mib(id), processor_seconds(id));
        let errors = stop(child, id).await;
        let done = record.invocations.len();
        ran.map_err(|error| format!("{}: {error} (after {done} events)\n{errors}", self.function))?;
        if self.times > 0 && record.last_response["statusCode"] != 200 {
            return Err(format!("{}: {}", self.function, record.last_response));
        }
        Ok(Outcome { started, record, peak_mib, processor, errors })
    }

    /// Waits until the process is ready, hands out the events one after another, and waits until it asks for one more.
    async fn hand_out(
        &self,
        scenario: &Scenario,
        work: &mpsc::UnboundedSender<Work>,
        runtime: &Runtime,
        on_ready: impl Fn(),
        record: &mut Record,
    ) -> Result<(), String> {
        let mut asked = runtime.asked.subscribe();
        let closed = |error| format!("the Runtime API has ended: {error}");
        record.ready = *asked.wait_for(Option::is_some).await.map_err(|error| closed(error.to_string()))?;
        on_ready();
        for left in (0..self.times).rev() {
            if left == 0 {
                tokio::time::sleep(self.pause).await;
            }
            let (given, is_given) = oneshot::channel();
            let (answer, answered) = oneshot::channel();
            let invocation = scenario.invocation(self.function);
            work.send(Work { invocation, given, answer }).map_err(|error| closed(error.to_string()))?;
            let given = is_given.await.map_err(|error| closed(error.to_string()))?;
            let answered = answered.await.map_err(|error| closed(error.to_string()))?;
            record.last_response = answered.response.map_err(|failed| format!("{failed:?}"))?;
            record.invocations.push((given, answered.at));
        }
        let last = record.invocations.last().map(|(_, answered)| *answered);
        asked.wait_for(|asked| *asked >= last).await.map_err(|error| closed(error.to_string()))?;
        Ok(())
    }
}

impl Outcome {
    pub fn ready_ms(&self) -> f64 {
        self.record.ready.map_or(f64::NAN, |ready| milliseconds(self.started, ready))
    }

    pub fn first_response_ms(&self) -> f64 {
        self.response_times_ms().first().copied().unwrap_or(f64::NAN)
    }

    /// How long each event took.
    pub fn response_times_ms(&self) -> Vec<f64> {
        self.record.invocations.iter().map(|(given, answered)| milliseconds(*given, *answered)).collect()
    }

    pub fn start_to_first_response_ms(&self) -> f64 {
        self.record.invocations.first().map_or(f64::NAN, |(_, answered)| milliseconds(self.started, *answered))
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// Ends a process with SIGTERM, so that the tool it runs under still writes its results. Returns its standard error.
async fn stop(child: Child, id: u32) -> String {
    let asked = Command::new("kill").arg(id.to_string()).status().await;
    let output = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output()).await;
    match (asked, output) {
        (Ok(_), Ok(Ok(output))) => String::from_utf8_lossy(&output.stderr).into_owned(),
        _ => "it did not end".to_owned(),
    }
}

/// The most memory that a process has held (`VmHWM`), in MiB.
pub fn peak_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// Processor time of a process, in seconds (`utime` and `stime`, proc(5)).
pub fn processor_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
