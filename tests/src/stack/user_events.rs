//! The events of a stack with `USER_EVENTS=on`: the table's stream, the function that publishes them, and `EventBridge`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use local::{
    assemble,
    events::EventBus,
    iam::Guard,
    lambda::{self, Failed, worker_here},
    streams::{EventSourceMapping, Step},
    template::Template,
};
use publish_user_events::PublishUserEvents;
use serde_json::Value;
use shared::{clock::Clock, function::Worker};
use tokio::sync::Mutex;

use super::{Stack, free_port};
use crate::{clock::ManualClock, fault_proxy::FaultProxy};

/// From the stream to the bus.
#[derive(Debug)]
pub(super) struct UserEvents {
    bus: EventBus,
    proxy: FaultProxy,
    mapping: Mutex<EventSourceMapping>,
    crashes: Arc<AtomicUsize>,
}

impl UserEvents {
    /// `EventBridge` behind a proxy, if the template has the function.
    pub(super) async fn bus(
        template: &Template,
        guard: &Guard,
        clock: &Arc<dyn Clock>,
    ) -> Option<(EventBus, FaultProxy)> {
        let declared = template.functions.get(PublishUserEvents::NAME)?;
        let name = &declared.environment["USER_EVENT_BUS"];
        let bus = EventBus::start(free_port().await, name, guard.gate(), Arc::clone(clock), None);
        let bus = bus.expect("EventBridge starts");
        let proxy = FaultProxy::start(bus.url()).await.expect("a proxy starts");
        Some((bus, proxy))
    }

    pub(super) fn start(
        (bus, proxy): (EventBus, FaultProxy),
        template: &Template,
        local: &BTreeMap<String, String>,
        clock: &Arc<dyn Clock>,
        guard: &Guard,
    ) -> Self {
        let crashes = Arc::default();
        let mapping = Mutex::new(mapping(template, local, clock, guard, &crashes));
        Self { bus, proxy, mapping, crashes }
    }
}

/// A new instance of the function, which gets the stream from its beginning.
fn mapping(
    template: &Template,
    local: &BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
    guard: &Guard,
    crashes: &Arc<AtomicUsize>,
) -> EventSourceMapping {
    let worker: PublishUserEvents = assemble::worker(template, local, clock).expect("the template has all settings");
    let (function, crashes) = (worker_here(Arc::new(worker)), Arc::clone(crashes));
    let function: lambda::Function = Arc::new(move |invocation| {
        let handled = function(invocation);
        let crashes = Arc::clone(&crashes);
        Box::pin(async move {
            let outcome = handled.await;
            let is_left = |left: usize| left.checked_sub(1);
            match crashes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_left) {
                Ok(_) => Err(Failed::Crashed),
                Err(_) => outcome,
            }
        })
    });
    let declared = &template.functions[PublishUserEvents::NAME];
    EventSourceMapping::new(PublishUserEvents::NAME, declared, &declared.streams[0], function, guard)
}

impl Stack {
    fn of_user_events(&self) -> &UserEvents {
        self.user_events.as_ref().expect("the stack was started with USER_EVENTS=on")
    }

    /// `EventBridge`.
    ///
    /// # Panics
    ///
    /// If the stack publishes no events, here and below.
    #[must_use]
    pub fn event_bus(&self) -> &EventBus {
        &self.of_user_events().bus
    }

    /// The proxy between the function and `EventBridge`.
    #[must_use]
    pub fn event_bus_proxy(&self) -> &FaultProxy {
        &self.of_user_events().proxy
    }

    /// Invokes the function until it has finished all records, or leaves one unfinished. Returns the last step.
    ///
    /// # Panics
    ///
    /// If the stream cannot be read.
    pub async fn publish_user_events(&self) -> Step {
        let mut mapping = self.of_user_events().mapping.lock().await;
        loop {
            match mapping.step(self.now()).await.expect("the stream can be read") {
                Step::Finished => {}
                step => return step,
            }
        }
    }

    /// Replaces the function and its place in the stream by new ones, which know nothing of what was published.
    pub async fn restart_user_events(&self) {
        let user_events = self.of_user_events();
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let new = mapping(&self.template, &self.local, &clock, &self.guard, &user_events.crashes);
        *user_events.mapping.lock().await = new;
    }

    /// Ends the function's process after each of the next invocations, before Lambda gets its response.
    pub fn crash_after_publishing(&self, times: usize) {
        self.of_user_events().crashes.store(times, Ordering::SeqCst);
    }

    /// How often the function was invoked.
    pub async fn publications(&self) -> u64 {
        self.of_user_events().mapping.lock().await.invocations()
    }

    /// What was given up: the messages of the queue.
    pub async fn given_up_user_events(&self) -> Vec<Value> {
        self.of_user_events().mapping.lock().await.given_up().to_vec()
    }

    /// The types and details of the events so far.
    #[must_use]
    pub fn user_events(&self) -> Vec<(String, Value)> {
        let of = |event: Value| (event["detail-type"].as_str().unwrap_or_default().to_owned(), event["detail"].clone());
        self.event_bus().events().into_iter().map(of).collect()
    }
}
