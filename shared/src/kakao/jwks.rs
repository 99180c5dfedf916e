//! Kakao's public keys, kept in the process: Kakao rotates them rarely and blocks those who fetch them often.

use std::{collections::HashMap, time::Duration};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, JwkSet},
};
use tokio::sync::Mutex;

use super::KakaoError;
use crate::clock::Timestamp;

const FRESH: Duration = Duration::from_hours(24);
const PAUSE: Duration = Duration::from_mins(5);

/// The last good set, and when it was asked for.
#[derive(Debug, Default)]
pub(super) struct Jwks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    keys: HashMap<String, DecodingKey>,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

impl Jwks {
    /// The key of this id. `fetch` is called if there is none, or the set is a day old, but at most once in five minutes
    /// while there is a set. If it fails, the last good set goes on being used.
    pub(super) async fn key<F>(
        &self,
        key_id: &str,
        now: Timestamp,
        fetch: impl FnOnce() -> F,
    ) -> Result<DecodingKey, KakaoError>
    where
        F: Future<Output = Result<JwkSet, KakaoError>>,
    {
        // Held during the fetch: others wait for its result and do not ask for themselves.
        let mut state = self.0.lock().await;
        let fresh = state.fetched_at.is_some_and(|at| now < at + FRESH);
        let may_ask = state.keys.is_empty() || state.asked_at.is_none_or(|at| now >= at + PAUSE);
        if !(fresh && state.keys.contains_key(key_id)) && may_ask {
            state.asked_at = Some(now);
            match fetch().await {
                Ok(set) => {
                    state.keys = readable(&set);
                    state.fetched_at = Some(now);
                }
                Err(error) if state.keys.is_empty() => return Err(error),
                Err(error) => tracing::warn!("Kakao's keys could not be fetched again, the last ones stay: {error}"),
            }
        }
        let key = state.keys.get(key_id).cloned();
        key.ok_or_else(|| KakaoError::Rejected("the ID token was signed by an unknown key".to_owned()))
    }
}

fn readable(set: &JwkSet) -> HashMap<String, DecodingKey> {
    let rsa = set.keys.iter().filter(|key| matches!(key.algorithm, AlgorithmParameters::RSA(_)));
    rsa.filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn set(kids: &[&str]) -> JwkSet {
        let keys = kids
            .iter()
            .map(|kid| json!({"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB"}));
        serde_json::from_value(json!({"keys": keys.collect::<Vec<_>>()})).unwrap()
    }

    fn down() -> KakaoError {
        KakaoError::Unavailable { reason: "down".to_owned(), retry_after: PAUSE, is_outage: true }
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
    async fn a_new_key_is_found_and_the_last_set_outlives_an_outage() {
        let jwks = Jwks::default();
        assert!(jwks.key("a", NOW, || async { Err(down()) }).await.is_err());
        assert!(jwks.key("a", NOW, || async { Ok(set(&["a"])) }).await.is_ok(), "without a set, every sign-in asks");
        let later = NOW + FRESH;
        assert!(jwks.key("a", later, || async { Err(down()) }).await.is_ok(), "the last good set");
        assert!(jwks.key("b", later + PAUSE, || async { Ok(set(&["b"])) }).await.is_ok());
        let gone = jwks.key("a", later + PAUSE, || async { Ok(set(&["b"])) }).await;
        assert!(matches!(gone, Err(KakaoError::Rejected(_))), "a key that Kakao withdrew");
    }
}
