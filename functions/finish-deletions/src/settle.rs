//! Does for sessions what an operator's change has missed: those of logins that were under way at that time.

use shared::{
    account::Settling,
    clock::Timestamp,
    id::UserId,
    log::{self, Audit, Ended, Ending},
    store::{Lease, Release, Settled},
};

use crate::{FinishDeletions, WorkError};

impl FinishDeletions {
    pub(crate) async fn settle(&self, lease: &Lease, user: UserId, change: &Settling, now: Timestamp) -> Ended {
        let settled = async {
            let outcome = match self.store.settle(user, now).await? {
                Settled::Ended(count) => {
                    if count > 0 {
                        log::audit(Audit::SessionEnded(Ending::Disabled { count }));
                    }
                    "disabled"
                }
                Settled::Changed(count) => {
                    if count > 0 {
                        log::audit(Audit::RolesChanged { count });
                    }
                    "settled"
                }
                Settled::Gone => return self.done(lease, "gone").await,
            };
            match change.again_at(now) {
                Some(until) => {
                    self.store.release_work(lease, Release::Again { until }, now).await?;
                    Ok(Ended::well(outcome))
                }
                None => self.done(lease, outcome).await,
            }
        };
        settled.await.unwrap_or_else(|error: WorkError| (&error).into())
    }
}
