//! One user, and what should be true of the user's sessions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use local::table::Item;
use reqwest::{RequestBuilder, StatusCode};
use shared::clock::Timestamp;
use tests::{
    Stack,
    client::{Functions, Response},
};

/// `SessionIdleTtl` and `SessionMaxTtl` of the template.
const IDLE: Duration = Duration::from_hours(7 * 24);
const LONGEST: Duration = Duration::from_hours(30 * 24);

pub(super) struct Account {
    pub(super) stack: &'static Stack,
    pub(super) user: String,
    /// The sessions that should live.
    alive: BTreeMap<String, Life>,
    /// The sessions that were ended.
    ended: BTreeSet<String>,
    /// Whether DynamoDB fails at present.
    pub(super) is_disturbed: bool,
}

struct Life {
    /// When it ends, however often it is renewed.
    ends_at: Timestamp,
    /// When it ends unless its browser is heard of. `None` if no browser has it.
    silent_until: Option<Timestamp>,
}

impl Account {
    pub(super) async fn new(stack: &'static Stack) -> Self {
        let user = stack.kakao.new_user().await;
        Self { stack, user, alive: BTreeMap::new(), ended: BTreeSet::new(), is_disturbed: false }
    }

    pub(super) fn is_alive(&self, session: &str) -> bool {
        self.alive.contains_key(session)
    }

    /// A login has begun a session, or a repeated one has found it.
    pub(super) fn begin(&mut self, session: &str) {
        assert!(!self.ended.contains(session), "a session that had ended began again");
        let ends_at = self.stack.now() + LONGEST;
        self.alive.entry(session.to_owned()).or_insert(Life { ends_at, silent_until: None });
    }

    /// A browser got a response at this moment, at most `slack` after its session was renewed.
    pub(super) fn heard(&mut self, session: &str, at: Timestamp, slack: Duration) {
        if let Some(life) = self.alive.get_mut(session) {
            life.silent_until = life.silent_until.max(Some(at + IDLE - slack));
        }
    }

    /// No browser has this session any more.
    pub(super) fn abandon(&mut self, session: &str) {
        if let Some(life) = self.alive.get_mut(session) {
            life.silent_until = None;
        }
    }

    pub(super) fn end(&mut self, session: &str) {
        if self.alive.remove(session).is_some() {
            self.ended.insert(session.to_owned());
        }
    }

    /// Ends all sessions but this one.
    pub(super) fn end_others(&mut self, kept: Option<&str>) {
        let others: Vec<String> = self.alive.keys().filter(|one| Some(one.as_str()) != kept).cloned().collect();
        for other in &others {
            self.end(other);
        }
    }

    /// How long all browsers may be silent at this moment.
    pub(super) fn patience(&self) -> Duration {
        let until = self.alive.values().filter_map(|life| life.silent_until).min();
        until.map_or(LONGEST, |until| Duration::from_secs(until.seconds_since(self.stack.now())))
    }

    /// Lets time pass, but not more than the [patience](Self::patience).
    pub(super) fn pass(&mut self, time: Duration) {
        self.stack.advance(time.min(self.patience()));
        let now = self.stack.now();
        self.alive.retain(|_, life| life.ends_at > now);
    }

    /// All browsers are silent until their sessions have expired.
    pub(super) fn stay_away(&mut self) {
        self.stack.advance(IDLE);
        self.alive.clear();
    }

    /// Sends a request, and again after a 503 unless DynamoDB is made to fail: on a busy machine it may be slow.
    pub(super) fn send(&self, request: RequestBuilder) -> impl Future<Output = Response> + Send + use<> {
        let (functions, tries) = (Functions::clone(self.stack), if self.is_disturbed { 1 } else { 5 });
        async move {
            for _ in 1..tries {
                let response = functions.send(request.try_clone().expect("its body is in memory")).await;
                if response.status != StatusCode::SERVICE_UNAVAILABLE {
                    return response;
                }
            }
            functions.send(request).await
        }
    }

    /// The item of a session.
    pub(super) async fn item(&self, session: &str) -> Option<Item> {
        let is_its = |item: &Item| item["sk"].as_s().ok() == Some(&format!("SESSION#{session}"));
        self.stack.dump().await.into_iter().find(is_its)
    }

    /// Checks that no session that was ended is in the table, and that the one of this device is.
    pub(super) async fn check(&self, session: &str) {
        let items = self.stack.dump().await;
        let stored: BTreeSet<_> = items
            .iter()
            .filter_map(|item| item["sk"].as_s().ok()?.strip_prefix("SESSION#"))
            .map(ToOwned::to_owned)
            .collect();
        assert!(self.ended.is_disjoint(&stored), "a session that was ended is in the table");
        assert!(!self.is_alive(session) || stored.contains(session), "a session is not in the table");
    }
}
