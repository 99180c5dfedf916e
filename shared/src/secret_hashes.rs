//! Secrets that callers present, as hashes: a function that only checks them does not need to know them.

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// SHA-256 hashes of a secret: none if there is no such secret, two while it is being changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretHashes(Vec<[u8; 32]>);

impl SecretHashes {
    /// Reads hashes in hexadecimal digits, separated by commas. The text may be empty.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let hashes = text.split(',').map(str::trim).filter(|hash| !hash.is_empty()).map(read_hash);
        let hashes: Option<Vec<_>> = hashes.collect();
        hashes.map(Self).ok_or_else(|| "each must be a SHA-256 hash of 64 hexadecimal digits".to_owned())
    }

    /// The hash of a secret, as [`read`](Self::read) reads it.
    #[must_use]
    pub fn hash_of(secret: &SecretString) -> String {
        let hash = digest(&SHA256, secret.expose_secret().as_bytes());
        let hexadecimal: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        hexadecimal.concat()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no such secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of the secrets. Takes the same time for every secret.
    #[must_use]
    pub fn contains(&self, secret: &SecretString) -> bool {
        let presented = digest(&SHA256, secret.expose_secret().as_bytes());
        self.0.iter().fold(false, |found, hash| bool::from(hash.as_slice().ct_eq(presented.as_ref())) | found)
    }
}

fn read_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_any_of_its_hashes() {
        // `printf abc | sha256sum`, and the same of `def`.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let def = "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34";
        assert_eq!(SecretHashes::hash_of(&"abc".into()), abc);
        let both = SecretHashes::read(&format!("{abc}, {def}")).unwrap();
        for (key, is_known) in [("abc", true), ("def", true), ("", false), ("ab", false), (abc, false)] {
            assert_eq!(both.contains(&key.into()), is_known, "{key}");
            assert!(!SecretHashes::default().contains(&key.into()), "{key}");
        }
        assert!(!SecretHashes::read(abc).unwrap().contains(&"def".into()));
    }

    #[test]
    fn only_hashes_are_accepted() {
        assert!(SecretHashes::read("").unwrap().is_empty());
        for wrong in ["abc", &"g".repeat(64), &"a".repeat(63), &format!("+{}", "a".repeat(63))] {
            assert!(SecretHashes::read(wrong).is_err(), "{wrong}");
        }
    }
}
