//! The refresh token: opaque to the client, with a tag by which garbage is refused without asking DynamoDB.
//!
//! ```text
//! version 1: base64url( 1 ‖          user id(16) ‖ session id(16) ‖ session's end(4) ‖ generation(4) ‖ secret(32) ‖ tag(16) )
//! version 2: base64url( 2 ‖ key id ‖ user id(16) ‖ session id(16) ‖ session's end(4) ‖ generation(4) ‖ secret(32) ‖ tag(16) )
//! version 3: as version 2, of a linked session: its generation is always 0
//! version 4: as version 2, for an app, which carries it in request bodies
//! version 5: as version 3, for an app
//! version 6: as version 2, for a page in compatibility mode, which carries it in request bodies: its generation is always 0
//!
//! key id                   = first byte of SHA-256(refresh-token key)
//! secret of generation 0   = 32 random bytes
//! secret of generation g+1 = HMAC-SHA256(rotation key, secret of g)
//! tag                      = HMAC-SHA256(tag key, everything before it)[..16]
//! ```
//!
//! A successor is derived, not random, so any number of simultaneous or repeated refreshes get the same one.

mod derived;
mod format;
mod link;
mod presented;

use std::cmp::Reverse;

use ring::{digest, hmac};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox, SecretString};

use self::{
    derived::DerivedKeys,
    format::{Content, Untrusted},
};
pub use self::{
    derived::RefreshTokenKey,
    format::{Kind, Transport, Version},
    link::{ConfirmedLink, Link, LinkHash, PresentedLinks, UnusableLinks},
    presented::Presented,
};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    random,
};

const TAG_BYTES: usize = 16;
/// A browser has at most two: one in a partitioned cookie and one in an ordinary cookie.
const MAX_SESSIONS: usize = 8;

/// A refresh token whose tag was verified, or that was just issued.
///
/// It cannot be displayed, compared or serialised. Only [`expose`](Self::expose) returns its text.
#[derive(Debug)]
pub struct RefreshToken {
    /// The user of the session.
    pub user: UserId,
    /// The session that the token renews.
    pub session: SessionId,
    /// The latest end of the session: fixed at login, and the same in every generation.
    pub session_ends_at: Timestamp,
    /// How many rotations came before this token.
    pub generation: u32,
    version: Version,
    secret: SecretBox<[u8; 32]>,
    text: SecretString,
    /// Which of the server's keys tagged it. Its successor is derived with the same key, so functions that have not yet loaded
    /// the newest key agree on the successor.
    tagged_by: usize,
}

/// The SHA-256 of a token's secret, which is all that the table holds. A fast hash suffices because the secret is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshTokenHash([u8; 32]);

/// The text is not a refresh token that this server issued.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed refresh token, or one with a wrong tag")]
pub struct MalformedToken;

/// The server's refresh-token keys. The newest active one tags new tokens; tokens of all of them are accepted.
#[derive(Debug)]
pub struct RefreshTokenKeys(Vec<DerivedKeys>);

/// A session that is about to start, with the secret of its first token.
#[derive(Debug)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    secret: SecretBox<[u8; 32]>,
}

/// Proves that a client started a login: the hash of the credential and of a value that only that client knows.
#[derive(Debug)]
pub struct Proof(digest::Digest);

impl Proof {
    /// The proof for a code and its PKCE verifier, or for an ID token and the preimage of its nonce.
    #[must_use]
    pub fn new(credential: &SecretString, known_to_the_client: &SecretString) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [credential, known_to_the_client] {
            let part = part.expose_secret().as_bytes();
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        Self(context.finish())
    }

    /// The proof of a login with this transport. A login that is repeated with another transport gets no session, so a login by
    /// cookie cannot be turned into a token that scripts can read. The proof of a cookie is the one that earlier releases derived.
    #[must_use]
    pub fn of_transport(self, transport: Transport) -> Self {
        let name: &[u8] = match transport {
            Transport::Cookie => return self,
            Transport::App => b"app",
            Transport::Page => b"page",
        };
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.0.as_ref());
        context.update(name);
        Self(context.finish())
    }

    /// The proof that covers a link too. Without the link, another client that repeats the login gets no session.
    #[must_use]
    pub fn with_link(&self, link: &Link) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.0.as_ref());
        context.update(link.hash().as_bytes());
        Self(context.finish())
    }
}

impl RefreshToken {
    /// How the token's session is renewed.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.version.kind()
    }

    /// How clients carry the token.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.version.transport()
    }

    /// Until when a client keeps the token, if its session expires then unless it is renewed. That of a linked session is sent once, at
    /// its login, so it is kept until the session's latest end.
    #[must_use]
    pub const fn kept_until(&self, expires_at: Timestamp) -> Timestamp {
        match self.kind() {
            Kind::Rotating | Kind::Fixed => expires_at,
            Kind::Linked => self.session_ends_at,
        }
    }

    fn new(content: Content, text: SecretString, tagged_by: usize) -> Self {
        let Content { version, user, session, session_ends_at, generation, secret } = content;
        Self { user, session, session_ends_at, generation, version, secret, text, tagged_by }
    }

    /// The token's text, which is the value of the cookie.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The hash that the table holds of this token.
    #[must_use]
    pub fn hash(&self) -> RefreshTokenHash {
        let hash = digest::digest(&digest::SHA256, self.secret.expose_secret());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.as_ref());
        RefreshTokenHash(bytes)
    }
}

