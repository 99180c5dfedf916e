//! Renewing a linked session.

use secrecy::ExposeSecret;
use shared::{
    error::Error,
    http,
    keys::IssuingKeys,
    log,
    session::{LinkedVerdict, RefreshToken},
    store::Renewal,
};

use crate::{Asked, Refresh, Refusal, Renewed, USER_GONE, access, explain_ahead, explain_reuse};

impl Refresh {
    /// Renews a linked session with the links of the request. DynamoDB is not asked if there are none, or if `prev` was not confirmed
    /// for this session.
    pub(crate) async fn renew_linked(
        &self,
        token: &RefreshToken,
        keys: &IssuingKeys,
        asked: &Asked<'_>,
    ) -> Result<Result<Renewed, Refusal>, Error> {
        let now = asked.now;
        let links = match http::links(asked.body, token.session, &keys.refresh_tokens) {
            Ok(links) => links,
            Err(Error::LinkRequired { session }) => return Ok(Err(Refusal::Unlinked(session))),
            Err(error) => return Err(error),
        };
        let expires_at = self.sessions.expires_at(token.session_ends_at, now);
        let (asking, count) = self.answered.ask(token, Some(&links), now)?;
        let renewal = self.store.renew_linked(token, &links, expires_at, count, now);
        let (renewal, user) = if links.prev.is_some() {
            tokio::try_join!(renewal, self.user(token, asked))?
        } else {
            // Whoever has nothing but the cookie can send this. The user is read only for links of the session.
            let renewal = renewal.await?;
            let is_renewed = matches!(renewal, Renewal::Renewed { .. });
            (renewal, if is_renewed { self.user(token, asked).await? } else { None })
        };
        let (verdict, facts) = match renewal {
            Renewal::Renewed { verdict, facts, answered } => {
                answered.map_or(Ok(()), |answered| asking.admit(answered))?;
                (verdict, facts)
            }
            Renewal::Refused(verdict) => return Ok(Err(refusal(verdict, token))),
        };
        log::outcome(match verdict {
            LinkedVerdict::Grow(_) => "grown",
            LinkedVerdict::Repeat(_) => "repeated",
            LinkedVerdict::Late => "late",
            _ => "current",
        });
        let Some(mut body) = access(token, &facts, user, keys, asked) else { return Ok(Err(USER_GONE)) };
        if let Some(number) = verdict.confirmed() {
            let confirmed = keys.refresh_tokens.confirm_link(token.session, number, &links.next, now);
            body["link"] = confirmed.expose_secret().into();
        }
        Ok(Ok(Renewed { body, refresh_token: None }))
    }
}

fn refusal(verdict: LinkedVerdict, token: &RefreshToken) -> Refusal {
    match verdict {
        LinkedVerdict::Fork => Refusal::Final(explain_reuse("two links were named to follow the same one")),
        LinkedVerdict::Ahead => Refusal::LoggedOut(explain_ahead()),
        LinkedVerdict::Overtaken => {
            log::outcome("stale");
            tracing::warn!(event = "refresh_stale", "Old links of a session came back: a late request, or a copy");
            Refusal::Stale
        }
        LinkedVerdict::Unlinked => Refusal::Unlinked(token.session),
        _ => Refusal::LoggedOut("logged out or expired"),
    }
}
