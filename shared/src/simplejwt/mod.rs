//! Refresh tokens of djangorestframework-simplejwt: what a service that moves here from Django has given to its users.
//!
//! Only tokens that are signed with a symmetric key are read. The claims have simplejwt's default names.

mod key;
mod token;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};

pub use self::{
    key::{Algorithm, SimplejwtKey},
    token::{InvalidSimplejwt, SimplejwtToken, is_jwt},
};

/// Names a token by its `jti`: the claim's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SimplejwtId([u8; 32]);

impl SimplejwtId {
    /// How many bytes a `jti` may have: as many as Django's column has characters.
    pub const MAX_BYTES: usize = 255;

    /// The id of the token with this `jti`. `None` if it is empty or too long.
    #[must_use]
    pub fn of_jti(jti: &str) -> Option<Self> {
        (1..=Self::MAX_BYTES).contains(&jti.len()).then(|| {
            let mut id = [0; 32];
            id.copy_from_slice(digest(&SHA256, jti.as_bytes()).as_ref());
            Self(id)
        })
    }

    /// The id as text, for a key of the table.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }
}

#[cfg(test)]
mod tests;
