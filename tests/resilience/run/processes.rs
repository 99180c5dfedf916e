//! Binaries that are killed or stopped while they wait for DynamoDB or Kakao.

use std::{ops::Deref, path::Path, sync::Arc, time::Duration};

use local::lambda::Environment;
use tests::{
    Credential, Settings, Stack,
    fault_proxy::{FaultProxy, Held, Moment},
};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    binaries,
    part::Part,
    route::{ROUTES, Route},
    scenario::Scenario,
};

/// How many scenarios run concurrently: most of them wait.
const LANES: usize = 150;
/// How many of them start at the same time, as starting needs a processor.
static STARTS: Semaphore = Semaphore::const_new(4);
const STOPPED: Duration = Duration::from_mins(1);

/// What happens to the process, and to the request that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// SIGKILL; the request never reaches the server, or its response never arrives.
    Killed,
    /// SIGKILL; the request reaches the server after the browser has retried.
    KilledAndLate,
    /// SIGSTOP for a minute; by then Lambda has ended the process.
    Stopped,
    /// SIGSTOP for a minute on a machine that is frozen as a whole: the process continues, and so does its request.
    Frozen,
}

const ENDS: [(&str, End); 4] = [
    ("SIGKILL", End::Killed),
    ("SIGKILL, the request arrives later", End::KilledAndLate),
    ("SIGSTOP for 60 s", End::Stopped),
    ("SIGSTOP for 60 s, then it goes on", End::Frozen),
];

/// A request of a function, by its position among its requests to the same server.
#[derive(Clone, Debug)]
struct Point {
    server: &'static str,
    at: usize,
    operation: String,
    moment: Moment,
    /// Whether the function's process has just started, so that it reads its keys.
    is_cold: bool,
}

pub async fn run() -> Result<(), String> {
    let folder = binaries()?;
    let mut rows = Vec::new();
    for (name, route) in ROUTES {
        for point in points(&folder, route).await {
            let moment = if point.moment == Moment::Before { "before" } else { "after" };
            let start = if point.is_cold { " at its start" } else { "" };
            rows.push((
                format!("{name}{start}: {moment} call {} of {}, {}", point.at + 1, point.server, point.operation),
                route,
                point,
            ));
        }
    }
    let lanes = Arc::new(Semaphore::new(LANES));
    let playing: Vec<_> = rows
        .into_iter()
        .map(|(name, route, point)| {
            let scenarios = ENDS.map(|(_, end)| {
                let (lanes, folder, point) = (Arc::clone(&lanes), folder.clone(), point.clone());
                tokio::spawn(async move {
                    let _lane = lanes.acquire().await;
                    play(&folder, route, &point, end).await
                })
            });
            (name, scenarios)
        })
        .collect();
    let (mut rows, mut failures, mut count) = (Vec::new(), Vec::new(), 0);
    for (name, scenarios) in playing {
        let mut row = vec![name.clone()];
        for ((end, _), scenario) in ENDS.iter().zip(scenarios) {
            count += 1;
            let (seen, wrong) = scenario.await.unwrap_or_else(|error| (String::new(), vec![error.to_string()]));
            failures.extend(wrong.iter().map(|wrong| format!("{name}, {end}: {wrong}")));
            row.push(seen);
        }
        rows.push(row);
    }
    let part = Part {
        title: "Processes killed and stopped".to_owned(),
        found: format!(
            "{count} scenarios with the functions' binaries behind a Runtime API: a request of the function is held before it reaches the \
             server, or after the server carried it out; then the process is killed or stopped. The table lists the statuses that the \
             browser saw; 500 and 503 are the gateway's here. In each scenario the same held as in `resilience faults`."
        ),
        head: std::iter::once("where").chain(ENDS.map(|(name, _)| name)).map(str::to_owned).collect(),
        rows,
        failures,
    };
    part.report()
}

async fn scenario(folder: &Path, route: Route, window: Duration) -> Scenario {
    let environment = [("ROTATION_WINDOW".to_owned(), window.as_secs().to_string())].into();
    let settings = Settings { binaries: Some(folder.to_owned()), environment, ..Settings::default() };
    let turn = STARTS.acquire().await;
    let stack = Stack::with(settings).await;
    drop(turn);
    Scenario::set_up(stack, route, window).await
}

