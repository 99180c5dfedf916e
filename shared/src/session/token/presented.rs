//! The refresh tokens of one request, and where it carries them.

use std::slice;

use secrecy::SecretString;

use super::Transport;

/// What a request presents as refresh tokens. None of it is verified yet.
#[derive(Debug)]
pub enum Presented {
    /// Every value that our cookie has in the request.
    Cookies(Vec<SecretString>),
    /// The member `refresh` of the body.
    Body(SecretString),
}

impl Presented {
    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &[SecretString] {
        match self {
            Self::Cookies(texts) => texts,
            Self::Body(text) => slice::from_ref(text),
        }
    }

    /// Whether a token of this transport may come where these came. A token of another transport is malformed there.
    pub(super) const fn may_carry(&self, transport: Transport) -> bool {
        match self {
            Self::Cookies(_) => matches!(transport, Transport::Cookie),
            Self::Body(_) => matches!(transport, Transport::App | Transport::Page),
        }
    }
}
