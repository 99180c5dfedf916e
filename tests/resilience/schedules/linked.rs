//! A browser with a linked session. Any request and any response may be late or lost, and its user may be silent for as long as a
//! session lives.

use reqwest::StatusCode;
use shared::{clock::Timestamp, session::LINK_PACE};
use tests::{
    LinkedBrowser,
    client::Response,
    fault_proxy::{Fault, HeldBack},
    linked_browser::{Asking, Next, PATIENCE, Sent, session_of, session_of_cookie},
};

use super::{account::Account, faults};
use crate::luck::Luck;

pub(super) const REFRESH: &str = "/auth/refresh";
/// No honest page sends more requests than this to have one served.
pub(super) const REQUESTS: usize = 20;

pub(super) struct Linked {
    pub(super) browser: LinkedBrowser,
    /// What pages that were frozen, or the network, have not delivered yet.
    flights: Vec<Flight>,
    /// Writes of the function that have not arrived yet.
    writes: Vec<HeldBack>,
    /// Every refresh that was served.
    pub(super) recorded: Vec<Sent>,
}

/// A refresh that is under way.
struct Flight {
    asking: Asking,
    state: State,
}

enum State {
    /// The page has read its record, and was frozen before it sent anything.
    Frozen,
    Sent(Sent),
    /// Served at this moment.
    Responded(Response, Timestamp),
}

impl Linked {
    pub(super) async fn new(account: &mut Account, luck: &mut Luck) -> Self {
        let (flights, writes, recorded) = (Vec::new(), Vec::new(), Vec::new());
        let mut linked = Self { browser: LinkedBrowser::default(), flights, writes, recorded };
        linked.log_in(account, luck).await;
        linked
    }

    pub(super) async fn step(&mut self, account: &mut Account, luck: &mut Luck) {
        let is_alive = account.is_alive(&self.session());
        match luck.below(20) {
            0..6 => self.refresh(account, luck).await,
            6..8 => self.deliver(account, luck).await,
            8..10 => self.with_fault(account, luck).await,
            10 => {
                account.is_disturbed = true;
                account.stack.table_proxy.set_rates(faults::rates(luck));
                self.refresh(account, luck).await;
                account.stack.table_proxy.heal();
                account.is_disturbed = false;
            }
            11..13 => self.log_in(account, luck).await,
            13 if is_alive => self.log_out(account, luck).await,
            14 if is_alive => self.cookie_stolen(account, luck).await,
            15 if is_alive => self.storage_copied(account, luck).await,
            16..18 => self.recording_replayed(account, luck).await,
            18 if is_alive => self.refresh_slowly(account, luck).await,
            _ => {}
        }
    }

    /// What is under way never arrives.
    pub(super) fn lose_everything(&mut self) {
        self.flights.clear();
        self.writes.clear();
    }

    /// The session of its cookie.
    pub(super) fn session(&self) -> String {
        session_of_cookie(self.browser.cookie())
    }

    /// One to four pages refresh at once, all with the same record: our client has locks, and not every browser. Some are frozen
    /// before they ask. Requests are late, lost or arrive twice, and so are responses, in any order.
    async fn refresh(&mut self, account: &mut Account, luck: &mut Luck) {
        let tabs = luck.of(&[1, 1, 1, 2, 4]);
        let mut sent = Vec::new();
        for _ in 0..tabs {
            let mut asking = self.browser.begin(REFRESH);
            self.browser.take_links(&mut asking, account.stack.now());
            let request = self.browser.request(&asking);
            match luck.below(10) {
                0 => self.flights.push(Flight { asking, state: State::Frozen }),
                1 => self.flights.push(Flight { asking, state: State::Sent(request) }),
                2 => {
                    let _ = self.serve(account, &[request.clone(), request]).await;
                }
                _ => sent.push((asking, request)),
            }
        }
        let (askings, requests): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
        let responses = self.serve(account, &requests).await;
        let mut served: Vec<_> = askings.into_iter().zip(responses).collect();
        while !served.is_empty() {
            let (asking, response) = served.swap_remove(luck.index(served.len()));
            match luck.below(8) {
                0 | 1 => {}
                2 => self.flights.push(Flight { asking, state: State::Responded(response, account.stack.now()) }),
                _ => self.take(account, asking, response, account.stack.now()).await,
            }
        }
    }

    /// A page's request is under way for as long as the page waits, while another page refreshes twice: it is not too late. The
    /// response to the refresh before may have been lost.
    async fn refresh_slowly(&mut self, account: &mut Account, luck: &mut Luck) {
        self.again(account).await;
        account.pass(LINK_PACE);
        if luck.below(2) == 0 {
            let lost = self.browser.ask(&mut self.browser.begin(REFRESH), account.stack.now());
            self.serve_one(account, lost).await;
            account.pass(LINK_PACE);
        }
        let mut asking = self.browser.begin(REFRESH);
        let sent = self.browser.ask(&mut asking, account.stack.now());
        for _ in 0..2 {
            self.again(account).await;
            account.pass(PATIENCE / 2);
        }
        let response = self.serve_one(account, sent).await;
        assert_ne!(response.status, StatusCode::CONFLICT, "a page asks in vain: {}", response.body);
        self.take(account, asking, response, account.stack.now()).await;
    }

