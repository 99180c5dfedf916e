//! Round trips, forgeries, successors and the stability of the format.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::*;

const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

fn try_keys(list: &[&str]) -> Result<RefreshTokenKeys, String> {
    let key = |(age, secret): (i64, &&str)| RefreshTokenKey {
        secret: (*secret).into(),
        active_from: Timestamp::from_unix_seconds(1_000 - age),
    };
    RefreshTokenKeys::new(&(0..).zip(list).map(key).collect::<Vec<_>>())
}

/// The newest comes first.
fn keys(list: &[&str]) -> RefreshTokenKeys {
    try_keys(list).unwrap()
}

fn token_of(version: Version, keys: &RefreshTokenKeys) -> RefreshToken {
    let ends_at = Timestamp::from_unix_seconds(1_800_000_000);
    keys.issue(version, UserId::generate(), keys.new_session(None, NOW), ends_at, NOW)
}

fn token(keys: &RefreshTokenKeys) -> RefreshToken {
    token_of(Version::issued(Kind::Rotating, Transport::Cookie), keys)
}

/// A text with the right tag for any bytes, as only the server could make it.
fn tagged(keys: &RefreshTokenKeys, signed: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([signed, &keys.0[0].tag(signed)].concat())
}

#[test]
fn a_token_survives_a_round_trip_through_its_text() {
    let keys = keys(&[OLD]);
    for version in Version::ALL {
        let length = if version == Version::One { 119 } else { 120 };
        let issued = token_of(version, &keys);
        let read = keys.verify(issued.expose()).unwrap();
        assert_eq!((read.user, read.session, read.generation), (issued.user, issued.session, 0));
        assert_eq!((read.version, read.session_ends_at), (version, issued.session_ends_at));
        assert_eq!(read.hash(), issued.hash());
        assert_eq!(issued.expose().len(), length);
    }
}

/// Also in the bits of the last character that base64url does not use: each token has one text.
#[test]
fn a_token_with_any_one_character_changed_is_refused() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    let keys = keys(&[OLD]);
    for version in Version::ALL {
        let text = token_of(version, &keys).expose().to_owned();
        for at in 0..text.len() {
            for other in ALPHABET.chars().filter(|other| !text[at..].starts_with(*other)) {
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert_eq!(keys.verify(&changed).err(), Some(MalformedToken), "{version:?} {at} {other}");
            }
        }
    }
}

#[test]
fn garbage_is_refused() {
    let keys = keys(&[OLD]);
    let long = "A".repeat(5_000);
    for text in ["", "A", "\0", "한글", &"A".repeat(119), &"A".repeat(120), &"=".repeat(119), long.as_str()] {
        assert_eq!(keys.verify(text).err(), Some(MalformedToken), "{text}");
    }
    for version in Version::ALL {
        let text = token_of(version, &keys).expose().to_owned();
        for other in [format!("{text}="), format!("{text}A"), format!("A{text}"), text[1..].to_owned()] {
            assert_eq!(keys.verify(&other).err(), Some(MalformedToken), "{version:?} {other}");
        }
    }
}

/// Each of these has a right tag, so the tag is not what refuses it.
#[test]
fn a_token_is_refused_whose_version_does_not_fit_its_length_or_is_unknown() {
    let keys = keys(&[OLD]);
    for known in Version::ALL {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token_of(known, &keys).expose()).unwrap();
        let signed = &bytes[..bytes.len() - TAG_BYTES];
        assert!(keys.verify(&tagged(&keys, signed)).is_ok());
        let fitting: &[u8] = if known == Version::One { &[1] } else { &[2, 3, 4, 5, 6] };
        for version in (0..=u8::MAX).filter(|version| !fitting.contains(version)) {
            let text = tagged(&keys, &[&[version], &signed[1..]].concat());
            assert_eq!(keys.verify(&text).err(), Some(MalformedToken), "{version} with {} bytes", signed.len());
        }
        for signed in [&signed[..signed.len() - 1], &[signed, &[0]].concat(), &signed[..1]] {
            let text = tagged(&keys, signed);
            assert_eq!(keys.verify(&text).err(), Some(MalformedToken), "{} bytes", signed.len());
        }
    }
}

