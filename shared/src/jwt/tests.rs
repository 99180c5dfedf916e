//! Ours accepted, everything else refused. Wrong tokens are signed with the right key, so that only the rule can refuse.

use super::*;
use jsonwebtoken::crypto;

/// RFC 7515 appendix A.3.
const EC: &str = r#"{"kty": "EC", "crv": "P-256", "kid": "ec",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
/// RFC 7515 appendix A.1.
const OCT: &str = r#"{"kty": "oct", "kid": "oct",
    "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
/// Made for these tests.
const RSA_SET: &str = include_str!("testdata/rsa.json");
/// The payload of RFC 7515's examples.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn set(jwk: &str) -> String {
    format!(r#"{{"keys": [{jwk}]}}"#)
}

fn audience() -> Audience {
    Audience { issuer: "https://auth.example".to_owned(), audience: "api".to_owned() }
}

fn signer(jwk_set: &str) -> Signer {
    Signer::from_jwk_set(jwk_set, audience(), Duration::from_mins(5)).unwrap()
}

fn verifier(jwk_set: &str) -> Verifier {
    Verifier::from_jwk_set(jwk_set, audience()).unwrap()
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
    let signature = signer(&set(EC)).key.sign(message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn verify(token: &str) -> Result<Access, InvalidAccessToken> {
    verifier(&set(EC)).verify(token, NOW)
}

#[test]
fn every_kind_of_key_signs_what_it_verifies() {
    for jwk_set in [set(EC), set(OCT), RSA_SET.to_owned()] {
        let (user, session) = (UserId::generate(), SessionId::generate());
        let token = signer(&jwk_set).sign(user, session, NOW);
        let text = token.text.expose_secret();
        assert_eq!(verifier(&jwk_set).verify(text, NOW), Ok(Access { user, session }), "{jwk_set}");
    }
}

#[test]
fn ring_agrees_with_the_examples_of_rfc_7515() {
    let _ = keys::PROVIDER.install_default();
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
        let key = DecodingKey::from_jwk(&serde_json::from_str(jwk).unwrap()).unwrap();
        let message = format!("{header}.{JOE}");
        assert!(crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap());
        let other = format!("{header}.{JOE}A");
        assert!(!crypto::verify(signature, other.as_bytes(), &key, algorithm).unwrap());
    }
}

#[test]
fn the_claims_are_those_of_rfc_9068_and_simplejwt_and_nothing_personal() {
    let token = signer(&set(EC)).sign(UserId::generate(), SessionId::generate(), NOW);
    let text = token.text.expose_secret();
    let parts: Vec<&str> = text.split('.').collect();
    let read = |part: &str| -> Value { serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(read(parts[0]), json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"}));
    let claims = read(parts[1]);
    let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    let expected = ["aud", "client_id", "exp", "iat", "iss", "jti", "sid", "sub", "token_type", "user_id"];
    assert_eq!(names, expected);
    assert_eq!(claims["sub"], claims["user_id"]);
}

#[test]
fn a_token_lives_its_lifetime_less_at_most_a_twentieth() {
    let signer = signer(&set(EC));
    let lives: Vec<u64> =
        (0..200).map(|_| signer.sign(UserId::generate(), SessionId::generate(), NOW).expires_in).collect();
    assert!(lives.iter().all(|life| (285..=300).contains(life)), "{lives:?}");
    assert!(lives.iter().any(|life| *life != lives[0]), "all the same: no jitter");
}

#[test]
fn a_token_expires_to_the_second() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let token = with_header(&header, &good_claims());
    let verifier = verifier(&set(EC));
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

#[test]
fn claims_meant_for_somebody_else_are_refused() {
    let header = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let cases = [
        ("iss", json!("https://auth.example/"), InvalidAccessToken::WrongAudience),
        ("aud", json!("other-api"), InvalidAccessToken::WrongAudience),
        ("aud", json!(["api", "other-api"]), InvalidAccessToken::Malformed),
        ("token_type", json!("refresh"), InvalidAccessToken::WrongType),
        ("sub", json!("1"), InvalidAccessToken::Malformed),
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
fn the_public_key_is_no_hmac_secret() {
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
fn key_sets_that_cannot_work_are_refused_with_a_reason_and_without_the_key() {
    for bad in ["", "{}", r#"{"keys": []}"#, &set(&EC.replace("P-256", "P-384")), &set(&EC.replace("jpsQ", "jpsR"))] {
        let reason = Signer::from_jwk_set(bad, audience(), Duration::from_mins(5)).unwrap_err();
        assert!(!reason.is_empty() && !reason.contains("jps"), "{reason}");
    }
    let short = r#"{"kty": "oct", "kid": "short", "k": "c2hvcnQ"}"#;
    assert!(Signer::from_jwk_set(&set(short), audience(), Duration::from_mins(5)).unwrap_err().contains("32 bytes"));
    for bad in ["", "{}", r#"{"keys": []}"#, &set(&EC.replace(r#""kid": "ec","#, ""))] {
        assert!(Verifier::from_jwk_set(bad, audience()).is_err(), "{bad}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let signer = signer(&set(EC));
    let token = signer.sign(UserId::generate(), SessionId::generate(), NOW);
    let printed = format!("{signer:?} {token:?} {:?}", verifier(&set(OCT)));
    let secret = token.text.expose_secret();
    assert!(!printed.contains(secret) && !printed.contains("jpsQ") && !printed.contains("AyM1"), "{printed}");
}
