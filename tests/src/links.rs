//! What the pages of one browser share in `IndexedDB`, by the rules of our client (`web/src/links.ts`).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::clock::Timestamp;

use crate::chain::{link, parts};

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
        if stored.is_none_or(|stored| parts(confirmed).0 > parts(stored).0) {
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

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn confirmed(number: u32) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&number.to_be_bytes()[..], &[7; 32]].concat())
    }

    fn begun(session: &str) -> (Links, Entry) {
        let mut links = Links::default();
        let login = links.begin(&json!({"code": session}), NOW);
        links.confirm(&login, session, &confirmed(0));
        let record = links.take(Some(session), &BTreeSet::new(), NOW).unwrap();
        (links, record)
    }

    #[test]
    fn a_link_is_sent_until_it_is_confirmed() {
        let (mut links, record) = begun("a");
        assert_eq!(links.take(None, &BTreeSet::new(), NOW).as_ref(), Some(&record));
        links.confirm(&record, "a", &confirmed(1));
        let next = links.take(None, &BTreeSet::new(), NOW).unwrap();
        assert_eq!(next.prev, Some(confirmed(1)));
        assert!(next.next != record.next && !links.is_current(&record) && links.is_current(&next));
    }

    #[test]
    fn numbers_only_rise() {
        let (mut links, record) = begun("a");
        links.confirm(&record, "a", &confirmed(256));
        for late in [1, 255, 256] {
            links.confirm(&record, "a", &confirmed(late));
            assert_eq!(links.take(None, &BTreeSet::new(), NOW).unwrap().prev, Some(confirmed(256)), "{late}");
        }
    }

    #[test]
    fn a_login_has_one_link_until_it_is_confirmed_and_leaves_the_record_of_the_session_before() {
        let (mut links, record) = begun("a");
        let credential = json!({"code": "b"});
        let first = links.begin(&credential, NOW);
        let repeated = links.begin(&credential, NOW);
        assert_eq!((repeated.tries, &repeated.next), (2, &first.next));
        let order = |links: &mut Links, named| {
            let mut tried = BTreeSet::new();
            while let Some(entry) = links.take(named, &tried, NOW) {
                tried.insert(entry.key.clone());
                assert_eq!(links.has_untried(&tried), tried.len() < 2);
            }
            links.take(named, &BTreeSet::new(), NOW).unwrap().key
        };
        assert_eq!(order(&mut links, None), record.key, "records come first");
        links.confirm(&repeated, "b", &confirmed(0));
        assert_eq!(links.of_login(&credential), None);
        assert_eq!(order(&mut links, None), "s:b", "the newest record comes first");
        assert_eq!(order(&mut links, Some("a")), "s:a", "but for the session that the server has named");
    }

    #[test]
    fn four_older_entries_of_each_kind_are_kept() {
        let (mut links, _) = begun("0");
        for session in 1..10 {
            links.begin(&json!({"code": format!("lost {session}")}), NOW);
            let login = links.begin(&json!({"code": session}), NOW);
            links.confirm(&login, &session.to_string(), &confirmed(0));
        }
        let kept = |prefix: &str| links.0.iter().filter(|entry| entry.key.starts_with(prefix)).count();
        assert_eq!((kept("s:"), kept("p:")), (5, 4), "beside the present session, and beside the last login");
        assert!(links.0.iter().any(|entry| entry.key == "s:9") && !links.0.iter().any(|entry| entry.key == "s:4"));
    }
}