    /// Something that was late arrives.
    async fn deliver(&mut self, account: &mut Account, luck: &mut Luck) {
        if !self.writes.is_empty() && luck.below(2) == 0 {
            let write = self.writes.swap_remove(luck.index(self.writes.len()));
            account.stack.table_proxy.arrive(&write).await.unwrap();
        }
        if self.flights.is_empty() {
            return;
        }
        let Flight { asking, state } = self.flights.swap_remove(luck.index(self.flights.len()));
        let sent = match state {
            State::Frozen => self.browser.request(&asking),
            State::Sent(sent) => sent,
            State::Responded(response, at) => return self.take(account, asking, response, at).await,
        };
        let response = self.serve_one(account, sent).await;
        // A page does not wait for hours.
        if luck.below(2) == 0 {
            self.take(account, asking, response, account.stack.now()).await;
        }
    }

    async fn with_fault(&mut self, account: &mut Account, luck: &mut Luck) {
        let fault = faults::of_dynamodb(luck);
        account.is_disturbed = true;
        account.stack.table_proxy.fail(fault);
        let mut asking = self.browser.begin(REFRESH);
        let sent = self.browser.ask(&mut asking, account.stack.now());
        let is_write = sent.number().is_some();
        let response = self.serve_one(account, sent).await;
        account.stack.table_proxy.heal();
        account.is_disturbed = false;
        if matches!(fault, Fault::Down | Fault::Throttle) && is_write && luck.below(2) == 0 {
            self.writes.push(account.stack.table_proxy.copy_of_last("UpdateItem"));
        }
        if luck.below(2) == 0 {
            self.take(account, asking, response, account.stack.now()).await;
        }
    }

    /// Refreshes until the page has an access token or is logged out, as our client does.
    pub(super) async fn again(&mut self, account: &mut Account) {
        let mut asking = self.browser.begin(REFRESH);
        let sent = self.browser.ask(&mut asking, account.stack.now());
        let response = self.serve_one(account, sent).await;
        self.take(account, asking, response, account.stack.now()).await;
    }

    /// At the end everything arrives, and the cookie still works if its session should live.
    pub(super) async fn come_to_rest(&mut self, account: &mut Account, luck: &mut Luck) {
        while !(self.flights.is_empty() && self.writes.is_empty()) {
            self.deliver(account, luck).await;
        }
        let was_alive = account.is_alive(&self.session());
        self.again(account).await;
        assert_eq!(self.browser.session().is_some(), was_alive, "its session goes on");
        account.check(&self.session()).await;
    }

    /// A page takes a response that was sent at this moment, and does what our client does then.
    pub(super) async fn take(&mut self, account: &mut Account, asking: Asking, response: Response, at: Timestamp) {
        let (mut asking, mut response, mut at) = (asking, response, at);
        for _ in 0..REQUESTS {
            let cookie = self.session();
            match self.browser.take(&mut asking, &response, account.stack.now()) {
                Next::Again => {}
                Next::DoneOnce => asking = self.browser.begin(REFRESH),
                Next::Done => {
                    let session = session_of(response.access());
                    return if session == cookie {
                        account.heard(&session, at, LINK_PACE);
                    };
                }
                Next::Later => return,
                Next::LoggedOut(_) => {
                    return assert!(!account.is_alive(&cookie), "an honest browser was logged out: {}", response.body);
                }
            }
            let sent = self.browser.ask(&mut asking, account.stack.now());
            (response, at) = (self.serve_one(account, sent).await, account.stack.now());
        }
        panic!("a page asks in vain");
    }

    async fn serve_one(&mut self, account: &mut Account, sent: Sent) -> Response {
        self.serve(account, &[sent]).await.remove(0)
    }

    /// Sends these requests at once.
    async fn serve(&mut self, account: &mut Account, requests: &[Sent]) -> Vec<Response> {
        let asked: Vec<_> = requests.iter().map(|sent| tokio::spawn(account.send(sent.to(account.stack)))).collect();
        let mut responses = Vec::new();
        for (sent, asked) in requests.iter().zip(asked) {
            let response = asked.await.unwrap();
            check(account, sent, &response);
            if response.status == StatusCode::OK {
                self.recorded.push(sent.clone());
            }
            responses.push(response);
        }
        responses
    }
}

/// Checks what holds for every response to a refresh, whoever asks.
pub(super) fn check(account: &Account, sent: &Sent, response: &Response) {
    let session = session_of_cookie(&sent.cookie);
    assert_eq!(response.cookie, None, "a refresh of a linked session leaves the cookie alone");
    match (response.status.as_u16(), response.code()) {
        (200, _) => {
            assert_eq!(session_of(response.access()), session);
            assert!(account.is_alive(&session), "a session that has ended issued an access token");
        }
        (403, "link_required") => assert_eq!(response.body["session"], session.as_str()),
        (409, "link_stale") => {}
        (401, "token_not_valid") => {
            assert!(!account.is_alive(&session), "an honest browser was logged out: {}", response.body);
        }
        (503, _) => assert!(account.is_disturbed, "{}", response.body),
        (status, _) => panic!("{status} {}", response.body),
    }
}
