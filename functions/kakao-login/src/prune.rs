//! Bounds the number of a user's sessions, after a login.

use std::time::Duration;

use shared::{
    clock::Timestamp,
    id::UserId,
    log::{self, Audit, Ending},
    session::is_count_due,
    store::StoreError,
};

use crate::KakaoLogin;

/// The login has succeeded, and must not miss its deadline for this.
const LIMIT: Duration = Duration::from_secs(1);

impl KakaoLogin {
    /// Ends the user's sessions beyond the limit, if they are due to be counted. A failure is made up for when they are next counted.
    pub(crate) async fn prune_sessions(&self, user: UserId, logins: u64, now: Timestamp) {
        if !is_count_due(logins) {
            return;
        }
        let pruned = tokio::time::timeout(LIMIT, self.store.prune_sessions(user, now)).await;
        let too_slow = || StoreError::Unavailable { operation: "Query", reason: "not finished within 1 s".to_owned() };
        match pruned.unwrap_or_else(|_| Err(too_slow())) {
            Ok(0) => {}
            Ok(count) => log::audit(Audit::SessionEnded(Ending::Surplus { count })),
            Err(error) => {
                let text = format_args!("A user may have more sessions than are kept until 20 logins later: {error}");
                log::failure("sessions_not_pruned", error.needs_an_operator(), text);
            }
        }
    }
}
