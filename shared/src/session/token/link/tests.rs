//! Round trips, forgeries and the stability of the format.

use super::*;
use crate::session::RefreshTokenKey;

const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const SESSION: SessionId = SessionId::from_bytes([2; 16]);

/// The newest comes first.
fn keys(list: &[&str]) -> RefreshTokenKeys {
    let key = |(age, secret): (i64, &&str)| RefreshTokenKey {
        secret: (*secret).into(),
        active_from: Timestamp::from_unix_seconds(1_000 - age),
    };
    RefreshTokenKeys::new(&(0..).zip(list).map(key).collect::<Vec<_>>()).unwrap()
}

/// The text of a link whose bytes are all the same.
fn raw(byte: u8) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([byte; LINK_BYTES])
}

fn confirmed(keys: &RefreshTokenKeys, number: u32, byte: u8) -> String {
    keys.confirm_link(SESSION, number, &Link::parse(&raw(byte)).unwrap(), NOW).expose_secret().to_owned()
}

fn error(keys: &RefreshTokenKeys, prev: Option<&str>, next: &str) -> Option<UnusableLinks> {
    PresentedLinks::read(keys, SESSION, prev, next).err()
}

#[test]
fn a_confirmed_link_survives_a_round_trip_through_its_text() {
    let keys = keys(&[OLD]);
    for number in [0, 1, u32::MAX] {
        let prev = confirmed(&keys, number, 3);
        assert_eq!((prev.len(), raw(3).len()), (48, 22));
        let links = PresentedLinks::read(&keys, SESSION, Some(&prev), &raw(4)).unwrap();
        let read = links.prev.unwrap();
        assert_eq!((read.number, read.link.hash()), (number, Link::parse(&raw(3)).unwrap().hash()));
        assert_eq!(links.next.hash(), Link::parse(&raw(4)).unwrap().hash());
    }
    assert!(PresentedLinks::read(&keys, SESSION, None, &raw(4)).unwrap().prev.is_none());
}

/// Also in the bits of the last character that base64url does not use: each link has one text.
#[test]
fn a_link_has_one_text_and_a_confirmed_one_with_any_character_changed_is_refused() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    let keys = keys(&[OLD]);
    let (prev, next) = (confirmed(&keys, 7, 3), raw(4));
    for (text, is_prev) in [(&prev, true), (&next, false)] {
        for at in 0..text.len() {
            for other in ALPHABET.chars().filter(|other| !text[at..].starts_with(*other)) {
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                if is_prev {
                    assert_eq!(error(&keys, Some(&changed), &next), Some(UnusableLinks::UnknownPrev), "{at} {other}");
                } else if let Ok(link) = Link::parse(&changed) {
                    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(link.0.expose_secret()), changed, "{at} {other}");
                }
            }
        }
    }
}

#[test]
fn garbage_is_refused() {
    let keys = keys(&[OLD]);
    let (prev, next) = (confirmed(&keys, 7, 3), raw(4));
    let long = "A".repeat(5_000);
    for text in ["", "A", "\0", "한글한글한글", &"=".repeat(22), &"=".repeat(48), &long] {
        assert_eq!(error(&keys, Some(&prev), text), Some(UnusableLinks::MalformedNext), "{text}");
        assert_eq!(error(&keys, Some(text), &next), Some(UnusableLinks::UnknownPrev), "{text}");
        assert_eq!(error(&keys, Some(text), text), Some(UnusableLinks::MalformedNext), "{text}: next comes first");
    }
    for text in [format!("{next}="), format!("{next}A"), format!("A{next}"), next[1..].to_owned(), prev.clone()] {
        assert_eq!(error(&keys, None, &text), Some(UnusableLinks::MalformedNext), "{text}");
    }
    for text in [format!("{prev}="), format!("{prev}AAAA"), prev[4..].to_owned(), next.clone()] {
        assert_eq!(error(&keys, Some(&text), &next), Some(UnusableLinks::UnknownPrev), "{text}");
    }
}

#[test]
fn a_link_does_not_follow_itself() {
    let keys = keys(&[OLD]);
    assert_eq!(error(&keys, Some(&confirmed(&keys, 7, 3)), &raw(3)), Some(UnusableLinks::MalformedNext));
    assert_eq!(error(&keys, Some(&confirmed(&keys, 7, 3)), &raw(4)), None);
}

#[test]
fn a_link_is_confirmed_for_one_session_by_one_server() {
    let server = keys(&[OLD]);
    let prev = confirmed(&server, 7, 3);
    let elsewhere = PresentedLinks::read(&server, SessionId::from_bytes([3; 16]), Some(&prev), &raw(4));
    assert_eq!(elsewhere.err(), Some(UnusableLinks::UnknownPrev));
    assert_eq!(error(&keys(&[NEW]), Some(&prev), &raw(4)), Some(UnusableLinks::UnknownPrev));
}

#[test]
fn a_link_stays_confirmed_while_its_key_is_accepted() {
    let ring = keys(&[NEW, OLD]);
    for key in [OLD, NEW] {
        assert_eq!(error(&ring, Some(&confirmed(&keys(&[key]), 7, 3)), &raw(4)), None, "{key}");
    }
    assert_eq!(confirmed(&ring, 7, 3), confirmed(&keys(&[NEW]), 7, 3), "the newest active key confirms");
}

#[test]
fn nothing_secret_is_printed() {
    let keys = keys(&[OLD]);
    let links = PresentedLinks::read(&keys, SESSION, Some(&confirmed(&keys, 7, 3)), &raw(4)).unwrap();
    let printed = format!("{links:?}");
    assert!(printed.contains("REDACTED") && !printed.contains("3, 3") && !printed.contains("4, 4"), "{printed}");
}

/// Links in browsers outlive a deployment. The expected text comes from an independent HKDF and HMAC (Python's).
#[test]
fn the_format_stays_as_it_was_issued() {
    assert_eq!(raw(3), "AwMDAwMDAwMDAwMDAwMDAw");
    assert_eq!(confirmed(&keys(&[OLD]), 7, 3), "AAAABwMDAwMDAwMDAwMDAwMDAwPhgDCmHMSsb9Fimje2w5iM");
}
