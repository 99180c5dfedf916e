//! What counts as a refresh token of Django's.

use serde_json::{Value, json};

use super::*;
use crate::{clock::Timestamp, id::UserId};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_796_000_000);
const SECRET: &str = "django-insecure-한글-and-more-than-thirty-two-bytes";

fn key(algorithm: &str, secret: &str) -> SimplejwtKey {
    SimplejwtKey::read(&json!({"algorithm": algorithm, "key": secret}).to_string()).unwrap().unwrap()
}

fn claims() -> Value {
    json!({"token_type": "refresh", "exp": NOW.unix_seconds() + 1, "iat": 0, "jti": "682d049f", "user_id": "17"})
}

/// A JWT with this header and these claims, signed with this key.
fn jwt(header: &Value, claims: &Value, key: &SimplejwtKey) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = ring::hmac::sign(&key.key, signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn with(name: &str, value: &Value) -> Result<SimplejwtToken, InvalidSimplejwt> {
    let mut claims = claims();
    claims[name] = value.clone();
    let key = key("HS256", SECRET);
    key.verify(&jwt(&json!({"alg": "HS256", "typ": "JWT"}), &claims, &key), NOW)
}

/// Made with `PyJWT` 2.15.1: `jwt.encode(claims, SECRET, algorithm)`.
#[test]
fn tokens_that_djangos_library_made_are_read_with_each_algorithm() {
    for (algorithm, text) in include_str!("testdata/pyjwt.txt").lines().filter_map(|line| line.split_once(' ')) {
        let read = key(algorithm, SECRET).verify(text, NOW).unwrap();
        let expected = SimplejwtId::of_jti("682d049f169a48d7a8e57b1babb1c0c6").unwrap();
        assert_eq!((read.id, read.user), (expected, UserId::from_number(17).unwrap()), "{algorithm}");
        assert_eq!(read.expires_at, Timestamp::from_unix_seconds(1_796_012_465), "{algorithm}");
    }
}

#[test]
fn a_users_number_may_be_a_text_or_a_number_in_its_one_spelling() {
    let largest = UserId::MAX_NUMBER;
    for (id, number) in [(json!("17"), 17), (json!(17), 17), (json!(largest), largest), (json!("1"), 1)] {
        assert_eq!(with("user_id", &id).unwrap().user.number(), Some(number), "{id}");
    }
    let text = UserId::generate().to_string();
    for id in [
        json!("017"),
        json!("0"),
        json!(0),
        json!(-1),
        json!("-1"),
        json!("+17"),
        json!(" 17"),
        json!("17.0"),
        json!(17.0),
        json!(17.5),
        json!(""),
        json!(null),
        json!([17]),
        json!({"id": 17}),
        json!(true),
        json!(largest + 1),
        json!("99999999999999999999"),
        json!("１７"),
        json!(text),
    ] {
        assert_eq!(with("user_id", &id), Err(InvalidSimplejwt::UnknownUser), "{id}");
    }
}

#[test]
fn a_refresh_token_needs_its_type_a_jti_and_a_whole_exp_in_the_future() {
    let now = NOW.unix_seconds();
    for (name, value, expected) in [
        ("token_type", json!("access"), InvalidSimplejwt::WrongType),
        ("token_type", json!("sliding"), InvalidSimplejwt::WrongType),
        ("token_type", json!("Refresh"), InvalidSimplejwt::WrongType),
        ("token_type", json!(null), InvalidSimplejwt::Malformed),
        ("exp", json!(now), InvalidSimplejwt::Expired),
        ("exp", json!(-1), InvalidSimplejwt::Expired),
        ("exp", json!(now + 1).to_string().into(), InvalidSimplejwt::Malformed),
        ("exp", json!(1_796_000_001.5), InvalidSimplejwt::Malformed),
        ("exp", json!(null), InvalidSimplejwt::Malformed),
        ("jti", json!(""), InvalidSimplejwt::Malformed),
        ("jti", json!("j".repeat(256)), InvalidSimplejwt::Malformed),
        ("jti", json!(682), InvalidSimplejwt::Malformed),
        ("jti", json!(null), InvalidSimplejwt::Malformed),
    ] {
        assert_eq!(with(name, &value), Err(expected), "{name} {value}");
    }
    assert!(with("jti", &json!("j".repeat(255))).is_ok());
    for name in ["token_type", "exp", "jti", "user_id"] {
        let (mut claims, key) = (claims(), key("HS256", SECRET));
        claims.as_object_mut().unwrap().remove(name);
        let text = jwt(&json!({"alg": "HS256"}), &claims, &key);
        assert_eq!(key.verify(&text, NOW), Err(InvalidSimplejwt::Malformed), "without {name}");
    }
}

#[test]
fn the_algorithm_is_the_keys_and_never_the_tokens() {
    let django = key("HS256", SECRET);
    for (alg, signer) in [
        (json!("none"), &django),
        (json!("None"), &django),
        (json!("hs256"), &django),
        (json!("HS384"), &key("HS384", SECRET)),
        (json!("RS256"), &django),
        (json!("ES256"), &django),
    ] {
        let text = jwt(&json!({"alg": alg, "typ": "JWT"}), &claims(), signer);
        assert_eq!(django.verify(&text, NOW), Err(InvalidSimplejwt::WrongAlgorithm), "{alg}");
    }
    for header in [json!({}), json!({"alg": null}), json!({"alg": ["HS256"]}), json!([]), json!("HS256")] {
        assert_eq!(django.verify(&jwt(&header, &claims(), &django), NOW), Err(InvalidSimplejwt::Malformed), "{header}");
    }
    let critical = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    assert_eq!(django.verify(&jwt(&critical, &claims(), &django), NOW), Err(InvalidSimplejwt::Malformed));
}

#[test]
fn a_token_that_another_key_signed_or_that_was_changed_is_refused() {
    let django = key("HS256", SECRET);
    let header = json!({"alg": "HS256", "typ": "JWT"});
    for other in ["", " ", "x"].map(|more| format!("{SECRET}{more}")).into_iter().filter(|other| other != SECRET) {
        let forged = jwt(&header, &claims(), &key("HS256", &other));
        assert_eq!(django.verify(&forged, NOW), Err(InvalidSimplejwt::WrongSignature));
    }
    let good = jwt(&header, &claims(), &django);
    assert!(django.verify(&good, NOW).is_ok());
    let other = jwt(&header, &json!({"user_id": "18"}), &django);
    let [mine, theirs] = [&good, &other].map(|text| text.split('.').collect::<Vec<_>>());
    let swapped = format!("{}.{}.{}", mine[0], theirs[1], mine[2]);
    let cut = &good[..good.len() - 2];
    let unsigned = format!("{}.{}.{}", mine[0], mine[1], "AA");
    for text in [&*swapped, cut, &unsigned] {
        let refused = django.verify(text, NOW).unwrap_err();
        assert!([InvalidSimplejwt::WrongSignature, InvalidSimplejwt::Malformed].contains(&refused), "{text}");
    }
    // The last character of 32 bytes carries four bits only: other spellings of the same bytes are other texts.
    let (start, last) = good.split_at(good.len() - 1);
    for spelling in ('A'..='Z').chain('a'..='z').chain('0'..='9').map(String::from).filter(|other| other != last) {
        assert!(django.verify(&format!("{start}{spelling}"), NOW).is_err(), "{spelling}");
    }
}

#[test]
fn only_three_parts_are_a_jwt() {
    for text in ["", ".", "..", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "AgAA", &format!("a.b.{}", "c".repeat(4_096))]
    {
        assert!(!is_jwt(text), "{text}");
        assert_eq!(key("HS256", SECRET).verify(text, NOW), Err(InvalidSimplejwt::Malformed), "{text}");
    }
    assert!(is_jwt("a.b.c"));
}

#[test]
fn a_document_that_is_not_a_key_is_refused_without_quoting_it() {
    for text in [
        "",
        "x",
        "[]",
        "{}",
        r#"{"algorithm":"HS256"}"#,
        r#"{"algorithm":"HS256","key":""}"#,
        r#"{"algorithm":"none","key":"s3cret"}"#,
        r#"{"algorithm":"RS256","key":"s3cret"}"#,
        r#"{"key":"s3cret"}"#,
        r#"{"algorithm":"HS256","key":["s3cret"]}"#,
        r#"{"removed":false}"#,
    ] {
        let refused = SimplejwtKey::read(text).unwrap_err();
        assert!(!refused.contains("s3cret"), "{refused}");
    }
    assert!(SimplejwtKey::read(r#"{"removed":true}"#).unwrap().is_none());
}
