//! Ten thousand sessions on a bad day: open-loop arrivals, a DynamoDB that throttles, fails late and loses responses.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use shared::random;
use tests::{Browser, Stack, client::Functions, fault_proxy::FaultRates};

const SESSIONS: usize = 10_000;
/// How many seconds it runs, and how many seconds of the functions' clock pass in one.
const SECONDS: u64 = 60;
const FASTER: u64 = 10;
/// A session renews every five minutes of that clock.
const REFRESHES_A_SECOND: u64 = SESSIONS as u64 * FASTER / 300;
const LOGINS_A_SECOND: u64 = 20;
/// How many of a thousand refreshes come from two tabs at once.
const TWO_TABS: u64 = 100;
const BAD_DAY: FaultRates =
    FaultRates { delay: Duration::from_millis(4), slow: 10, throttled: 20, failed_after: 5, lost: 5 };

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// Milliseconds from the moment at which a request was due, retries included.
    refreshes: Vec<f64>,
    logins: Vec<f64>,
    logged_out: u64,
    retried: u64,
    given_up: u64,
    /// A session got two refresh tokens of one generation.
    doubled: u64,
}

/// Runs the load.
pub async fn run() -> Value {
    let stack = Stack::start().await;
    let mut sessions = Vec::with_capacity(SESSIONS);
    // One user each: neither an access token nor a user may log in often.
    let mut tokens = Vec::with_capacity(SESSIONS);
    while sessions.len() < SESSIONS {
        let user = stack.kakao.new_user().await;
        let token = stack.kakao.token(&user).await;
        let logged_in = stack.login(&json!({"access_token": token})).await;
        sessions.push(Arc::new(Mutex::new(Browser::logged_in(&logged_in))));
        tokens.push(token);
    }
    stack.advance(Duration::from_mins(1));
    stack.table_proxy.set_rates(BAD_DAY);
    drop(stack.table_proxy.take_traffic());

    let (seen, began) = (Arc::new(Mutex::new(Seen::default())), Instant::now());
    let mut tasks = Vec::new();
    let every = Duration::from_secs(1) / u32::try_from(REFRESHES_A_SECOND + LOGINS_A_SECOND).unwrap_or(u32::MAX);
    let (mut due, mut seconds) = (began, 0);
    while began.elapsed() < Duration::from_secs(SECONDS) {
        due += every;
        tokio::time::sleep_until(due.into()).await;
        while began.elapsed().as_secs() > seconds {
            seconds += 1;
            stack.advance(Duration::from_secs(FASTER));
        }
        let (functions, seen) = (Functions::clone(&stack), Arc::clone(&seen));
        let index = usize::try_from(random::up_to(SESSIONS as u64 - 1)).unwrap_or_default();
        if random::up_to(REFRESHES_A_SECOND + LOGINS_A_SECOND - 1) < LOGINS_A_SECOND {
            tasks.push(tokio::spawn(login(functions, tokens[index].clone(), due, seen)));
            continue;
        }
        let tabs = if random::up_to(999) < TWO_TABS { 2 } else { 1 };
        for _ in 0..tabs {
            let (functions, seen) = (functions.clone(), Arc::clone(&seen));
            tasks.push(tokio::spawn(refresh(functions, Arc::clone(&sessions[index]), due, seen)));
        }
    }
    for task in tasks {
        let _ = task.await;
    }
    stack.table_proxy.heal();
    let mut alive = 0;
    for session in &sessions {
        let cookie = lock(session).cookie().to_owned();
        alive += u64::from(stack.refresh(&cookie).await.status == 200);
    }
    let seen = lock(&seen);
    json!({
        "sessions": SESSIONS, "seconds": SECONDS, "refreshes": seen.refreshes.len(), "logins": seen.logins.len(),
        "logged_out": seen.logged_out, "retried": seen.retried, "given_up": seen.given_up,
        "doubled": seen.doubled, "alive_after": alive,
        "refresh_ms": percentiles(&seen.refreshes), "login_ms": percentiles(&seen.logins),
    })
}

/// Refreshes as the web client does, which retries after a 503.
async fn refresh(functions: Functions, browser: Arc<Mutex<Browser>>, due: Instant, seen: Arc<Mutex<Seen>>) {
    for _ in 0..20 {
        let cookie = lock(&browser).cookie().to_owned();
        let answer = functions.refresh(&cookie).await;
        match answer.status.as_u16() {
            200 => {
                let is_double = lock(&browser).take(&answer).is_err();
                let mut seen = lock(&seen);
                seen.doubled += u64::from(is_double);
                return seen.refreshes.push(since(due));
            }
            401 => return lock(&seen).logged_out += 1,
            _ => wait(&seen).await,
        }
    }
    lock(&seen).given_up += 1;
}

async fn login(functions: Functions, token: String, due: Instant, seen: Arc<Mutex<Seen>>) {
    for _ in 0..20 {
        if functions.login(&json!({"access_token": token})).await.status == 200 {
            return lock(&seen).logins.push(since(due));
        }
        wait(&seen).await;
    }
    lock(&seen).given_up += 1;
}

/// Waits before a retry.
async fn wait(seen: &Mutex<Seen>) {
    lock(seen).retried += 1;
    tokio::time::sleep(Duration::from_millis(200 + random::up_to(200))).await;
}

fn since(due: Instant) -> f64 {
    due.elapsed().as_secs_f64() * 1e3
}

/// The 50th, 99th and 99.9th percentile, and the maximum.
fn percentiles(values: &[f64]) -> Value {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = |thousandth: usize| values.get((values.len() * thousandth / 1_000).min(values.len().max(1) - 1)).copied();
    json!([at(500), at(990), at(999), at(1_000)].map(|value| (value.unwrap_or(f64::NAN) * 10.0).round() / 10.0))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
