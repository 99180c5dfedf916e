//! Signature keys from JSON Web Keys (RFC 7517), and `ring` under jsonwebtoken.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{Error as JwtError, ErrorKind},
    signature,
};
use ring::{hmac, rand::SystemRandom, rsa, signature as algorithms};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A private (or, for HS256, symmetric) key from a JWK Set.
#[derive(Deserialize)]
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
                    &decode(d.expose_secret())?,
                    &public,
                    &SystemRandom::new(),
                );
                let pair = pair.map_err(|rejected| format!("key {kid}: {rejected}"))?;
                Ok((kid, SigningKey::Es256(pair)))
            }
            Self::Rsa { kid, n, e, d, p, q, dp, dq, qi } => {
                let pair = rsa::KeyPair::from_components(&rsa::KeyPairComponents {
                    public_key: rsa::PublicKeyComponents { n: decode(&n)?, e: decode(&e)? },
                    d: decode(d.expose_secret())?,
                    p: decode(p.expose_secret())?,
                    q: decode(q.expose_secret())?,
                    dP: decode(dp.expose_secret())?,
                    dQ: decode(dq.expose_secret())?,
                    qInv: decode(qi.expose_secret())?,
                });
                let pair = pair.map_err(|rejected| format!("key {kid}: {rejected}"))?;
                Ok((kid, SigningKey::Rs256(Box::new(pair))))
            }
            Self::Oct { kid, k } => {
                let secret = decode(k.expose_secret())?;
                if secret.len() < 32 {
                    return Err(format!("key {kid}: HS256 needs at least 32 bytes (RFC 7518 §3.2)"));
                }
                Ok((kid, SigningKey::Hs256(hmac::Key::new(hmac::HMAC_SHA256, &secret))))
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

/// The one algorithm that a public JWK is good for, by its type and not by what a token says (RFC 8725 §3.1).
pub(super) fn algorithm_of(jwk: &jsonwebtoken::jwk::Jwk) -> Result<Algorithm, JwtError> {
    use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};
    match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Ok(Algorithm::ES256),
        AlgorithmParameters::RSA(_) => Ok(Algorithm::RS256),
        AlgorithmParameters::OctetKey(_) => Ok(Algorithm::HS256),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}
