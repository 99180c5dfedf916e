//! A soak: browsers come and go on the real binaries, while something fails most of the time.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use shared::random;
use tests::{Settings, Stack};

use crate::{
    binaries,
    part::Part,
    random_faults,
    visitor::{Notes, Visitor},
};

const BROWSERS: u64 = 80;
const AFTER_ALL: &str = "cookies that worked after a logout everywhere";
const AFTER_LOCAL: &str = "cookies that worked after a logout of one session, all reported in the function's log";
/// How long browsers may take to finish after the last fault.
const PATIENCE: Duration = Duration::from_mins(3);

/// Resident memory of the oldest process of each function, in KiB, over time.
type Memory = BTreeMap<String, Vec<u64>>;

pub async fn run(lasts: Duration) -> Result<(), String> {
    let stack = Arc::new(Stack::with(Settings { binaries: Some(binaries()?), ..Settings::default() }).await);
    let notes = Arc::new(Notes::default());
    let end = Instant::now() + lasts;
    let browsers: Vec<_> = (0..BROWSERS)
        .map(|_| {
            let (stack, notes) = (Arc::clone(&stack), Arc::clone(&notes));
            tokio::spawn(async move { browse(&stack, &notes, end).await })
        })
        .collect();
    let mut memory = Memory::new();
    tokio::select! {
        () = random_faults::inject(&stack, &notes) => {}
        () = watch(&stack, &mut memory, end) => {}
    }
    // Ends the fault that was under way.
    stack.table_proxy.heal();
    stack.keys_proxy.heal();
    stack.kakao.heal().await;
    for environment in stack.lambdas().values().flat_map(|lambda| lambda.environments()) {
        let _ = environment.signal("CONT").await;
    }
    let mut alive = 0;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    for browser in browsers {
        match tokio::time::timeout_at(deadline, browser).await {
            Ok(Ok(())) => alive += 1,
            Ok(Err(error)) => notes.fail(format!("a browser: {error}")),
            Err(_) => notes.fail(format!("a browser gets nowhere {PATIENCE:?} after the last fault")),
        }
    }
    let sessions = stack.count("SESSION#").await;
    part(&stack, &notes, &memory, lasts, alive, sessions).report()
}

/// Runs one browser after another until the time is over; the last one's cookie must still work then.
async fn browse(stack: &Stack, notes: &Arc<Notes>, end: Instant) {
    let kakao = &stack.kakao;
    let mut user = kakao.new_user().await;
    loop {
        let mut browser = Visitor::log_in(stack, kakao, &user, notes).await;
        loop {
            if Instant::now() >= end {
                browser.refresh(1).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(random::up_to(8_000))).await;
            let goes_on = match random::up_to(99) {
                0..50 => browser.refresh(1).await,
                50..65 => browser.refresh(2).await,
                65..70 => browser.refresh(4).await,
                70..74 => browser.sleep_through_a_refresh().await,
                74..97 => browser.profile().await,
                left => {
                    leave(stack, notes, browser, left == 97).await;
                    break;
                }
            };
            if !goes_on {
                break;
            }
        }
        if random::up_to(1) == 0 {
            user = kakao.new_user().await;
        }
    }
}

/// Logs out, and counts if the cookie still works afterwards.
async fn leave(stack: &Stack, notes: &Notes, browser: Visitor, everywhere: bool) {
    let request = browser.log_out(everywhere).await;
    let response = notes.ask("refresh after logout", stack, request).await;
    if response.is_some_and(|response| response.status == 200) {
        notes.count(if everywhere { AFTER_ALL } else { AFTER_LOCAL });
    }
}

/// Samples the memory of the processes until the time is over.
async fn watch(stack: &Stack, memory: &mut Memory, end: Instant) {
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(5)).await;
        for (name, lambda) in stack.lambdas() {
            if let Some(oldest) = lambda.environments().first() {
                memory.entry(name.clone()).or_default().push(resident(oldest.pid));
            }
        }
    }
}

/// `VmRSS` of a process (proc(5)), in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn part(stack: &Stack, notes: &Notes, memory: &Memory, lasts: Duration, alive: u64, sessions: usize) -> Part {
    let mut failures = notes.failures();
    // A login whose response was lost leaves a session that no browser holds, until it expires.
    let unheld = (sessions as u64).saturating_sub(alive);
    if unheld > notes.counted("logins retried") || (sessions as u64) < alive {
        failures.push(format!("{sessions} sessions in the table for {alive} browsers"));
    }
    let unstored = stack.lambdas()["logout"].outcomes().get("logged_out_unstored").copied().unwrap_or_default();
    if notes.counted(AFTER_ALL) > 0 || notes.counted(AFTER_LOCAL) > unstored {
        failures.push("a cookie works after its logout".to_owned());
    }
    let of = |what: &str| failures.iter().filter(|failure| failure.contains(what)).count();
    let mut rows = vec![
        row("sessions lost", of("session was lost")),
        row("of them rotating", of("a rotating session was lost")),
        row("of them linked", of("a linked session was lost")),
        row("double lineages", of("double lineage")),
        row("500 of a function", of("500")),
        row(AFTER_ALL, notes.counted(AFTER_ALL)),
        row(AFTER_LOCAL, notes.counted(AFTER_LOCAL)),
        row("browsers that got nowhere", of("nowhere")),
        row("sessions in the table that no browser holds (the login's response was lost)", unheld),
    ];
    let died: u64 = stack.lambdas().values().map(|lambda| lambda.died()).sum();
    if died > 0 {
        failures.push(format!("{died} processes ended by themselves"));
    }
    rows.push(row("processes that ended by themselves", died));
    for (name, samples) in memory {
        let (early, late) = (median(samples, 1), median(samples, 3));
        rows.push(row(
            &format!("memory of the oldest process of {name}, second quarter and last"),
            format!("{early} and {late} KiB"),
        ));
        // An allocator's arenas settle within a tenth.
        if late > early + early / 10 {
            failures.push(format!("the memory of {name} grows: {early} KiB, then {late} KiB"));
        }
    }
    let own = [AFTER_ALL, AFTER_LOCAL];
    rows.extend(
        notes
            .all()
            .into_iter()
            .filter(|(what, _)| !own.contains(&what.as_str()))
            .map(|(what, times)| row(&what, times)),
    );
    let started: u64 = stack.lambdas().values().map(|lambda| lambda.started()).sum();
    Part {
        title: "Soak".to_owned(),
        found: format!(
            "{BROWSERS} browsers for {} minutes on the functions' binaries, {started} processes in all, with the deployed settings and a higher limit for logins. \
             Each logs in with a credential of any kind, refreshes in one to four tabs at once, asks for its profile, logs out, \
             and retries after a failure as our client does; at the end each refreshes once more. Something fails most of the time; \
             no fault lasts longer than six seconds. Half of the sessions are linked: their browsers also lose a response and sleep for \
             longer than a rotation window.",
            lasts.as_secs() / 60
        ),
        head: vec!["What".to_owned(), "Times".to_owned()],
        rows,
        failures,
    }
}

fn row(what: &str, value: impl Display) -> Vec<String> {
    vec![what.to_owned(), format!("{value}")]
}

/// The median of one quarter of the samples, counted from 0.
fn median(samples: &[u64], quarter: usize) -> u64 {
    let length = samples.len() / 4;
    let mut samples = samples.get(length * quarter..length * (quarter + 1)).unwrap_or_default().to_vec();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
