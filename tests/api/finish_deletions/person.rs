//! A person whose account is deleted, and what is left of it.

use std::time::Duration;

use finish_deletions::Outcome;
use local::table::Item;
use serde_json::json;
use shared::{
    account::{LinkAnswer, MarkedBy},
    id::{KakaoId, UserId},
    store::Marked,
};
use tests::{Stack, client::Response};

pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// A person with a user here.
pub(crate) struct Person {
    /// The name at the stand-in.
    pub name: String,
    pub kakao: KakaoId,
    pub user: UserId,
    /// The first refresh token.
    pub token: String,
}

impl Person {
    /// Somebody with this number at Kakao logs in for the first time.
    pub(crate) async fn join(stack: &Stack, kakao: i64) -> Self {
        let name = stack.kakao.user(&json!({"id": kakao})).await;
        let login = stack.log_in_as(&name).await;
        Self { name, kakao: kakao.try_into().unwrap(), user: user_of(&login), token: login.token() }
    }

    /// Marks the account as deleted.
    pub(crate) async fn delete(&self, stack: &Stack) {
        let marked = stack.store().mark_deleted(self.user, self.kakao, MarkedBy::Person, stack.now()).await;
        assert_eq!(marked.unwrap(), Marked::Now);
    }

    /// Deletes the account and waits until the work begins.
    pub(crate) async fn delete_and_wait(&self, stack: &Stack) {
        self.delete(stack).await;
        stack.advance(MINUTE);
    }

    /// The status of a login.
    pub(crate) async fn try_to_log_in(&self, stack: &Stack) -> u16 {
        let token = stack.kakao.token(&self.name).await;
        stack
            .ask(stack.request(reqwest::Method::POST, "/auth/kakao").json(&json!({"access_token": token})))
            .await
            .unwrap()
            .status
            .as_u16()
    }

    pub(crate) async fn is_linked(&self, stack: &Stack) -> bool {
        match stack.link_at_kakao(self.kakao).await {
            LinkAnswer::Linked { .. } => true,
            LinkAnswer::NotLinked => false,
            answer => panic!("{answer:?}"),
        }
    }

    /// The items of the user.
    pub(crate) async fn items(&self, stack: &Stack) -> Vec<Item> {
        items_of(stack, &format!("USER#{}", self.user)).await
    }

    pub(crate) async fn identity(&self, stack: &Stack) -> Item {
        items_of(stack, &format!("KAKAO#{}", self.kakao)).await.pop().unwrap_or_default()
    }

    /// Asserts that nothing is left of the user but a tombstone of the identity and the final sweep.
    pub(crate) async fn assert_closed(&self, stack: &Stack) {
        let identity = self.identity(stack).await;
        let names: Vec<&str> = ["user_id", "deleting_at", "unlinked_at", "expires_at"]
            .into_iter()
            .filter(|name| identity.contains_key(*name))
            .collect();
        assert_eq!(names, ["unlinked_at", "expires_at"], "{identity:?}");
        let profile = self.items(stack).await;
        assert!(profile.iter().all(|item| item.len() == 3 && item.contains_key("deleted_at")), "{profile:?}");
        let [work]: [Item; 1] = items_of(stack, "OUTBOX").await.try_into().unwrap();
        assert_eq!(work["kind"].as_s().unwrap(), "final_sweep");
        assert!(!work.contains_key("kakao_id"));
    }
}

pub(crate) fn user_of(login: &Response) -> UserId {
    login.body["user"]["pk"].as_str().unwrap().parse().unwrap()
}

/// The items of a partition.
pub(crate) async fn items_of(stack: &Stack, partition: &str) -> Vec<Item> {
    let is_in = |item: &Item| item["pk"].as_s().is_ok_and(|pk| pk == partition);
    stack.dump().await.into_iter().filter(is_in).collect()
}

/// Runs the worker, which finds this many items.
pub(crate) async fn run(stack: &Stack, items: usize) {
    assert_eq!(stack.finish_deletions().await.unwrap(), Outcome::Finished { items });
}
