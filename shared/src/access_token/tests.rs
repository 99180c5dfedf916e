//! Ours accepted, everything else refused. Wrong tokens are signed with the right key, so that only the rule can refuse.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use super::{signer::base64url_json, verifier::MAX_LENGTH, *};
use crate::roles;

/// RFC 7515 appendix A.3.
const EC: &str = r#"{"kty": "EC", "crv": "P-256", "kid": "ec",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
/// RFC 7515 appendix A.1.
const OCT: &str = r#"{"kty": "oct", "kid": "oct",
    "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
/// Made for these tests.
const RSA: &str = include_str!("testdata/rsa.json");
/// The payload of RFC 7515's examples.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn private(jwk: &str) -> SigningJwk {
    serde_json::from_str(&format!(r#"{{"jwk": {jwk}, "signs_from": 0}}"#)).unwrap()
}

fn public(jwk: &str) -> VerificationJwk {
    serde_json::from_str(&format!(r#"{{"jwk": {jwk}}}"#)).unwrap()
}

fn audience() -> Audience {
    Audience { issuer: "https://auth.example".to_owned(), audience: "api".to_owned() }
}

fn try_signer(jwk: &str) -> Result<Signer, String> {
    Signer::new(vec![private(jwk)], audience(), Duration::from_mins(5))
}

fn signer(jwk: &str) -> Signer {
    try_signer(jwk).unwrap()
}

fn verifier(jwk: &str) -> Verifier {
    Verifier::new(&[public(jwk)], audience()).unwrap()
}

fn good_claims() -> Value {
    let (user, session) = (UserId::generate().to_string(), SessionId::generate().to_string());
    json!({
        "iss": "https://auth.example", "aud": "api", "sub": user, "iat": NOW.unix_seconds(),
        "exp": NOW.unix_seconds() + 300, "jti": "jti", "sid": session, "client_id": "app",
        "token_type": "access", "user_id": user,
    })
}

fn with_header(header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", base64url_json(header), base64url_json(claims));
    let signature = signer(EC).keys[0].key.sign(message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn verify(token: &str) -> Result<Access, InvalidAccessToken> {
    verifier(EC).verify(token, NOW)
}

#[test]
fn every_kind_of_key_signs_what_it_verifies() {
    for jwk in [EC, OCT, RSA] {
        let (user, session) = (UserId::generate(), SessionId::generate());
        let token = signer(jwk).sign(user, session, NOW, &Roles::default(), NOW);
        let text = token.text.expose_secret();
        assert_eq!(verifier(jwk).verify(text, NOW), Ok(Access { user, session }), "{jwk}");
    }
}

#[test]
fn ring_agrees_with_the_examples_of_rfc_7515() {
    let _ = jwk::PROVIDER.install_default();
    let examples = [
        (
            EC,
            Algorithm::ES256,
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            OCT,
            Algorithm::HS256,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
    ];
    for (jwk, algorithm, header, signature) in examples {
        let (_, _, key) = public(jwk).jwk.verification_key().unwrap();
        let message = format!("{header}.{JOE}");
        assert!(crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap());
        let other = format!("{header}.{JOE}A");
        assert!(!crypto::verify(signature, other.as_bytes(), &key, algorithm).unwrap());
    }
}

#[test]
fn the_claims_are_those_of_rfc_9068_and_simplejwt_and_nothing_personal() {
    let hour_ago = NOW - Duration::from_hours(1);
    let token = signer(EC).sign(UserId::generate(), SessionId::generate(), hour_ago, &Roles::default(), NOW);
    let text = token.text.expose_secret();
    let parts: Vec<&str> = text.split('.').collect();
    let read = |part: &str| -> Value { serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(read(parts[0]), json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"}));
    let claims = read(parts[1]);
    let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    let expected = ["aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "sid", "sub", "token_type", "user_id"];
    assert_eq!(names, expected);
    assert_eq!(claims["sub"], claims["user_id"]);
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&json!(hour_ago.unix_seconds()), &json!(NOW.unix_seconds())));
}

#[test]
fn a_token_lives_its_lifetime_less_at_most_a_twentieth() {
    let signer = signer(EC);
    let lives: Vec<u64> = (0..200)
        .map(|_| signer.sign(UserId::generate(), SessionId::generate(), NOW, &Roles::default(), NOW).expires_in)
        .collect();
    assert!(lives.iter().all(|life| (285..=300).contains(life)), "{lives:?}");
    assert!(lives.iter().any(|life| *life != lives[0]), "all the same: no jitter");
}

#[test]
fn a_token_expires_to_the_second() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let token = with_header(&header, &good_claims());
    let verifier = verifier(EC);
    assert!(verifier.verify(&token, NOW + Duration::from_secs(299)).is_ok());
    assert_eq!(verifier.verify(&token, NOW + Duration::from_mins(5)), Err(InvalidAccessToken::Expired));
}

#[test]
fn every_claim_is_required() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    assert!(verify(&with_header(&header, &good_claims())).is_ok());
    for name in good_claims().as_object().unwrap().keys() {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(verify(&with_header(&header, &claims)), Err(InvalidAccessToken::Malformed), "{name}");
    }
}

/// While a new version is rolled out, tokens of the one before are still about.
#[test]
fn a_token_without_auth_time_is_good() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let mut claims = good_claims();
    assert!(claims.get("auth_time").is_none() && verify(&with_header(&header, &claims)).is_ok());
    claims["auth_time"] = json!(NOW.unix_seconds());
    assert!(verify(&with_header(&header, &claims)).is_ok());
    claims["auth_time"] = json!("yesterday");
    assert_eq!(verify(&with_header(&header, &claims)), Err(InvalidAccessToken::Malformed));
}

#[test]
fn claims_meant_for_somebody_else_are_refused() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let cases = [
        ("iss", json!("https://auth.example/"), InvalidAccessToken::WrongAudience),
        ("aud", json!("other-api"), InvalidAccessToken::WrongAudience),
        ("aud", json!(["api", "other-api"]), InvalidAccessToken::Malformed),
        ("token_type", json!("refresh"), InvalidAccessToken::WrongType),
        ("sub", json!("01"), InvalidAccessToken::Malformed),
        ("sub", json!(1), InvalidAccessToken::Malformed),
        ("sid", json!(""), InvalidAccessToken::Malformed),
        ("exp", json!("tomorrow"), InvalidAccessToken::Malformed),
    ];
    for (name, value, expected) in cases {
        let mut claims = good_claims();
        claims[name] = value;
        assert_eq!(verify(&with_header(&header, &claims)), Err(expected), "{name}");
    }
}

#[test]
fn headers_that_ask_for_another_check_are_refused() {
    let cases = [
        (json!({"alg": "ES256", "kid": "ec", "typ": "JWT"}), InvalidAccessToken::WrongType),
        (json!({"alg": "ES256", "kid": "ec"}), InvalidAccessToken::WrongType),
        (json!({"alg": "ES256", "kid": "other", "typ": "at+jwt"}), InvalidAccessToken::UnknownKey),
        (json!({"alg": "ES256", "typ": "at+jwt"}), InvalidAccessToken::UnknownKey),
        (json!({"alg": "HS256", "kid": "ec", "typ": "at+jwt"}), InvalidAccessToken::WrongSignature),
        (json!({"alg": "RS256", "kid": "ec", "typ": "at+jwt"}), InvalidAccessToken::WrongSignature),
        (json!({"alg": "none", "kid": "ec", "typ": "at+jwt"}), InvalidAccessToken::Malformed),
        (json!({"alg": "nOnE", "kid": "ec", "typ": "at+jwt"}), InvalidAccessToken::Malformed),
        (json!({"alg": "es256", "kid": "ec", "typ": "at+jwt"}), InvalidAccessToken::Malformed),
        (json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt", "crit": ["exp"]}), InvalidAccessToken::Malformed),
    ];
    for (header, expected) in cases {
        assert_eq!(verify(&with_header(&header, &good_claims())), Err(expected), "{header}");
    }
    for typ in ["AT+JWT", "application/at+jwt"] {
        let header = json!({"alg": "ES256", "kid": "ec", "typ": typ});
        assert!(verify(&with_header(&header, &good_claims())).is_ok(), "{typ} (RFC 9068 §4)");
    }
}

/// The classic confusion (RFC 8725 §2.1): a symmetric signature made with what everybody knows, the public key.
#[test]
fn a_token_that_is_signed_with_the_public_key_as_hmac_secret_is_refused() {
    let jwk: Value = serde_json::from_str(EC).unwrap();
    let header = json!({"alg": "HS256", "kid": "ec", "typ": "at+jwt"});
    let message = format!("{}.{}", base64url_json(&header), base64url_json(&good_claims()));
    let point = DecodingKey::from_ec_components(jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap()).unwrap();
    let forged = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, point.try_get_as_bytes().unwrap());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&forged, message.as_bytes()));
    assert_eq!(verify(&format!("{message}.{signature}")), Err(InvalidAccessToken::WrongSignature));
}

#[test]
fn what_is_not_a_compact_jws_is_malformed() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let good = with_header(&header, &good_claims());
    let json_serialisation = json!({"payload": "x", "signatures": []}).to_string();
    let long = "a".repeat(MAX_LENGTH + 1);
    let five_parts = format!("{good}.a.b");
    for text in
        ["", ".", "..", "a.b.c", "한.글.!", "\0", &json_serialisation, &long, &five_parts, &good[..good.len() / 3]]
    {
        assert_eq!(verify(text), Err(InvalidAccessToken::Malformed), "{text}");
    }
    let (message, _) = good.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{message}.")), Err(InvalidAccessToken::WrongSignature));
}

