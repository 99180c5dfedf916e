//! The end of a schedule: everything arrives, and the promises are checked.

use std::time::Duration;

use local::table::Item;
use reqwest::StatusCode;
use shared::account::LinkAnswer;
use tests::Credential;

use super::person::Person;
use crate::luck::Luck;

impl Person<'_> {
    /// Everything arrives, and the worker runs until its work is done.
    pub(super) async fn come_to_rest(&mut self, luck: &mut Luck) {
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

    pub(super) async fn is_linked(&self) -> bool {
        matches!(self.stack.link_at_kakao(self.kakao).await, LinkAnswer::Linked { .. })
    }

    pub(super) async fn check(&mut self) {
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
