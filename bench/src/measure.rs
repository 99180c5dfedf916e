//! The measurements of single binaries.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use serde_json::{Value, json};
use tests::{Settings, Stack};

use crate::{
    dynamodb::{DynamoDb, ROOT},
    function::{Outcome, Run},
    scenario::Scenario,
};

/// Requests in the shorter and the longer of two runs. The cost of the start is in both, and cancels out.
const REQUESTS: (usize, usize) = (50, 250);

/// Instructions of a process that handles `times` requests (callgrind), with DynamoDB behind TLS or not.
async fn instructions(scenario: &Scenario, function: &'static str, times: usize, tls: bool) -> Result<u64, String> {
    let dynamodb = replaying(scenario, tls).await?;
    let under = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let run = Run { under: &under, environment: at(&dynamodb), ..Run::of(function, times) };
    let outcome = run.go(scenario).await?;
    if dynamodb.counts().0 == 0 {
        return Err(format!("{function} did not ask DynamoDB before its first event"));
    }
    let collected = outcome.errors.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind printed no count: {}", outcome.errors))
}

/// Instructions up to the first `/next` without and with TLS, and of each further request.
pub async fn all_instructions(scenario: &Scenario, function: &'static str) -> Result<Value, String> {
    let start = least(scenario, function, 0, false).await?;
    let start_tls = least(scenario, function, 0, true).await?;
    let few = least(scenario, function, REQUESTS.0, false).await?;
    let many = least(scenario, function, REQUESTS.1, false).await?;
    let request = (many - few) / (REQUESTS.1 - REQUESTS.0) as u64;
    Ok(json!({"start": start, "start_tls": start_tls, "request": request}))
}

/// The lowest count of three runs: the order in which tasks are polled is chance.
async fn least(scenario: &Scenario, function: &'static str, times: usize, tls: bool) -> Result<u64, String> {
    let mut least = u64::MAX;
    for _ in 0..3 {
        least = least.min(instructions(scenario, function, times, tls).await?);
    }
    Ok(least)
}

/// Bytes of the binary, and of the zip that is deployed.
pub fn sizes(scenario: &Scenario, function: &str) -> Result<Value, String> {
    let binary = scenario.binary(function);
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

/// Files that are opened from the start to the first response (strace).
pub async fn opened_files(scenario: &Scenario, function: &'static str) -> Result<Vec<String>, String> {
    let dynamodb = replaying(scenario, true).await?;
    let under = ["strace", "-f", "-e", "trace=open,openat"];
    let outcome = Run { under: &under, environment: at(&dynamodb), ..Run::of(function, 1) }.go(scenario).await?;
    let opened = outcome.errors.lines().filter(|line| line.contains("open") && !line.contains(" = -1 "));
    let names = opened.filter_map(|line| line.split('"').nth(1)).filter(|name| *name != ROOT);
    Ok(names.map(ToOwned::to_owned).collect())
}

/// TLS handshakes and requests that DynamoDB sees for a thousand events.
pub async fn connections(scenario: &Scenario, function: &'static str) -> Result<Value, String> {
    let dynamodb = replaying(scenario, true).await?;
    Run { environment: at(&dynamodb), ..Run::of(function, 1_000) }.go(scenario).await?;
    let (requests, handshakes) = dynamodb.counts();
    Ok(json!({"requests": requests, "handshakes": handshakes}))
}

/// How far away the services are, in milliseconds for each request.
#[derive(Clone, Copy)]
pub struct Latencies {
    pub dynamodb: u64,
    pub kakao: u64,
}

/// Starts and 40 requests in a row, with the share of a processor that Lambda gives to so many MB.
pub async fn model(scenario: &Scenario, function: &'static str, memory: u32, away: Latencies) -> Result<Value, String> {
    const RUNS: usize = 15;
    const IN_A_ROW: usize = 40;
    let mut outcomes = Vec::new();
    for _ in 0..RUNS {
        outcomes.push(throttled(scenario, function, IN_A_ROW, memory, away, Duration::ZERO).await?);
    }
    // The first request of each run is a cold one.
    let mut warm: Vec<f64> = outcomes.iter().flat_map(|outcome| outcome.response_times_ms().split_off(1)).collect();
    warm.sort_by(f64::total_cmp);
    let percentile = |of: usize| (warm[(warm.len() * of / 100).min(warm.len() - 1)] * 10.0).round() / 10.0;
    Ok(json!({
        "ready_ms": spread(&outcomes, Outcome::ready_ms),
        "first_response_ms": spread(&outcomes, Outcome::first_response_ms),
        "warm_ms": [percentile(50), percentile(90), percentile(99)],
        "peak_mib": spread(&outcomes, |outcome| outcome.peak_mib),
    }))
}

/// A request after 20 s without any.
pub async fn after_idling(
    scenario: &Scenario,
    function: &'static str,
    memory: u32,
    away: Latencies,
) -> Result<Value, String> {
    const RUNS: usize = 3;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let outcome = throttled(scenario, function, 5, memory, away, Duration::from_secs(20)).await?;
        times.push(outcome.response_times_ms().pop().unwrap_or(f64::NAN));
    }
    Ok(spread(&times, |time| *time))
}