#[test]
fn a_token_of_version_2_is_tried_with_the_keys_of_its_key_id_only() {
    let ring = keys(&[NEW, OLD]);
    let old = keys(&[OLD]);
    assert_eq!((ring.0[0].id, ring.0[1].id), (0x66, 0x72), "SHA-256 of 32 bytes of 0 and of 32 bytes of 1");
    let issued = token_of(Version::Two, &old);
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(issued.expose()).unwrap();
    assert_eq!((bytes[0], bytes[1]), (2, 0x66));
    assert!(ring.verify(issued.expose()).is_ok());
    for id in (0..=u8::MAX).filter(|id| *id != 0x66) {
        let signed = [&[2, id], &bytes[2..bytes.len() - TAG_BYTES]].concat();
        assert_eq!(ring.verify(&tagged(&old, &signed)).err(), Some(MalformedToken), "{id}: its tag is right");
    }
}

#[test]
fn two_keys_with_one_key_id_are_both_tried() {
    let bytes = |number: u16| [[0; 30].as_slice(), &number.to_be_bytes()].concat();
    let with_number = |number| BASE64_URL_SAFE_NO_PAD.encode(bytes(number));
    let id = |number| keys(&[&with_number(number)]).0[0].id;
    let other = (1..=u16::MAX).find(|number| id(*number) == id(0)).unwrap();
    let (one, two) = (with_number(0), with_number(other));
    let ring = keys(&[&one, &two]);
    for key in [&one, &two] {
        assert!(ring.verify(token_of(Version::Two, &keys(&[key])).expose()).is_ok());
    }
}

#[test]
fn a_successor_has_the_version_of_its_parent_and_all_versions_the_same_successor() {
    let ring = keys(&[OLD]);
    let proof = Proof::new(&"code".into(), &"verifier".into());
    let [one, two, app] = Version::ROTATING.map(|version| {
        let ends_at = Timestamp::from_unix_seconds(1_800_000_000);
        ring.issue(version, UserId::from_bytes([1; 16]), ring.new_session(Some(&proof), NOW), ends_at, NOW)
    });
    assert_eq!(one.hash(), two.hash(), "a login that is repeated after its version changed meets its session");
    for token in [&one, &two, &app] {
        let successor = ring.successor(token, NOW);
        assert_eq!(ring.verify(successor.expose()).unwrap().version, token.version);
        assert_eq!(successor.hash(), ring.successor(&one, NOW).hash());
        let found = ring.successor_with_hash(token, successor.hash(), NOW).unwrap();
        assert_eq!(found.expose(), successor.expose());
    }
    let newer = keys(&[NEW, OLD]);
    let successor = newer.successor(&newer.verify(two.expose()).unwrap(), NOW);
    assert!(keys(&[NEW]).verify(successor.expose()).is_ok(), "the key that tagged the successor is the one it names");
}

#[test]
fn a_successor_is_always_the_same_and_unlike_its_parent() {
    let keys = keys(&[OLD]);
    let parent = token(&keys);
    let (one, two) = (keys.successor(&parent, NOW), keys.successor(&parent, NOW));
    assert_eq!(one.expose(), two.expose());
    assert_eq!(one.generation, 1);
    assert_eq!(one.session_ends_at, parent.session_ends_at);
    assert_ne!(one.hash(), parent.hash());
}

#[test]
fn a_new_key_keeps_old_tokens_and_tags_their_successors() {
    let (before, during, after) = (keys(&[OLD]), keys(&[NEW, OLD]), keys(&[NEW]));
    let issued = token(&before);
    let rotated = during.successor(&during.verify(issued.expose()).unwrap(), NOW);
    assert!(after.verify(rotated.expose()).is_ok());
    assert!(after.verify(issued.expose()).is_err());
}

#[test]
fn functions_with_different_rings_agree_on_the_successor() {
    let (behind, ahead) = (keys(&[OLD]), keys(&[NEW, OLD]));
    let issued = token(&behind);
    let at_behind = behind.successor(&behind.verify(issued.expose()).unwrap(), NOW);
    let at_ahead = ahead.successor(&ahead.verify(issued.expose()).unwrap(), NOW);
    assert_eq!(at_behind.hash(), at_ahead.hash());

    // Two keys have tagged this token by now. The one whose hash is stored is still accepted.
    let kept = ahead.successor(&ahead.verify(at_behind.expose()).unwrap(), NOW);
    let other_copy = ahead.verify(at_ahead.expose()).unwrap();
    assert_ne!(ahead.successor(&other_copy, NOW).hash(), kept.hash());
    let found = ahead.successor_with_hash(&other_copy, kept.hash(), NOW).unwrap();
    assert_eq!(found.hash(), kept.hash());
}

