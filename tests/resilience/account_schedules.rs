//! Random schedules of one person's account against the real handlers: logins with every kind of credential, some of them late,
//! refreshes, deletions, unlinking at Kakao, webhooks that are late, repeated or lost, and the worker. Requests and runs are killed
//! at any call, responses are lost, and writes arrive late. At the end the promises of `docs/accounts.md` are checked.
//!
//! `ACCOUNT_SCHEDULES` sets how many, `SEED` the first seed. A failure prints the seed of its schedule.

use std::{collections::BTreeSet, time::Duration};

use local::table::Item;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    account::{LinkAnswer, UNSETTLED},
    clock::Timestamp,
    id::KakaoId,
};
use tests::{
    Browser, Credential, Stack,
    client::Response,
    fault_proxy::{Fault, FaultProxy, HeldBack, Moment},
};

use crate::luck::{self, Luck};

/// How late a write to DynamoDB may arrive: as long as its signature is valid.
const LATEST_WRITE: Duration = Duration::from_mins(15);
/// The requests of which a late copy may arrive, and whether at Kakao.
const WRITES: [(&str, bool); 6] = [
    ("UpdateItem", false),
    ("PutItem", false),
    ("DeleteItem", false),
    ("TransactWriteItems", false),
    ("/v1/user/unlink", true),
    ("/v1/user/unlink", true),
];

/// A browser that has logged in.
struct Device {
    browser: Browser,
    pk: String,
    /// Whether its session or its user may end: the person has left since, here or at Kakao.
    may_end: bool,
}

/// A request that is still under way.
struct Late {
    request: HeldBack,
    at_kakao: bool,
    /// It arrives before this time, or never.
    until: Timestamp,
}

/// A person at Kakao, and what happened so far.
struct Person<'a> {
    stack: &'a Stack,
    name: String,
    kakao: KakaoId,
    devices: Vec<Device>,
    /// Credentials that the person has got from Kakao and not used yet.
    credentials: Vec<Value>,
    /// Users whose deletion was confirmed.
    deleted: BTreeSet<String>,
    /// Those of them whose sessions ended with the response. After a fault, or a late write, some go on until the worker runs.
    ended: BTreeSet<String>,
    /// All users that the person ever was.
    seen: BTreeSet<String>,
    /// Writes that are still under way, and since when.
    late: Vec<Late>,
    /// Webhooks that are still under way.
    webhooks: Vec<Value>,
    /// The users whose deletion was requested. A request that died may still take effect.
    leaving: BTreeSet<String>,
    /// Whether the last request met a fault.
    is_disturbed: bool,
    /// Whether a webhook about the person was lost for good.
    is_webhook_lost: bool,
}

impl<'a> Person<'a> {
    async fn new(stack: &'a Stack, seed: u64) -> Self {
        let id = 3_200_000_000 + i64::try_from(seed).unwrap();
        Self {
            stack,
            name: stack.kakao.user(&json!({"id": id})).await,
            kakao: id.try_into().unwrap(),
            devices: Vec::new(),
            credentials: Vec::new(),
            deleted: BTreeSet::new(),
            ended: BTreeSet::new(),
            seen: BTreeSet::new(),
            late: Vec::new(),
            webhooks: Vec::new(),
            leaving: BTreeSet::new(),
            is_disturbed: false,
            is_webhook_lost: false,
        }
    }

    /// Logs in, with a credential of just now or an older one, or gets one for later.
    async fn log_in(&mut self, luck: &mut Luck) {
        let kind = luck.of(&[Credential::AccessToken, Credential::Code, Credential::Code, Credential::IdToken]);
        let credential = match luck.below(4) {
            0 => return self.credentials.push(self.stack.kakao.credential(&self.name, kind).await),
            1 if !self.credentials.is_empty() => self.credentials.swap_remove(0),
            _ => self.stack.kakao.credential(&self.name, kind).await,
        };
        let request = self.stack.request(Method::POST, "/auth/kakao").json(&credential);
        let Some(response) = self.send(request, luck).await else { return };
        match response.status {
            StatusCode::OK => self.logged_in(&response).await,
            // The account is being deleted, or the credential is used, expired, or older than the unlinking.
            StatusCode::CONFLICT | StatusCode::BAD_REQUEST => {}
            status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{}", response.body),
        }
    }

    async fn logged_in(&mut self, response: &Response) {
        let pk = response.body["user"]["pk"].as_str().unwrap().to_owned();
        assert!(!self.deleted.contains(&pk), "a deleted user has logged in");
        self.seen.insert(pk.clone());
        // With a credential from before, the person may have unlinked the app meanwhile.
        let may_end = self.leaving.contains(&pk) || !self.is_linked().await;
        self.devices.push(Device { browser: Browser::logged_in(response), pk, may_end });
    }

    /// The person leaves: from now on the devices may be logged out.
    fn leave(&mut self) {
        self.devices.iter_mut().for_each(|device| device.may_end = true);
    }

