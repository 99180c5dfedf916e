//! Logging in with an access token of Kakao's.

use std::time::Duration;

use lambda_http::{Body, Response};
use secrecy::SecretString;
use shared::{account::ProvenAt, error::Error};

use crate::{KakaoLogin, start::LoginContext};

impl KakaoLogin {
    pub(crate) async fn log_in_by_access_token(
        &self,
        token: &SecretString,
        context: &LoginContext,
    ) -> Result<Response<Body>, Error> {
        let now = context.now;
        if let Some(until) = self.over_limit.find(token, now) {
            return Err(Error::TooManyLogins { retry_after: Duration::from_secs(until.seconds_since(now)) });
        }
        let kakao = self.kakao.user_of_access_token(token, now).await?;
        let person = self.find_or_create_user(kakao, ProvenAt::by_request(now), now).await?;
        let response =
            self.start_session(&person, context.keys.refresh_tokens.new_session(None, now), None, context).await;
        if let Err(Error::TooManyLogins { retry_after }) = response {
            let until = now + retry_after;
            self.over_limit.remember(token, until, until, now);
        }
        response
    }
}
