//! A stack whose functions are watched: what they log, and what the gateway, Lambda and DynamoDB count.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use finish_deletions::FinishDeletions;
use local::{
    gateway::{Gateway, TrailingSlash},
    lambda::{Failed, Function, Lambda, RUNNING, function},
};
use reqwest::Method;
use rotate_keys::{Event, RotateKeys};
use serde_json::{Value, json};
use shared::function::Worker;
use tests::{
    Settings, Stack,
    client::{Functions, Response, cookie_pair},
    fault_proxy::FaultProxy,
};
use tokio::{net::TcpListener, sync::watch};

use super::cloud_watch::{CloudWatch, Metric};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
/// finish-deletions must report more often than every 15 minutes.
const REPORTS: Duration = Duration::from_mins(14);

/// A stack, its functions behind a gateway of their own, and what `CloudWatch` gets.
pub(super) struct Watched {
    pub(super) stack: Stack,
    pub(super) functions: Functions,
    pub(super) cloud_watch: CloudWatch,
    /// Whether Lambda refuses to run the functions.
    pub(super) is_throttled: Arc<AtomicBool>,
    /// How many requests have reached a function.
    pub(super) arrivals: watch::Sender<usize>,
    /// Whether the schedule of finish-deletions is on.
    pub(super) has_schedule: bool,
    /// Whether the gateway's latencies count. On a busy machine every stack is slow.
    pub(super) has_latencies: Arc<AtomicBool>,
}

/// Somebody who has logged in.
pub(super) struct Visitor {
    /// The name at Kakao's stand-in.
    pub(super) user: String,
    pub(super) login: Response,
}

impl Watched {
    pub(super) async fn start(cloud_watch: &CloudWatch, settings: Settings) -> Self {
        Self::with(cloud_watch, settings, false).await
    }

    /// `is_dead` replaces the binary of each function by one that ends at once.
    pub(super) async fn with(cloud_watch: &CloudWatch, settings: Settings, is_dead: bool) -> Self {
        let stack = Stack::with(settings).await;
        let [is_throttled, has_latencies] = [(); 2].map(|()| Arc::<AtomicBool>::default());
        let arrivals = watch::Sender::new(0);
        let watched = stack.past_the_gateway().into_iter().map(|(name, handler)| {
            let handler = if is_dead {
                function(&Arc::new(Lambda::new(&name, PathBuf::from("false"), stack.environment(&name))))
            } else {
                handler
            };
            (name.clone(), counting(&name, handler, cloud_watch, [&is_throttled, &has_latencies], &arrivals))
        });
        let watched: BTreeMap<String, Function> = watched.collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(Gateway::new(stack.template(), &watched, TrailingSlash::default(), None).serve(listener));
        let functions = Functions::new(&url);
        let this = Self {
            stack,
            functions,
            cloud_watch: cloud_watch.clone(),
            is_throttled,
            arrivals,
            has_schedule: true,
            has_latencies,
        };
        this.finish_deletions().await;
        this
    }

    /// Advances the clocks. finish-deletions runs as often as it must report.
    pub(super) async fn advance(&self, mut by: Duration) {
        while !by.is_zero() {
            let step = by.min(REPORTS);
            self.stack.advance(step);
            self.cloud_watch.advance(step.as_secs());
            if self.has_schedule {
                self.finish_deletions().await;
            }
            by -= step;
        }
    }

    /// Runs finish-deletions as its schedule does.
    pub(super) async fn finish_deletions(&self) {
        let outcome = RUNNING.scope(FinishDeletions::NAME, self.stack.finish_deletions()).await;
        self.count_errors("FinishDeletions", outcome.is_err());
    }

    /// Runs rotate-keys as its schedule does.
    pub(super) async fn rotate_keys(&self) {
        let outcome = RUNNING.scope(RotateKeys::NAME, self.stack.rotate_with(Event::RotateIfDue)).await;
        self.count_errors("RotateKeys", outcome.is_err());
    }

    fn count_errors(&self, resource: &str, failed: bool) {
        let errors = Metric::new("AWS/Lambda", "Errors", ("FunctionName", resource));
        self.cloud_watch.take_point(self.cloud_watch.now(), errors, f64::from(u8::from(failed)));
    }

    pub(super) async fn new_visitor(&self) -> Visitor {
        let user = self.stack.kakao.new_user().await;
        let login = self.functions.login(&json!({"access_token": self.stack.kakao.token(&user).await})).await;
        assert_eq!(login.status, 200, "{}", login.body);
        Visitor { user, login }
    }

