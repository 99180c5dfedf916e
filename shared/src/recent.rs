//! A small cache by the hashes of secrets, bounded in number and in time.

use std::{
    collections::VecDeque,
    fmt::{self, Debug, Formatter},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use crate::clock::Timestamp;

const AT_MOST: usize = 1_024;

/// Values by the SHA-256 of a secret. A new entry evicts the oldest if the cache is full, and every use drops expired entries.
///
/// `Debug` prints no values, as some describe a person.
pub struct Recent<T>(Mutex<VecDeque<Entry<T>>>);

struct Entry<T> {
    hash: Vec<u8>,
    value: T,
    until: Timestamp,
}

impl<T: Clone> Recent<T> {
    /// The value for this secret.
    pub fn find(&self, secret: &SecretString, now: Timestamp) -> Option<T> {
        let hash = hash(secret);
        let entries = self.current(now);
        entries.iter().find(|entry| entry.hash == hash).map(|entry| entry.value.clone())
    }

    /// The value for this secret, or a new default value, which is kept until `until`.
    pub fn find_or_remember(&self, secret: &SecretString, until: Timestamp, now: Timestamp) -> T
    where
        T: Default,
    {
        let hash = hash(secret);
        let mut entries = self.current(now);
        if let Some(known) = entries.iter().find(|entry| entry.hash == hash) {
            return known.value.clone();
        }
        let value = T::default();
        push(&mut entries, Entry { hash, value: value.clone(), until });
        value
    }

    /// Keeps a value until `until`, and replaces an earlier value for this secret.
    pub fn remember(&self, secret: &SecretString, value: T, until: Timestamp, now: Timestamp) {
        let hash = hash(secret);
        let mut entries = self.current(now);
        entries.retain(|entry| entry.hash != hash);
        push(&mut entries, Entry { hash, value, until });
    }

    /// Drops expired entries.
    pub fn forget_expired(&self, now: Timestamp) {
        drop(self.current(now));
    }

    /// The entries that have not expired.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, VecDeque<Entry<T>>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.until > now);
        entries
    }
}

fn push<T>(entries: &mut VecDeque<Entry<T>>, entry: Entry<T>) {
    if entries.len() == AT_MOST {
        entries.pop_front();
    }
    entries.push_back(entry);
}

fn hash(secret: &SecretString) -> Vec<u8> {
    digest(&SHA256, secret.expose_secret().as_bytes()).as_ref().to_vec()
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Debug for Recent<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const LATER: Timestamp = Timestamp::from_unix_seconds(1_800_000_010);

    #[test]
    fn a_value_is_remembered_until_its_end_and_then_dropped_from_memory() {
        let (recent, secret) = (Recent::default(), "secret".into());
        recent.remember(&secret, "value", LATER, NOW);
        assert_eq!(recent.find(&secret, LATER - Duration::from_secs(1)), Some("value"));
        assert_eq!(recent.find(&"another".into(), NOW), None);
        recent.forget_expired(LATER);
        assert_eq!(recent.0.lock().unwrap().len(), 0);
        recent.remember(&secret, "value", LATER, NOW);
        assert_eq!(recent.find(&secret, LATER), None);
        assert_eq!(recent.0.lock().unwrap().len(), 0);
    }

    #[test]
    fn a_newer_value_replaces_an_older_one() {
        let (recent, secret) = (Recent::default(), "secret".into());
        recent.remember(&secret, "older", LATER, NOW);
        recent.remember(&secret, "newer", LATER, NOW);
        assert_eq!(recent.find(&secret, NOW), Some("newer"));
        assert_eq!(recent.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_oldest_makes_room() {
        let recent = Recent::default();
        let secret = |number: usize| SecretString::from(format!("secret {number}"));
        for number in 0..=AT_MOST {
            recent.remember(&secret(number), number, LATER, NOW);
        }
        assert_eq!(recent.find(&secret(0), NOW), None);
        assert!((1..=AT_MOST).all(|number| recent.find(&secret(number), NOW) == Some(number)));
    }

    #[test]
    fn debug_prints_neither_secrets_nor_values() {
        let recent = Recent::default();
        recent.remember(&"secret".into(), "value", LATER, NOW);
        assert_eq!(format!("{recent:?}"), "Recent { .. }");
    }
}
