//! Kakao's public keys, cached in the process: Kakao rotates them rarely and blocks clients that fetch them often.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{rsa::PublicKeyComponents, signature::RSA_PKCS1_2048_8192_SHA256};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::{
    KakaoError,
    codes::Failure,
    members::{Member, Members},
};
use crate::clock::Timestamp;

const FRESH: Duration = Duration::from_hours(24);
const PAUSE: Duration = Duration::from_mins(5);

/// The last good set, and when it was asked for.
#[derive(Debug, Default)]
pub(super) struct Jwks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    keys: Keys,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

/// Keys that verify RS256, by their id.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Arc<PublicKey>>);

/// A key that verifies RS256.
#[derive(Debug)]
pub(super) struct PublicKey(PublicKeyComponents<Vec<u8>>);

impl Jwks {
    /// The key with this id. Calls `fetch` if the id is unknown or the set is a day old, but at most once in five minutes while there
    /// is a set. If `fetch` fails, the last good set stays in use.
    ///
    /// A token is rejected for an unknown key only if a set that was fetched for this token lacks the key. Before that the key may be
    /// new.
    pub(super) async fn key<F>(
        &self,
        key_id: &str,
        now: Timestamp,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<PublicKey>, KakaoError>
    where
        F: Future<Output = Result<Keys, Failure>>,
    {
        // Locked during the fetch, so that other requests wait for its result and do not make their own.
        let mut state = self.0.lock().await;
        let known = state.keys.0.get(key_id).cloned();
        let fresh = state.fetched_at.is_some_and(|at| now < at + FRESH);
        if let Some(key) = known.clone().filter(|_| fresh) {
            return Ok(key);
        }
        let may_ask_at = state.asked_at.filter(|_| !state.keys.0.is_empty()).map(|at| at + PAUSE);
        if let Some(may_ask_at) = may_ask_at.filter(|at| now < *at) {
            return known.ok_or_else(|| KakaoError::Unavailable {
                reason: "the token's key is unknown, and Kakao's keys were fetched moments ago".to_owned(),
                retry_after: Duration::from_secs(may_ask_at.seconds_since(now)),
            });
        }
        state.asked_at = Some(now);
        match fetch().await {
            Ok(keys) => {
                state.keys = keys;
                state.fetched_at = Some(now);
                let key = state.keys.0.get(key_id).cloned();
                key.ok_or_else(|| KakaoError::Rejected("the token was signed by an unknown key".to_owned()))
            }
            Err(failure) => {
                let error = KakaoError::from(failure);
                let Some(key) = known else { return Err(error) };
                tracing::warn!("Could not fetch Kakao's keys again; using the cached ones: {error}");
                Ok(key)
            }
        }
    }
}

impl Keys {
    /// Reads a JWK Set (RFC 7517 §5). Skips unusable entries, and returns `None` if no key is left.
    pub(super) fn read(set: &Members) -> Option<Self> {
        let entries: Vec<Box<RawValue>> = set.get("keys").value()?;
        let mut keys = HashMap::new();
        for entry in entries {
            if let Some((key_id, key)) = Members::parse(entry.get().as_bytes()).as_ref().and_then(read_key) {
                keys.entry(key_id).or_insert(Arc::new(key));
            }
        }
        Some(Self(keys)).filter(|keys| !keys.0.is_empty())
    }
}

/// A key that may verify RS256 (RFC 7517 §4, RFC 7518 §6.3.1).
fn read_key(jwk: &Members) -> Option<(String, PublicKey)> {
    let is_or_absent = |name, expected: &str| match jwk.text(name) {
        Member::Absent => true,
        Member::Unreadable => false,
        Member::Value(value) => value == expected,
    };
    let verifies = match jwk.get::<Vec<String>>("key_ops") {
        Member::Absent => true,
        Member::Unreadable => false,
        Member::Value(operations) => operations.iter().any(|operation| operation == "verify"),
    };
    let is_rsa = jwk.text("kty").value()? == "RSA";
    if !(is_rsa && is_or_absent("use", "sig") && is_or_absent("alg", "RS256") && verifies) {
        return None;
    }
    let bytes = |name| BASE64_URL_SAFE_NO_PAD.decode(jwk.text(name).value()?).ok();
    let (n, e) = (bytes("n")?, bytes("e")?);
    // RFC 7518 §3.3 asks for 2048 bits at least, and `ring` takes 8192 at most.
    let is_usable = (256..=1_024).contains(&n.len()) && n[0] != 0 && e.first().is_some_and(|byte| *byte != 0);
    is_usable.then_some((jwk.text("kid").value()?, PublicKey(PublicKeyComponents { n, e })))
}

impl PublicKey {
    /// Whether this key signed the message with RS256.
    pub(super) fn verifies(&self, message: &str, signature: &[u8]) -> bool {
        self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::{Value, json};

    use super::{super::codes::Meaning, *};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn jwk(kid: &str, changes: &Value) -> Value {
        let n = BASE64_URL_SAFE_NO_PAD.encode([0xc3; 256]);
        let mut jwk = json!({"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": n, "e": "AQAB"});
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }

    fn read(keys: &[Value]) -> Option<Keys> {
        Keys::read(&Members::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap())
    }

    fn set(kids: &[&str]) -> Keys {
        read(&kids.iter().map(|kid| jwk(kid, &json!({}))).collect::<Vec<_>>()).unwrap()
    }

    fn down() -> Failure {
        Failure::of_call(Meaning::Down, "down")
    }

    #[test]
    fn an_odd_entry_is_skipped_and_the_others_count() {
        let other = BASE64_URL_SAFE_NO_PAD.encode([0xc5; 256]);
        for odd in [
            json!("a text"),
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            jwk("good", &json!({"n": other, "use": "enc"})),
            jwk("good", &json!({"n": other, "use": 7})),
            jwk("good", &json!({"n": other, "key_ops": ["encrypt"]})),
            jwk("good", &json!({"n": other, "key_ops": "verify"})),
            jwk("good", &json!({"n": other, "alg": "RSA-OAEP"})),
            jwk("good", &json!({"n": other, "alg": 7})),
            jwk("good", &json!({"n": "AQAB"})),
            jwk("good", &json!({"n": "?"})),
            jwk("good", &json!({"n": 7})),
            jwk("good", &json!({"e": ""})),
            jwk("good", &json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"})),
            jwk("good", &json!({"kid": 7})),
            jwk("good", &json!({"kid": null})),
        ] {
            for keys in [[odd.clone(), jwk("good", &json!({}))], [jwk("good", &json!({})), odd.clone()]] {
                let keys = read(&keys).unwrap();
                assert_eq!(keys.0.len(), 1, "{odd}");
                assert_eq!(keys.0["good"].0.n, [0xc3; 256], "{odd}");
            }
            assert!(read(std::slice::from_ref(&odd)).is_none(), "alone it is no set: {odd}");
        }
        let lean = jwk("lean", &json!({"alg": null, "use": null, "key_ops": ["verify"], "x5c": 7}));
        assert!(read(&[lean]).is_some(), "what RFC 7517 calls optional is");
        for set in ["{}", r#"{"keys": {}}"#, r#"{"keys": []}"#, r#"{"keys": "x"}"#] {
            assert!(Keys::read(&Members::parse(set.as_bytes()).unwrap()).is_none(), "{set}");
        }
    }

    #[tokio::test]
    async fn a_set_is_fetched_once_a_day() {
        let (jwks, fetches) = (Jwks::default(), Cell::new(0));
        let fetch = || {
            fetches.set(fetches.get() + 1);
            async { Ok(set(&["a"])) }
        };
        for seconds in [0, 1, 86_399] {
            assert!(jwks.key("a", NOW + Duration::from_secs(seconds), fetch).await.is_ok());
        }
        assert_eq!(fetches.get(), 1);
        assert!(jwks.key("a", NOW + FRESH, fetch).await.is_ok());
        assert_eq!(fetches.get(), 2);
    }

    #[tokio::test]
    async fn ten_thousand_unknown_keys_cost_one_fetch_in_five_minutes() {
        let (jwks, fetches) = (Jwks::default(), Cell::new(0));
        let fetch = || {
            fetches.set(fetches.get() + 1);
            async { Ok(set(&["a"])) }
        };
        assert!(jwks.key("a", NOW, fetch).await.is_ok());
        for number in 0..10_000 {
            assert!(jwks.key(&format!("unknown-{number}"), NOW, fetch).await.is_err());
        }
        assert_eq!(fetches.get(), 1, "the set is seconds old");
        for number in 0..10_000 {
            assert!(jwks.key(&format!("unknown-{number}"), NOW + PAUSE, fetch).await.is_err());
        }
        assert_eq!(fetches.get(), 2);
    }

    #[tokio::test]
    async fn a_key_is_refused_only_if_a_set_that_was_fetched_for_it_lacks_it() {
        let jwks = Jwks::default();
        assert!(jwks.key("a", NOW, async || Ok(set(&["a"]))).await.is_ok());
        let too_soon = jwks.key("b", NOW + Duration::from_mins(1), async || Ok(set(&["b"]))).await;
        let Err(KakaoError::Unavailable { retry_after, .. }) = too_soon else { panic!("{too_soon:?}") };
        assert_eq!(retry_after, Duration::from_mins(4), "the rest of the pause");
        let during_an_outage = jwks.key("b", NOW + PAUSE, async || Err(down())).await;
        assert!(matches!(during_an_outage, Err(KakaoError::Unavailable { .. })), "{during_an_outage:?}");
        let fetched_for_it = jwks.key("c", NOW + PAUSE * 2, async || Ok(set(&["b"]))).await;
        assert!(matches!(fetched_for_it, Err(KakaoError::Rejected(_))), "{fetched_for_it:?}");
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_the_last_set_outlives_an_outage() {
        let jwks = Jwks::default();
        assert!(jwks.key("a", NOW, async || Err(down())).await.is_err());
        assert!(jwks.key("a", NOW, async || Ok(set(&["a"]))).await.is_ok(), "without a set, every login asks");
        let later = NOW + FRESH;
        assert!(jwks.key("a", later, async || Err(down())).await.is_ok(), "the last good set");
        assert!(jwks.key("a", later, async || Ok(set(&["b"]))).await.is_ok(), "and so until the pause is over");
        assert!(jwks.key("b", later + PAUSE, async || Ok(set(&["b"]))).await.is_ok());
        let gone = jwks.key("a", later + PAUSE * 2, async || Ok(set(&["b"]))).await;
        assert!(matches!(gone, Err(KakaoError::Rejected(_))), "a key that Kakao withdrew");
    }
}
