//! Logging in with an access token of Kakao's.

use std::time::Duration;

use lambda_http::{Body, Response};
use secrecy::SecretString;
use shared::{account::ProvenAt, error::Error, kakao::Holder};

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
        // Kakao's word may be another request's, up to ten seconds old: Kakao may have unlinked the user since.
        let Holder { user, asked_at } = self.kakao.user_of_access_token(token, now).await?;
        let person = self.find_or_create_user(user, ProvenAt::by_request(asked_at), now).await?;
        let response =
            self.start_session(&person, context.keys.refresh_tokens.new_session(None, now), None, context).await;
        if let Err(Error::TooManyLogins { retry_after }) = response {
            let until = now + retry_after;
            self.over_limit.remember(token, until, until, now);
        }
        response
    }
}
