//! Signature keys from JSON Web Keys (RFC 7517), and `ring` under jsonwebtoken.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::ErrorKind,
    signature,
};
use ring::{hmac, rand::SystemRandom, rsa, signature as algorithms};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A private (or, for HS256, symmetric) key from a JWK Set.
#[derive(Debug, Deserialize)]
#[serde(tag = "kty")]
pub(super) enum PrivateJwk {
    #[serde(rename = "EC")]
    Ec { kid: String, crv: String, x: String, y: String, d: SecretString },
    #[serde(rename = "RSA")]
    Rsa {
        kid: String,
        n: String,
        e: String,
        d: SecretString,
        p: SecretString,
        q: SecretString,
        dp: SecretString,
        dq: SecretString,
        qi: SecretString,
    },
    #[serde(rename = "oct")]
    Oct { kid: String, k: SecretString },
}

/// A key that signs, parsed once: `ring` checks a private key against its public half when it reads it.
#[derive(Debug)]
pub(super) enum SigningKey {
    Es256(algorithms::EcdsaKeyPair),
    Rs256(Box<rsa::KeyPair>),
    Hs256(hmac::Key),
}

impl PrivateJwk {
    /// The key's id and the key.
    pub(super) fn into_signing_key(self) -> Result<(String, SigningKey), String> {
        match self {
            Self::Ec { kid, crv, x, y, d } => {
                if crv != "P-256" {
                    return Err(format!("key {kid}: the curve must be P-256"));
                }
                let public = [&[4], decode(&x)?.as_slice(), decode(&y)?.as_slice()].concat();
                let pair = algorithms::EcdsaKeyPair::from_private_key_and_public_key(
                    &algorithms::ECDSA_P256_SHA256_FIXED_SIGNING,
                    &decode_private(&d)?,
                    &public,
                    &SystemRandom::new(),
                );
                let pair = pair.map_err(|rejected| format!("key {kid}: {rejected}"))?;
                Ok((kid, SigningKey::Es256(pair)))
            }
            Self::Rsa { kid, n, e, d, p, q, dp, dq, qi } => {
                let pair = rsa::KeyPair::from_components(&rsa::KeyPairComponents {
                    public_key: rsa::PublicKeyComponents { n: decode(&n)?, e: decode(&e)? },
                    d: decode_private(&d)?,
                    p: decode_private(&p)?,
                    q: decode_private(&q)?,
                    dP: decode_private(&dp)?,
                    dQ: decode_private(&dq)?,
                    qInv: decode_private(&qi)?,
                });
                let pair = pair.map_err(|rejected| format!("key {kid}: {rejected}"))?;
                Ok((kid, SigningKey::Rs256(Box::new(pair))))
            }
            Self::Oct { kid, k } => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &symmetric(&kid, &k)?);
                Ok((kid, SigningKey::Hs256(key)))
            }
        }
    }
}

impl SigningKey {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::ES256,
            Self::Rs256(_) => Algorithm::RS256,
            Self::Hs256(_) => Algorithm::HS256,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => {
                let signature = pair.sign(&random, message).expect("a parsed P-256 key signs");
                signature.as_ref().to_vec()
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&algorithms::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a parsed RSA key signs");
                signature
            }
            Self::Hs256(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }
}

fn decode_private(text: &SecretString) -> Result<Zeroizing<Vec<u8>>, String> {
    decode(text.expose_secret()).map(Zeroizing::new)
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| "a key's member is not base64url".to_owned())
}

/// jsonwebtoken ships no `ring` backend, and panics when it has none. Ours verifies; signing goes through [`SigningKey`],
/// because this hook would parse the private key again for every token.
pub(super) static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |algorithm, key| {
        let algorithm = *algorithm;
        match algorithm {
            Algorithm::ES256 | Algorithm::RS256 | Algorithm::HS256 => {
                Ok(Box::new(RingVerifier { algorithm, key: key.clone() }))
            }
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        }
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
                algorithms::UnparsedPublicKey::new(&algorithms::ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = rsa::PublicKeyComponents { n, e };
                key.verify(&algorithms::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

/// A public (or, for HS256, symmetric) key from a JWK Set.
#[derive(Debug, Deserialize)]
#[serde(tag = "kty")]
pub(super) enum PublicJwk {
    #[serde(rename = "EC")]
    Ec { kid: String, crv: String, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { kid: String, n: String, e: String },
    #[serde(rename = "oct")]
    Oct { kid: String, k: SecretString },
}

impl PublicJwk {
    /// The key's id, the key, and the one algorithm that it is good for, by its type and not by what a token says
    /// (RFC 8725 §3.1).
    pub(super) fn verification_key(&self) -> Result<(String, Algorithm, DecodingKey), String> {
        let (kid, algorithm, key) = match self {
            Self::Ec { kid, crv, .. } if crv != "P-256" => return Err(format!("key {kid}: the curve must be P-256")),
            Self::Ec { kid, x, y, .. } => (kid, Algorithm::ES256, DecodingKey::from_ec_components(x, y)),
            Self::Rsa { kid, n, e } => (kid, Algorithm::RS256, DecodingKey::from_rsa_components(n, e)),
            Self::Oct { kid, k } => (kid, Algorithm::HS256, Ok(DecodingKey::from_secret(&symmetric(kid, k)?))),
        };
        Ok((kid.clone(), algorithm, key.map_err(|_| format!("key {kid}: not readable"))?))
    }

    /// As a JWK Set shows it to everybody. A symmetric key is shown to nobody: who can verify with it can sign.
    pub(super) fn published(&self) -> Option<Value> {
        match self {
            Self::Ec { kid, crv, x, y } => {
                Some(json!({"kty": "EC", "kid": kid, "use": "sig", "alg": "ES256", "crv": crv, "x": x, "y": y}))
            }
            Self::Rsa { kid, n, e } => {
                Some(json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e}))
            }
            Self::Oct { .. } => None,
        }
    }
}

fn symmetric(kid: &str, k: &SecretString) -> Result<Zeroizing<Vec<u8>>, String> {
    let secret = decode_private(k)?;
    if secret.len() < 32 {
        return Err(format!("key {kid}: HS256 needs at least 32 bytes (RFC 7518 §3.2)"));
    }
    Ok(secret)
}
