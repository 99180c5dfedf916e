//! Random schedules against the real handlers: concurrent refreshes, responses lost and reordered, DynamoDB failing before and
//! after the write, logouts and thieves. The responses are checked against the promises of the refresh protocol.
//!
//! `SCHEDULES` sets how many, `SEED` the first seed. A failure prints the seed of its schedule; `SCHEDULES=1 SEED=…` runs it again.

use std::{env, time::Duration};

use reqwest::StatusCode;
use tests::{
    Browser, Stack,
    client::Response,
    fault_proxy::{Fault, FaultRates},
};

const WINDOW: u64 = 30;
/// How many schedules run concurrently, each on a stack of its own, as they advance its clock.
const LANES: u64 = 8;

/// A deterministic random generator (`SplitMix64`).
struct Luck(u64);

impl Luck {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

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
            let response = responses.swap_remove(usize::try_from(luck.below(responses.len() as u64)).unwrap());
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

/// Prints the seed of a schedule that fails.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEED={}", self.0);
        }
    }
}

async fn schedule(stack: &Stack, user: &str, seed: u64) {
    let luck = &mut Luck(seed);
    let browser = Browser::logged_in(&stack.log_in_as(user).await);
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
    stack.logout_everywhere(session.browser.cookie()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_random_schedule_keeps_the_protocols_promises() {
    let number = |name: &str, default: u64| env::var(name).map_or(default, |text| text.parse().unwrap());
    let schedules = number("SCHEDULES", 200);
    let seed = number("SEED", 1);
    let lanes = (0..LANES).map(|lane| {
        tokio::spawn(async move {
            let stack = Stack::start().await;
            let user = stack.kakao.new_user().await;
            for seed in (seed..seed + schedules).filter(|seed| seed % LANES == lane) {
                let _running = Running(seed);
                schedule(&stack, &user, seed).await;
            }
        })
    });
    let lanes: Vec<_> = lanes.collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    println!("schedules: {schedules}, from seed {seed}");
}
