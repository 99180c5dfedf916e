//! Ends a deletion: sessions first, so that they are gone though Kakao is down, then the link at Kakao, then the identity.

use shared::{
    account::{AfterAsking, AfterUnlinking, Deletion, back_off},
    clock::Timestamp,
    id::{KakaoId, UserId},
    kakao::KakaoCredentials,
    log::{self, Ended},
    store::{Closed, Lease},
};

use crate::{FinishDeletions, WorkError};

impl FinishDeletions {
    pub(crate) async fn finish_deletion(
        &self,
        lease: &Lease,
        user: UserId,
        kakao: KakaoId,
        deletion: &Deletion,
        now: Timestamp,
    ) -> Ended {
        // Here too, as the request may have died before it wrote this line, and Kakao's webhooks have no request.
        log::account_deleted(user, deletion.marked_at);
        let finished = async {
            self.store.end_sessions(user, None).await?;
            match self.admin_key().await {
                Ok(credentials) => self.unlink_and_close(lease, user, kakao, deletion, &credentials, now).await,
                Err(error) => {
                    let until = back_off(deletion.failures, now);
                    Ok(self.wait(lease, until, "no_admin_key", (error.to_string(), true)).await?)
                }
            }
        };
        finished.await.unwrap_or_else(|error: WorkError| (&error).into())
    }

    async fn unlink_and_close(
        &self,
        lease: &Lease,
        user: UserId,
        kakao: KakaoId,
        deletion: &Deletion,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> Result<Ended, WorkError> {
        let (answer, reason) = self.kakao.link_of(kakao, credentials, now).await;
        let answered_at = self.clock.now();
        match deletion.after_asking(answer, now) {
            AfterAsking::StampAndClose => self.stamp_and_close(lease, user, kakao, deletion, answered_at).await,
            AfterAsking::KeepLink { unlinked_at } => {
                self.stamp_and_close(lease, user, kakao, deletion, unlinked_at).await
            }
            AfterAsking::Wait { until, needs_an_operator } => {
                Ok(self.wait(lease, until, "waiting", (reason, needs_an_operator)).await?)
            }
            AfterAsking::Unlink if !self.store.note_attempt(lease, answered_at).await? => Ok(Ended::well("lease_lost")),
            AfterAsking::Unlink => {
                let (answer, reason) = self.kakao.unlink(kakao, credentials, answered_at).await;
                let answered_at = self.clock.now();
                match deletion.after_unlinking(answer, now) {
                    AfterUnlinking::StampAndClose => {
                        self.stamp_and_close(lease, user, kakao, deletion, answered_at).await
                    }
                    AfterUnlinking::Wait { until, needs_an_operator } => {
                        Ok(self.wait(lease, until, "not_unlinked", (reason, needs_an_operator)).await?)
                    }
                }
            }
        }
    }

    /// `unlinked_at` is when Kakao said that it does not link the person.
    pub(crate) async fn stamp_and_close(
        &self,
        lease: &Lease,
        user: UserId,
        kakao: KakaoId,
        deletion: &Deletion,
        unlinked_at: Timestamp,
    ) -> Result<Ended, WorkError> {
        self.store.stamp(kakao, unlinked_at).await?;
        let now = self.clock.now();
        match self.store.close_deletion(lease, user, kakao, deletion.marked_at, now).await? {
            Closed::Done => Ok(Ended::well("closed")),
            Closed::LeaseLost => Ok(Ended::well("lease_lost")),
            Closed::IdentityChanged => {
                let reason = WorkError::IdentityChanged.to_string();
                let until = back_off(deletion.failures, now);
                Ok(self.wait(lease, until, "identity_changed", (reason, true)).await?)
            }
        }
    }

    /// Removes what arrived late.
    pub(crate) async fn sweep(&self, lease: &Lease, user: UserId) -> Ended {
        let swept = async {
            self.store.remove_user(user).await?;
            self.store.finish_work(lease).await
        };
        match swept.await {
            Ok(()) => Ended::well("swept"),
            Err(error) => (&WorkError::from(error)).into(),
        }
    }
}
