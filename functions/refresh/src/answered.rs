//! What a process remembers of the refreshes that it has answered without renewing their session.

use secrecy::SecretString;
use shared::{
    clock::Timestamp,
    error::Error,
    per_minute::Count,
    recent::Recent,
    session::{ANSWERS_AT_MOST, Answered, PresentedLinks, RefreshToken, Step},
};

/// The latest answers, by what was presented.
#[derive(Debug, Default)]
pub struct RecentAnswers(Recent<Answered>);

/// A refresh that may be one of the same client's many.
pub(crate) struct Asking<'a> {
    recent: &'a RecentAnswers,
    presented: SecretString,
    now: Timestamp,
}

impl RecentAnswers {
    /// A refresh with this token, and how to count it if it is known not to renew the session. Links count by `prev`, which proves
    /// that the client has the chain, whatever it names to follow it.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyRefreshes`] if it is known to be one too many.
    pub(crate) fn ask(
        &self,
        token: &RefreshToken,
        links: Option<&PresentedLinks>,
        now: Timestamp,
    ) -> Result<(Asking<'_>, Option<Count>), Error> {
        let link = links.map(|links| match &links.prev {
            Some(prev) => ("prev", prev.link.hash()),
            None => ("next", links.next.hash()),
        });
        let presented = SecretString::from(format!("{} {link:?}", token.expose()));
        let count = match Answered::step(self.0.find(&presented, now), ANSWERS_AT_MOST, now) {
            Step::Renew => None,
            Step::Count(count) => Some(count),
            Step::Refuse { retry_after } => return Err(Error::TooManyRefreshes { retry_after }),
        };
        Ok((Asking { recent: self, presented, now }, count))
    }
}

impl Asking<'_> {
    /// Remembers the answer.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyRefreshes`] if it is one too many.
    pub(crate) fn admit(self, answered: Answered) -> Result<(), Error> {
        self.recent.0.remember(&self.presented, answered, answered.until, self.now);
        match answered.refused_for(ANSWERS_AT_MOST, self.now) {
            Some(retry_after) => Err(Error::TooManyRefreshes { retry_after }),
            None => Ok(()),
        }
    }
}
