//! Logins and concurrent refreshes at a stack.

use serde_json::json;

use super::Stack;
use crate::{
    client::{Functions, Response},
    kakao_control::KakaoControl,
};

impl Stack {
    /// Logs a new user in.
    pub async fn log_in(&self) -> Response {
        let user = self.kakao.new_user().await;
        self.log_in_as(&user).await
    }

    /// Logs this user in.
    pub async fn log_in_as(&self, user: &str) -> Response {
        log_in(&self.functions, &self.kakao, user).await
    }

    /// Logs this user in at Kakao's page, as deleting the account requires.
    pub async fn log_in_at_kakao(&self, user: &str) -> Response {
        log_in_at_kakao(&self.functions, &self.kakao, user).await
    }

    /// Refreshes with the same cookie, `times` times concurrently.
    ///
    /// # Panics
    ///
    /// If a request gets no response.
    pub async fn refresh_at_once(&self, cookie: &str, times: usize) -> Vec<Response> {
        let requests = (0..times).map(|_| {
            let (functions, cookie) = (self.functions.clone(), cookie.to_owned());
            tokio::spawn(async move { functions.refresh(&cookie).await })
        });
        let requests: Vec<_> = requests.collect();
        let mut responses = Vec::new();
        for request in requests {
            responses.push(request.await.expect("a refresh has a response"));
        }
        responses
    }
}

/// By code: its ID token says when the user was at Kakao's page.
pub(crate) async fn log_in_at_kakao(functions: &Functions, kakao: &KakaoControl, user: &str) -> Response {
    let response = functions.login(&kakao.code_body(user).await).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response
}

pub(crate) async fn log_in(functions: &Functions, kakao: &KakaoControl, user: &str) -> Response {
    let token = kakao.token(user).await;
    let response = functions.login(&json!({"access_token": token})).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response
}
