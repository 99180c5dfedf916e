//! Random schedules against the real handlers: concurrent refreshes, responses lost and reordered, DynamoDB failing before and
//! after the write, logouts and thieves. The responses are checked against the promises of the refresh protocol.
//!
//! `SCHEDULES` sets how many, `SEED` the first seed. A failure prints the seed of its schedule; `SCHEDULES=1 SEED=…` runs it again.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{
    Browser, Stack,
    client::Response,
    fault_proxy::{Fault, FaultRates},
};

use crate::luck::{self, Luck};

const WINDOW: u64 = 30;

/// One browser and the state that its session should have.
struct Session<'a> {
    stack: &'a Stack,
    browser: Browser,
    over: bool,
}

impl Session<'_> {
    /// Checks a response, and takes its cookie if it arrived.
    fn see(&mut self, response: &Response, arrived: bool) {
        match response.status {
            StatusCode::OK => assert!(!self.over, "a session that has ended issued an access token"),
            StatusCode::UNAUTHORIZED => assert!(self.over, "an honest browser was logged out: {}", response.body),
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
    async fn refresh(&mut self, luck: &mut Luck) {
        let tabs = luck.of(&[1, 1, 1, 2, 4]);
        let mut responses = self.stack.refresh_at_once(self.browser.cookie(), tabs).await;
        let mut lost = 0;
        while !responses.is_empty() {
            let response = responses.swap_remove(luck.index(responses.len()));
            let arrived = luck.below(5) > 0;
            lost += u64::from(!arrived || response.status == StatusCode::SERVICE_UNAVAILABLE);
            self.see(&response, arrived);
        }
        if lost > 0 {
            self.stack.advance(Duration::from_secs(luck.below(15)));
            self.again().await;
        }
    }

    /// Refreshes until the response is not a 503, as a browser does after a 503 or a lost response.
    async fn again(&mut self) {
        loop {
            let response = self.stack.refresh(self.browser.cookie()).await;
            self.see(&response, true);
            if response.status != StatusCode::SERVICE_UNAVAILABLE {
                return assert_eq!(
                    response.status == StatusCode::OK,
                    !self.over,
                    "the cookie that it holds still works"
                );
            }
        }
    }

    async fn with_fault(&mut self, luck: &mut Luck) {
        self.stack.table_proxy.fail(luck.of(&[
            Fault::Down,
            Fault::Throttle,
            Fault::FailAfter,
            Fault::LoseResponses(1),
            Fault::LoseResponses(2),
            Fault::LoseResponses(3),
        ]));
        let response = self.stack.refresh(self.browser.cookie()).await;
        self.see(&response, luck.below(2) == 0);
        self.stack.table_proxy.heal();
        self.stack.advance(Duration::from_secs(luck.below(15)));
        self.again().await;
    }

    async fn log_out(&mut self, everywhere: bool) {
        let response = if everywhere {
            self.stack.logout_everywhere(self.browser.cookie()).await
        } else {
            self.stack.logout(self.browser.cookie()).await
        };
        assert_eq!(response.status, StatusCode::OK);
        self.over = true;
    }

    /// A thief has a copy of the cookie. Both use theirs, each more than a window after the other's rotation.
    async fn stolen(&mut self, luck: &mut Luck) {
        let stolen = self.browser.cookie().to_owned();
        self.stack.advance(Duration::from_secs(WINDOW));
        let (first, second) = if luck.below(2) == 0 {
            (self.browser.cookie(), stolen.as_str())
        } else {
            (stolen.as_str(), self.browser.cookie())
        };
        let rotated = self.stack.refresh(first).await;
        assert_eq!(rotated.status, StatusCode::OK);
        self.stack.advance(Duration::from_secs(WINDOW + luck.below(100_000)));
        assert_eq!(self.stack.refresh(second).await.status, StatusCode::UNAUTHORIZED, "the theft is not detected");
        assert_eq!(
            self.stack.refresh(&rotated.token()).await.status,
            StatusCode::UNAUTHORIZED,
            "the session continues for one of them"
        );
        self.over = true;
    }
}

async fn schedule(stack: &Stack, seed: u64) {
    let luck = &mut Luck::new(seed);
    let browser = Browser::logged_in(&stack.log_in().await);
    let mut session = Session { stack, browser, over: false };
    for _ in 0..4 + luck.below(5) {
        match luck.below(16) {
            0..8 => session.refresh(luck).await,
            8..11 => session.with_fault(luck).await,
            11..13 if !session.over => {
                stack.table_proxy.set_rates(FaultRates {
                    delay: Duration::from_millis(luck.below(3)),
                    failed_after: 200,
                    lost: 200,
                    ..FaultRates::default()
                });
                session.refresh(luck).await;
                stack.table_proxy.heal();
            }
            13 if !session.over => session.stolen(luck).await,
            14 if !session.over => session.log_out(luck.below(2) == 0).await,
            _ => {}
        }
        stack.advance(Duration::from_secs(luck.of(&[0, 1, 29, 30, 31, 300, 86_400])));
    }
    let last = stack.refresh(session.browser.cookie()).await;
    session.see(&last, true);
    assert_ne!(last.status, StatusCode::SERVICE_UNAVAILABLE, "{}", last.body);
    // At most one session is left, and none if it has ended.
    let items = stack.count("SESSION#").await;
    assert_eq!(items, usize::from(!session.over), "sessions in the table");
    stack.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_random_schedule_keeps_the_protocols_promises() {
    luck::run("SCHEDULES", 200, schedule).await;
}
