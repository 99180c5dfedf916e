//! Does the work of the outbox: finishes deletions here and at Kakao, acts on what Kakao says about people, and settles what operators
//! have changed.
//!
//! A schedule calls it every minute. An item is leased before it is worked on, so runs may overlap or die at any point: the next
//! one goes on. The rules are those of [`shared::account`].

mod command;
mod deletion;
mod error;
mod events;
mod inquiry;
mod operator;
mod settle;

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, StreamExt};
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    function::Worker,
    kakao::{Kakao, KakaoCredentials},
    keys::SecretCache,
    log::{self, Ended},
    store::{DueWork, Lease, Release, Store, StoreError, Unreadable, Work, WorkKey},
};

pub use self::{
    command::{Event, Outcome, Receipt, Replayed},
    error::WorkError,
};

/// The items of a run at most, and how many are worked on at the same time.
const ITEMS: usize = 100;
const AT_ONCE: usize = 8;
/// No further item is begun after this time. The function may run for 60 s.
const LAST_ITEM: Duration = Duration::from_secs(40);
/// The metric: how long the oldest item has been waiting.
const OLDEST: &str = "oldest_work_seconds";

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct FinishDeletions {
    store: Store,
    kakao: Kakao,
    credentials: SecretCache<KakaoCredentials>,
    clock: Arc<dyn Clock>,
}

impl Worker for FinishDeletions {
    const NAME: &'static str = "finish-deletions";
    type Event = Event;
    type Outcome = Outcome;
    type Failure = WorkError;

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (store, kakao, credentials) = (config.store(), config.kakao_without_logins(), config.kakao_credentials());
        let (Some(store), Some(kakao), Some(credentials)) = (store, kakao, credentials) else {
            return Err(config.into_error());
        };
        Ok(Self { store, kakao, credentials, clock })
    }

    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// [`WorkError`] in all its variants. Nothing is lost: the command may be sent again.
    async fn handle(&self, event: Event) -> Result<Outcome, WorkError> {
        let now = self.clock.now();
        match event {
            Event::FinishDeletions => self.run(now).await,
            Event::ReplayDeletions { receipts } => self.replay(&receipts).await.map(Outcome::Replayed),
            Event::ListKakaoUsers { from } => {
                let credentials = self.admin_key().await?;
                let ids = self.kakao.linked_users(from, &credentials, now).await?;
                Ok(Outcome::KakaoUsers(ids.iter().map(ToString::to_string).collect()))
            }
            Event::Inquire { kakao_ids } => {
                for kakao in &kakao_ids {
                    self.store.put_inquiry(*kakao, now).await?;
                }
                Ok(Outcome::Inquiring(kakao_ids.len()))
            }
            Event::CloseDeletion { user } => self.close(user, now).await.map(|()| Outcome::Closed),
        }
    }
}

impl FinishDeletions {
    /// Works on what is due. An item that fails stops none of the others.
    async fn run(&self, now: Timestamp) -> Result<Outcome, WorkError> {
        let mut due = Err(WorkError::NotOpen);
        let look = async {
            due = self.store.due_work(now).await.map_err(WorkError::from);
            match &due {
                Ok(DueWork { oldest, .. }) => {
                    log::age(OLDEST, oldest.map_or(0, |oldest| now.seconds_since(oldest)));
                    Ended::well("looked")
                }
                Err(error) => error.into(),
            }
        };
        log::work(Self::NAME, "run", look).await;
        let DueWork { keys, unreadable, .. } = due?;
        for Unreadable { key, attribute } in &unreadable {
            tracing::error!(event = "work_unreadable", item = %key, attribute, "An item of the outbox cannot be read");
        }
        if !keys.is_empty() {
            // Items at once would not wait for each other's read, and use an old key. If it fails, each item reports it.
            let _ = self.credentials.at(now).await;
        }
        let items = stream::iter(keys.into_iter().take(ITEMS)).map(|key| self.work_on(key, now));
        let items = items.buffer_unordered(AT_ONCE).filter(|worked_on| std::future::ready(*worked_on)).count().await;
        if unreadable.is_empty() {
            Ok(Outcome::Finished { items })
        } else {
            Err(WorkError::Unreadable(unreadable.len()))
        }
    }

    /// Takes an item and works on it. Returns whether it was taken.
    async fn work_on(&self, key: WorkKey, run_started_at: Timestamp) -> bool {
        let now = self.clock.now();
        if now >= run_started_at + LAST_ITEM {
            return false;
        }
        let (lease, work) = match self.store.take_work(&key, now).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return false,
            Err(error) => {
                let text = format_args!("An item of the outbox could not be taken: {error}");
                log::failure("work_not_taken", error.needs_an_operator(), text);
                return false;
            }
        };
        match work {
            Work::Deletion { user, kakao, deletion } => {
                log::work(Self::NAME, "deletion", self.finish_deletion(&lease, user, kakao, &deletion, now)).await
            }
            Work::FinalSweep { user } => log::work(Self::NAME, "final_sweep", self.sweep(&lease, user)).await,
            Work::Settling { user, change } => {
                log::work(Self::NAME, "settle", self.settle(&lease, user, &change, now)).await
            }
            Work::Inquiry { kakao, inquiry } => {
                log::work(Self::NAME, "inquiry", self.inquire(&lease, kakao, &inquiry, now)).await
            }
            Work::Events { kakao, events, received_at, inquiry } => {
                let act = self.act_on_events(&lease, kakao, &events, received_at, &inquiry, now);
                log::work(Self::NAME, "events", act).await
            }
        };
        true
    }

    /// Kakao's secrets, with an admin key in them.
    async fn admin_key(&self) -> Result<Arc<KakaoCredentials>, WorkError> {
        let credentials = self.credentials.at(self.clock.now()).await?;
        if credentials.has_admin_key() { Ok(credentials) } else { Err(WorkError::NoAdminKey) }
    }

    /// Gives an item back until Kakao, or an operator, has done something about it.
    async fn wait(
        &self,
        lease: &Lease,
        until: Timestamp,
        outcome: &'static str,
        (reason, needs_an_operator): (String, bool),
    ) -> Result<Ended, StoreError> {
        self.store.release_work(lease, Release::Failed { until }, self.clock.now()).await?;
        Ok(Ended { outcome, reason, needs_an_operator })
    }
}
