//! What happens to requests and to the worker: they are killed, stand still, lose responses, and arrive late.

use std::time::Duration;

use local::table::Item;
use reqwest::{Method, RequestBuilder, StatusCode};
use shared::{account::UNSETTLED, clock::Timestamp};
use tests::{
    Credential,
    client::Response,
    fault_proxy::{Fault, FaultProxy, HeldBack, Moment},
};

use super::person::{Person, id};
use crate::luck::Luck;

const KINDS: [Credential; 3] = [Credential::AccessToken, Credential::Code, Credential::IdToken];
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

/// A request that is still under way.
pub(super) struct Late {
    pub(super) request: HeldBack,
    pub(super) at_kakao: bool,
    /// It arrives before this time, or never.
    pub(super) until: Timestamp,
}

impl<'a> Person<'a> {
    /// The worker stands still at one of its calls while the person does something else. Often it has a webhook to act on.
    pub(super) async fn while_the_worker_runs(&mut self, luck: &mut Luck) {
        let stack = self.stack;
        if luck.below(2) == 0 {
            self.leave();
            stack.kakao.unlink_at_kakao(&self.name).await;
        }
        let proxy = self.way(luck.below(3) == 0).0;
        let mut held = proxy.hold(luck.index(6), luck.of(&[Moment::Before, Moment::After]));
        let mut run = Box::pin(stack.finish_deletions());
        let stands = tokio::select! {
            _ = &mut run => false,
            () = held.arrived() => true,
        };
        if stands {
            match luck.below(4) {
                0 => self.delete(luck).await,
                1 => self.unlink_at_kakao(luck).await,
                _ => self.log_in(luck).await,
            }
            held.release();
            let _ = run.await;
        }
    }

    /// A login stands still at one of its calls while the person deletes the account.
    pub(super) async fn delete_while_logging_in(&mut self, luck: &mut Luck) {
        let (stack, proxy) = (self.stack, self.way(false).0);
        self.log_in(luck).await;
        let credential = stack.kakao.credential(&self.name, luck.of(&KINDS)).await;
        let request = stack.request(Method::POST, "/auth/kakao").json(&credential);
        let mut held = proxy.hold(luck.index(4), luck.of(&[Moment::Before, Moment::After]));
        let mut login = Box::pin(stack.send(request));
        let done = tokio::select! {
            response = &mut login => Some(response),
            () = held.arrived() => None,
        };
        let response = if let Some(response) = done {
            response
        } else {
            self.delete(luck).await;
            held.release();
            login.await
        };
        self.logged_in_meanwhile(&response).await;
    }

    /// The user may have been deleted after the login's last write. What the deletion has cleared stays away.
    pub(super) async fn logged_in_meanwhile(&mut self, response: &Response) {
        if response.status != StatusCode::OK {
            return;
        }
        let pk = id(response);
        if !self.deleted.contains(&pk) {
            return self.logged_in(response).await;
        }
        let personal = |item: &Item| {
            item["pk"].as_s().is_ok_and(|key| *key == format!("USER#{pk}")) && item.contains_key("nickname")
        };
        assert!(!self.stack.dump().await.iter().any(personal), "the profile of a deleted user is back");
    }

    /// The worker runs: to its end, or it is killed at one of its calls to DynamoDB or Kakao.
    pub(super) async fn run_worker(&mut self, luck: &mut Luck) {
        self.forget_traffic();
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
    pub(super) async fn send(&mut self, request: RequestBuilder, luck: &mut Luck) -> Option<Response> {
        self.forget_traffic();
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

    pub(super) fn with_fault(&self, luck: &mut Luck) {
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

    pub(super) fn heal(&self) {
        self.stack.table_proxy.heal();
        self.stack.kakao_proxy.heal();
    }

    /// Now and then a copy of a write, or of the call that unlinks, stays under way.
    pub(super) fn keep_late(&mut self, luck: &mut Luck) {
        let (operation, at_kakao) = luck.of(&WRITES);
        let (proxy, lasts) = self.way(at_kakao);
        // Only what was sent in this step: its time is the clock's.
        let is_new = proxy.take_traffic().operations.iter().any(|passed| passed == operation);
        if luck.below(2) == 0 && is_new {
            let (request, until) = (proxy.copy_of_last(operation), self.stack.now() + lasts);
            self.late.push(Late { request, at_kakao, until });
        }
    }

    /// A request that was under way arrives, if it is not too late.
    pub(super) async fn late_request(&mut self, luck: &mut Luck) {
        if !self.late.is_empty() {
            let late = self.late.swap_remove(luck.index(self.late.len()));
            if self.stack.now() < late.until {
                self.way(late.at_kakao).0.arrive(&late.request).await.unwrap();
                self.ended.clear();
            }
        }
    }

    pub(super) fn forget_traffic(&self) {
        let _ = (self.stack.kakao_proxy.take_traffic(), self.stack.table_proxy.take_traffic());
    }

    pub(super) fn way(&self, to_kakao: bool) -> (&'a FaultProxy, Duration) {
        let stack = self.stack;
        if to_kakao { (&stack.kakao_proxy, UNSETTLED) } else { (&stack.table_proxy, LATEST_WRITE) }
    }
}
