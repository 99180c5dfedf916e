//! The bytes of a refresh token, in each version of their layout.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{MalformedToken, TAG_BYTES, derived::DerivedKeys};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
};

/// User id, session id, the session's end, generation and secret: the same in every version.
const CONTENT_BYTES: usize = 16 + 16 + 4 + 4 + 32;

/// The layout of a refresh token, the kind of session that it belongs to, and how a client carries it.
///
/// The version is part of what is tagged, so a client cannot turn a token of one kind or transport into one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Of a rotating session. Does not name the key that tagged it: verification tries all of them. No longer issued.
    One,
    /// Of a rotating session. Names the key that tagged it by a key id: verification tries the keys with that id only.
    Two,
    /// Of a linked session. Names the key that tagged it, like [`Two`](Self::Two).
    Three,
    /// Like [`Two`](Self::Two), for an app, which sends it in the body.
    Four,
    /// Like [`Three`](Self::Three), for an app, which sends it in the body.
    Five,
    /// For a page that is served in compatibility mode, which sends it in the body. Never replaced.
    Six,
}

/// How a session is renewed. Its login decides, and nothing changes it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each renewal replaces the token by its successor.
    Rotating,
    /// The token stays, and each renewal adds a link of the client to a chain.
    Linked,
    /// The token stays. A copy of it works until the session ends, so only compatibility mode has such sessions.
    Fixed,
}

/// How a client carries its refresh token. Its login decides, and nothing changes it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a cookie that scripts cannot read.
    Cookie,
    /// In the bodies of an app's requests. A page cannot get or use such a token.
    App,
    /// In the bodies of a page's requests, in compatibility mode. Scripts of the page can read it.
    Page,
}

impl Version {
    /// All versions. Each is accepted.
    pub const ALL: [Self; 6] = [Self::One, Self::Two, Self::Three, Self::Four, Self::Five, Self::Six];

    /// The versions of rotating sessions. A successor has the version of its parent.
    pub const ROTATING: [Self; 3] = [Self::One, Self::Two, Self::Four];

    /// The version of a new session's tokens.
    ///
    /// During a deployment functions of two releases run side by side, so a version is issued only one release after all functions
    /// accept it. For linked sessions, the setting `SessionLinks` separates the two steps.
    ///
    /// A session that a page carries in bodies is fixed, whatever kind is asked for: such front ends keep the token of the login, so
    /// a rotating session would end at their second refresh.
    #[must_use]
    pub const fn issued(kind: Kind, transport: Transport) -> Self {
        match (transport, kind) {
            (Transport::Page, _) | (_, Kind::Fixed) => Self::Six,
            (Transport::Cookie, Kind::Rotating) => Self::Two,
            (Transport::Cookie, Kind::Linked) => Self::Three,
            (Transport::App, Kind::Rotating) => Self::Four,
            (Transport::App, Kind::Linked) => Self::Five,
        }
    }

    /// How clients carry tokens of this version.
    #[must_use]
    pub const fn transport(self) -> Transport {
        match self {
            Self::One | Self::Two | Self::Three => Transport::Cookie,
            Self::Four | Self::Five => Transport::App,
            Self::Six => Transport::Page,
        }
    }

    /// The kind of session that tokens of this version belong to.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::One | Self::Two | Self::Four => Kind::Rotating,
            Self::Three | Self::Five => Kind::Linked,
            Self::Six => Kind::Fixed,
        }
    }

    /// The version that a text claims to have, by its first byte. The rest is not checked.
    #[must_use]
    pub fn claimed_by(text: &str) -> Option<Self> {
        let first = BASE64_URL_SAFE_NO_PAD.decode(text.get(..4)?).ok()?;
        Self::ALL.into_iter().find(|version| first.first() == Some(&version.byte()))
    }

    const fn byte(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
            Self::Five => 5,
            Self::Six => 6,
        }
    }

    const fn names_its_key(self) -> bool {
        !matches!(self, Self::One)
    }

    const fn head_bytes(self) -> usize {
        if self.names_its_key() { 2 } else { 1 }
    }

    const fn signed_bytes(self) -> usize {
        self.head_bytes() + CONTENT_BYTES
    }

    /// How many characters a token has.
    #[must_use]
    pub const fn text_length(self) -> usize {
        ((self.signed_bytes() + TAG_BYTES) * 8).div_ceil(6)
    }
}

/// The content of a token.
pub(super) struct Content {
    pub version: Version,
    pub user: UserId,
    pub session: SessionId,
    pub session_ends_at: Timestamp,
    pub generation: u32,
    pub secret: SecretBox<[u8; 32]>,
}

impl Content {
    /// The token's text, tagged with these keys.
    pub(super) fn tagged_by(&self, keys: &DerivedKeys) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.version.signed_bytes() + TAG_BYTES));
        bytes.push(self.version.byte());
        if self.version.names_its_key() {
            bytes.push(keys.id);
        }
        bytes.extend(self.user.as_bytes());
        bytes.extend(self.session.as_bytes());
        // 32 bits of seconds last until 2106.
        bytes.extend(u32::try_from(self.session_ends_at.unix_seconds()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.secret.expose_secret());
        let tag = keys.tag(&bytes);
        bytes.extend(tag);
        SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(&*bytes))
    }
}

/// The bytes of a token whose tag is not verified yet.
pub(super) struct Untrusted {
    version: Version,
    bytes: Zeroizing<Vec<u8>>,
}

impl Untrusted {
    /// Decodes canonical base64url of a known version with the length of that version.
    pub(super) fn decode(text: &str) -> Result<Self, MalformedToken> {
        let version = Version::claimed_by(text).filter(|version| version.text_length() == text.len());
        let version = version.ok_or(MalformedToken)?;
        let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedToken)?);
        Ok(Self { version, bytes })
    }

    /// Whether these keys tagged it. Keys with another id are not tried.
    pub(super) fn is_tagged_by(&self, keys: &DerivedKeys) -> bool {
        if self.version.names_its_key() && self.bytes.get(1) != Some(&keys.id) {
            return false;
        }
        let (signed, tag) = self.bytes.split_at(self.version.signed_bytes());
        keys.tag(signed).as_slice().ct_eq(tag).into()
    }

    /// The content. Trust it only if [`is_tagged_by`](Self::is_tagged_by) was true.
    pub(super) fn content(&self) -> Result<Content, MalformedToken> {
        let rest = &self.bytes[self.version.head_bytes()..self.version.signed_bytes()];
        let (user, rest) = rest.split_first_chunk::<16>().ok_or(MalformedToken)?;
        let (session, rest) = rest.split_first_chunk::<16>().ok_or(MalformedToken)?;
        let (ends_at, rest) = rest.split_first_chunk::<4>().ok_or(MalformedToken)?;
        let (generation, rest) = rest.split_first_chunk::<4>().ok_or(MalformedToken)?;
        let secret: [u8; 32] = rest.try_into().map_err(|_| MalformedToken)?;
        Ok(Content {
            version: self.version,
            user: UserId::from_bytes(*user),
            session: SessionId::from_bytes(*session),
            session_ends_at: Timestamp::from_unix_seconds(u32::from_be_bytes(*ends_at).into()),
            generation: u32::from_be_bytes(*generation),
            secret: SecretBox::new(Box::new(secret)),
        })
    }
}
