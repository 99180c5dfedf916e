//! Publishes changes of users on an event bus, for services that keep users in tables of their own.
//!
//! Lambda sends it the writes to profiles from the table's stream. An event is published at least once, and events of a user in the
//! order of their writes, as nothing is sent after an event that was refused: Lambda sends its record and all later ones again.

mod bus;
mod change;
mod record;

use std::{collections::HashSet, convert::Infallible, sync::Arc};

use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    function::Worker,
    log::{self, Ended},
};

use self::{
    bus::{AT_ONCE, Bus, Refused},
    record::Record,
};
pub use self::{
    change::{UserEvent, event},
    record::{Batch, Unfinished},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct PublishUserEvents {
    bus: Bus,
}

impl Worker for PublishUserEvents {
    const NAME: &'static str = "publish-user-events";
    type Event = Batch;
    type Outcome = Unfinished;
    type Failure = Infallible;

    fn from_config(config: &Config, _: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (endpoint, name) = (config.endpoint("EVENTBRIDGE"), config.user_event_bus());
        let (Some(endpoint), Some(name)) = (endpoint, name) else { return Err(config.into_error()) };
        Ok(Self { bus: Bus::new(endpoint, name) })
    }

    /// Publishes the events of a batch.
    async fn handle(&self, batch: Batch) -> Result<Unfinished, Infallible> {
        let mut first = None;
        let publish = async {
            let (records, events) = events_of(&batch.records).into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
            match self.publish(&events).await {
                Ok(()) if events.is_empty() => Ended::well("unchanged"),
                Ok(()) => Ended::well("published"),
                Err(refused) => {
                    first = records.get(refused.at).copied();
                    let needs_an_operator = refused.needs_an_operator();
                    Ended {
                        outcome: "not_published",
                        reason: format!("PutEvents: {}", refused.reason),
                        needs_an_operator,
                    }
                }
            }
        };
        log::work(Self::NAME, "batch", publish).await;
        Ok(Unfinished::from(first))
    }
}

impl PublishUserEvents {
    /// Publishes events in their order, and stops at the first one that is refused.
    async fn publish(&self, events: &[UserEvent]) -> Result<(), Refused> {
        let mut published = 0;
        for request in requests(events) {
            self.bus.publish(request).await.map_err(|refused| Refused { at: published + refused.at, ..refused })?;
            published += request.len();
        }
        Ok(())
    }
}

/// The events of these records. One that cannot be read would never be, so it does not hold up the others.
fn events_of(records: &[Record]) -> Vec<(&Record, UserEvent)> {
    let mut events = Vec::new();
    for record in records {
        match record.dynamodb.event() {
            Ok(event) => events.extend(event.map(|event| (record, event))),
            Err(error) => {
                let sequence_number = record.dynamodb.sequence_number.as_str();
                tracing::error!(
                    event = "profile_unreadable",
                    sequence_number,
                    "A change of a user cannot be published: {error}"
                );
            }
        }
    }
    events
}

/// Splits events into requests. `EventBridge` may refuse some events of a request and take later ones, so a user has one event in
/// each.
fn requests(events: &[UserEvent]) -> impl Iterator<Item = &[UserEvent]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let mut users = HashSet::new();
        let length = rest.iter().take(AT_ONCE).take_while(|event| users.insert(event.user)).count();
        let (request, later) = rest.split_at(length);
        rest = later;
        (!request.is_empty()).then_some(request)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use shared::id::UserId;

    use super::*;

    #[test]
    fn a_request_has_ten_events_at_most_and_one_of_each_user() {
        for (users, expected) in [
            (vec![], vec![]),
            (vec![1], vec![1]),
            ((1..=25).collect(), vec![10, 10, 5]),
            (vec![1, 1, 1], vec![1, 1, 1]),
            (vec![1, 2, 1, 3, 1, 2, 4], vec![2, 2, 3]),
        ] {
            let event = |user| UserEvent {
                user: UserId::from_number(user).unwrap(),
                kind: "user.updated",
                detail: Value::Null,
            };
            let events: Vec<UserEvent> = users.into_iter().map(event).collect();
            let requests: Vec<&[UserEvent]> = requests(&events).collect();
            assert_eq!(requests.iter().map(|request| request.len()).collect::<Vec<_>>(), expected);
            assert_eq!(requests.concat(), events);
        }
    }
}
