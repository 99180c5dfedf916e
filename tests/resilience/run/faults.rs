//! Each fault of DynamoDB (main table and table of keys) and of Kakao, on each route that it affects.

use std::{sync::Arc, time::Duration};

use local::server::End;
use tests::{
    Credential, Stack,
    fault_proxy::{Fault, FaultProxy},
};
use tokio::sync::Semaphore;

use crate::{
    part::Part,
    route::{ROUTES, Route},
    scenario::Scenario,
    skew,
};

/// How many scenarios run concurrently.
const LANES: usize = 8;
const WINDOW: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
enum Injection {
    Fault(Fault),
    End(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    DynamoDb,
    Kakao,
    Keys,
}

const INJECTIONS: [(&str, Injection); 15] = [
    ("closes the connection", Injection::Fault(Fault::Down)),
    ("accepts and never responds", Injection::Fault(Fault::Hang)),
    ("throttles", Injection::Fault(Fault::Throttle)),
    ("denies access", Injection::Fault(Fault::Deny)),
    ("500, nothing done", Injection::Fault(Fault::FailBefore)),
    ("500, all done", Injection::Fault(Fault::FailAfter)),
    ("one response lost", Injection::Fault(Fault::LoseResponses(1))),
    ("three responses lost", Injection::Fault(Fault::LoseResponses(3))),
    ("reset after all is done", Injection::Fault(Fault::Reset)),
    ("the response drips", Injection::Fault(Fault::Drip)),
    ("the response is cut off", Injection::Fault(Fault::Truncate)),
    ("batches unprocessed", Injection::Fault(Fault::Unprocessed)),
    ("stale reads", Injection::Fault(Fault::Stale)),
    ("idle connections closed", Injection::End(End::Closed)),
    ("idle connections forgotten", Injection::End(End::Forgotten)),
];

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "DynamoDB",
            Self::Kakao => "Kakao",
            Self::Keys => "the table of keys",
        }
    }

    fn proxy(self, stack: &Stack) -> &FaultProxy {
        match self {
            Self::DynamoDb => &stack.table_proxy,
            Self::Kakao => &stack.kakao_proxy,
            Self::Keys => &stack.keys_proxy,
        }
    }

    /// Whether the fault is possible there and affects this route. Keys are read when a function starts.
    fn is_met(self, injection: Injection, route: Route) -> bool {
        let Injection::Fault(fault) = injection else {
            return self == Self::DynamoDb || self == Self::Kakao && route.is_at_kakao();
        };
        match self {
            Self::DynamoDb => true,
            Self::Kakao => {
                let is_of_aws = matches!(fault, Fault::Throttle | Fault::Deny | Fault::Unprocessed | Fault::Stale);
                !is_of_aws && route.is_at_kakao()
            }
            Self::Keys => {
                let is_of_dynamodb = matches!(fault, Fault::Unprocessed | Fault::Stale);
                let is_new = match route {
                    Route::LogIn(credential) => credential == Credential::AccessToken,
                    Route::Refresh | Route::LogOut | Route::LogOutEverywhere | Route::Profile => true,
                    _ => false,
                };
                !is_of_dynamodb && is_new
            }
        }
    }
}

pub async fn run() -> Result<(), String> {
    let lanes = Arc::new(Semaphore::new(LANES));
    let mut playing = Vec::new();
    for server in [Server::DynamoDb, Server::Kakao, Server::Keys] {
        for (name, injection) in INJECTIONS {
            let scenarios: Vec<_> = ROUTES
                .iter()
                .map(|(_, route)| {
                    let (lanes, route) = (Arc::clone(&lanes), *route);
                    server.is_met(injection, route).then(|| {
                        tokio::spawn(async move {
                            let _lane = lanes.acquire().await;
                            play(server, injection, route).await
                        })
                    })
                })
                .collect();
            if scenarios.iter().any(Option::is_some) {
                playing.push((format!("{} {name}", server.name()), scenarios));
            }
        }
    }
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, scenarios) in playing {
        let mut row = vec![name.clone()];
        for ((route, _), scenario) in ROUTES.iter().zip(scenarios) {
            let Some(scenario) = scenario else {
                row.push(String::new());
                continue;
            };
            count += 1;
            let (seen, wrong) = scenario.await.unwrap_or_else(|error| (String::new(), vec![error.to_string()]));
            failures.extend(wrong.iter().map(|wrong| format!("{name}, {route}: {wrong}")));
            row.push(seen);
        }
        rows.push(row);
    }
    let skews = skew::play(&mut failures).await;
    let head = std::iter::once("fault").chain(ROUTES.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let part = Part {
        title: "Network and service faults".to_owned(),
        found: format!(
            "{count} scenarios, each on a stack of its own: a browser's request meets the fault; then the fault ends and the browser goes on. \
             The table lists the statuses that it saw. In each scenario the browser reached what it wanted, its cookie worked at once \
             and at its next rotation, and in the table each user had one identity and each session a user. {skews}"
        ),
        head,
        rows,
        failures,
    };
    part.report()
}

/// The statuses that the browser saw, and what failed.
async fn play(server: Server, injection: Injection, route: Route) -> (String, Vec<String>) {
    let mut scenario = Scenario::set_up(Stack::start().await, route, WINDOW).await;
    match injection {
        Injection::Fault(fault) => server.proxy(&scenario.stack).fail(fault),
        Injection::End(end) => server.proxy(&scenario.stack).end_connections(end),
    }
    scenario.ask().await;
    server.proxy(&scenario.stack).heal();
    let wrong = scenario.go_on().await;
    (scenario.seen(), wrong)
}
