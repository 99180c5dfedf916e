//! Logins and logouts of a browser with a linked session.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::COOKIE};
use serde_json::Value;
use shared::{clock::Timestamp, session::LINK_PACE};
use tests::{
    Credential,
    chain::confirmed,
    client::{Response, cookie_pair},
    linked_browser::{Next, session_of},
};

use super::{
    account::Account,
    linked::{Linked, REQUESTS},
};
use crate::luck::Luck;

impl Linked {
    /// A login, perhaps in the middle of a session, which it ends. Its response may be lost, or only its body.
    pub(super) async fn log_in(&mut self, account: &mut Account, luck: &mut Luck) {
        let kind = luck.of(&[Credential::AccessToken, Credential::Code, Credential::IdToken]);
        let credential = account.stack.kakao.credential(&account.user, kind).await;
        let response = self.send_login(account, &credential).await.unwrap();
        match luck.below(6) {
            0 => {
                // Its repetition finds the session, or begins another one. A code or an ID token is refused if that takes too long.
                account.abandon(&session_of(response.access()));
                let begun_at = account.stack.now();
                account.pass(Duration::from_secs(luck.below(60)));
                if let Some(response) = self.send_login(account, &credential).await {
                    self.logged_in(account, &credential, &response, begun_at);
                } else {
                    let credential = account.stack.kakao.credential(&account.user, Credential::Code).await;
                    let response = self.send_login(account, &credential).await.unwrap();
                    self.logged_in(account, &credential, &response, account.stack.now());
                }
            }
            1 => {
                self.browser.take_cookie(&response);
                self.browser.reopen();
                account.heard(&self.session(), account.stack.now(), LINK_PACE);
            }
            _ => self.logged_in(account, &credential, &response, account.stack.now()),
        }
    }

    /// `None` if the credential has been used before.
    async fn send_login(&mut self, account: &mut Account, credential: &Value) -> Option<Response> {
        let body = self.browser.log_in(credential, account.stack.now());
        let request = account.stack.request(Method::POST, "/auth/kakao").json(&body);
        let response = account.send(request.header(COOKIE, cookie_pair(self.browser.cookie()))).await;
        if response.status != StatusCode::OK {
            assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"));
            assert!(!self.browser.logged_in(credential, &response));
            return None;
        }
        assert!(confirmed(&response).is_some(), "the session is linked");
        let session = session_of(response.access());
        if session != self.session() {
            account.end(&self.session());
        }
        account.begin(&session);
        Some(response)
    }

    fn logged_in(&mut self, account: &mut Account, credential: &Value, response: &Response, begun_at: Timestamp) {
        assert!(self.browser.logged_in(credential, response));
        account.heard(&self.session(), begun_at, LINK_PACE);
    }

    pub(super) async fn log_out(&mut self, account: &mut Account, luck: &mut Luck) {
        let (path, session) = (luck.of(&["", "?scope=all", "?scope=others"]), self.session());
        let path = match path {
            "" => "/auth/logout",
            "?scope=all" => "/auth/logout?scope=all",
            _ => "/auth/logout?scope=others",
        };
        let mut asking = self.browser.begin(path);
        for _ in 0..REQUESTS {
            let sent = self.browser.ask(&mut asking, account.stack.now());
            let response = account.send(sent.to(account.stack)).await;
            match self.browser.take(&mut asking, &response, account.stack.now()) {
                Next::Again => {}
                Next::Done => break,
                _ => panic!("a logout is refused: {} {}", response.status, response.body),
            }
        }
        match path {
            "/auth/logout" => account.end(&session),
            "/auth/logout?scope=all" => account.end_others(None),
            _ => return account.end_others(Some(&session)),
        }
        assert_eq!(self.browser.cookie(), "", "a logout removes the cookie");
        self.browser.forget();
    }
}
