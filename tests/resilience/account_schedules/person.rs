//! A person at Kakao: what it does, and what it may expect.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::id::KakaoId;
use tests::{Browser, Credential, Stack, client::Response};

use super::disturbances::Late;
use crate::luck::Luck;

/// A browser that has logged in.
pub(super) struct Device {
    pub(super) browser: Browser,
    pub(super) pk: String,
    /// Whether its session or its user may end: the person has left since, here or at Kakao.
    pub(super) may_end: bool,
}

/// A person at Kakao, and what happened so far.
pub(super) struct Person<'a> {
    pub(super) stack: &'a Stack,
    pub(super) name: String,
    pub(super) kakao: KakaoId,
    pub(super) devices: Vec<Device>,
    /// Credentials that the person has got from Kakao and not used yet.
    pub(super) credentials: Vec<Value>,
    /// Users whose deletion was confirmed.
    pub(super) deleted: BTreeSet<String>,
    /// Those of them whose sessions ended with the response. After a fault, or a late write, some go on until the worker runs.
    pub(super) ended: BTreeSet<String>,
    /// All users that the person ever was.
    pub(super) seen: BTreeSet<String>,
    /// Writes that are still under way, and since when.
    pub(super) late: Vec<Late>,
    /// Webhooks that are still under way.
    pub(super) webhooks: Vec<Value>,
    /// The users whose deletion was requested. A request that died may still take effect.
    pub(super) leaving: BTreeSet<String>,
    /// Whether the last request met a fault.
    pub(super) is_disturbed: bool,
    /// Whether a webhook about the person was lost for good.
    pub(super) is_webhook_lost: bool,
}

/// The user's id, as receipts and the table have it.
pub(super) fn id(response: &Response) -> String {
    match &response.body["user"]["pk"] {
        Value::String(id) => id.clone(),
        number => number.to_string(),
    }
}

impl<'a> Person<'a> {
    pub(super) async fn new(stack: &'a Stack, seed: u64) -> Self {
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
    pub(super) async fn log_in(&mut self, luck: &mut Luck) {
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

    pub(super) async fn logged_in(&mut self, response: &Response) {
        let pk = id(response);
        assert!(!self.deleted.contains(&pk), "a deleted user has logged in");
        self.seen.insert(pk.clone());
        // With a credential from before, the person may have unlinked the app meanwhile.
        let may_end = self.leaving.contains(&pk) || !self.is_linked().await;
        self.devices.push(Device { browser: Browser::logged_in(response), pk, may_end });
    }

    /// The person leaves: from now on the devices may be logged out.
    pub(super) fn leave(&mut self) {
        self.devices.iter_mut().for_each(|device| device.may_end = true);
    }

    /// A device refreshes. Without faults, a device is logged out only if its user has left.
    pub(super) async fn refresh(&mut self, luck: &mut Luck) {
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
    pub(super) async fn delete(&mut self, luck: &mut Luck) {
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
    pub(super) async fn unlink_at_kakao(&mut self, luck: &mut Luck) {
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
    pub(super) async fn receive_webhook(&mut self, luck: &mut Luck) {
        if !self.webhooks.is_empty() {
            let webhook = self.webhooks.swap_remove(luck.index(self.webhooks.len()));
            self.stack.kakao.send_webhook(&webhook).await;
        }
    }

    /// Kakao reports something that does not end the account.
    pub(super) async fn receive_event(&mut self, luck: &mut Luck) {
        let event = luck.of(&["user-linked", "user-scope-withdraw", "sessions-revoked", "tokens-revoked"]);
        if event == "sessions-revoked" {
            self.leave();
        }
        self.stack.kakao.send_event(&self.name, event).await;
    }
}
