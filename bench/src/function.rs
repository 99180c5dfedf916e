//! One function's binary as a process: started with its environment, watched, stopped.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tokio::process::{Child, Command};

use crate::{
    runtime::{Record, Runtime},
    scene::Scene,
};

/// Their names, which are the binaries' too.
pub const FUNCTIONS: [&str; 4] = ["kakao-login", "refresh", "logout", "profile"];

/// How one is run.
pub struct Run<'a> {
    pub function: &'static str,
    /// How many times it gets its event.
    pub times: usize,
    /// What it is started by, such as valgrind with its arguments.
    pub under: &'a [&'a str],
    pub environment: BTreeMap<String, String>,
    /// A Lambda of so many MB: its share of a processor, from its first request on.
    pub share_of: Option<u32>,
    /// How long it waits for its last event.
    pub pause: Duration,
}

/// What came of it.
pub struct Outcome {
    pub started: Instant,
    pub record: Record,
    pub peak_mib: f64,
    /// Seconds of processor time, at the moment when it was ready and at the end.
    pub processor: f64,
    /// What it wrote on standard error.
    pub errors: String,
}

impl Run<'_> {
    /// So many events one after another, on a whole processor.
    pub fn of(function: &'static str, times: usize) -> Self {
        Self { function, times, under: &[], environment: BTreeMap::new(), share_of: None, pause: Duration::ZERO }
    }

    /// Runs it in this scene until it has answered, and checks that it answered well.
    pub async fn go(self, scene: &Scene) -> Result<Outcome, String> {
        let share = self.share_of.map(Share::of_memory).transpose()?;
        let group = share.as_ref().map(|share| share.group.clone());
        let pid = std::sync::Arc::new(std::sync::OnceLock::<u32>::new());
        let pid_when_ready = std::sync::Arc::clone(&pid);
        let runtime = Runtime::start(scene.event(self.function), self.times, self.pause, move || {
            if let (Some(group), Some(pid)) = (&group, pid_when_ready.get()) {
                // Without the right to, the run is not slowed down, which `Share` has found out before.
                let _ = fs::write(group.join("cgroup.procs"), pid.to_string());
            }
        });
        let runtime = runtime.await.map_err(|error| error.to_string())?;

        let binary = scene.binary(self.function);
        let mut words = self.under.iter().copied().chain([binary.to_str().unwrap_or_default()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().envs(scene.environment(self.function)).envs(self.environment);
        command.env("AWS_LAMBDA_RUNTIME_API", runtime.address()).env("PATH", "/usr/bin:/bin");
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{}: {error}", self.function))?;
        let id = child.id().unwrap_or_default();
        let _ = pid.set(id);

        let record = runtime.finished(Duration::from_mins(5)).await;
        let (peak_mib, processor) = (peak_mib(id), processor_seconds(id));
        let errors = stop(child, id).await;
        let record = record.map_err(|error| format!("{}: {error}\n{errors}", self.function))?;
        if self.times > 0 && record.last_answer["statusCode"] != 200 {
            return Err(format!("{}: {}", self.function, record.last_answer));
        }
        Ok(Outcome { started, record, peak_mib, processor, errors })
    }
}

impl Outcome {
    pub fn ready_ms(&self) -> f64 {
        self.record.ready.map_or(f64::NAN, |ready| milliseconds(self.started, ready))
    }

    pub fn first_answer_ms(&self) -> f64 {
        self.answers_ms().first().copied().unwrap_or(f64::NAN)
    }

    /// Of each event in turn.
    pub fn answers_ms(&self) -> Vec<f64> {
        self.record.invocations.iter().map(|(given, answered)| milliseconds(*given, *answered)).collect()
    }

    pub fn start_to_first_answer_ms(&self) -> f64 {
        self.record.invocations.first().map_or(f64::NAN, |(_, answered)| milliseconds(self.started, *answered))
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// Asks it to end, so that a tool which it runs under still writes what it knows.
async fn stop(child: Child, id: u32) -> String {
    let asked = Command::new("kill").arg(id.to_string()).status().await;
    let output = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output()).await;
    match (asked, output) {
        (Ok(_), Ok(Ok(output))) => String::from_utf8_lossy(&output.stderr).into_owned(),
        _ => "it does not end".to_owned(),
    }
}

/// The most memory that it has held (`VmHWM`), in MiB.
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

/// A control group with the share of a processor that Lambda gives to so much memory: 1,769 MB are one processor.
struct Share {
    group: PathBuf,
}

/// Microseconds. Lambda's own is not published.
const PERIOD: u32 = 20_000;
/// For names that nobody else has.
static GROUPS: AtomicU32 = AtomicU32::new(0);

impl Share {
    fn of_memory(megabytes: u32) -> Result<Self, String> {
        let quota = PERIOD * megabytes / 1_769;
        let name = format!("kakao-login-bench-{}-{}", std::process::id(), GROUPS.fetch_add(1, Ordering::Relaxed));
        let legacy = Path::new("/sys/fs/cgroup/cpu");
        let (group, settings) = if legacy.is_dir() {
            let settings = vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())];
            (legacy.join(name), settings)
        } else {
            (Path::new("/sys/fs/cgroup").join(name), vec![("cpu.max", format!("{quota} {PERIOD}"))])
        };
        let made = fs::create_dir_all(&group);
        let made = made.and_then(|()| settings.iter().try_for_each(|(name, value)| fs::write(group.join(name), value)));
        made.map_err(|error| format!("{}: {error} (a control group needs root)", group.display()))?;
        Ok(Self { group })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}