#[test]
fn keys_that_cannot_work_are_refused_with_a_reason_and_without_the_key() {
    for bad in [&EC.replace("P-256", "P-384"), &EC.replace("jpsQ", "jpsR"), &EC.replace("jpsQ", "jps!")] {
        let reason = try_signer(bad).unwrap_err();
        assert!(!reason.is_empty() && !reason.contains("jps"), "{reason}");
    }
    let short = r#"{"kty": "oct", "kid": "short", "k": "c2hvcnQ"}"#;
    assert!(try_signer(short).unwrap_err().contains("32 bytes"));
    assert!(Verifier::new(&[public(short)], audience()).unwrap_err().contains("32 bytes"));
    assert!(Verifier::new(&[public(&EC.replace("P-256", "P-384"))], audience()).is_err());
    assert!(Verifier::new(&[], audience()).is_err() && Signer::new(vec![], audience(), Duration::ZERO).is_err());
    assert!(serde_json::from_str::<VerificationJwk>(r#"{"jwk": {"kty": "EC", "crv": "P-256"}}"#).is_err(), "no kid");
}

/// As large as roles may be.
fn largest_roles() -> Roles {
    let names = (0..15).map(|at| format!("{}{at:02}", "a".repeat(62)));
    let roles = Roles::new(names.chain(["b".repeat(15)])).unwrap();
    assert_eq!(roles.to_stored().unwrap().len(), roles::MAX_BYTES);
    roles
}

#[test]
fn a_token_with_as_many_roles_as_there_may_be_is_good_with_every_algorithm() {
    for (jwk, longest) in [(EC, 2_000), (OCT, 2_000), (RSA, 2_300)] {
        let (user, session) = (UserId::generate(), SessionId::generate());
        let token = signer(jwk).sign(user, session, NOW, &largest_roles(), NOW);
        let text = token.text.expose_secret();
        assert!(text.len() > 1_500 && text.len() <= longest && longest < MAX_LENGTH, "{jwk}: {}", text.len());
        assert_eq!(verifier(jwk).verify(text, NOW), Ok(Access { user, session }), "{jwk}");
        let payload = BASE64_URL_SAFE_NO_PAD.decode(text.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims["roles"], json!(largest_roles()), "{jwk}");
    }
}

/// A service that looks for a role in the wrong place must find none.
#[test]
fn no_role_has_the_name_of_a_claim() {
    let token = signer(EC).sign(UserId::generate(), SessionId::generate(), NOW, &largest_roles(), NOW);
    let payload = token.text.expose_secret().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    for claim in claims.as_object().unwrap().keys() {
        assert!(roles::RESERVED.contains(&claim.as_str()), "{claim}");
    }
}

#[test]
fn a_key_signs_from_its_time_on_and_is_good_until_it_retires() {
    let at = |seconds| NOW + Duration::from_secs(seconds);
    let old = format!(r#"{{"jwk": {OCT}, "signs_from": 0}}"#);
    let next = format!(r#"{{"jwk": {EC}, "signs_from": {}}}"#, at(100).unix_seconds());
    let keys = [&next, &old].map(|key| serde_json::from_str(key).unwrap()).into();
    let signer = Signer::new(keys, audience(), Duration::from_mins(5)).unwrap();
    let sign = |now| signer.sign(UserId::generate(), SessionId::generate(), NOW, &Roles::default(), now).text;
    let retiring = format!(r#"{{"jwk": {OCT}, "retires_at": {}}}"#, at(150).unix_seconds());
    let retiring: VerificationJwk = serde_json::from_str(&retiring).unwrap();
    let verifier = Verifier::new(&[retiring, public(EC)], audience()).unwrap();

    let (last_old, first_new) = (sign(at(99)), sign(at(100)));
    assert_eq!(jsonwebtoken::decode_header(last_old.expose_secret()).unwrap().kid.unwrap(), "oct");
    assert_eq!(jsonwebtoken::decode_header(first_new.expose_secret()).unwrap().kid.unwrap(), "ec");
    assert!(verifier.verify(last_old.expose_secret(), at(149)).is_ok());
    assert_eq!(verifier.verify(last_old.expose_secret(), at(150)), Err(InvalidAccessToken::UnknownKey));
    assert!(verifier.verify(first_new.expose_secret(), at(150)).is_ok());
}

#[test]
fn a_symmetric_key_and_a_retired_one_are_published_to_nobody() {
    assert_eq!(public(OCT).published(NOW), None);
    let shown = public(EC).published(NOW).unwrap();
    assert_eq!((&shown["kid"], &shown["alg"], &shown["use"]), (&json!("ec"), &json!("ES256"), &json!("sig")));
    assert_eq!(shown.get("d"), None, "the private half stays");
    let retired: VerificationJwk =
        serde_json::from_str(&format!(r#"{{"jwk": {EC}, "retires_at": {}}}"#, NOW.unix_seconds())).unwrap();
    assert!(retired.published(NOW).is_none() && retired.published(NOW - Duration::from_secs(1)).is_some());
}

#[test]
fn nothing_secret_is_printed() {
    let signer = signer(EC);
    let token = signer.sign(UserId::generate(), SessionId::generate(), NOW, &Roles::default(), NOW);
    let printed = format!("{signer:?} {token:?} {:?}", verifier(OCT));
    let secret = token.text.expose_secret();
    assert!(!printed.contains(secret) && !printed.contains("jpsQ") && !printed.contains("AyM1"), "{printed}");
}