/// The newest token of each session, the newest session first. More sessions than a browser can have are left out.
///
/// An older token beside a newer one of the same session is not reuse: one browser sends both, each in its own cookie.
#[must_use]
pub fn newest_of_each_session(mut tokens: Vec<RefreshToken>) -> Vec<RefreshToken> {
    tokens.sort_by_key(|token| Reverse((token.session_ends_at, token.generation)));
    let mut newest = Vec::<RefreshToken>::new();
    for token in tokens {
        if newest.iter().all(|newer| (newer.user, newer.session) != (token.user, token.session)) {
            newest.push(token);
        }
    }
    newest.truncate(MAX_SESSIONS);
    newest
}

impl RefreshTokenHash {
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

impl RefreshTokenKeys {
    /// Derives what each key is used for.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong: the list is empty, or a key is not 32 bytes of base64url.
    pub fn new(keys: &[RefreshTokenKey]) -> Result<Self, String> {
        let mut keys = keys.iter().map(DerivedKeys::new).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("no refresh-token key in the list".to_owned());
        }
        keys.sort_by_key(|keys| keys.active_from);
        Ok(Self(keys))
    }

    /// The key that tags at this moment. With a clock that is behind the first key's time it is the first key.
    fn active(&self, now: Timestamp) -> usize {
        self.0.iter().rposition(|keys| keys.active_from <= now).unwrap_or_default()
    }

    /// The first token of a new session. Functions issue the version that [`Version::issued`] names.
    #[must_use]
    pub fn issue(
        &self,
        version: Version,
        user: UserId,
        new_session: NewSession,
        session_ends_at: Timestamp,
        now: Timestamp,
    ) -> RefreshToken {
        let NewSession { id: session, secret } = new_session;
        self.encode(Content { version, user, session, session_ends_at, generation: 0, secret }, now)
    }

    /// A new session. With a `proof`, its id and secret are derived from the proof and the active key, so that a repeated login gets
    /// the same session and nothing secret has to be stored. Without a proof both are random.
    #[must_use]
    pub fn new_session(&self, proof: Option<&Proof>, now: Timestamp) -> NewSession {
        let Some(proof) = proof else {
            return NewSession { id: SessionId::generate(), secret: SecretBox::new(Box::new(random::bytes())) };
        };
        let keys = &self.0[self.active(now)];
        let derive = |purpose: &[u8]| hmac::sign(&keys.new_session, &[purpose, proof.0.as_ref()].concat());
        let mut session = [0; 16];
        session.copy_from_slice(&derive(b"session").as_ref()[..16]);
        let mut secret = SecretBox::new(Box::new([0; 32]));
        secret.expose_secret_mut().copy_from_slice(derive(b"secret").as_ref());
        NewSession { id: SessionId::from_bytes(session), secret }
    }

    /// Reads a text that a client presents.
    ///
    /// # Errors
    ///
    /// [`MalformedToken`] unless one of these keys tagged it, which also means that this server issued it.
    pub fn verify(&self, text: &str) -> Result<RefreshToken, MalformedToken> {
        let untrusted = Untrusted::decode(text)?;
        let tagged_by = self.0.iter().position(|keys| untrusted.is_tagged_by(keys)).ok_or(MalformedToken)?;
        Ok(RefreshToken::new(untrusted.content()?, text.into(), tagged_by))
    }

    /// Reads what a request presents. Leaves out malformed tokens, and those of another transport.
    #[must_use]
    pub fn verify_each(&self, presented: &Presented) -> Vec<RefreshToken> {
        let tokens = presented.texts().iter().filter_map(|text| self.verify(text.expose_secret()).ok());
        tokens.filter(|token| presented.may_carry(token.transport())).collect()
    }

    /// The token that follows this one.
    #[must_use]
    pub fn successor(&self, token: &RefreshToken, now: Timestamp) -> RefreshToken {
        self.derive(token, &self.0[token.tagged_by], now)
    }

    /// The successor that has this hash, whichever of the keys it was derived with.
    ///
    /// While a new key reaches the functions one by one, two of them may hold differently tagged copies of the same token, and so
    /// derive with different keys.
    #[must_use]
    pub fn successor_with_hash(
        &self,
        token: &RefreshToken,
        hash: RefreshTokenHash,
        now: Timestamp,
    ) -> Option<RefreshToken> {
        self.0.iter().map(|keys| self.derive(token, keys, now)).find(|successor| successor.hash() == hash)
    }

    fn derive(&self, token: &RefreshToken, keys: &DerivedKeys, now: Timestamp) -> RefreshToken {
        let mut secret = SecretBox::new(Box::new([0; 32]));
        secret.expose_secret_mut().copy_from_slice(hmac::sign(&keys.rotation, token.secret.expose_secret()).as_ref());
        let content = Content {
            version: token.version,
            user: token.user,
            session: token.session,
            session_ends_at: token.session_ends_at,
            generation: token.generation.saturating_add(1),
            secret,
        };
        self.encode(content, now)
    }

    fn encode(&self, content: Content, now: Timestamp) -> RefreshToken {
        let newest = self.active(now);
        let text = content.tagged_by(&self.0[newest]);
        RefreshToken::new(content, text, newest)
    }
}

#[cfg(test)]
mod tests;
