//! What clients may hold, and what nobody may make up.

use std::time::Duration;

use super::*;

const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

fn try_secrets(list: &[&str]) -> Result<SessionSecrets, String> {
    let secret = |(age, secret): (i64, &&str)| SessionSecret {
        secret: (*secret).into(),
        mints_from: Timestamp::from_unix_seconds(1_000 - age),
    };
    SessionSecrets::new(&(0..).zip(list).map(secret).collect::<Vec<_>>())
}

/// The newest comes first.
fn secrets(list: &[&str]) -> SessionSecrets {
    try_secrets(list).unwrap()
}

fn token(secrets: &SessionSecrets) -> RefreshToken {
    let ends_at = Timestamp::from_unix_seconds(1_800_000_000);
    secrets.issue(UserId::generate(), secrets.begin(None, NOW), ends_at, NOW)
}

#[test]
fn a_token_survives_a_round_trip_through_its_text() {
    let secrets = secrets(&[OLD]);
    let issued = token(&secrets);
    let read = secrets.verify(issued.expose()).unwrap();
    assert_eq!((read.user, read.session, read.generation), (issued.user, issued.session, 0));
    assert_eq!(read.session_ends_at, issued.session_ends_at);
    assert_eq!(read.hash(), issued.hash());
    assert_eq!(issued.expose().len(), 119);
}

#[test]
fn a_token_with_any_one_character_changed_is_refused() {
    let secrets = secrets(&[OLD]);
    let text = token(&secrets).expose().to_owned();
    for at in 0..text.len() {
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        assert_eq!(secrets.verify(&changed).err(), Some(MalformedToken), "position {at}");
    }
}

#[test]
fn garbage_is_refused() {
    let secrets = secrets(&[OLD]);
    let long = "A".repeat(5_000);
    for text in ["", "A", "\0", "한글", &"A".repeat(119), &"=".repeat(119), long.as_str()] {
        assert_eq!(secrets.verify(text).err(), Some(MalformedToken), "{text}");
    }
}

#[test]
fn a_successor_is_always_the_same_and_unlike_its_parent() {
    let secrets = secrets(&[OLD]);
    let parent = token(&secrets);
    let (one, two) = (secrets.successor(&parent, NOW), secrets.successor(&parent, NOW));
    assert_eq!(one.expose(), two.expose());
    assert_eq!(one.generation, 1);
    assert_eq!(one.session_ends_at, parent.session_ends_at);
    assert_ne!(one.hash(), parent.hash());
}

#[test]
fn a_new_server_secret_keeps_old_tokens_and_tags_their_successors() {
    let (before, during, after) = (secrets(&[OLD]), secrets(&[NEW, OLD]), secrets(&[NEW]));
    let issued = token(&before);
    let rotated = during.successor(&during.verify(issued.expose()).unwrap(), NOW);
    assert!(after.verify(rotated.expose()).is_ok());
    assert!(after.verify(issued.expose()).is_err());
}

#[test]
fn functions_with_different_rings_agree_on_the_successor() {
    let (behind, ahead) = (secrets(&[OLD]), secrets(&[NEW, OLD]));
    let issued = token(&behind);
    let at_behind = behind.successor(&behind.verify(issued.expose()).unwrap(), NOW);
    let at_ahead = ahead.successor(&ahead.verify(issued.expose()).unwrap(), NOW);
    assert_eq!(at_behind.hash(), at_ahead.hash());

    // The same token now goes about with two tags; the one that the table keeps is still recognised.
    let kept = ahead.successor(&ahead.verify(at_behind.expose()).unwrap(), NOW);
    let other_copy = ahead.verify(at_ahead.expose()).unwrap();
    assert_ne!(ahead.successor(&other_copy, NOW).hash(), kept.hash());
    let found = ahead.successor_with_hash(&other_copy, kept.hash(), NOW).unwrap();
    assert_eq!(found.hash(), kept.hash());
}

#[test]
fn a_secret_is_accepted_at_once_and_tags_from_its_own_time_on() {
    let before = SessionSecret { secret: OLD.into(), mints_from: NOW - Duration::from_secs(9) };
    let next = SessionSecret { secret: NEW.into(), mints_from: NOW };
    let (ring, old, new) = (SessionSecrets::new(&[next, before]).unwrap(), secrets(&[OLD]), secrets(&[NEW]));
    let issue = |at| {
        let token = ring.issue(UserId::generate(), ring.begin(None, at), NOW, at);
        (old.verify(token.expose()).is_ok(), new.verify(token.expose()).is_ok())
    };
    assert_eq!(issue(NOW - Duration::from_secs(1)), (true, false));
    assert_eq!(issue(NOW), (false, true));
    assert_eq!(issue(NOW - Duration::from_secs(99)), (true, false), "a clock that is behind: the first");
    assert!(ring.verify(token(&new).expose()).is_ok(), "before it tags here, another function may be ahead");
}

#[test]
fn the_same_proof_begins_the_same_session_and_any_other_another() {
    let secrets = secrets(&[OLD]);
    let first = |credential: &str, known: &str| {
        let beginning = secrets.begin(Some(&Proof::new(&credential.into(), &known.into())), NOW);
        secrets.issue(UserId::from_bytes([1; 16]), beginning, Timestamp::from_unix_seconds(1), NOW).expose().to_owned()
    };
    let (random, other_random) = (secrets.begin(None, NOW), secrets.begin(None, NOW));
    assert_ne!(random.session, other_random.session);
    assert_eq!(first("code", "verifier"), first("code", "verifier"));
    for (credential, known) in [("code", "other"), ("other", "verifier"), ("codev", "erifier"), ("", "codeverifier")] {
        assert_ne!(first("code", "verifier"), first(credential, known), "{credential} {known}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let secrets = secrets(&[OLD]);
    let token = token(&secrets);
    let printed = format!("{token:?} {secrets:?}");
    assert!(!printed.contains(token.expose()), "{printed}");
    assert!(printed.contains("REDACTED"), "{printed}");
}

#[test]
fn a_secret_of_another_length_or_none_is_refused() {
    assert!(try_secrets(&[]).is_err());
    assert!(try_secrets(&["AAAA"]).unwrap_err().contains("3 bytes"));
    assert!(try_secrets(&["not base64!"]).is_err());
}

/// Tokens in browsers outlive a deployment. The expected texts come from an independent HKDF and HMAC (Python's).
#[test]
fn the_format_stays_as_it_was_issued() {
    let secrets = secrets(&[OLD]);
    let token = secrets.mint(
        UserId::from_bytes([1; 16]),
        SessionId::from_bytes([2; 16]),
        Timestamp::from_unix_seconds(1_800_000_000),
        7,
        SecretBox::new(Box::new([3; 32])),
        NOW,
    );
    assert_eq!(
        token.expose(),
        "AQEBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgICa0nSAAAAAAcDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA7hFyU2uqaW8xOSIC-dheFQ"
    );
    assert_eq!(
        secrets.successor(&token, NOW).expose(),
        "AQEBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgICa0nSAAAAAAirxIeJ3BxrIqQHkWRDZVQSJbZ0MZnOaTmy5x9SILflCaR4D5p7iDa045LQJyrOEuw"
    );
}
