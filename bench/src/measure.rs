//! The measurements of single binaries.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use serde_json::{Value, json};
use tests::Stack;

use crate::{
    aws::{Aws, ROOT},
    function::{Outcome, Run},
    scene::Scene,
};

/// Requests in the shorter and the longer of two runs: what starting costs is in both, and cancels out.
const REQUESTS: (usize, usize) = (50, 250);

/// Instructions of a process that answers `times` requests (callgrind), with AWS behind TLS or not.
async fn instructions(scene: &Scene, function: &'static str, times: usize, tls: bool) -> Result<u64, String> {
    let aws = replaying(scene, tls).await?;
    let under = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let run = Run { under: &under, environment: at(&aws), ..Run::of(function, times) };
    let outcome = run.go(scene).await?;
    if aws.counts().0 == 0 {
        return Err(format!("{function} has not asked DynamoDB before its first request"));
    }
    let collected = outcome.errors.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind says: {}", outcome.errors))
}

/// Instructions up to the first `/next`, the same with TLS, and for each further request.
pub async fn all_instructions(scene: &Scene, function: &'static str) -> Result<Value, String> {
    let start = least(scene, function, 0, false).await?;
    let start_tls = least(scene, function, 0, true).await?;
    let few = least(scene, function, REQUESTS.0, false).await?;
    let many = least(scene, function, REQUESTS.1, false).await?;
    let request = (many - few) / (REQUESTS.1 - REQUESTS.0) as u64;
    Ok(json!({"start": start, "start_tls": start_tls, "request": request}))
}

/// The least of several runs: the order in which several tasks get their turn is chance.
async fn least(scene: &Scene, function: &'static str, times: usize, tls: bool) -> Result<u64, String> {
    let mut least = u64::MAX;
    for _ in 0..3 {
        least = least.min(instructions(scene, function, times, tls).await?);
    }
    Ok(least)
}

/// Bytes of the binary, and of the zip that Lambda is given.
pub fn sizes(scene: &Scene, function: &str) -> Result<Value, String> {
    let binary = scene.binary(function);
    let bytes = fs::metadata(&binary).map_err(|error| format!("{}: {error}", binary.display()))?.len();
    let folder = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    let (bootstrap, zip) = (folder.join("bootstrap"), folder.join("bootstrap.zip"));
    let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(&binary, &bootstrap));
    copied.map_err(|error| error.to_string())?;
    let zipped = Command::new("python3").args(["-m", "zipfile", "-c"]).args([&zip, &bootstrap]).status();
    let zip_bytes = fs::metadata(&zip).map(|zip| zip.len()).unwrap_or_default();
    let _ = fs::remove_dir_all(&folder);
    if zipped.is_ok_and(|status| status.success()) {
        Ok(json!({"binary": bytes, "zip": zip_bytes}))
    } else {
        Err("python3 -m zipfile failed".to_owned())
    }
}

/// Files that are opened from start to the first answer (strace).
pub async fn opened_files(scene: &Scene, function: &'static str) -> Result<Vec<String>, String> {
    let aws = replaying(scene, true).await?;
    let under = ["strace", "-f", "-e", "trace=open,openat"];
    let outcome = Run { under: &under, environment: at(&aws), ..Run::of(function, 1) }.go(scene).await?;
    let opened = outcome.errors.lines().filter(|line| line.contains("open") && !line.contains(" = -1 "));
    let names = opened.filter_map(|line| line.split('"').nth(1)).filter(|name| *name != ROOT);
    Ok(names.map(ToOwned::to_owned).collect())
}

/// TLS handshakes and requests at AWS's side for a thousand events.
pub async fn connections(scene: &Scene, function: &'static str) -> Result<Value, String> {
    let aws = replaying(scene, true).await?;
    Run { environment: at(&aws), ..Run::of(function, 1_000) }.go(scene).await?;
    let (requests, handshakes) = aws.counts();
    Ok(json!({"requests": requests, "handshakes": handshakes}))
}

/// How far away the services are, in milliseconds for each request.
#[derive(Clone, Copy)]
pub struct Latencies {
    pub dynamodb: u64,
    pub kakao: u64,
}

/// Starts, then 40 requests in a row, in a Lambda of so many MB as far as the processor goes.
pub async fn model(scene: &Scene, function: &'static str, memory: u32, away: Latencies) -> Result<Value, String> {
    const RUNS: usize = 15;
    const IN_A_ROW: usize = 40;
    let mut outcomes = Vec::new();
    for _ in 0..RUNS {
        outcomes.push(throttled(scene, function, IN_A_ROW, memory, away, Duration::ZERO).await?);
    }
    // The first one of each run is the cold one.
    let mut warm: Vec<f64> = outcomes.iter().flat_map(|outcome| outcome.answers_ms().split_off(1)).collect();
    warm.sort_by(f64::total_cmp);
    let percentile = |of: usize| (warm[(warm.len() * of / 100).min(warm.len() - 1)] * 10.0).round() / 10.0;
    Ok(json!({
        "ready_ms": spread(&outcomes, Outcome::ready_ms),
        "first_answer_ms": spread(&outcomes, Outcome::first_answer_ms),
        "warm_ms": [percentile(50), percentile(90), percentile(99)],
        "peak_mib": spread(&outcomes, |outcome| outcome.peak_mib),
    }))
}

