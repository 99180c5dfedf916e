//! The functions' secrets: made here for a local stack, and for a person to put into Secrets Manager.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use shared::random;

/// Where `ring`'s PKCS#8 document of a P-256 key (RFC 5958, RFC 5915) has its 32 private bytes.
const PRIVATE_BYTES: std::ops::Range<usize> = 36..68;

/// A new secret for each function, in the shape of what [`shared::config`] reads: an ES256 signing key, a session secret and
/// a key for pseudonyms, each function with no more than it uses. `kakao_admin_key` may be empty.
///
/// # Panics
///
/// If `ring` refuses the key that it has just made.
#[must_use]
pub fn generate(kakao_client_secret: &str, kakao_admin_key: &str) -> Value {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("ring makes a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
        .expect("ring reads the key that it made");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let public = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": base64url(&random::bytes::<12>()),
        "x": base64url(x), "y": base64url(y),
    });
    let mut private = public.clone();
    private["d"] = json!(base64url(&document.as_ref()[PRIVATE_BYTES]));

    let signing_keys = json!({"keys": [private]});
    let session_secrets = json!([base64url(&random::bytes::<32>())]);
    let pseudonym_key = base64url(&random::bytes::<32>());
    json!({
        "kakao-login": {
            "SIGNING_KEYS": signing_keys, "SESSION_SECRETS": session_secrets, "PSEUDONYM_KEY": pseudonym_key,
            "KAKAO_CLIENT_SECRET": kakao_client_secret, "KAKAO_ADMIN_KEY": kakao_admin_key,
        },
        "refresh": {
            "SIGNING_KEYS": signing_keys, "SESSION_SECRETS": session_secrets, "PSEUDONYM_KEY": pseudonym_key,
        },
        "logout": {"SESSION_SECRETS": session_secrets, "PSEUDONYM_KEY": pseudonym_key},
        "profile": {"VERIFICATION_KEYS": {"keys": [public]}, "PSEUDONYM_KEY": pseudonym_key},
    })
}

fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
