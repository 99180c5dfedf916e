//! The worker of a stack, which finishes deletions, with the table and Kakao as the worker reaches them.

use std::sync::Arc;

use finish_deletions::{Event, FinishDeletions, Outcome, WorkError};
use local::{assemble, kakao::SHOP};
use serde_json::json;
use shared::{
    account::{LinkAnswer, UnlinkAnswer},
    clock::Clock,
    config::Config,
    function::Worker,
    id::KakaoId,
    kakao::{Kakao, KakaoCredentials},
    store::Store,
};

use super::Stack;
use crate::clock::ManualClock;

impl Stack {
    /// Runs finish-deletions as its schedule does.
    ///
    /// # Errors
    ///
    /// The error of the run.
    pub async fn finish_deletions(&self) -> Result<Outcome, WorkError> {
        self.finish_with(Event::FinishDeletions).await
    }

    /// Runs finish-deletions with one event.
    ///
    /// # Errors
    ///
    /// The error of the command.
    pub async fn finish_with(&self, event: Event) -> Result<Outcome, WorkError> {
        self.finish_deletions.handle(event).await
    }

    /// Another instance of finish-deletions, which shares nothing with the first but the table.
    ///
    /// # Panics
    ///
    /// If it cannot start.
    #[must_use]
    pub fn another_worker(&self) -> FinishDeletions {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        assemble::worker(&self.template, &self.local, &clock).expect("the template has all settings")
    }

    /// The table, with the permissions of finish-deletions.
    ///
    /// # Panics
    ///
    /// If it cannot be configured.
    #[must_use]
    pub fn store(&self) -> Store {
        self.worker_config().store().expect("the template has all settings")
    }

    /// Whether Kakao links this person to the functions' app.
    pub async fn link_at_kakao(&self, id: KakaoId) -> LinkAnswer {
        let (kakao, credentials) = self.kakao_by_admin_key();
        kakao.link_of(id, &credentials, self.now()).await.0
    }

    /// Ends the link of this person, as the person can at Kakao, without a webhook.
    ///
    /// # Panics
    ///
    /// If Kakao does not do that.
    pub async fn unlink_silently(&self, id: KakaoId) {
        let (kakao, credentials) = self.kakao_by_admin_key();
        assert_eq!(kakao.unlink(id, &credentials, self.now()).await.0, UnlinkAnswer::Done);
    }

    fn kakao_by_admin_key(&self) -> (Kakao, KakaoCredentials) {
        let secrets = json!({"KAKAO_CLIENT_SECRET": SHOP.client_secret, "KAKAO_ADMIN_KEY": SHOP.admin_key});
        let credentials = KakaoCredentials::read(&secrets.to_string()).expect("the secrets are there");
        (self.worker_config().kakao_without_logins().expect("the template has all settings"), credentials)
    }

    fn worker_config(&self) -> Config {
        Config::from_pairs(self.environment(FinishDeletions::NAME))
    }
}
