//! The event bus in `EventBridge`.

use std::time::Duration;

use aws_sdk_eventbridge::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig},
    types::PutEventsRequestEntry,
};
use lambda_http::BoxFuture;
use shared::{
    aws::{Endpoint, dynamodb::reason},
    log,
};

use crate::change::UserEvent;

/// The source of our events.
const SOURCE: &str = "kakao-login";
/// What `EventBridge` takes by one request.
pub(crate) const AT_ONCE: usize = 10;
/// Failures that pass: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>.
const PASSING: [&str; 8] = [
    "InternalException",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ThrottlingException",
    "no connection",
    "timed out",
    "unreadable response",
];

#[derive(Clone, Debug)]
pub(crate) struct Bus {
    client: Client,
    name: String,
}

/// The first event that was not published.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its position in the request.
    pub(crate) at: usize,
    /// `EventBridge`'s code or the kind of failure; never a part of an event.
    pub(crate) reason: String,
}

impl Refused {
    /// Whether an operator must act, as this does not pass by itself.
    pub(crate) fn needs_an_operator(&self) -> bool {
        !PASSING.contains(&self.reason.as_str())
    }
}

impl Bus {
    pub(crate) fn new(endpoint: Endpoint, name: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(2) * endpoint.time_factor)
            .operation_timeout(Duration::from_secs(5) * endpoint.time_factor)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50));
        let mut config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(endpoint.region))
            .credentials_provider(endpoint.credentials)
            .http_client(endpoint.http_client)
            .timeout_config(timeouts)
            .retry_config(retries);
        config.set_endpoint_url(endpoint.url);
        Self { client: Client::from_conf(config.build()), name }
    }

    /// Publishes up to [`AT_ONCE`] events.
    pub(crate) async fn publish(&self, events: &[UserEvent]) -> Result<(), Refused> {
        let entries = events.iter().map(|event| {
            let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE);
            entry.detail_type(event.kind).detail(event.detail.to_string()).build()
        });
        let put = self.client.put_events().set_entries(Some(entries.collect()));
        // The SDK's futures are large, so this one is boxed before it becomes part of another.
        let put: BoxFuture<'_, _> = Box::pin(put.send());
        let put =
            log::timed("PutEvents", put).await.map_err(|error| Refused { at: 0, reason: reason(&error).to_owned() })?;
        let results = put.entries.unwrap_or_default();
        // The results are in the order of the entries. One that is missing was not published.
        let refused = (0..events.len()).find_map(|at| match results.get(at) {
            Some(result) if result.event_id.is_some() => None,
            result => Some((at, result.and_then(|result| result.error_code.as_deref()))),
        });
        refused.map_or(Ok(()), |(at, code)| Err(Refused { at, reason: code.unwrap_or("no result").to_owned() }))
    }
}