    /// A device refreshes. Without faults, a device is logged out only if its user has left.
    async fn refresh(&mut self, luck: &mut Luck) {
        if self.devices.is_empty() {
            return;
        }
        let at = luck.index(self.devices.len());
        let response = self.stack.refresh(self.devices[at].browser.cookie()).await;
        let device = &mut self.devices[at];
        if response.status == StatusCode::OK {
            assert!(!self.ended.contains(&device.pk), "a session of a deleted user goes on");
            device.browser.take(&response).unwrap();
        } else {
            assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{}", response.body);
            assert!(device.may_end, "an honest device was logged out: {}", response.body);
            self.devices.remove(at);
        }
    }

    /// The person deletes the account, from a device.
    async fn delete(&mut self, luck: &mut Luck) {
        if self.devices.is_empty() {
            return;
        }
        let at = luck.index(self.devices.len());
        let access = self.devices[at].browser.access().to_owned();
        let request = self.stack.request(Method::DELETE, "/auth/account").bearer_auth(&access);
        let pk = self.devices[at].pk.clone();
        self.leaving.insert(pk.clone());
        self.leave();
        let Some(response) = self.send(request, luck).await else { return };
        match response.status {
            StatusCode::ACCEPTED => {
                assert_eq!(response.body["id"], pk.as_str(), "the receipt names the user");
                if !self.is_disturbed {
                    self.ended.insert(pk.clone());
                }
                self.deleted.insert(pk);
            }
            // The session has ended, the login is too old, or DynamoDB failed.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE => {}
            status => panic!("{status} {}", response.body),
        }
    }

    /// The person unlinks the app in Kakao's settings. The webhook arrives at once, later, or never.
    async fn unlink_at_kakao(&mut self, luck: &mut Luck) {
        self.leave();
        let webhook = self.stack.kakao.unlink_at_kakao_silently(&self.name).await;
        match luck.below(8) {
            0 => self.is_webhook_lost = true,
            1..4 => self.webhooks.push(webhook),
            _ => {
                self.stack.kakao.send_webhook(&webhook).await;
                if luck.below(3) == 0 {
                    self.webhooks.push(webhook);
                }
            }
        }
    }

    /// A webhook that was under way arrives.
    async fn receive_webhook(&mut self, luck: &mut Luck) {
        if !self.webhooks.is_empty() {
            let webhook = self.webhooks.swap_remove(luck.index(self.webhooks.len()));
            self.stack.kakao.send_webhook(&webhook).await;
        }
    }

    /// Kakao reports something that does not end the account.
    async fn receive_event(&mut self, luck: &mut Luck) {
        let event = luck.of(&["user-linked", "user-scope-withdraw", "sessions-revoked", "tokens-revoked"]);
        if event == "sessions-revoked" {
            self.leave();
        }
        self.stack.kakao.send_event(&self.name, event).await;
    }

    /// The worker runs: to its end, or it is killed at one of its calls to DynamoDB or Kakao.
    async fn run_worker(&mut self, luck: &mut Luck) {
        let is_killed = luck.below(2) == 0;
        let proxy = if luck.below(3) == 0 { &self.stack.kakao_proxy } else { &self.stack.table_proxy };
        if !is_killed {
            self.with_fault(luck);
            // It reports what failed; the next run goes on.
            let _ = self.stack.finish_deletions().await;
            self.heal();
            return;
        }
        let mut held = proxy.hold(luck.index(8), luck.of(&[Moment::Before, Moment::After]));
        tokio::select! {
            // It was done before that call.
            _ = self.stack.finish_deletions() => {}
            () = held.arrived() => held.discard(),
        }
        self.keep_late(luck);
    }

    /// Sends a request: to its end, or its function is killed at one of its calls to DynamoDB.
    async fn send(&mut self, request: reqwest::RequestBuilder, luck: &mut Luck) -> Option<Response> {
        let fault = luck.below(4);
        self.is_disturbed = fault < 2;
        match fault {
            0 => {
                let proxy = &self.stack.table_proxy;
                let mut held = proxy.hold(luck.index(6), luck.of(&[Moment::Before, Moment::After]));
                let mut response = Box::pin(self.stack.send(request));
                let done = tokio::select! {
                    response = &mut response => Some(response),
                    () = held.arrived() => None,
                };
                if done.is_none() {
                    // From now on nothing of it reaches DynamoDB.
                    proxy.fail(Fault::Down);
                    held.discard();
                    response.await;
                    proxy.heal();
                }
                self.keep_late(luck);
                done
            }
            1 => {
                self.with_fault(luck);
                let response = self.stack.send(request).await;
                self.heal();
                // Half of the responses do not arrive.
                Some(response).filter(|_| luck.below(2) == 0)
            }
            _ => Some(self.stack.send(request).await),
        }
    }

