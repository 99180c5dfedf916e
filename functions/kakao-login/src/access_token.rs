//! Logging in with an access token of Kakao's.

use lambda_http::{Body, Response};
use secrecy::SecretString;
use shared::error::Error;

use crate::{KakaoLogin, start::Visit};

impl KakaoLogin {
    pub(crate) async fn log_in_by_access_token(
        &self,
        token: &SecretString,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let kakao = self.kakao.user_of_access_token(token, visit.now).await?;
        let person = self.find_or_make(kakao, visit.now).await?;
        self.start_session(&person, visit.keys.secrets.begin(None, visit.now), None, visit).await
    }
}
