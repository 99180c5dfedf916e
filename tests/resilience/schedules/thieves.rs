//! Thieves: with the cookie alone, with a copy of the browser's storage, with an old recording.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::table::Item;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::{clock::Timestamp, session::LINK_PACE};
use tests::{
    chain::{confirmed, link, parts},
    client::Response,
    linked_browser::{Next, Sent, session_of_cookie},
};

use super::{
    account::Account,
    linked::{Linked, REFRESH, check},
};
use crate::luck::Luck;

/// Longer than a theft takes.
const DAY: Duration = Duration::from_hours(24);

/// A thief with the cookie and with links.
struct Thief {
    cookie: String,
    /// The links that it knows to be confirmed, the newest last.
    known: Vec<String>,
    /// The next link in the copy. Its owner may send it too.
    copied: Option<Value>,
}

/// The newest link of a chain.
struct Head {
    number: u32,
    added_at: Timestamp,
}

impl Head {
    fn of(item: &Item) -> Self {
        let number = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
        let added_at = Timestamp::from_unix_seconds(number("rotated_at"));
        Self { number: number("generation").try_into().unwrap(), added_at }
    }

    fn is_young(&self, account: &Account) -> bool {
        self.added_at > account.stack.now() - LINK_PACE
    }
}

impl Thief {
    /// Its request, and whether its `next` is a link that the owner does not send.
    fn request(&self, luck: &mut Luck) -> (Sent, bool) {
        let newest = self.known.last().unwrap();
        let prev = if luck.below(4) == 0 { &self.known[luck.index(self.known.len())] } else { newest };
        let old = parts(&self.known[luck.index(self.known.len())]).1;
        let (next, is_own) = match &self.copied {
            Some(next) if prev == newest => (next.clone(), false),
            _ if luck.below(4) == 0 && old != parts(prev).1 => (json!(old), true),
            _ => (json!(link()), true),
        };
        (Sent { path: REFRESH, cookie: self.cookie.clone(), links: json!({"prev": prev, "next": next}) }, is_own)
    }
}

