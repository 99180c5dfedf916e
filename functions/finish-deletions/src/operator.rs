//! An operator's commands that delete or close.

use shared::{
    account::{Deletion, MarkedBy, UNSETTLED},
    clock::Timestamp,
    id::UserId,
    log,
    store::{Marked, Owner, Release, Work},
};

use crate::{FinishDeletions, Receipt, Replayed, WorkError};

impl FinishDeletions {
    /// Marks the users of these receipts as deleted, at the time of their deletion. The schedule finishes that, and asks Kakao:
    /// who has joined again since keeps the link.
    pub(crate) async fn replay(&self, receipts: &[Receipt]) -> Result<Replayed, WorkError> {
        let mut replayed = Replayed::default();
        for Receipt { id, deleted_at, kakao_id } in receipts {
            let owner = match kakao_id {
                Some(kakao) => Owner::Kakao(*kakao),
                None => self.store.owner(*id).await?,
            };
            let kakao = match owner {
                Owner::Kakao(kakao) => kakao,
                Owner::Deleted => {
                    replayed.deleted += 1;
                    continue;
                }
                Owner::Unknown => {
                    replayed.without_kakao_id.push(id.to_string());
                    continue;
                }
            };
            match self.store.mark_deleted(*id, kakao, MarkedBy::Person, *deleted_at).await? {
                Marked::Now | Marked::Before(_) => replayed.deleted += 1,
                Marked::Outdated => replayed.gone += 1,
            }
        }
        Ok(replayed)
    }

    /// Closes a deletion without asking Kakao.
    pub(crate) async fn close(&self, user: UserId, now: Timestamp) -> Result<(), WorkError> {
        let taken = self.store.take_deletion(user, now).await?;
        let Some((lease, Work::Deletion { kakao, deletion, .. })) = taken else { return Err(WorkError::NotOpen) };
        if let Deletion { attempted_at: Some(attempted_at), .. } = deletion
            && attempted_at + UNSETTLED > now
        {
            self.store.release_work(&lease, Release::Failed { until: attempted_at + UNSETTLED }, now).await?;
            return Err(WorkError::Unsettled);
        }
        log::account_deleted(user, deletion.marked_at);
        self.store.end_sessions(user, None).await?;
        let ended = self.stamp_and_close(&lease, user, kakao, &deletion, deletion.marked_at).await?;
        tracing::warn!(event = "deletion_closed_by_operator", outcome = ended.outcome, "An operator closed a deletion");
        match ended.outcome {
            "closed" => Ok(()),
            "lease_lost" => Err(WorkError::NotOpen),
            _ => Err(WorkError::IdentityChanged),
        }
    }
}
