//! Events about users with `USER_EVENTS=on`: from the table's stream to `EventBridge`, which prints them and may send them on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local::{
    assemble,
    events::{Destination, EventBus, Target},
    iam::Guard,
    lambda::worker_here,
    streams::{EventSourceMapping, Step},
    template::Template,
};
use publish_user_events::PublishUserEvents;
use shared::{clock::Clock, function::Worker};

use super::listen;

/// Starts `EventBridge` and Lambda's reader of the stream, if the template has the function.
///
/// `USER_EVENTS_URL` gets each event as an API destination does, with `USER_EVENTS_AUTHORIZATION` as its header.
pub(super) async fn start_user_events(
    port: u16,
    given: &BTreeMap<String, String>,
    template: &Template,
    local: &mut BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
    guard: Option<&Guard>,
) -> Result<Option<EventBus>, String> {
    let Some(declared) = template.functions.get(PublishUserEvents::NAME) else { return Ok(None) };
    let guard =
        guard.ok_or("USER_EVENTS=on reads the stream of the embedded DynamoDB: unset AWS_ENDPOINT_URL_DYNAMODB")?;
    let name = &declared.environment["USER_EVENT_BUS"];
    let bus = EventBus::start(listen(port).await?, name, guard.gate(), Arc::clone(clock), Some(target(given)));
    let bus = bus.map_err(|error| error.to_string())?;
    local.insert("AWS_ENDPOINT_URL_EVENTBRIDGE".to_owned(), bus.url().to_owned());
    let worker = assemble::worker::<PublishUserEvents>(template, local, clock).map_err(|error| error.to_string())?;
    let function = worker_here(Arc::new(worker));
    for source in &declared.streams {
        let (function, clock) = (Arc::clone(&function), Arc::clone(clock));
        let mut mapping = EventSourceMapping::new(PublishUserEvents::NAME, declared, source, function, guard);
        let pause = source.window.max(Duration::from_secs(1));
        tokio::spawn(async move {
            loop {
                match mapping.step(clock.now()).await {
                    Ok(Step::Finished) => continue,
                    Ok(Step::GivenUp) => {
                        tracing::error!("events about users were given up: {:?}", mapping.given_up().last());
                    }
                    Ok(Step::Idle | Step::Unfinished) => {}
                    Err(error) => tracing::error!("the table's stream: {error}"),
                }
                tokio::time::sleep(pause).await;
            }
        });
    }
    Ok(Some(bus))
}

fn target(given: &BTreeMap<String, String>) -> Target {
    let authorization = given.get("USER_EVENTS_AUTHORIZATION").cloned().unwrap_or_default();
    let destination = given.get("USER_EVENTS_URL").map(|url| Destination::new(url.clone(), authorization));
    Box::new(move |event| {
        println!("{} {}", event["detail-type"].as_str().unwrap_or_default(), event["detail"]);
        if let Some(destination) = &destination {
            destination.send(event);
        }
    })
}
