//! Pseudonyms of users and sessions.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::hmac;

use crate::id::{SessionId, UserId};

/// Makes pseudonyms, so that the log can tell users and sessions apart without naming them.
#[derive(Debug)]
pub struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    /// Reads a key of 32 bytes in base64url.
    ///
    /// # Errors
    ///
    /// What is wrong with the key.
    pub fn from_base64url(key: &str) -> Result<Self, String> {
        let key = BASE64_URL_SAFE_NO_PAD.decode(key).map_err(|_| "not base64url".to_owned())?;
        if key.len() == 32 {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
        } else {
            Err(format!("{} bytes, not 32", key.len()))
        }
    }

    /// Adds the user and the session to the line of this request.
    pub fn note(&self, user: UserId, session: SessionId) {
        let (user, session) = (self.of_user(user), self.of(session.as_bytes()));
        super::change(|notes| (notes.user, notes.session) = (user, session));
    }

    /// The pseudonym of a user.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> String {
        self.of(user.as_bytes())
    }

    fn of(&self, id: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, id).as_ref()[..9])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_depends_on_the_key_and_hides_the_id() {
        let user = UserId::generate();
        let one = Pseudonyms::from_base64url("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let two = Pseudonyms::from_base64url("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
        assert_eq!(one.of(user.as_bytes()), one.of(user.as_bytes()));
        assert_ne!(one.of(user.as_bytes()), two.of(user.as_bytes()));
        assert!(!user.to_string().contains(&one.of(user.as_bytes())));
        assert!(Pseudonyms::from_base64url("AAAA").is_err());
    }
}