    fn with_fault(&self, luck: &mut Luck) {
        let fault = luck.of(&[
            Fault::Throttle,
            Fault::FailAfter,
            Fault::FailBefore,
            Fault::LoseResponses(1),
            Fault::LoseResponses(2),
            Fault::LoseResponses(4),
        ]);
        match luck.below(6) {
            0 => self.stack.table_proxy.fail_after(luck.index(6), fault),
            1 => self.stack.kakao_proxy.fail_after(luck.index(2), Fault::LoseResponses(1)),
            2 => self.stack.kakao_proxy.fail_after(luck.index(2), Fault::FailAfter),
            _ => {}
        }
    }

    fn heal(&self) {
        self.stack.table_proxy.heal();
        self.stack.kakao_proxy.heal();
    }

    /// Now and then a copy of a write, or of the call that unlinks, stays under way.
    fn keep_late(&mut self, luck: &mut Luck) {
        let (operation, at_kakao) = luck.of(&WRITES);
        let (proxy, lasts) = self.way(at_kakao);
        if luck.below(2) == 0 && proxy.has_passed(operation) {
            let (request, until) = (proxy.copy_of_last(operation), self.stack.now() + lasts);
            self.late.push(Late { request, at_kakao, until });
        }
    }

    /// A request that was under way arrives, if it is not too late.
    async fn late_request(&mut self, luck: &mut Luck) {
        if !self.late.is_empty() {
            let late = self.late.swap_remove(luck.index(self.late.len()));
            if self.stack.now() < late.until {
                self.way(late.at_kakao).0.arrive(&late.request).await.unwrap();
                self.ended.clear();
            }
        }
    }

    fn way(&self, to_kakao: bool) -> (&'a FaultProxy, Duration) {
        let stack = self.stack;
        if to_kakao { (&stack.kakao_proxy, UNSETTLED) } else { (&stack.table_proxy, LATEST_WRITE) }
    }

    /// Everything arrives, and the worker runs until its work is done.
    async fn come_to_rest(&mut self, luck: &mut Luck) {
        while !self.webhooks.is_empty() {
            self.receive_webhook(luck).await;
        }
        while !self.late.is_empty() {
            self.late_request(luck).await;
        }
        for _ in 0..40 {
            if self.stack.count("WORK#").await == 0 {
                return;
            }
            self.stack.advance(Duration::from_mins(11));
            self.stack.finish_deletions().await.unwrap();
        }
        panic!("the outbox does not become empty: {:?}", self.stack.dump().await);
    }

    async fn is_linked(&self) -> bool {
        matches!(self.stack.link_at_kakao(self.kakao).await, LinkAnswer::Linked { .. })
    }

    async fn check(&mut self) {
        let items = self.stack.dump().await;
        let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok().cloned());
        let identity = items.iter().find(|item| text(item, "pk") == Some(format!("KAKAO#{}", self.kakao)));
        let named = identity.and_then(|identity| text(identity, "user_id"));
        if let Some(identity) = identity {
            assert!(!identity.contains_key("deleting_at"), "a deletion is not closed");
            assert!(named.is_none() || !identity.contains_key("expires_at"), "a living identity expires");
        }
        for item in &items {
            let Some(user) = text(item, "pk").and_then(|pk| pk.strip_prefix("USER#").map(str::to_owned)) else {
                continue;
            };
            if self.seen.contains(&user) {
                assert_eq!(Some(&user), named.as_ref(), "something of a deleted user is left: {item:?}");
            }
        }
        if let Some(named) = &named {
            assert!(!self.deleted.contains(named), "a deleted user has come back");
            let is_linked = self.is_linked().await;
            assert!(is_linked || self.is_webhook_lost, "a user whom Kakao does not link");
        }
        if let Some(device) = self.devices.iter().rfind(|device| !device.may_end) {
            assert_eq!(named.as_ref(), Some(&device.pk), "an honest user is gone");
        }
        // The person can join, and is not thrown out again.
        self.stack.advance(Duration::from_secs(2));
        let joined = self.stack.login(&self.stack.kakao.credential(&self.name, Credential::Code).await).await;
        assert_eq!(joined.status, StatusCode::OK, "{}", joined.body);
        self.logged_in(&joined).await;
        assert!(self.is_linked().await);
    }
}

async fn schedule(stack: &Stack, seed: u64) {
    let luck = &mut Luck::new(seed);
    let mut person = Person::new(stack, seed).await;
    person.log_in(luck).await;
    for _ in 0..6 + luck.below(8) {
        match luck.below(16) {
            0..4 => person.log_in(luck).await,
            4..6 => person.refresh(luck).await,
            6..8 => person.delete(luck).await,
            8 => person.unlink_at_kakao(luck).await,
            9 => person.receive_webhook(luck).await,
            10 => person.receive_event(luck).await,
            11 => person.late_request(luck).await,
            _ => person.run_worker(luck).await,
        }
        stack.advance(Duration::from_secs(luck.of(&[0, 1, 5, 30, 61, 61, 120, 301, 601])));
    }
    person.come_to_rest(luck).await;
    person.check().await;
    stack.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_random_schedule_of_an_account_keeps_its_promises() {
    luck::run("ACCOUNT_SCHEDULES", 50, schedule).await;
}
