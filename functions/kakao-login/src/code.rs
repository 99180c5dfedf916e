//! Logging in with an authorization code.

use std::time::Duration;

use lambda_http::{Body, Response};
use secrecy::SecretString;
use shared::{
    account::ProvenAt,
    clock::Timestamp,
    error::Error,
    kakao::{AuthorizationCode, Grant, KakaoError},
    user::KakaoUser,
};

use crate::{
    KakaoLogin,
    redeem::Redeemed,
    start::{LoginContext, Person},
};

/// Longer than Kakao accepts a code.
const CODE_TTL: Duration = Duration::from_mins(10);

impl KakaoLogin {
    /// Logs in with a code. With a PKCE verifier, which only the browser has that started the login, the same code may arrive twice:
    /// from React's `StrictMode`, a double tap or a retry. The second request gets the session of the first. Without a verifier,
    /// Kakao refuses the second request.
    pub(crate) async fn log_in_by_code(
        &self,
        grant: &AuthorizationCode,
        context: &LoginContext,
    ) -> Result<Response<Body>, Error> {
        let Some(verifier) = &grant.code_verifier else {
            let person = self.holder(grant, context.now).await?;
            return self
                .start_session(&person, context.keys.refresh_tokens.new_session(None, context.now), None, context)
                .await;
        };
        let proofs = self.proofs(&grant.code, verifier, context);
        match self.redeem(&grant.code, &proofs, context.now + CODE_TTL, context).await? {
            Redeemed::Before(shown, first, at) => Ok(self.finish_login(&shown, &first, at, context).await),
            Redeemed::Once(ticket, new_session) => {
                let response = async {
                    let person = self.holder(grant, context.now).await?;
                    self.start_session(&person, new_session, Some(&ticket), context).await
                };
                let response = response.await;
                self.cancel_if_failed(&response, &ticket).await;
                response
            }
        }
    }

    /// The user of a code. The ID token of the grant identifies the user, so user/me is asked only for new users and if there is no ID
    /// token.
    async fn holder(&self, grant: &AuthorizationCode, now: Timestamp) -> Result<Person, Error> {
        let Grant { access_token, identity } =
            self.kakao.exchange(grant, &*self.kakao_credentials.at(now).await?, now).await?;
        let proven_at = ProvenAt::by_request(now);
        let Some(identity) = identity else {
            return self.find_or_create_user(self.kakao.user_me(&access_token, now).await?, proven_at, now).await;
        };
        let person = if let Some(known) = self.find_user(identity.user.id, proven_at).await? {
            Person::known(known, identity.user).with_access_token(access_token)
        } else {
            let kakao = self.fetch_user(&identity.user, &access_token, now).await?;
            self.create_user(kakao, proven_at, now).await?
        };
        Ok(person.authenticated_at(identity.authenticated_at))
    }

    /// Asks user/me about the user of an ID token, with the access token that came with it.
    pub(crate) async fn fetch_user(
        &self,
        identity: &KakaoUser,
        access_token: &SecretString,
        now: Timestamp,
    ) -> Result<KakaoUser, KakaoError> {
        let me = self.kakao.user_me(access_token, now).await?;
        if me.id != identity.id {
            return Err(KakaoError::Rejected("two responses name two users".to_owned()));
        }
        Ok(me.with_id_token(identity.source))
    }
}
