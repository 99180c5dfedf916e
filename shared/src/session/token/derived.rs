//! A refresh-token key, and the keys that are derived from it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{digest, hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::TAG_BYTES;
use crate::clock::Timestamp;

/// A refresh-token key, as the key ring has it.
#[derive(Debug, Deserialize)]
pub struct RefreshTokenKey {
    /// 32 bytes in base64url.
    pub secret: SecretString,
    /// When it begins to tag tokens. By then every function has read it.
    #[serde(rename = "mints_from")]
    pub active_from: Timestamp,
}

#[derive(Debug)]
pub(super) struct DerivedKeys {
    /// The first byte of the key's SHA-256, by which tokens of versions 2 and 3 name it. Two keys may have the same id.
    pub(super) id: u8,
    pub(super) active_from: Timestamp,
    pub(super) rotation: hmac::Key,
    pub(super) new_session: hmac::Key,
    tag: hmac::Key,
    link: hmac::Key,
}

impl DerivedKeys {
    pub(super) fn new(of: &RefreshTokenKey) -> Result<Self, String> {
        let secret = BASE64_URL_SAFE_NO_PAD.decode(of.secret.expose_secret());
        let secret = Zeroizing::new(secret.map_err(|_| "a refresh-token key is not base64url".to_owned())?);
        let secret: &[u8; 32] = secret
            .as_slice()
            .try_into()
            .map_err(|_| format!("a refresh-token key has {} bytes, not 32", secret.len()))?;
        Ok(Self::from_bytes(secret, of.active_from))
    }

    pub(super) fn from_bytes(secret: &[u8; 32], active_from: Timestamp) -> Self {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
        let expand = |info: &'static [u8]| {
            let info = [info];
            let okm = extracted.expand(&info, hmac::HMAC_SHA256);
            okm.map(hmac::Key::from).expect("HKDF can output as many bytes as a hash has")
        };
        Self {
            id: digest::digest(&digest::SHA256, secret).as_ref()[0],
            active_from,
            rotation: expand(b"refresh token rotation v1"),
            tag: expand(b"refresh token tag v1"),
            new_session: expand(b"refresh token beginning v1"),
            link: expand(b"refresh token link v1"),
        }
    }

    pub(super) fn tag(&self, signed: &[u8]) -> [u8; TAG_BYTES] {
        truncated_hmac(&self.tag, signed)
    }

    /// The tag of a confirmed link.
    pub(super) fn link_tag(&self, signed: &[u8]) -> [u8; TAG_BYTES] {
        truncated_hmac(&self.link, signed)
    }
}

fn truncated_hmac(key: &hmac::Key, signed: &[u8]) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&hmac::sign(key, signed).as_ref()[..TAG_BYTES]);
    tag
}
