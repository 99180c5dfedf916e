//! Acts on Kakao's word that it has unlinked somebody: asks Kakao first, as the word may be late.

use shared::{
    account::{AfterAnswer, AfterStamp, Inquiry, MarkedBy, back_off},
    clock::Timestamp,
    id::{KakaoId, UserId},
    kakao::KakaoCredentials,
    log::{self, Ended},
    store::{Lease, Marked, Release},
};

use crate::{FinishDeletions, WorkError};

impl FinishDeletions {
    pub(crate) async fn inquire(&self, lease: &Lease, kakao: KakaoId, inquiry: &Inquiry, now: Timestamp) -> Ended {
        let inquired = async {
            match self.admin_key().await {
                Ok(credentials) => self.ask_and_mark(lease, kakao, inquiry, &credentials, now).await,
                Err(error) => {
                    let until = back_off(inquiry.failures, now);
                    Ok(self.wait(lease, until, "no_admin_key", (error.to_string(), true)).await?)
                }
            }
        };
        inquired.await.unwrap_or_else(|error: WorkError| (&error).into())
    }

    async fn ask_and_mark(
        &self,
        lease: &Lease,
        kakao: KakaoId,
        inquiry: &Inquiry,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> Result<Ended, WorkError> {
        // In this order, and before Kakao is asked: a login that comes later is not in the answer.
        let read = self.store.identity(kakao).await?.user;
        let logins = match read {
            Some(user) => self.store.logins(user).await?,
            None => 0,
        };
        let (answer, reason) = self.kakao.link_of(kakao, credentials, now).await;
        let answered_at = self.clock.now();
        match inquiry.after_answer(answer, now) {
            AfterAnswer::Stamp => {
                let stamped = self.store.stamp(kakao, answered_at).await?;
                match AfterStamp::judge(read, &stamped) {
                    AfterStamp::Mark(user) => self.mark(lease, user, kakao, logins).await,
                    AfterStamp::Done => self.done(lease, "not_linked").await,
                    AfterStamp::StartOver => self.start_over(lease).await,
                }
            }
            AfterAnswer::AskAgain { at } => {
                let since = inquiry.linked_at.unwrap_or(now);
                self.store.release_work(lease, Release::Linked { since, until: at }, now).await?;
                Ok(Ended::well("asking_again"))
            }
            AfterAnswer::Done => self.done(lease, "linked").await,
            AfterAnswer::Wait { until, needs_an_operator } => {
                Ok(self.wait(lease, until, "waiting", (reason, needs_an_operator)).await?)
            }
        }
    }

    /// Deletes the user, unless somebody has logged in since the logins were counted.
    async fn mark(&self, lease: &Lease, user: UserId, kakao: KakaoId, logins: u64) -> Result<Ended, WorkError> {
        let now = self.clock.now();
        let deleted_at = match self.store.mark_deleted(user, kakao, MarkedBy::Kakao { logins }, now).await? {
            Marked::Now => now,
            Marked::Before(deleted_at) => deleted_at,
            Marked::Outdated => return self.start_over(lease).await,
        };
        log::account_deleted(user, deleted_at);
        self.store.end_sessions(user, None).await?;
        self.done(lease, "deleted").await
    }

    async fn start_over(&self, lease: &Lease) -> Result<Ended, WorkError> {
        self.store.release_work(lease, Release::StartOver, self.clock.now()).await?;
        Ok(Ended::well("starting_over"))
    }

    pub(crate) async fn done(&self, lease: &Lease, outcome: &'static str) -> Result<Ended, WorkError> {
        self.store.finish_work(lease).await?;
        Ok(Ended::well(outcome))
    }
}