#[test]
fn a_key_is_accepted_at_once_and_tags_from_its_own_time_on() {
    let before = RefreshTokenKey { secret: OLD.into(), active_from: NOW - Duration::from_secs(9) };
    let next = RefreshTokenKey { secret: NEW.into(), active_from: NOW };
    let (ring, old, new) = (RefreshTokenKeys::new(&[next, before]).unwrap(), keys(&[OLD]), keys(&[NEW]));
    let issue = |at| {
        let token = ring.issue(
            Version::issued(Kind::Rotating, Transport::Cookie),
            UserId::generate(),
            ring.new_session(None, at),
            NOW,
            at,
        );
        (old.verify(token.expose()).is_ok(), new.verify(token.expose()).is_ok())
    };
    assert_eq!(issue(NOW - Duration::from_secs(1)), (true, false));
    assert_eq!(issue(NOW), (false, true));
    assert_eq!(issue(NOW - Duration::from_secs(99)), (true, false), "a clock that is behind: the first");
    assert!(ring.verify(token(&new).expose()).is_ok(), "before it tags here, another function may be ahead");
}

#[test]
fn the_same_proof_starts_the_same_session_and_any_other_another() {
    let keys = keys(&[OLD]);
    let first = |credential: &str, known: &str| {
        let new_session = keys.new_session(Some(&Proof::new(&credential.into(), &known.into())), NOW);
        let (user, ends_at) = (UserId::from_bytes([1; 16]), Timestamp::from_unix_seconds(1));
        keys.issue(Version::issued(Kind::Rotating, Transport::Cookie), user, new_session, ends_at, NOW)
            .expose()
            .to_owned()
    };
    let (random, other_random) = (keys.new_session(None, NOW), keys.new_session(None, NOW));
    assert_ne!(random.id, other_random.id);
    assert_eq!(first("code", "verifier"), first("code", "verifier"));
    for (credential, known) in [("code", "other"), ("other", "verifier"), ("codev", "erifier"), ("", "codeverifier")] {
        assert_ne!(first("code", "verifier"), first(credential, known), "{credential} {known}");
    }
}

#[test]
fn a_proof_with_a_link_starts_another_session_than_one_with_another_link_or_none() {
    let keys = keys(&[OLD]);
    let proof = |credential: &str| Proof::new(&credential.into(), &"verifier".into());
    let link = |byte: u8| Link::parse(&BASE64_URL_SAFE_NO_PAD.encode([byte; 16])).unwrap();
    let session = |proof: Proof| keys.new_session(Some(&proof), NOW).id;
    let with_link = session(proof("code").with_link(&link(1)));
    assert_eq!(with_link, session(proof("code").with_link(&link(1))));
    for other in [proof("code"), proof("code").with_link(&link(2)), proof("other").with_link(&link(1))] {
        assert_ne!(with_link, session(other));
    }
}

#[test]
fn each_transport_of_a_login_starts_another_session() {
    let keys = keys(&[OLD]);
    let proof = || Proof::new(&"code".into(), &"verifier".into());
    let sessions = [Transport::Cookie, Transport::App, Transport::Page].map(|transport| {
        let session = |proof: Proof| keys.new_session(Some(&proof), NOW).id;
        assert_eq!(session(proof().of_transport(transport)), session(proof().of_transport(transport)));
        session(proof().of_transport(transport))
    });
    assert_eq!(sessions[0], keys.new_session(Some(&proof()), NOW).id, "as earlier releases derive it");
    assert!(sessions[0] != sessions[1] && sessions[1] != sessions[2] && sessions[0] != sessions[2]);
}

/// Whatever carries a token decides whether it is read, beside its tag.
#[test]
fn a_token_is_malformed_where_another_transport_is_carried() {
    let keys = keys(&[OLD]);
    for version in Version::ALL {
        let text = token_of(version, &keys).expose().to_owned();
        let in_cookie = keys.verify_each(&Presented::Cookies(vec!["garbage".into(), text.clone().into()])).len() == 1;
        let in_body = keys.verify_each(&Presented::Body(text.into())).len() == 1;
        let of_cookies = [Version::One, Version::Two, Version::Three].contains(&version);
        assert_eq!((in_cookie, in_body), (of_cookies, !of_cookies), "{version:?}");
    }
}