async fn throttled(
    scenario: &Scenario,
    function: &'static str,
    times: usize,
    memory: u32,
    away: Latencies,
    pause: Duration,
) -> Result<Outcome, String> {
    scenario.delay_kakao(Duration::from_millis(away.kakao));
    let dynamodb = DynamoDb::replaying(&scenario.responses, Duration::from_millis(away.dynamodb), true).await;
    let dynamodb = dynamodb.map_err(|error| error.to_string())?;
    let run = Run { environment: at(&dynamodb), share_of: Some(memory), pause, ..Run::of(function, times) };
    run.go(scenario).await
}

/// Milliseconds of processor time for a request (`utime` and `stime`), DynamoDB behind TLS.
pub async fn processor(scenario: &Scenario, function: &'static str) -> Result<Value, String> {
    const REQUESTS: u16 = 2_000;
    let mut times = Vec::new();
    for _ in 0..5 {
        let dynamodb = replaying(scenario, true).await?;
        let run = Run { environment: at(&dynamodb), ..Run::of(function, REQUESTS.into()) };
        times.push(run.go(scenario).await?.processor * 1e3 / f64::from(REQUESTS));
    }
    Ok(spread(&times, |time| *time))
}

/// Milliseconds from the start of `kakao-login` to its first response, on a whole processor, with no delay to services.
pub async fn cold_login(scenario: &Scenario) -> Result<f64, String> {
    let dynamodb = replaying(scenario, true).await?;
    let run = Run { environment: at(&dynamodb), ..Run::of("kakao-login", 1) };
    Ok(run.go(scenario).await?.start_to_first_response_ms())
}

/// Median, minimum and maximum.
pub fn spread<T>(items: &[T], value: impl Fn(&T) -> f64) -> Value {
    let mut values: Vec<f64> = items.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).map_or(f64::NAN, |value| (value * 100.0).round() / 100.0);
    json!([at(values.len() / 2), at(0), at(values.len().saturating_sub(1))])
}

async fn replaying(scenario: &Scenario, tls: bool) -> Result<DynamoDb, String> {
    DynamoDb::replaying(&scenario.responses, Duration::ZERO, tls).await.map_err(|error| error.to_string())
}

fn at(dynamodb: &DynamoDb) -> BTreeMap<String, String> {
    let url = dynamodb.url.as_str();
    let pairs = [("AWS_ENDPOINT_URL_DYNAMODB", url), ("AWS_CA_BUNDLE", ROOT)];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// What each kind of call costs on the wire: DynamoDB requests and units, and calls to Kakao.
pub async fn calls() -> Value {
    // On a busy machine a call that timed out would be repeated, or a used code be rejected.
    let environment = [("ROTATION_WINDOW", "5"), ("TIME_FACTOR", "500")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    let one = json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "one"})).await, "nonce": "one"});
    let two = json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "two"})).await, "nonce": "two"});
    // Another user's session, until this user logs in.
    let mut last = stack.log_in().await;
    let mut rows = Vec::new();
    for (name, credential) in [
        ("login by access token, new user", json!({"access_token": token})),
        ("login by access token", json!({"access_token": token})),
        ("login by ID token, without Kakao's keys at hand", one),
        ("login by ID token", two),
        ("login by code", Value::Null),
        ("refresh", Value::Null),
        ("profile", Value::Null),
        ("logout", Value::Null),
    ] {
        // A second login in the same minute costs a second write to count it.
        stack.advance(Duration::from_mins(1));
        // Kakao's codes expire after five minutes.
        let credential = if name == "login by code" { stack.kakao.code_body(&user).await } else { credential };
        let before = stack.kakao.calls().await;
        let _ = stack.table_proxy.take_traffic();
        match name {
            "refresh" => {
                stack.advance(Duration::from_secs(6));
                last = stack.refresh(&last.token()).await;
            }
            "profile" => drop(stack.profile(last.access()).await),
            "logout" => drop(stack.logout(&last.token()).await),
            _ => {
                last = stack.login(&credential).await;
                assert_eq!(last.status, 200, "{name}: {}", last.body);
            }
        }
        let traffic = stack.table_proxy.take_traffic();
        let mut requests = traffic.operations;
        // Some requests are concurrent, so their order is chance.
        requests.sort();
        rows.push(json!({
            "call": name, "requests": requests, "kakao": stack.kakao.calls().await - before,
            "write_units": traffic.write_units, "read_units": traffic.read_units,
        }));
    }
    Value::from(rows)
}
