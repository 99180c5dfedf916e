//! A browser with a rotating session.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::COOKIE};
use serde_json::json;
use tests::{
    Browser,
    client::{Response, cookie_pair},
    linked_browser::session_of,
};

use super::{account::Account, faults};
use crate::luck::Luck;

const WINDOW: Duration = Duration::from_secs(30);
/// Longer than a theft takes.
const DAYS: Duration = Duration::from_hours(48);

pub(super) struct Rotating {
    browser: Browser,
    pub(super) session: String,
}

impl Rotating {
    pub(super) async fn new(account: &mut Account) -> Self {
        let response = account.stack.log_in_as(&account.user).await;
        let session = session_of(response.access());
        account.begin(&session);
        let mut rotating = Self { browser: Browser::logged_in(&response), session };
        rotating.see(account, &response, true);
        rotating
    }

    pub(super) async fn step(&mut self, account: &mut Account, luck: &mut Luck) {
        let is_alive = account.is_alive(&self.session);
        match luck.below(16) {
            0..7 => self.refresh(account, luck).await,
            7..10 => self.with_fault(account, luck).await,
            10..12 if is_alive => {
                account.stack.table_proxy.set_rates(faults::rates(luck));
                self.refresh(account, luck).await;
                account.stack.table_proxy.heal();
            }
            12 if is_alive && account.patience() > DAYS => self.stolen(account, luck).await,
            13 if is_alive => self.log_out(account, luck).await,
            14 => self.log_in(account).await,
            _ => {}
        }
    }

    /// Checks a response, and takes its cookie if it arrived.
    fn see(&mut self, account: &mut Account, response: &Response, arrived: bool) {
        let is_over = !account.is_alive(&self.session);
        match response.status {
            StatusCode::OK => {
                assert!(!is_over, "a session that has ended issued an access token");
                account.heard(&self.session, account.stack.now(), WINDOW);
            }
            StatusCode::UNAUTHORIZED => assert!(is_over, "an honest browser was logged out: {}", response.body),
            status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{}", response.body),
        }
        let seen = if arrived && response.status == StatusCode::OK {
            self.browser.take(response)
        } else {
            self.browser.miss(response)
        };
        seen.unwrap();
    }

    /// One to four tabs refresh at once; their responses arrive in any order, and some not at all.
    async fn refresh(&mut self, account: &mut Account, luck: &mut Luck) {
        let tabs = luck.of(&[1, 1, 1, 2, 4]);
        let mut responses = account.stack.refresh_at_once(self.browser.cookie(), tabs).await;
        let mut lost = 0;
        while !responses.is_empty() {
            let response = responses.swap_remove(luck.index(responses.len()));
            let arrived = luck.below(5) > 0;
            lost += u64::from(!arrived || response.status == StatusCode::SERVICE_UNAVAILABLE);
            self.see(account, &response, arrived);
        }
        if lost > 0 {
            account.pass(Duration::from_secs(luck.below(15)));
            self.again(account).await;
        }
    }

    /// Refreshes until the response is not a 503, as a browser does after a 503 or a lost response.
    pub(super) async fn again(&mut self, account: &mut Account) {
        loop {
            let response = account.stack.refresh(self.browser.cookie()).await;
            self.see(account, &response, true);
            if response.status != StatusCode::SERVICE_UNAVAILABLE {
                let is_alive = account.is_alive(&self.session);
                return assert_eq!(response.status == StatusCode::OK, is_alive, "the cookie that it holds still works");
            }
        }
    }

    async fn with_fault(&mut self, account: &mut Account, luck: &mut Luck) {
        account.stack.table_proxy.fail(faults::of_dynamodb(luck));
        let response = account.stack.refresh(self.browser.cookie()).await;
        self.see(account, &response, luck.below(2) == 0);
        account.stack.table_proxy.heal();
        account.pass(Duration::from_secs(luck.below(15)));
        self.again(account).await;
    }

    async fn log_in(&mut self, account: &mut Account) {
        let credential = json!({"access_token": account.stack.kakao.token(&account.user).await});
        let request = account.stack.request(Method::POST, "/auth/kakao").json(&credential);
        let response = account.stack.send(request.header(COOKIE, cookie_pair(self.browser.cookie()))).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        account.end(&self.session);
        self.session = session_of(response.access());
        account.begin(&self.session);
        self.see(account, &response, true);
    }

    async fn log_out(&mut self, account: &mut Account, luck: &mut Luck) {
        let cookie = self.browser.cookie();
        let response = match luck.below(3) {
            0 => {
                let response = account.stack.logout(cookie).await;
                account.end(&self.session);
                response
            }
            1 => {
                let response = account.stack.logout_everywhere(cookie).await;
                account.end_others(None);
                response
            }
            _ => {
                let response = account.stack.logout_others(cookie).await;
                account.end_others(Some(&self.session));
                response
            }
        };
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }

    /// A thief has a copy of the cookie. Both use theirs, each more than a window after the other's rotation.
    async fn stolen(&mut self, account: &mut Account, luck: &mut Luck) {
        let stolen = self.browser.cookie().to_owned();
        account.pass(WINDOW);
        let (first, second) = if luck.below(2) == 0 {
            (self.browser.cookie(), stolen.as_str())
        } else {
            (stolen.as_str(), self.browser.cookie())
        };
        let rotated = account.stack.refresh(first).await;
        assert_eq!(rotated.status, StatusCode::OK);
        account.pass(WINDOW + Duration::from_secs(luck.below(100_000)));
        assert_eq!(
            account.stack.refresh(second).await.status,
            StatusCode::UNAUTHORIZED,
            "the stolen cookie is not detected"
        );
        assert_eq!(
            account.stack.refresh(&rotated.token()).await.status,
            StatusCode::UNAUTHORIZED,
            "the session continues for one of them"
        );
        account.end(&self.session);
    }
}
