//! Logging in with an ID token.

use lambda_http::{Body, Response};
use secrecy::{ExposeSecret, SecretString};
use shared::{account::ProvenAt, clock::Timestamp, error::Error, user::KakaoUser};

use crate::{
    KakaoLogin,
    redeem::Redeemed,
    start::{LoginContext, Person},
};

impl KakaoLogin {
    /// Logs in with an ID token, which is good for one login. A client that knows the preimage of its nonce started that login, and may
    /// repeat it.
    pub(crate) async fn log_in_by_id_token(
        &self,
        token: &SecretString,
        nonce: &SecretString,
        context: &LoginContext,
    ) -> Result<Response<Body>, Error> {
        let identity = self.kakao.identity_of_id_token(token, nonce.expose_secret(), context.now).await?;
        let proofs = if identity.knows_preimage { self.proofs(token, nonce, context) } else { Vec::new() };
        let proven_at = ProvenAt::by_id_token(identity.issued_at);
        let (known, redeemed) = tokio::join!(
            self.find_user(identity.user.id, proven_at),
            self.redeem(token, &proofs, identity.expires_at, context),
        );
        match redeemed? {
            Redeemed::Before(shown, first, at) => Ok(self.finish_login(&shown, &first, at, context).await),
            Redeemed::Once(ticket, new_session) => {
                let response = async {
                    let person = if let Some(known) = known? {
                        Person::known(known, identity.user)
                    } else {
                        let kakao = self.fetch_new_user(identity.user, context.now).await?;
                        self.create_user(kakao, proven_at, context.now).await?
                    };
                    let person = person.authenticated_at(identity.authenticated_at);
                    self.start_session(&person, new_session, Some(&ticket), context).await
                };
                let response = response.await;
                self.cancel_if_failed(&response, &ticket).await;
                response
            }
        }
    }

    /// Asks user/me about a new user, because Kakao unlinks users about whom it was not asked within 24 hours of their first login.
    async fn fetch_new_user(&self, identity: KakaoUser, now: Timestamp) -> Result<KakaoUser, Error> {
        let credentials = self.kakao_credentials.at(now).await?;
        if let Some(me) = self.kakao.user_by_id(identity.id, &credentials, now).await? {
            return Ok(me.with_id_token(identity.source));
        }
        tracing::warn!(
            event = "user_not_fetched",
            "A new user logged in by ID token. Without a KAKAO_ADMIN_KEY user/me cannot be asked, so Kakao unlinks the user in 24 hours"
        );
        Ok(identity)
    }
}