impl Linked {
    /// The cookie alone is worth nothing: 403, and nothing is touched.
    pub(super) async fn cookie_stolen(&mut self, account: &mut Account, luck: &mut Luck) {
        let (cookie, before) = (self.browser.cookie().to_owned(), account.stack.dump().await);
        let made_up = BASE64_URL_SAFE_NO_PAD.encode(shared::random::bytes::<36>());
        let links = match luck.below(4) {
            0 => Value::Null,
            1 => json!({"next": link()}),
            2 => json!({"prev": made_up, "next": link()}),
            _ => {
                let own = self.recorded.iter().find(|sent| sent.cookie != cookie).map(|sent| sent.links.clone());
                own.filter(|links| links["prev"].is_string()).unwrap_or_default()
            }
        };
        for path in [REFRESH, "/auth/logout?scope=all", "/auth/logout?scope=others"] {
            let sent = Sent { path, cookie: cookie.clone(), links: links.clone() };
            let response = account.send(sent.to(account.stack)).await;
            assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "link_required"), "{path} {links}");
            assert_eq!((&response.cookie, &response.body["session"]), (&None, &json!(self.session())));
        }
        assert_eq!(account.stack.dump().await, before, "nothing is touched");
    }

    /// Cookie and storage are copied while nothing is under way. As soon as the chain has grown by a link of the thief, the owner's
    /// next refresh finds it out: both are out.
    pub(super) async fn storage_copied(&mut self, account: &mut Account, luck: &mut Luck) {
        self.lose_everything();
        self.again(account).await;
        let session = self.session();
        if account.patience() < DAY {
            return;
        }
        let Some(mut thief) = self.copy(account, luck) else { return };
        let mut is_stolen = false;
        for _ in 0..2 + luck.below(6) {
            if luck.below(2) == 0 {
                is_stolen |= self.thief_asks(account, &mut thief, luck).await;
            } else {
                self.owner_asks(account, is_stolen).await;
            }
            account.pass(Duration::from_secs(luck.of(&[0, 1, 14, 15, 16, 100, 3_600])));
        }
        // The owner goes on until the copy is worth nothing.
        for _ in 0..4 {
            account.pass(LINK_PACE);
            self.owner_asks(account, is_stolen).await;
        }
        let is_alive = account.is_alive(&session);
        assert_eq!(is_alive, !is_stolen && self.browser.session().is_some(), "a theft ends the session");
        for _ in 0..2 {
            let (sent, _) = thief.request(luck);
            let response = account.send(sent.to(account.stack)).await;
            assert_ne!(response.status, StatusCode::OK, "a copy is served although its owner has gone on");
            let everywhere = Sent { path: "/auth/logout?scope=all", ..sent };
            let response = account.send(everywhere.to(account.stack)).await;
            assert!(!is_alive || response.code() == "link_stale", "a copy logs out everywhere: {}", response.body);
        }
        assert_eq!(account.item(&session).await.is_some(), is_alive);
    }

    fn copy(&mut self, account: &Account, luck: &mut Luck) -> Option<Thief> {
        let mut links = self.browser.links.clone();
        let entry = links.take(Some(&self.session()), &[].into(), account.stack.now())?;
        let prev = entry.prev.clone().filter(|_| entry.key.ends_with(&self.session()))?;
        // The owner has drawn its next link, or not yet.
        let copied = (luck.below(2) == 0).then(|| {
            self.browser.links = links;
            entry.links()["next"].take()
        });
        let cookie = self.browser.cookie().to_owned();
        let of_the_session = self.recorded.iter().filter(|sent| sent.cookie == cookie);
        let recorded = of_the_session.filter_map(|sent| Some(sent.links["prev"].as_str()?.to_owned()));
        Some(Thief { known: recorded.chain([prev]).collect(), copied, cookie })
    }

    /// Returns whether the chain has grown by a link of the thief.
    async fn thief_asks(&mut self, account: &mut Account, thief: &mut Thief, luck: &mut Luck) -> bool {
        let session = session_of_cookie(&thief.cookie);
        let before = account.item(&session).await.map(uncounted);
        let (sent, is_own) = thief.request(luck);
        let response = account.send(sent.to(account.stack)).await;
        let after = account.item(&session).await.map(uncounted);
        match response.status.as_u16() {
            200 => {
                assert!(account.is_alive(&session), "a session that has ended issued an access token");
                let Some(confirmed) = confirmed(&response) else { return false };
                thief.known.push(confirmed);
                thief.copied = None;
                is_own && before != after
            }
            401 => {
                assert!(after.is_none(), "two links follow the same one, and the session goes on");
                account.end(&session);
                false
            }
            409 => {
                assert_eq!(before, after, "nothing is touched");
                false
            }
            status => panic!("{status} {}", response.body),
        }
    }

    async fn owner_asks(&mut self, account: &mut Account, is_stolen: bool) {
        let session = self.session();
        if self.browser.session().is_none() {
            return;
        }
        let mut asking = self.browser.begin(REFRESH);
        let sent = self.browser.ask(&mut asking, account.stack.now());
        let response = account.send(sent.to(account.stack)).await;
        if !is_stolen {
            check(account, &sent, &response);
            return self.take(account, asking, response, account.stack.now()).await;
        }
        if response.status == StatusCode::OK {
            // The thief has sent the owner's next link, and one after it: within the pace the owner's request is only late.
            let head = Head::of(&account.item(&session).await.unwrap());
            let is_late = head.is_young(account) && sent.number() == head.number.checked_sub(2);
            return assert!(is_late && confirmed(&response).is_none(), "the theft is not detected");
        }
        match self.browser.take(&mut asking, &response, account.stack.now()) {
            Next::LoggedOut(true) => {
                let response = account.stack.logout(self.browser.cookie()).await;
                assert_eq!(response.status, StatusCode::OK);
                self.browser.take_cookie(&response);
            }
            next => assert_eq!((next, response.status), (Next::LoggedOut(false), StatusCode::UNAUTHORIZED)),
        }
        account.end(&session);
    }

    /// A recording of an old request does nothing. The last one and, within the pace, the one before it are repetitions.
    pub(super) async fn recording_replayed(&mut self, account: &mut Account, luck: &mut Luck) {
        if self.recorded.is_empty() {
            return;
        }
        let sent = self.recorded[luck.index(self.recorded.len())].clone();
        let session = session_of_cookie(&sent.cookie);
        let before = account.item(&session).await;
        let response: Response = account.send(sent.to(account.stack)).await;
        check(account, &sent, &response);
        let Some(before) = before.filter(|_| account.is_alive(&session)) else { return };
        let head = Head::of(&before);
        let behind = i64::from(head.number) - sent.number().map_or(-1, i64::from);
        if behind >= 3 || behind == 2 && !head.is_young(account) {
            let expected = if sent.number().is_some() { StatusCode::CONFLICT } else { StatusCode::FORBIDDEN };
            assert_eq!(response.status, expected, "an old recording: {}", response.body);
        }
        if behind > 0 {
            let after = account.item(&session).await.unwrap();
            assert_eq!(uncounted(after), uncounted(before), "nothing is touched");
        }
    }
}

/// An item without the count of answers that have renewed nothing.
fn uncounted(mut item: Item) -> Item {
    item.retain(|name, _| !["answers", "answers_minute"].contains(&name.as_str()));
    item
}
