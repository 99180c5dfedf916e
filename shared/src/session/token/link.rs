//! Links: what a client of a linked session presents beside its token.
//!
//! ```text
//! link:           base64url(               16 random bytes of the client )              22 characters
//! confirmed link: base64url( number(4) ‖   link(16)   ‖   tag(16) )                     48 characters
//!
//! tag = HMAC-SHA256(link key, session id(16) ‖ number(4) ‖ link(16))[..16]
//! ```
//!
//! The client draws a link and stores it before it sends it. The response confirms the link with its number in the chain. The tag
//! proves that this server confirmed the link for this session, so a link that is made up is refused without asking DynamoDB.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{RefreshTokenKeys, TAG_BYTES};
use crate::{clock::Timestamp, id::SessionId};

const LINK_BYTES: usize = 16;
const NUMBER_BYTES: usize = 4;

/// A link that a client drew. It cannot be displayed, compared or serialised.
#[derive(Debug)]
pub struct Link(SecretBox<[u8; LINK_BYTES]>);

/// The SHA-256 of a link, which is all that the table holds of it. A fast hash suffices because links are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkHash([u8; 32]);

/// A link whose tag was verified: this server has confirmed it for the session.
#[derive(Debug)]
pub struct ConfirmedLink {
    /// How many links came before it in the chain. The login's link has the number 0.
    pub number: u32,
    /// The link.
    pub link: Link,
}

/// The links that a client presents to renew its session.
#[derive(Debug)]
pub struct PresentedLinks {
    /// The last link that was confirmed to the client. `None` if the login's response was lost.
    pub prev: Option<ConfirmedLink>,
    /// The link that the chain shall grow by. Without `prev`, the link of the login.
    pub next: Link,
}

/// Why links cannot be used. Both are found without asking DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableLinks {
    /// `next` is not 16 bytes of base64url, or it is the link in `prev`.
    #[error("`next` must be a new link: 16 random bytes in base64url")]
    MalformedNext,
    /// `prev` was not confirmed by this server, or not for this session.
    #[error("`prev` was not confirmed for this session")]
    UnknownPrev,
}

impl Link {
    /// Reads a link in its only spelling: canonical base64url without padding.
    ///
    /// # Errors
    ///
    /// [`UnusableLinks::MalformedNext`] if the text is not one.
    pub fn parse(text: &str) -> Result<Self, UnusableLinks> {
        let bytes = decode(text).ok_or(UnusableLinks::MalformedNext)?;
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8; LINK_BYTES]) -> Self {
        Self(SecretBox::new(Box::new(*bytes)))
    }

    /// The hash that the table holds of this link.
    #[must_use]
    pub fn hash(&self) -> LinkHash {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, self.0.expose_secret()).as_ref());
        LinkHash(bytes)
    }
}

impl LinkHash {
    /// A hash from the table.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, as the table holds them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PresentedLinks {
    /// Reads the links that are presented with a token of this session.
    ///
    /// # Errors
    ///
    /// [`UnusableLinks`] says which of them cannot be used. A malformed `next` is reported first.
    pub fn read(
        keys: &RefreshTokenKeys,
        session: SessionId,
        prev: Option<&str>,
        next: &str,
    ) -> Result<Self, UnusableLinks> {
        let next = Link::parse(next)?;
        let prev = prev.map(|prev| keys.verify_link(session, prev).ok_or(UnusableLinks::UnknownPrev)).transpose()?;
        // So no chain has the same link twice in a row, which keeps the rules simple.
        if prev.as_ref().is_some_and(|prev| prev.link.hash() == next.hash()) {
            return Err(UnusableLinks::MalformedNext);
        }
        Ok(Self { prev, next })
    }
}

impl RefreshTokenKeys {
    /// The text that confirms a link of this session with its number.
    #[must_use]
    pub fn confirm_link(&self, session: SessionId, number: u32, link: &Link, now: Timestamp) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(NUMBER_BYTES + LINK_BYTES + TAG_BYTES));
        bytes.extend(number.to_be_bytes());
        bytes.extend(link.0.expose_secret());
        let tag = self.0[self.active(now)].link_tag(&signed(session, &bytes));
        bytes.extend(tag);
        SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// Reads a confirmed link. `None` unless one of these keys confirmed it for this session.
    fn verify_link(&self, session: SessionId, text: &str) -> Option<ConfirmedLink> {
        let bytes = decode::<{ NUMBER_BYTES + LINK_BYTES + TAG_BYTES }>(text)?;
        let (content, tag) = bytes.split_at(NUMBER_BYTES + LINK_BYTES);
        let signed = signed(session, content);
        if !self.0.iter().any(|keys| keys.link_tag(&signed).as_slice().ct_eq(tag).into()) {
            return None;
        }
        let (number, link) = content.split_first_chunk::<NUMBER_BYTES>()?;
        Some(ConfirmedLink { number: u32::from_be_bytes(*number), link: Link::from_bytes(link.try_into().ok()?) })
    }
}

fn signed(session: SessionId, content: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([session.as_bytes(), content].concat())
}

/// Decodes exactly `N` bytes.
fn decode<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests;
