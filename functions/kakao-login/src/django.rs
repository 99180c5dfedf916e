//! Spending the refresh tokens from Django that a browser presents with a login, like its previous sessions.

use lambda_http::Request;
use shared::{
    clock::Timestamp,
    error::Error,
    http::PresentedDjango,
    log::{self, Audit, Ending},
    session::Transport,
    store::Spent,
};

use crate::{KakaoLogin, start::LoginContext};

impl KakaoLogin {
    /// Django's cookies. Those beside an app's login are another client's.
    pub(crate) fn django_cookies(&self, request: &Request, transport: Transport, now: Timestamp) -> PresentedDjango {
        match transport {
            Transport::Cookie | Transport::Page => self.django.presented(request, None, now),
            Transport::App => PresentedDjango::default(),
        }
    }

    /// Spends them. The login has succeeded, so a failure is only logged.
    pub(crate) async fn spend_django(&self, context: &LoginContext) {
        if let Err(error) = self.try_to_spend_django(context).await {
            let text = format_args!("The browser's token from Django can be exchanged until it expires: {error}");
            log::failure("django_token_stays", error.needs_an_operator(), text);
        }
    }

    async fn try_to_spend_django(&self, context: &LoginContext) -> Result<(), Error> {
        for token in self.django.verify(&context.django, context.now).await?.tokens {
            let token = token.token;
            if let Spent::WithSession(_, Some(session)) =
                self.store.spend_carried(&token.id, token.expires_at, context.now).await?
            {
                if session.generation > 0 {
                    log::refresh_reuse();
                } else {
                    log::audit(Audit::SessionEnded(Ending::Replaced));
                }
            }
        }
        Ok(())
    }
}
