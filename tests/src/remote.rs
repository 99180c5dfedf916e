//! A stack that may run in another process, under `cargo lambda watch` or on AWS.

use std::{env, ops::Deref};

use crate::{
    client::{Functions, Response},
    kakao_control::KakaoControl,
    stack::{
        Stack,
        users::{log_in, log_in_at_kakao},
    },
};

/// A stack that may run in another process: only its routes and the Kakao stand-in can be used.
#[derive(Debug)]
pub struct Remote {
    functions: Functions,
    /// The Kakao stand-in, through its control routes.
    pub kakao: KakaoControl,
    _own: Option<Stack>,
}

impl Remote {
    /// The stack at `STACK_URL`, with its Kakao stand-in at `STACK_KAKAO_URL`; without these variables, a new one.
    pub async fn start() -> Self {
        if let (Ok(url), Ok(kakao)) = (env::var("STACK_URL"), env::var("STACK_KAKAO_URL")) {
            return Self { functions: Functions::new(&url), kakao: KakaoControl::at(&kakao), _own: None };
        }
        let own = Stack::start().await;
        Self { functions: Functions::clone(&own), kakao: own.kakao.clone(), _own: Some(own) }
    }

    /// Logs a new user in.
    pub async fn log_in(&self) -> Response {
        let user = self.kakao.new_user().await;
        self.log_in_as(&user).await
    }

    /// Logs a new user in at Kakao's page, as deleting the account requires.
    pub async fn log_in_at_kakao(&self) -> Response {
        let user = self.kakao.new_user().await;
        log_in_at_kakao(&self.functions, &self.kakao, &user).await
    }

    /// Logs this user in.
    pub async fn log_in_as(&self, user: &str) -> Response {
        log_in(&self.functions, &self.kakao, user).await
    }
}

impl Deref for Remote {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}
