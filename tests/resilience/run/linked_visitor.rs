//! A user's browser in a soak, with a linked session.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::RequestBuilder;
use shared::{
    clock::{Clock, SystemClock},
    random,
};
use tests::{
    LinkedBrowser,
    chain::{confirmed, parts},
    client::{Functions, Response},
    linked_browser::{Asking, Next},
};

use crate::visitor::{Notes, back_off};

const REFRESH: &str = "/auth/refresh";

/// One browser that is logged in.
#[derive(Debug)]
pub struct LinkedVisitor {
    pub functions: Functions,
    pub notes: Arc<Notes>,
    pub browser: LinkedBrowser,
    /// The time of its last successful refresh.
    renewed: Instant,
    /// Every link that was confirmed, by its number.
    confirmed: BTreeMap<u32, String>,
}

impl LinkedVisitor {
    pub fn new(functions: Functions, notes: Arc<Notes>, browser: LinkedBrowser) -> Self {
        notes.count("linked sessions");
        Self { functions, notes, browser, renewed: Instant::now(), confirmed: BTreeMap::new() }
    }

    pub async fn refresh(&mut self, tabs: usize) -> bool {
        let mut asking: Vec<Asking> = (0..tabs).map(|_| self.browser.begin(REFRESH)).collect();
        for failures in 1.. {
            let mut later = Vec::new();
            while !asking.is_empty() {
                let mut again = Vec::new();
                for (mut asking, response) in self.ask_at_once(asking).await {
                    match self.take(&mut asking, response.as_ref()) {
                        Next::Done => {}
                        Next::DoneOnce => again.push(self.browser.begin(REFRESH)),
                        Next::Again => again.push(asking),
                        Next::Later => later.push(self.browser.begin(REFRESH)),
                        Next::LoggedOut(_) => {
                            let status = response.map(|response| response.status);
                            let silence = self.renewed.elapsed().as_secs();
                            self.notes.fail(format!(
                                "a linked session was lost: {status:?}, {failures} tries and {silence} s after the last 200"
                            ));
                            return false;
                        }
                    }
                }
                asking = again;
            }
            if later.is_empty() {
                return true;
            }
            asking = later;
            self.notes.count("refreshes retried");
            back_off(failures).await;
        }
        unreachable!("it retries for ever")
    }

    /// The machine falls asleep during a refresh, so that its response is lost, for longer than a rotating session survives.
    pub async fn sleep_through_a_refresh(&mut self) -> bool {
        let asking = vec![self.browser.begin(REFRESH)];
        let _ = self.ask_at_once(asking).await;
        self.notes.count("responses slept through by a browser with a linked session");
        tokio::time::sleep(Duration::from_millis(31_000 + random::up_to(15_000))).await;
        self.refresh(1).await
    }

    /// All pages have taken the same record before the first of them asks.
    async fn ask_at_once(&mut self, asking: Vec<Asking>) -> Vec<(Asking, Option<Response>)> {
        let asked: Vec<_> = asking
            .into_iter()
            .map(|mut asking| {
                let request = self.browser.ask(&mut asking, SystemClock.now()).to(&self.functions);
                let (functions, notes) = (self.functions.clone(), Arc::clone(&self.notes));
                (asking, tokio::spawn(async move { notes.ask("linked refresh", &functions, request).await }))
            })
            .collect();
        let mut responses = Vec::new();
        for (asking, response) in asked {
            responses.push((asking, response.await.ok().flatten()));
        }
        responses
    }

    fn take(&mut self, asking: &mut Asking, response: Option<&Response>) -> Next {
        let Some(response) = response else { return Next::Later };
        if response.cookie.is_some() {
            self.notes.fail("a refresh sets or clears the cookie of a linked session".to_owned());
        }
        if let Some(confirmed) = confirmed(response) {
            let first = self.confirmed.entry(parts(&confirmed).0).or_insert_with(|| confirmed.clone());
            if *first != confirmed {
                self.notes.fail("a double lineage: two links of one number".to_owned());
            }
        }
        let next = self.browser.take(asking, response, SystemClock.now());
        if matches!(next, Next::Done | Next::DoneOnce) {
            self.renewed = Instant::now();
        }
        next
    }

    pub async fn log_out(mut self, everywhere: bool) -> RequestBuilder {
        let before = self.browser.ask(&mut self.browser.begin(REFRESH), SystemClock.now());
        let path = if everywhere { "/auth/logout?scope=all" } else { "/auth/logout" };
        let mut asking = self.browser.begin(path);
        for failures in 1.. {
            let request = self.browser.ask(&mut asking, SystemClock.now()).to(&self.functions);
            let response = self.notes.ask("linked logout", &self.functions, request).await;
            match response.map(|response| self.browser.take(&mut asking, &response, SystemClock.now())) {
                Some(Next::Done) => break,
                Some(Next::Again) => {}
                Some(Next::LoggedOut(_)) => {
                    self.notes.fail("a linked session was lost: it cannot be logged out everywhere".to_owned());
                    break;
                }
                _ => back_off(failures).await,
            }
        }
        before.to(&self.functions)
    }
}
