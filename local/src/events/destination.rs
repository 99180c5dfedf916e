//! An API destination: sends each event to a URL, again and again while it fails.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html>

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::client::http_client;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often an event is sent. `EventBridge` gives up after 24 hours or 185 times.
const TIMES: u32 = 185;

/// A URL that gets events, in their order.
#[derive(Clone, Debug)]
pub struct Destination(UnboundedSender<Value>);

impl Destination {
    /// This URL, with this value of the header `Authorization`, as a connection with an API key sends it.
    #[must_use]
    pub fn new(url: String, authorization: String) -> Self {
        let (sender, mut events) = unbounded_channel::<Value>();
        tokio::spawn(async move {
            let client = http_client();
            while let Some(event) = events.recv().await {
                for attempt in 1..=TIMES {
                    let request = client.post(&url).timeout(TIMEOUT).header("authorization", &authorization);
                    let status = request.json(&event).send().await.map(|response| response.status().as_u16());
                    if status.as_ref().is_ok_and(|status| !is_sent_again(*status)) {
                        break;
                    }
                    tracing::warn!("{url} did not take an event: {status:?}");
                    tokio::time::sleep(Duration::from_secs(u64::from(attempt.min(10)))).await;
                }
            }
        });
        Self(sender)
    }

    /// Sends an event, without waiting for it.
    pub fn send(&self, event: &Value) {
        // It ends with the process.
        let _ = self.0.send(event.clone());
    }
}

const fn is_sent_again(status: u16) -> bool {
    matches!(status, 401 | 407 | 409 | 429 | 500..=599)
}
