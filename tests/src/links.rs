//! What the pages of one browser share in IndexedDB, by the rules of our client (`web/src/links.ts`).

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::clock::Timestamp;

use crate::chain::link;

/// How many older entries of the same kind are kept.
const KEPT: usize = 4;

/// A record of a session, or the first link of a login whose response was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `s:` and the session, or `p:` and the credential of the login.
    pub key: String,
    /// The last link that was confirmed. Only records have one.
    pub prev: Option<String>,
    /// The link after it, and when it was drawn: from before it is sent until a response confirms it.
    pub next: Option<(String, Timestamp)>,
    /// How often the login was sent.
    pub tries: u32,
    /// The newest entry has the largest.
    at: u64,
}

/// The stored entries.
#[derive(Clone, Debug, Default)]
pub struct Links(Vec<Entry>);

/// The number of a confirmed link.
#[must_use]
pub fn number(confirmed: &str) -> u32 {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(confirmed).unwrap_or_default();
    bytes.first_chunk().map_or(0, |number| u32::from_be_bytes(*number))
}

/// The link in a confirmed one.
#[must_use]
pub fn link_in(confirmed: &str) -> String {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(confirmed).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(bytes.get(4..20).unwrap_or_default())
}

/// The key of a session's record.
#[must_use]
pub fn record_of(session: &str) -> String {
    format!("s:{session}")
}

impl Entry {
    /// The links as a body has them.
    #[must_use]
    pub fn links(&self) -> Value {
        let next = self.next.as_ref().map(|(next, _)| next);
        match &self.prev {
            Some(prev) => json!({"prev": prev, "next": next}),
            None => json!({"next": next}),
        }
    }
}

impl Links {
    /// The entry to send next: that of this session, or the first one that was not tried. Its link is stored.
    pub fn take(&mut self, session: Option<&str>, tried: &BTreeSet<String>, now: Timestamp) -> Option<Entry> {
        self.0.sort_by_key(|entry| (entry.prev.is_none(), std::cmp::Reverse(entry.at)));
        let named = session.map(record_of);
        let untried = || self.0.iter().filter(|entry| !tried.contains(&entry.key));
        let found = untried().find(|entry| Some(&entry.key) == named.as_ref()).or_else(|| untried().next())?;
        let key = found.key.clone();
        let entry = self.0.iter_mut().find(|entry| entry.key == key)?;
        entry.next.get_or_insert_with(|| (link(), now));
        Some(entry.clone())
    }

    /// Whether an entry is left that was not tried.
    #[must_use]
    pub fn has_untried(&self, tried: &BTreeSet<String>) -> bool {
        self.0.iter().any(|entry| !tried.contains(&entry.key))
    }

    /// The server has confirmed a link in the response to this entry. Numbers only rise.
    pub fn confirm(&mut self, sent: &Entry, session: &str, confirmed: &str) {
        let key = record_of(session);
        let stored = self.0.iter().find(|entry| entry.key == key).and_then(|entry| entry.prev.as_deref());
        if stored.is_none_or(|stored| number(confirmed) > number(stored)) {
            self.put(Entry { key, prev: Some(confirmed.to_owned()), next: None, tries: 0, at: 0 });
        }
        if sent.prev.is_none() {
            self.drop(&sent.key);
        }
    }

    /// Whether an entry still is what was sent.
    #[must_use]
    pub fn is_current(&self, sent: &Entry) -> bool {
        self.0.iter().any(|entry| entry.key == sent.key && entry.next == sent.next)
    }

    /// The entry of a login, which all its repetitions share.
    pub fn begin(&mut self, credential: &Value, now: Timestamp) -> Entry {
        let begun = self.of_login(credential).unwrap_or_else(|| Entry {
            key: format!("p:{credential}"),
            prev: None,
            next: Some((link(), now)),
            tries: 0,
            at: 0,
        });
        self.put(Entry { tries: begun.tries + 1, ..begun })
    }

    /// The entry of a login that was begun.
    #[must_use]
    pub fn of_login(&self, credential: &Value) -> Option<Entry> {
        self.0.iter().find(|entry| entry.key == format!("p:{credential}")).cloned()
    }

    /// Deletes an entry.
    pub fn drop(&mut self, key: &str) {
        self.0.retain(|entry| entry.key != key);
    }

    fn put(&mut self, entry: Entry) -> Entry {
        let entry = Entry { at: 1 + self.0.iter().map(|entry| entry.at).max().unwrap_or_default(), ..entry };
        self.drop(&entry.key);
        self.0.push(entry.clone());
        let mut of_its_kind: Vec<_> = self.0.iter().filter(|one| one.prev.is_none() == entry.prev.is_none()).collect();
        of_its_kind.sort_by_key(|one| std::cmp::Reverse(one.at));
        let old: Vec<String> = of_its_kind.into_iter().skip(1 + KEPT).map(|one| one.key.clone()).collect();
        self.0.retain(|one| !old.contains(&one.key));
        entry
    }
}
