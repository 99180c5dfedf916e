//! New keys, as JSON Web Keys (RFC 7517).

use std::{collections::BTreeMap, convert::Infallible, str::FromStr, sync::OnceLock};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use rsa::{
    PrivateKey,
    rand_core::{TryCryptoRng, TryRng},
    traits::{PrivateKeyParts, PublicKeyParts},
};
use shared::random;
use zeroize::Zeroizing;

/// A JSON Web Key by its members, which are all texts.
pub type Jwk = BTreeMap<String, Zeroizing<String>>;

const RSA_BITS: usize = 2_048;
/// Where `ring`'s PKCS#8 document of a P-256 key (RFC 5958, RFC 5915) has its 32 private bytes.
const PRIVATE_BYTES: std::ops::Range<usize> = 36..68;
/// What everybody may see of a key.
const PUBLIC_MEMBERS: [&str; 9] = ["kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"];

/// How access tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Short and fast, and known to every library.
    Es256,
    /// Required by API Gateway's JWT authorizer.
    Rs256,
    /// For services that verify with a copy of the key. They could sign as well.
    Hs256,
}

impl Algorithm {
    /// Its name in a JWK (RFC 7518 §3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Es256, Self::Rs256, Self::Hs256].into_iter().find(|algorithm| algorithm.name() == text);
        known.ok_or_else(|| "must be ES256, RS256 or HS256".to_owned())
    }
}

/// The new keys of one command. Each is generated when it is first used and is the same from then on, so a retry uses the same keys.
pub struct NewKeys {
    algorithm: Algorithm,
    signing: OnceLock<Jwk>,
    refresh_token: OnceLock<Zeroizing<String>>,
}

impl NewKeys {
    /// Keys that are not generated yet.
    #[must_use]
    pub const fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, signing: OnceLock::new(), refresh_token: OnceLock::new() }
    }

    /// How the signing key signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn signing(&self) -> Jwk {
        self.signing.get_or_init(|| signing_key(self.algorithm)).clone()
    }

    pub(crate) fn refresh_token(&self) -> Zeroizing<String> {
        self.refresh_token.get_or_init(secret).clone()
    }
}

/// A new private key.
///
/// # Panics
///
/// If the system cannot provide randomness.
#[must_use]
pub fn signing_key(algorithm: Algorithm) -> Jwk {
    let members = match algorithm {
        Algorithm::Es256 => es256(),
        Algorithm::Rs256 => rs256(),
        Algorithm::Hs256 => hs256(),
    };
    let kid = base64url(&random::bytes::<12>());
    let common = [("use", "sig".to_owned().into()), ("alg", algorithm.name().to_owned().into()), ("kid", kid)];
    members.into_iter().chain(common).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The part of a key that verifiers get: the public half, or all of a symmetric key.
#[must_use]
pub fn verification_key(key: &Jwk) -> Jwk {
    let symmetric = key.get("kty").is_some_and(|kty| kty.as_str() == "oct");
    let shown = key.iter().filter(|(name, _)| symmetric || PUBLIC_MEMBERS.contains(&name.as_str()));
    shown.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// 32 bytes for HMAC.
#[must_use]
pub fn secret() -> Zeroizing<String> {
    base64url(&*Zeroizing::new(random::bytes::<32>()))
}

fn es256() -> Vec<(&'static str, Zeroizing<String>)> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("ring makes a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
        .expect("ring reads the key that it made");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    vec![
        ("kty", "EC".to_owned().into()),
        ("crv", "P-256".to_owned().into()),
        ("x", base64url(x)),
        ("y", base64url(y)),
        ("d", base64url(&document.as_ref()[PRIVATE_BYTES])),
    ]
}

fn rs256() -> Vec<(&'static str, Zeroizing<String>)> {
    let key = PrivateKey::new(&mut System, RSA_BITS).expect("the system gives randomness, and 2048 bits are enough");
    let [p, q] = key.primes() else { unreachable!("a key of two primes was asked for") };
    let (dp, dq) = (key.dp().expect("a new key knows dp"), key.dq().expect("a new key knows dq"));
    let qi = key.crt_coefficient().expect("two different primes have an inverse");
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        base64url(&bytes[zeros..])
    };
    vec![
        ("kty", "RSA".to_owned().into()),
        ("n", number(&key.n_bytes())),
        ("e", number(&key.e_bytes())),
        ("d", number(&Zeroizing::new(key.d().to_be_bytes()))),
        ("p", number(&Zeroizing::new(p.to_be_bytes()))),
        ("q", number(&Zeroizing::new(q.to_be_bytes()))),
        ("dp", number(&Zeroizing::new(dp.to_be_bytes()))),
        ("dq", number(&Zeroizing::new(dq.to_be_bytes()))),
        ("qi", number(&Zeroizing::new(qi.to_be_bytes()))),
    ]
}

/// The key is the bytes of a text, so that a setting such as Django's `SIGNING_KEY` can hold the text.
fn hs256() -> Vec<(&'static str, Zeroizing<String>)> {
    vec![("kty", "oct".to_owned().into()), ("k", base64url(secret().as_bytes()))]
}

fn base64url(bytes: &[u8]) -> Zeroizing<String> {
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

/// The system's randomness, as the `rsa` crate asks for it.
struct System;

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random::bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random::bytes()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            let random = Zeroizing::new(random::bytes::<32>());
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for System {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use shared::{
        access_token::{Audience, Signer, Verifier},
        clock::Timestamp,
        id::{SessionId, UserId},
        roles::Roles,
    };

    use super::*;

    /// `ring` checks every member of an RSA key against the others when it reads it, and does so for each of these.
    #[test]
    fn every_new_key_signs_what_its_public_half_verifies() {
        use secrecy::ExposeSecret;
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let audience = || Audience { issuer: "i".to_owned(), audience: "a".to_owned() };
        let algorithms = [(Algorithm::Es256, 50), (Algorithm::Hs256, 5), (Algorithm::Rs256, 12)];
        for (algorithm, times) in algorithms {
            for _ in 0..times {
                let key = signing_key(algorithm);
                let public = verification_key(&key);
                let private = serde_json::from_value(json!({"jwk": key, "signs_from": 0})).unwrap();
                let public = serde_json::from_value(json!({"jwk": public})).unwrap();
                let signer = Signer::new(vec![private], audience(), Duration::from_mins(5)).unwrap();
                let token = signer.sign(UserId::generate(), SessionId::generate(), now, &Roles::default(), now);
                let verifier = Verifier::new(&[public], audience()).unwrap();
                assert!(verifier.verify(token.text.expose_secret(), now).is_ok(), "{algorithm:?}");
            }
        }
    }

    #[test]
    fn no_two_keys_are_the_same() {
        let (one, two) = (signing_key(Algorithm::Es256), signing_key(Algorithm::Es256));
        assert!(one["kid"] != two["kid"] && one["d"] != two["d"]);
        assert!(secret() != secret());
        assert_eq!(one["kid"].len(), 16, "96 bits");
    }
}
