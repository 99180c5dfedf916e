//! What ties a hosted login to the browser that began it: one random seed in a cookie.
//!
//! ```text
//! seed     = 32 random bytes: the cookie's value, in base64url
//! state    = base64url( salt(16) ‖ time(4) ‖ HMAC-SHA256(seed, "state" ‖ salt ‖ time ‖ next) ) "." base64url(next)
//! verifier = base64url( HMAC-SHA256(seed, "verifier" ‖ salt) )
//! nonce    = base64url( HMAC-SHA256(seed, "nonce" ‖ salt) )
//! ```
//!
//! The state carries all that the callback needs, so a browser may begin any number of logins at once with one short cookie, and the
//! server stores nothing and needs no key. Whoever does not have the seed can make no state, and knows neither verifier nor nonce.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use shared::{clock::Timestamp, random};

/// How long a login may take at Kakao.
pub(super) const LOGIN_TTL: Duration = Duration::from_mins(10);
const SALT_BYTES: usize = 16;
const TIME_BYTES: usize = 4;

/// The secret of a browser.
pub(super) struct Seed {
    text: SecretString,
    key: hmac::Key,
}

/// A login that has begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    salt: [u8; SALT_BYTES],
    time: [u8; TIME_BYTES],
    /// The page to return to.
    pub(super) next: String,
}

impl Begun {
    pub(super) fn new(next: &str, now: Timestamp) -> Self {
        let seconds = u32::try_from(now.unix_seconds()).unwrap_or(u32::MAX);
        Self { salt: random::bytes(), time: seconds.to_be_bytes(), next: next.to_owned() }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let began_at = Timestamp::from_unix_seconds(u32::from_be_bytes(self.time).into());
        now.seconds_since(began_at) >= LOGIN_TTL.as_secs()
    }
}

impl Seed {
    /// A new seed.
    pub(super) fn draw() -> Self {
        let seed: [u8; 32] = random::bytes();
        Self { text: BASE64_URL_SAFE_NO_PAD.encode(seed).into(), key: hmac::Key::new(hmac::HMAC_SHA256, &seed) }
    }

    /// The seed of a cookie, if the value is one.
    pub(super) fn read(text: SecretString) -> Option<Self> {
        let seed = BASE64_URL_SAFE_NO_PAD.decode(text.expose_secret()).ok().filter(|seed| seed.len() == 32)?;
        Some(Self { text, key: hmac::Key::new(hmac::HMAC_SHA256, &seed) })
    }

    /// The value of the cookie.
    pub(super) fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The `state` of a login.
    pub(super) fn state(&self, begun: &Begun) -> String {
        let tag = hmac::sign(&self.key, &signed(begun));
        let head = [&begun.salt[..], &begun.time, tag.as_ref()].concat();
        format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(head), BASE64_URL_SAFE_NO_PAD.encode(&begun.next))
    }

    /// The login of a `state`, if this browser began it less than ten minutes ago.
    pub(super) fn open(&self, state: &str, now: Timestamp) -> Option<Begun> {
        let (head, next) = state.split_once('.')?;
        let head = BASE64_URL_SAFE_NO_PAD.decode(head).ok()?;
        let (salt, rest) = head.split_first_chunk()?;
        let (time, tag) = rest.split_first_chunk()?;
        let next = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let begun = Begun { salt: *salt, time: *time, next };
        hmac::verify(&self.key, &signed(&begun), tag).ok()?;
        Some(begun).filter(|begun| !begun.is_over(now))
    }

    /// The PKCE verifier of a login (RFC 7636 §4.1).
    pub(super) fn verifier(&self, begun: &Begun) -> String {
        self.derive(b"verifier", begun)
    }

    /// The preimage of a login's nonce.
    pub(super) fn nonce(&self, begun: &Begun) -> String {
        self.derive(b"nonce", begun)
    }

    fn derive(&self, purpose: &[u8], begun: &Begun) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &[purpose, &begun.salt].concat()))
    }
}

/// Kakao gets the hash of the verifier (S256), and of the nonce.
pub(super) fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn signed(begun: &Begun) -> Vec<u8> {
    [b"state", &begun.salt[..], &begun.time, begun.next.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const PAGE: &str = "https://www.example.com/장바구니?a=1";

    #[test]
    fn a_state_opens_for_the_browser_that_began_the_login_and_for_no_other() {
        let seed = Seed::draw();
        let begun = Begun::new(PAGE, NOW);
        let state = seed.state(&begun);
        assert_eq!(seed.open(&state, NOW).as_ref(), Some(&begun));
        let same = Seed::read(seed.expose().into()).unwrap();
        assert_eq!(same.open(&state, NOW), Some(begun));
        assert_eq!(Seed::draw().open(&state, NOW), None);
    }

    #[test]
    fn a_state_that_differs_in_any_character_does_not_open() {
        let seed = Seed::draw();
        let state = seed.state(&Begun::new(PAGE, NOW));
        for position in 0..state.len() {
            for character in ['A', 'B', '.', '_'] {
                let mut other = state.clone();
                other.replace_range(position..=position, &character.to_string());
                assert_eq!(seed.open(&other, NOW).is_some(), other == state, "{position} {character}");
            }
        }
        let (head, next) = state.split_once('.').unwrap();
        for other in ["", ".", head, next, &format!("{head}."), &format!(".{next}"), &format!("{state}."), &state[1..]]
        {
            assert_eq!(seed.open(other, NOW), None, "{other}");
        }
    }

    #[test]
    fn a_state_is_good_for_ten_minutes_and_also_where_a_clock_is_behind() {
        let seed = Seed::draw();
        let state = seed.state(&Begun::new(PAGE, NOW));
        let opens_at = |now| seed.open(&state, now).is_some();
        assert!(opens_at(NOW - Duration::from_secs(10)) && opens_at(NOW + Duration::from_secs(599)));
        assert!(!opens_at(NOW + LOGIN_TTL) && !opens_at(NOW + Duration::from_hours(24)));
    }

    #[test]
    fn verifier_and_nonce_are_of_one_login_of_one_browser() {
        let (seed, other) = (Seed::draw(), Seed::draw());
        let (first, second) = (Begun::new(PAGE, NOW), Begun::new(PAGE, NOW));
        let mut all = Vec::new();
        for begun in [&first, &second] {
            for seed in [&seed, &other] {
                all.extend([seed.verifier(begun), seed.nonce(begun)]);
            }
        }
        assert!(all.iter().all(|text| text.len() == 43), "{all:?}");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 8, "each of them is another");
        let opened = seed.open(&seed.state(&first), NOW).unwrap();
        assert_eq!((seed.verifier(&opened), seed.nonce(&opened)), (seed.verifier(&first), seed.nonce(&first)));
        assert!(!seed.state(&first).contains(&seed.verifier(&first)));
    }

    #[test]
    fn only_32_bytes_in_base64url_are_a_seed() {
        assert!(Seed::read("A".repeat(43).into()).is_some());
        for text in ["", "A", &"A".repeat(42), &"A".repeat(44), &"+".repeat(43), &format!("{}=", "A".repeat(43))] {
            assert!(Seed::read(text.into()).is_none(), "{text}");
        }
    }
}
