//! The times of a ring over many rotations, and what each reader gets.

use serde_json::Value;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const MONTH: Duration = Duration::from_hours(30 * 24);
const TIMES: Times = Times {
    verifier_cache: Duration::from_hours(2),
    access: Duration::from_mins(5),
    session_max: Duration::from_hours(30 * 24),
};

fn rotated(ring: KeyRing, now: Timestamp) -> KeyRing {
    ring.next(Reason::Schedule, &NewKeys::new(Algorithm::Es256), TIMES, now)
}

#[test]
fn the_first_keys_are_active_at_once() {
    let ring = rotated(KeyRing::empty(), NOW);
    assert!(ring.version > 0 && ring.follows == 0);
    assert_eq!(ring.activation_times().collect::<Vec<_>>(), [NOW, NOW]);
    assert!(ring.signing_keys[0].retires_at.is_none() && ring.refresh_token_keys[0].retires_at.is_none());
}

#[test]
fn a_next_key_is_published_for_the_verifiers_cache_time_and_the_old_one_until_its_last_token_has_expired() {
    let ring = rotated(rotated(KeyRing::empty(), NOW), NOW + MONTH);
    let [old, next] = &ring.signing_keys[..] else { panic!("two keys") };
    assert_eq!(next.published_at, NOW + MONTH);
    assert!(next.active_from >= next.published_at + TIMES.verifier_cache + PATIENCE + STALE);
    assert!(old.retires_at.unwrap() >= next.active_from + STALE + TIMES.access);
    let [old, next] = &ring.refresh_token_keys[..] else { panic!("two keys") };
    assert!(next.active_from >= NOW + MONTH + PATIENCE + STALE);
    assert!(old.retires_at.unwrap() >= next.active_from + STALE + TIMES.session_max);
}

#[test]
fn a_year_of_rotations_leaves_two_signing_keys_and_the_refresh_token_keys_of_sessions_that_may_still_live() {
    let mut ring = KeyRing::empty();
    let mut versions = Vec::new();
    for month in 0..12 {
        ring = rotated(ring, NOW + MONTH * month);
        versions.push(ring.version);
    }
    assert_eq!(ring.signing_keys.len(), 2);
    // One that is to come, the one before, and one that stopped issuing a session's longest life ago, less the settling time.
    assert_eq!(ring.refresh_token_keys.len(), 3);
    assert!(versions.is_sorted_by(|one, other| one < other), "{versions:?}");
}

#[test]
fn rotations_in_one_second_still_count_up() {
    let one = rotated(KeyRing::empty(), NOW);
    let version = one.version;
    let two = rotated(one, NOW);
    assert_eq!((two.version, two.follows), (version + 1, version));
}

#[test]
fn replacing_leaked_keys_removes_them_and_keeps_all_others() {
    let before = rotated(rotated(KeyRing::empty(), NOW), NOW + MONTH);
    let keys: Vec<_> = before.refresh_token_keys.iter().map(|key| key.secret.clone()).collect();
    let pseudonyms = before.pseudonym_key.clone();
    let after = before.next(Reason::SigningKeys, &NewKeys::new(Algorithm::Es256), TIMES, NOW + MONTH);
    assert_eq!(after.signing_keys.len(), 1);
    assert_eq!(after.signing_keys[0].active_from, NOW + MONTH, "at once");
    assert!(after.refresh_token_keys.iter().map(|key| &key.secret).eq(&keys));
    assert!(*after.pseudonym_key == *pseudonyms);

    let kid = after.signing_keys[0].jwk["kid"].clone();
    let after = after.next(Reason::RefreshTokenKeys, &NewKeys::new(Algorithm::Es256), TIMES, NOW + MONTH);
    assert!(after.refresh_token_keys.len() == 1 && !keys.contains(&after.refresh_token_keys[0].secret));
    assert!(*after.signing_keys[0].jwk["kid"] == *kid);
}

#[test]
fn replacing_leaked_keys_before_the_first_rotation_makes_the_first_keys() {
    for reason in [Reason::SigningKeys, Reason::RefreshTokenKeys] {
        let ring = KeyRing::empty().next(reason, &NewKeys::new(Algorithm::Es256), TIMES, NOW);
        assert_eq!((ring.signing_keys.len(), ring.refresh_token_keys.len()), (1, 1));
    }
}

#[test]
fn an_algorithm_changes_with_the_next_key_and_a_symmetric_key_stays() {
    let ec = rotated(KeyRing::empty(), NOW);
    let both = ec.next(Reason::Schedule, &NewKeys::new(Algorithm::Hs256), TIMES, NOW + MONTH);
    let algorithms: Vec<&str> = both.signing_keys.iter().map(|key| key.jwk["alg"].as_str()).collect();
    assert_eq!(algorithms, ["ES256", "HS256"]);
    let after = both.next(Reason::Schedule, &NewKeys::new(Algorithm::Hs256), TIMES, NOW + MONTH * 2);
    assert_eq!(after.signing_keys.len(), 1, "the first has retired, and there is no third");
    assert!(after.signing_keys[0].retires_at.is_none());
}

#[test]
fn verifiers_get_no_private_half_and_logout_gets_no_signing_key() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let ring = KeyRing::empty().next(Reason::Schedule, &NewKeys::new(algorithm), TIMES, NOW);
        let verification: Value = serde_json::from_str(&ring.verification_keys().unwrap()).unwrap();
        let logout = ring.logout_keys().unwrap();
        let private = &ring.signing_keys[0].jwk["d"];
        for text in [&verification.to_string(), &*logout] {
            assert!(!text.contains(private.as_str()), "{algorithm:?}");
        }
        let jwk = verification["verification_keys"][0]["jwk"].as_object().unwrap();
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(!jwk.contains_key(member), "{member}");
        }
        assert!(!verification.to_string().contains(ring.refresh_token_keys[0].secret.as_str()));
    }
}

/// Functions of an earlier release read these documents during a deployment and after a rollback. A renamed member would cost
/// them their keys.
#[test]
fn the_documents_and_the_command_keep_the_member_names_of_earlier_releases() {
    let ring = rotated(rotated(KeyRing::empty(), NOW), NOW + MONTH);
    let issuing: Value = serde_json::from_str(&serde_json::to_string(&ring).unwrap()).unwrap();
    let logout: Value = serde_json::from_str(&ring.logout_keys().unwrap()).unwrap();
    let verifying: Value = serde_json::from_str(&ring.verification_keys().unwrap()).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let members = ["created_at", "follows", "pseudonym_key", "session_secrets", "signing_keys", "version"];
    assert_eq!(names(&issuing), members);
    assert_eq!(names(&issuing["signing_keys"][0]), ["jwk", "published_at", "retires_at", "signs_from"]);
    assert_eq!(names(&issuing["session_secrets"][0]), ["mints_from", "retires_at", "secret"]);
    assert_eq!(names(&logout), ["pseudonym_key", "session_secrets", "version"]);
    assert_eq!(logout["session_secrets"], issuing["session_secrets"]);
    assert_eq!(names(&verifying), ["pseudonym_key", "verification_keys", "version"]);
    assert_eq!(names(&verifying["verification_keys"][0]), ["jwk", "retires_at"]);
    let reason: Reason = serde_json::from_str(r#""session_secrets""#).unwrap();
    assert_eq!(reason, Reason::RefreshTokenKeys);
}
