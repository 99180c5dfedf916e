//! Logging in with an authorization code.

use std::time::Duration;

use lambda_http::{Body, Response};
use shared::{
    clock::Timestamp,
    error::Error,
    kakao::{AuthorizationCode, Grant, KakaoError},
    token::Proof,
};

use crate::{
    KakaoLogin,
    redeem::Redeemed,
    start::{Person, Visit},
};

/// Longer than Kakao knows a code.
const CODE_TTL: Duration = Duration::from_mins(10);

impl KakaoLogin {
    /// With a PKCE verifier, which only the browser has that began the login, the same code may come twice: from React's
    /// `StrictMode`, a double tap, or a retry. The second request gets the first one's session. Without a verifier, Kakao refuses
    /// the second.
    pub(crate) async fn log_in_by_code(
        &self,
        grant: &AuthorizationCode,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let Some(verifier) = &grant.code_verifier else {
            let person = self.holder(grant, visit.now).await?;
            return self.start_session(&person, visit.keys.secrets.begin(None, visit.now), None, visit).await;
        };
        let proof = Proof::new(&grant.code, verifier);
        match self.redeem(&grant.code, Some(&proof), visit.now + CODE_TTL, visit).await? {
            Redeemed::Before(shown, first, at) => Ok(self.logged_in(&shown, &first, at, visit).await),
            Redeemed::Once(ticket, beginning) => {
                let response = async {
                    let person = self.holder(grant, visit.now).await?;
                    self.start_session(&person, beginning, Some(&ticket), visit).await
                };
                let response = response.await;
                self.cancel_if_failed(&response, &ticket).await;
                response
            }
        }
    }

    async fn holder(&self, grant: &AuthorizationCode, now: Timestamp) -> Result<Person, Error> {
        let granted = self.kakao.exchange(grant, &*self.kakao_secrets.at(now).await?, now).await?;
        self.person_of(granted, now).await
    }

    /// The user to whom the code was granted, as user/me describes them. While that is unavailable, a known user's ID token has
    /// to do.
    async fn person_of(&self, granted: Grant, now: Timestamp) -> Result<Person, Error> {
        let kakao = match (self.kakao.user_me(&granted.access_token, now).await, granted.identity) {
            (Ok(me), Some(identity)) if me.id != identity.user.id => {
                return Err(KakaoError::Rejected("two answers name two users".to_owned()).into());
            }
            (Ok(me), _) => me,
            (Err(error @ KakaoError::Unavailable { .. }), Some(identity)) => {
                return match self.store.find(identity.user.id).await? {
                    Some(id) => Ok(Person::known(id, identity.user)),
                    None => Err(error.into()),
                };
            }
            (Err(error), _) => return Err(error.into()),
        };
        Ok(self.find_or_make(kakao, now).await?)
    }
}