/// A request after 20 s without one.
pub async fn after_idling(
    scene: &Scene,
    function: &'static str,
    memory: u32,
    away: Latencies,
) -> Result<Value, String> {
    const RUNS: usize = 3;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let outcome = throttled(scene, function, 5, memory, away, Duration::from_secs(20)).await?;
        times.push(outcome.answers_ms().pop().unwrap_or(f64::NAN));
    }
    Ok(spread(&times, |time| *time))
}

async fn throttled(
    scene: &Scene,
    function: &'static str,
    times: usize,
    memory: u32,
    away: Latencies,
    pause: Duration,
) -> Result<Outcome, String> {
    scene.delay_kakao(Duration::from_millis(away.kakao));
    let aws = Aws::replaying(&scene.answers, Duration::from_millis(away.dynamodb), true).await;
    let aws = aws.map_err(|error| error.to_string())?;
    let run = Run { environment: at(&aws), share_of: Some(memory), pause, ..Run::of(function, times) };
    run.go(scene).await
}

/// Milliseconds of processor time for a request (`utime` and `stime`), DynamoDB behind TLS.
pub async fn processor(scene: &Scene, function: &'static str) -> Result<Value, String> {
    const REQUESTS: u16 = 2_000;
    let mut times = Vec::new();
    for _ in 0..5 {
        let aws = replaying(scene, true).await?;
        let run = Run { environment: at(&aws), ..Run::of(function, REQUESTS.into()) };
        times.push(run.go(scene).await?.processor * 1e3 / f64::from(REQUESTS));
    }
    Ok(spread(&times, |time| *time))
}

/// Milliseconds from the start of `kakao-login` to its first answer, on a whole processor and with nothing far away.
pub async fn cold_login(scene: &Scene) -> Result<f64, String> {
    let aws = replaying(scene, true).await?;
    let run = Run { environment: at(&aws), ..Run::of("kakao-login", 1) };
    Ok(run.go(scene).await?.start_to_first_answer_ms())
}

/// Median, least and greatest.
pub fn spread<T>(items: &[T], value: impl Fn(&T) -> f64) -> Value {
    let mut values: Vec<f64> = items.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).map_or(f64::NAN, |value| (value * 100.0).round() / 100.0);
    json!([at(values.len() / 2), at(0), at(values.len().saturating_sub(1))])
}

async fn replaying(scene: &Scene, tls: bool) -> Result<Aws, String> {
    Aws::replaying(&scene.answers, Duration::ZERO, tls).await.map_err(|error| error.to_string())
}

fn at(aws: &Aws) -> BTreeMap<String, String> {
    let url = aws.url.as_str();
    let pairs = [("AWS_ENDPOINT_URL_DYNAMODB", url), ("AWS_CA_BUNDLE", ROOT)];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// What one call of each kind costs: DynamoDB requests and units, and calls to Kakao.
pub async fn calls() -> Value {
    let stack = Stack::with_setting("ROTATION_WINDOW", "5").await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    let one = json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "one"})).await, "nonce": "one"});
    let two = json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "two"})).await, "nonce": "two"});
    // Somebody else, until this user signs in.
    let mut last = stack.log_in().await;
    let mut rows = Vec::new();
    for (name, credential) in [
        ("sign-in by access token, new user", json!({"access_token": token})),
        ("sign-in by access token", json!({"access_token": token})),
        ("sign-in by ID token, without Kakao's keys at hand", one),
        ("sign-in by ID token", two),
        ("sign-in by code", stack.kakao.code_body(&user).await),
        ("refresh", Value::Null),
        ("profile", Value::Null),
        ("logout", Value::Null),
    ] {
        // A login in the same minute as the one before costs a second write to count it.
        stack.advance(Duration::from_mins(1));
        let before = stack.kakao.calls().await;
        let _ = stack.table_proxy.take_traffic();
        match name {
            "refresh" => {
                stack.advance(Duration::from_secs(6));
                last = stack.refresh(&last.token()).await;
            }
            "profile" => drop(stack.profile(last.access()).await),
            "logout" => drop(stack.logout(&last.token()).await),
            _ => last = stack.login(&credential).await,
        }
        let traffic = stack.table_proxy.take_traffic();
        let mut requests = traffic.operations;
        // Some of them are made at the same time, in an order of chance.
        requests.sort();
        rows.push(json!({
            "call": name, "requests": requests, "kakao": stack.kakao.calls().await - before,
            "write_units": traffic.write_units, "read_units": traffic.read_units,
        }));
    }
    Value::from(rows)
}
