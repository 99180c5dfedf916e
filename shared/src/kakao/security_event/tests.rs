//! Which claims are refused, with which code, and what is read of the others.

use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const UNLINKED: &str = "https://schemas.openid.net/secevent/oauth/event-type/user-unlinked";
const WITHDRAWN: &str = "https://schemas.openid.net/secevent/oauth/event-type/user-scope-withdraw";

fn read_with(changes: &Value) -> Result<SecurityEventToken, SecurityEventError> {
    let subject = json!({"subject_type": "iss-sub", "iss": ISSUER, "sub": "7"});
    let mut claims = json!({
        "iss": ISSUER, "aud": "key", "sub": "7", "iat": NOW.unix_seconds(), "toe": NOW.unix_seconds(), "jti": "a",
        "events": {UNLINKED: {"subject": subject}},
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    read(&Members::parse(claims.to_string().as_bytes()).unwrap(), "key", NOW)
}

fn code(changes: &Value) -> &'static str {
    read_with(changes).map_or_else(|error| error.code().unwrap(), |_| "accepted")
}

#[test]
fn each_wrong_claim_has_its_code() {
    let now = NOW.unix_seconds();
    for (changes, expected) in [
        (json!({}), "accepted"),
        (json!({"iss": "https://kauth.kakao.com/"}), "invalid_issuer"),
        (json!({"iss": null}), "invalid_issuer"),
        (json!({"aud": "other"}), "invalid_audience"),
        (json!({"aud": ["other"]}), "invalid_audience"),
        (json!({"aud": []}), "invalid_audience"),
        (json!({"aud": 7}), "invalid_audience"),
        (json!({"aud": null}), "invalid_audience"),
        (json!({"aud": ["other", "key"]}), "accepted"),
        (json!({"iat": now + 60}), "accepted"),
        (json!({"iat": now + 61}), "invalid_request"),
        (json!({"iat": now - 864_000}), "accepted"),
        (json!({"iat": now - 864_001}), "invalid_request"),
        (json!({"iat": "now"}), "invalid_request"),
        (json!({"iat": null}), "invalid_request"),
        (json!({"jti": null}), "invalid_request"),
        (json!({"jti": ""}), "invalid_request"),
        (json!({"jti": 7}), "invalid_request"),
        (json!({"jti": "x".repeat(128)}), "accepted"),
        (json!({"jti": "x".repeat(129)}), "invalid_request"),
        (json!({"jti": "~ !"}), "accepted"),
        (json!({"jti": "가"}), "invalid_request"),
        (json!({"jti": "a\n"}), "invalid_request"),
        (json!({"exp": now - 1, "toe": "x", "txn": 7, "txm": []}), "accepted"),
    ] {
        assert_eq!(code(&changes), expected, "{changes}");
    }
}

#[test]
fn a_token_is_about_one_person_and_at_least_one_event() {
    let about = |sub: Value| json!({"subject": {"sub": sub}});
    for (changes, expected) in [
        (json!({"sub": null}), "accepted"),
        (json!({"sub": "8"}), "invalid_request"),
        (json!({"sub": 7}), "invalid_request"),
        (json!({"sub": null, "events": {UNLINKED: {}}}), "invalid_request"),
        (json!({"events": {UNLINKED: {}}}), "accepted"),
        (json!({"events": {UNLINKED: about(json!("7")), WITHDRAWN: about(json!("7"))}}), "accepted"),
        (json!({"events": {UNLINKED: about(json!("7")), WITHDRAWN: about(json!("8"))}}), "invalid_request"),
        (
            json!({"sub": null, "events": {UNLINKED: about(json!("7")), WITHDRAWN: about(json!("8"))}}),
            "invalid_request",
        ),
        (json!({"events": {UNLINKED: about(json!(7))}}), "invalid_request"),
        (json!({"events": {UNLINKED: {"subject": "7"}}}), "invalid_request"),
        (json!({"events": {UNLINKED: null}}), "invalid_request"),
        (json!({"events": {UNLINKED: []}}), "invalid_request"),
        (json!({"events": {}}), "invalid_request"),
        (json!({"events": []}), "invalid_request"),
        (json!({"events": null}), "invalid_request"),
        (json!({"sub": "me", "events": {UNLINKED: {}}}), "invalid_request"),
        (json!({"sub": "0", "events": {UNLINKED: {}}}), "invalid_request"),
        (json!({"sub": "-7", "events": {UNLINKED: {}}}), "invalid_request"),
    ] {
        assert_eq!(code(&changes), expected, "{changes}");
    }
}

#[test]
fn events_are_read_with_the_consent_items_that_they_name() {
    for (scopes, expected) in [
        (json!({"scopes": ["account_email", "profile"]}), vec!["account_email", "profile"]),
        (json!({"scope": "account_email profile_image"}), vec!["account_email", "profile_image"]),
        (json!({"scopes": "account_email,profile"}), vec!["account_email", "profile"]),
        (json!({"scopes": [7]}), vec![]),
        (json!({"scopes": {}}), vec![]),
        (json!({}), vec![]),
    ] {
        let token = read_with(&json!({"events": {WITHDRAWN: scopes, UNLINKED: {}}})).unwrap();
        let events: Vec<_> = token.events.iter().map(|event| event.uri.as_str()).collect();
        assert_eq!(events, [WITHDRAWN, UNLINKED], "in the order of their names");
        assert_eq!((token.jti.as_str(), token.kakao_id.to_string().as_str()), ("a", "7"));
        assert_eq!(token.events[0].scopes, expected, "{scopes}");
        assert!(token.events[1].scopes.is_empty());
    }
}

#[test]
fn an_event_that_is_named_twice_is_refused() {
    let claims = format!(
        r#"{{"iss": "{ISSUER}", "aud": "key", "sub": "7", "iat": {}, "jti": "a", "events": {{"{UNLINKED}": {{}}, "{UNLINKED}": {{}}}}}}"#,
        NOW.unix_seconds()
    );
    let refused = read(&Members::parse(claims.as_bytes()).unwrap(), "key", NOW).unwrap_err();
    assert_eq!(refused.code(), Some("invalid_request"));
}