/// The points at which this route's function waits for a server, found by running it once.
async fn points(folder: &Path, route: Route) -> Vec<Point> {
    let mut scenario = scenario(folder, route, Duration::from_secs(5)).await;
    let lambda = &scenario.stack.lambdas()[route.function()];
    for environment in lambda.environments() {
        environment.kill();
        environment.end().await;
    }
    let take_traffic =
        |stack: &Stack| ["keys", "DynamoDB", "Kakao"].map(|name| (name, proxy(stack, name).take_traffic().operations));
    let _ = take_traffic(&scenario.stack);
    let _ = lambda.warm().await;
    let mut points = Vec::new();
    let mut add = |found: [(&'static str, Vec<String>); 3], is_cold: bool| {
        for (server, operations) in found {
            for (at, operation) in operations.into_iter().enumerate() {
                for moment in [Moment::Before, Moment::After] {
                    points.push(Point { server, at, operation: operation.clone(), moment, is_cold });
                }
            }
        }
    };
    let at_start = take_traffic(&scenario.stack);
    // What a function does at its start does not depend on the request: one route per function is enough.
    if matches!(route, Route::LogIn(Credential::AccessToken) | Route::Refresh | Route::LogOut | Route::Profile) {
        add(at_start, true);
    }
    scenario.ask().await;
    add(take_traffic(&scenario.stack), false);
    points
}

fn proxy<'a>(stack: &'a Stack, name: &str) -> &'a FaultProxy {
    match name {
        "DynamoDB" => &stack.table_proxy,
        "Kakao" => &stack.kakao_proxy,
        _ => &stack.keys_proxy,
    }
}

/// The statuses that the browser saw, and what failed.
async fn play(folder: &Path, route: Route, point: &Point, end: End) -> (String, Vec<String>) {
    // Longer than Lambda's timeout of 10 s, after which a browser whose response was lost retries, also on a busy machine.
    let window = if matches!(end, End::Killed | End::KilledAndLate) { 5 } else { 20 };
    let mut scenario = scenario(folder, route, Duration::from_secs(window)).await;
    let lambda = Arc::clone(&scenario.stack.lambdas()[route.function()]);
    if end == End::Frozen {
        lambda.spare();
    }
    for environment in lambda.environments() {
        environment.kill();
        environment.end().await;
    }
    if !point.is_cold && lambda.warm().await.is_err() {
        return (String::new(), vec!["the function does not start".to_owned()]);
    }
    let mut held = proxy(&scenario.stack, point.server).hold(point.at, point.moment);
    let request = scenario.request().await;
    let stack = scenario.stack.deref().clone();
    let asked = tokio::spawn(async move { stack.ask(request).await });
    if tokio::time::timeout(Duration::from_secs(20), held.arrived()).await.is_err() {
        return (String::new(), vec!["the request does not arrive".to_owned()]);
    }
    let Some(process) = lambda.environments().into_iter().find(|one| one.is_busy()) else {
        return (String::new(), vec!["no process is busy".to_owned()]);
    };
    let mut wrong = Vec::new();
    match end {
        End::Killed => {
            process.kill();
            // Otherwise it might see its connection break first.
            process.end().await;
            held.discard();
            scenario.take(answered(asked).await);
            wrong.extend(scenario.go_on().await);
        }
        End::KilledAndLate => {
            process.kill();
            scenario.take(answered(asked).await);
            scenario.ask_again().await;
            held.release();
            wrong.extend(scenario.go_on().await);
        }
        End::Stopped | End::Frozen => wrong.extend(stopped(&mut scenario, &process, held, asked).await),
    }
    (scenario.seen(), wrong)
}

/// The browser retries while the process is stopped, and again after it continued.
async fn stopped(
    scenario: &mut Scenario,
    process: &Environment,
    held: Held,
    asked: JoinHandle<reqwest::Result<tests::client::Response>>,
) -> Vec<String> {
    let going = tokio::time::Instant::now() + STOPPED;
    let mut wrong = Vec::new();
    if process.signal("STOP").await.is_err() {
        wrong.push("the process cannot be stopped".to_owned());
    }
    scenario.take(answered(asked).await);
    scenario.ask_again().await;
    tokio::time::sleep_until(going).await;
    // It may have been ended already.
    let _ = process.signal("CONT").await;
    held.release();
    tokio::time::sleep(Duration::from_secs(2)).await;
    wrong.extend(scenario.go_on().await);
    wrong
}

async fn answered(
    asked: JoinHandle<reqwest::Result<tests::client::Response>>,
) -> reqwest::Result<tests::client::Response> {
    asked.await.expect("a request is not cancelled")
}