    /// Sends a request to each function on behalf of somebody, who may have logged in at another stack. Returns the statuses.
    pub(super) async fn ask_every_function(&self, visitor: &Visitor) -> Vec<u16> {
        let Visitor { user, login } = visitor;
        let kakao = json!({"access_token": self.stack.kakao.token(user).await});
        let event = self.stack.kakao.security_event(user, &json!({})).await;
        let token = login.token();
        let request = |method, path| self.functions.request(method, path);
        let mut statuses = Vec::new();
        for request in [
            request(Method::POST, "/auth/kakao").json(&kakao),
            request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token)),
            request(Method::GET, "/auth/profile").bearer_auth(login.access()),
            request(Method::GET, "/auth/sessions").bearer_auth(login.access()),
            request(Method::GET, "/auth/account").bearer_auth(login.access()),
            request(Method::POST, "/auth/verify").json(&json!({"token": login.access()})),
            request(Method::GET, "/.well-known/jwks.json"),
            request(Method::POST, "/webhooks/kakao/account-status").body(event),
            request(Method::POST, "/auth/logout?scope=others").header("cookie", cookie_pair(&token)),
        ] {
            statuses.push(self.functions.ask(request).await.unwrap().status.as_u16());
        }
        statuses
    }

    /// Counts what this proxy has refused for a table as DynamoDB does: everything but so many requests.
    pub(super) fn count_throttles(&self, proxy: &FaultProxy, table: &str, spared: usize) {
        for operation in proxy.take_traffic().operations.into_iter().skip(spared) {
            let is_read = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation.as_str());
            let name = if is_read { "ReadThrottleEvents" } else { "WriteThrottleEvents" };
            let metric = Metric::new("AWS/DynamoDB", name, ("TableName", table));
            self.cloud_watch.take_point(self.cloud_watch.now(), metric, 1.0);
        }
    }

    /// Waits until so many requests have reached a function.
    pub(super) async fn arrived(&self, requests: usize) {
        self.arrivals.subscribe().wait_for(|arrivals| *arrivals >= requests).await.unwrap();
    }
}

/// The function with what the gateway and Lambda count of it.
fn counting(
    name: &str,
    handler: Function,
    cloud_watch: &CloudWatch,
    [is_throttled, has_latencies]: [&Arc<AtomicBool>; 2],
    arrivals: &watch::Sender<usize>,
) -> Function {
    let (name, cloud_watch) = (resource(name), cloud_watch.clone());
    let (is_throttled, has_latencies) = (Arc::clone(is_throttled), Arc::clone(has_latencies));
    let arrivals = arrivals.clone();
    Arc::new(move |invocation| {
        let (handler, cloud_watch, name) = (Arc::clone(&handler), cloud_watch.clone(), name.clone());
        let (at, started) = (cloud_watch.now(), Instant::now());
        let is_throttled = is_throttled.load(Ordering::SeqCst);
        let has_latency = has_latencies.load(Ordering::SeqCst);
        arrivals.send_modify(|arrivals| *arrivals += 1);
        Box::pin(async move {
            let outcome = if is_throttled { Err(Failed::TimedOut) } else { handler(invocation).await };
            let of_lambda = |metric, holds: bool| {
                let metric = Metric::new("AWS/Lambda", metric, ("FunctionName", &name));
                cloud_watch.take_point(at, metric, f64::from(u8::from(holds)));
            };
            of_lambda("Throttles", is_throttled);
            if !is_throttled {
                of_lambda("Errors", outcome.is_err());
            }
            let of_api = |metric, value| {
                cloud_watch.take_point(at, Metric::new("AWS/ApiGateway", metric, ("ApiId", "HttpApi")), value);
            };
            // The gateway answers 5xx itself if there is no response.
            let is_5xx = outcome.as_ref().map_or(true, |response| response["statusCode"].as_u64() >= Some(500));
            of_api("5xx", f64::from(u8::from(is_5xx)));
            if has_latency {
                of_api("Latency", started.elapsed().as_secs_f64() * 1e3);
            }
            outcome
        })
    })
}

/// `kakao-login` -> `KakaoLogin`.
fn resource(binary: &str) -> String {
    let words = binary.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

/// A data point of the queue, or of the function that fills it.
pub(super) fn of_user_events(watched: &Watched, metric: Metric, value: f64) {
    watched.cloud_watch.take_point(watched.cloud_watch.now(), metric, value);
}

/// A setting of a stack.
pub(super) fn with_setting(name: &str, value: &str) -> Settings {
    Settings { environment: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..Settings::default() }
}

/// A fault of Kakao's stand-in.
pub(super) fn fault(kind: &str) -> Value {
    json!({"kind": kind})
}