#[test]
fn the_version_that_is_issued_has_the_kind_and_the_transport_that_were_asked_for() {
    for transport in [Transport::Cookie, Transport::App] {
        for kind in [Kind::Rotating, Kind::Linked] {
            let version = Version::issued(kind, transport);
            assert_eq!((version.kind(), version.transport()), (kind, transport));
        }
    }
    for kind in [Kind::Rotating, Kind::Linked, Kind::Fixed] {
        assert_eq!(Version::issued(kind, Transport::Page), Version::Six);
    }
    assert_eq!((Version::Six.kind(), Version::Six.transport()), (Kind::Fixed, Transport::Page));
    assert_eq!(Version::ALL.map(|version| version.kind() == Kind::Rotating), [true, true, false, true, false, false]);
}

#[test]
fn nothing_secret_is_printed() {
    let keys = keys(&[OLD]);
    let token = token(&keys);
    let printed = format!("{token:?} {keys:?}");
    assert!(!printed.contains(token.expose()), "{printed}");
    assert!(printed.contains("REDACTED"), "{printed}");
}

#[test]
fn a_key_of_another_length_or_none_is_refused() {
    assert!(try_keys(&[]).is_err());
    assert!(try_keys(&["AAAA"]).unwrap_err().contains("3 bytes"));
    assert!(try_keys(&["not base64!"]).is_err());
}

/// Tokens in browsers outlive a deployment. The expected texts come from an independent HKDF and HMAC (Python's).
#[test]
fn the_format_stays_as_it_was_issued() {
    let keys = keys(&[OLD]);
    for (version, text, successor) in [
        (
            Version::One,
            "AQEBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgICa0nSAAAAAAcDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA7hFyU2uqaW8xOSIC-dheFQ",
            "AQEBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgICa0nSAAAAAAirxIeJ3BxrIqQHkWRDZVQSJbZ0MZnOaTmy5x9SILflCaR4D5p7iDa045LQJyrOEuw",
        ),
        (
            Version::Two,
            "AmYBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAHAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwOCv5LVSf4dl_pCEzyvA5Nz",
            "AmYBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAIq8SHidwcayKkB5FkQ2VUEiW2dDGZzmk5sucfUiC35QkKOA9PGf1Nm9fFxBqi8X3p",
        ),
        (
            Version::Four,
            "BGYBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAHAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwNlnOsksduedwLEgVa-gVzx",
            "BGYBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAIq8SHidwcayKkB5FkQ2VUEiW2dDGZzmk5sucfUiC35QksRDmivIw0_NIsmbLvfvSl",
        ),
    ] {
        let token = keys.encode(content(version), NOW);
        assert_eq!(token.expose(), text);
        assert_eq!(keys.successor(&token, NOW).expose(), successor);
    }
    for (version, text) in [
        (
            Version::Three,
            "A2YBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAHAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMU2eRf1tRG7Szs67TSgEjZ",
        ),
        (
            Version::Five,
            "BWYBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAHAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwP4oCsrr7UCGUMZ2cqh-Er7",
        ),
        (
            Version::Six,
            "BmYBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAmtJ0gAAAAAHAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwO9IV72w7iAH5L6eiExBKc0",
        ),
    ] {
        assert_eq!(keys.encode(content(version), NOW).expose(), text);
    }
}

fn content(version: Version) -> Content {
    Content {
        version,
        user: UserId::from_bytes([1; 16]),
        session: SessionId::from_bytes([2; 16]),
        session_ends_at: Timestamp::from_unix_seconds(1_800_000_000),
        generation: 7,
        secret: SecretBox::new(Box::new([3; 32])),
    }
}

/// A tag covers the version byte, so nobody but the server can change it.
#[test]
fn a_text_claims_a_version_by_its_first_byte_whatever_follows() {
    let keys = keys(&[OLD]);
    for version in Version::ALL {
        let text = token_of(version, &keys).expose().to_owned();
        assert_eq!(Version::claimed_by(&text), Some(version));
        assert_eq!(Version::claimed_by(&format!("{}~garbage", &text[..4])), Some(version));
    }
    for text in ["", "A", "Aw", "AwA", "AAAA", "BwAA", "~~~~", "한글", "QUJD"] {
        assert_eq!(Version::claimed_by(text), None, "{text}");
    }
}
