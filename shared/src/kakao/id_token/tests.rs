//! What is refused, and what a claim changes in a profile.

use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn token(changes: &Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": "key", "sub": "1376016924429759228", "iat": NOW.unix_seconds(), "exp": NOW.unix_seconds() + 1,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.x", encode(&json!({"alg": "RS256"})), encode(&claims))
}

fn read_token(token: &str, nonce: Option<&str>) -> Result<Option<Identity>, KakaoError> {
    read(token, &["key".to_owned()], nonce, "access token", NOW)
}

fn check(changes: &Value, nonce: Option<&str>) -> Result<Identity, KakaoError> {
    read_token(&token(changes), nonce).map(|identity| identity.expect("the token is readable"))
}

#[test]
fn a_token_of_another_access_token_is_refused() {
    // The left half of SHA-256("access token"), by openssl.
    assert!(check(&json!({"at_hash": "DD1GlGu_mcghPdf2xkDtZA"}), None).is_ok());
    assert!(check(&json!({}), None).is_ok(), "Kakao need not send it");
    assert!(matches!(check(&json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), None), Err(KakaoError::Rejected(_))));
}

#[test]
fn a_nonce_that_was_asked_for_has_to_be_there_as_it_is_or_as_a_hash() {
    assert!(!check(&json!({"nonce": "n"}), Some("n")).unwrap().knows_preimage);
    assert!(check(&json!({"nonce": hash("n")}), Some("n")).unwrap().knows_preimage);
    assert!(matches!(check(&json!({"nonce": "n"}), None), Err(KakaoError::Rejected(_))), "left out");
    for none in [json!(null), json!("")] {
        assert!(check(&json!({"nonce": none}), None).is_ok(), "a login that began without one");
    }
    for nonce in [json!("other"), json!(hash("other")), json!("")] {
        assert!(check(&json!({"nonce": nonce}), Some("n")).is_err(), "{nonce}");
    }
    assert!(check(&json!({}), Some("n")).is_err());
    assert!(check(&json!({"nonce": 7}), Some("7")).is_err(), "not readable");
}

#[test]
fn a_token_without_an_email_says_that_kakao_vouches_for_none() {
    let value = |text: &str| FieldUpdate::Set(text.to_owned());
    let user = |changes: Value| check(&changes, None).unwrap().user;
    let full = user(json!({"nickname": "라이언\n", "email": "ryan@example.com"}));
    assert_eq!(full.id.to_string(), "1376016924429759228");
    assert_eq!((full.nickname, full.email), (value("라이언"), value("ryan@example.com")));
    for withdrawn in [json!({}), json!({"email": null}), json!({"email": "no address"})] {
        assert_eq!(user(withdrawn.clone()).email, FieldUpdate::Clear, "{withdrawn}");
    }
    let silent = user(json!({}));
    assert_eq!((silent.nickname, silent.profile_image), (FieldUpdate::Keep, FieldUpdate::Keep));
}

#[test]
fn a_field_with_an_unreadable_claim_is_kept() {
    for odd in [json!(7), json!([]), json!({}), json!("half an emoji: \u{fffd}")] {
        let claims = json!({
            "nickname": odd, "email": odd, "picture": odd, "auth_time": odd, "amr": odd, "at_hash": odd,
        });
        let update = check(&claims, None).unwrap().user;
        assert_eq!((update.nickname, update.email), (FieldUpdate::Keep, FieldUpdate::Keep), "{odd}");
    }
}

#[test]
fn auth_time_is_when_the_user_was_at_kakaos_login_page() {
    let authenticated_at = |claims: Value| check(&claims, None).unwrap().authenticated_at;
    let an_hour_ago = NOW - Duration::from_hours(1);
    assert_eq!(authenticated_at(json!({"auth_time": an_hour_ago.unix_seconds()})), Some(an_hour_ago));
    for unknown in [json!({}), json!({"auth_time": null}), json!({"auth_time": "1799996400"}), json!({"auth_time": -1})]
    {
        assert_eq!(authenticated_at(unknown.clone()), None, "{unknown}");
    }
}

#[test]
fn from_the_token_endpoint_an_unreadable_token_counts_as_missing() {
    for changes in
        [json!({"sub": 7}), json!({"sub": "0"}), json!({"sub": "-5"}), json!({"iss": null}), json!({"exp": "1"})]
    {
        assert!(read_token(&token(&changes), None).unwrap().is_none(), "{changes}");
    }
    for token in ["", "x", "a.b", "a.b.c", "e30.W10.x"] {
        assert!(read_token(token, None).unwrap().is_none(), "{token}");
    }
}

#[test]
fn times_may_have_a_fraction_and_must_be_times() {
    let now = NOW.unix_seconds();
    for (exp, expected) in [
        (json!(now), Some(now)),
        (json!(format!("{now}").parse::<f64>().unwrap() + 0.9), Some(now)),
        (json!(253_402_300_799_i64), Some(253_402_300_799)),
        (json!(253_402_300_800_i64), None),
        (json!(1e300), None),
        (json!(-1), None),
        (json!(-0.5), None),
        (json!(now.to_string()), None),
        (json!([now]), None),
    ] {
        let found = read_token(&token(&json!({"exp": exp})), None).unwrap();
        let expires_at = found.map(|identity| identity.expires_at);
        assert_eq!(expires_at, expected.map(|exp| Timestamp::from_unix_seconds(exp) + LEEWAY), "{exp}");
    }
}
