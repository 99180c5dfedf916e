//! Spending refresh tokens from Django, so that they start no session any more.

use shared::{clock::Timestamp, error::Error, http::PresentedDjango, log, store::Spent};

use crate::{Logout, Outcome, Scope};

impl Logout {
    /// Spends the tokens from Django that a request presents beside its tokens of ours, after the sessions of these have ended, and
    /// returns what there is to say then. Such a token has not logged anybody in here, so it cannot end the other sessions of its
    /// user and stay: with `others` it is not touched.
    ///
    /// With `all`, one that is good ends all sessions of its user. It is spent last, so that a request that fails can be repeated.
    pub(crate) async fn spend(
        &self,
        presented: &PresentedDjango,
        scope: Scope,
        mut ended: Outcome,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        if scope == Scope::Others {
            return Ok(ended);
        }
        for token in self.django.verify(presented, now).await?.tokens {
            let token = token.token;
            let is_good = scope == Scope::All && self.store.carried(&token.id).await?.is_none();
            if is_good && self.store.close_carried(token.user, now).await? {
                self.store.end_sessions(token.user, None).await?;
                ended = Outcome::Done("logged_out_everywhere");
            }
            match self.store.spend_carried(&token.id, token.expires_at, now).await? {
                Spent::WithSession(_, Some(session)) if session.generation > 0 => log::refresh_reuse(),
                Spent::Before => continue,
                _ => {}
            }
            if let Outcome::Done("no_session") = ended {
                ended = Outcome::Done("logged_out");
            }
        }
        Ok(ended)
    }
}
