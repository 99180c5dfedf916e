//! The rules for credentials that are good for one login (authorization codes and ID tokens), as a pure function.
//!
//! The first request that presents a credential redeems it. The redemption is open until that request has started its session,
//! and completed from then on. Both steps are conditional writes that name the request's own attempt, and one transaction completes
//! the redemption and writes the session. So a credential starts at most one session, whatever is repeated, late or frozen.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    random,
};

/// The age from which another request may take over an open redemption.
///
/// A request responds within 4.5 s, and Lambda ends its process after 10 s. The other 5 s allow for clocks that differ. Taking over
/// a request that is still running would not harm the session, but it would send the code to Kakao twice, and Kakao would then
/// refuse both.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(15);

/// One request's attempt to redeem a credential. It tells the writes of this request from those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt(String);

impl Attempt {
    /// A new attempt.
    #[must_use]
    pub fn generate() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()))
    }

    pub(crate) const fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A credential that was presented before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// The attempt that holds the redemption.
    pub attempt: Attempt,
    /// The session that the attempt starts or has started. It is derived from the client's proof, if there was one.
    pub session: SessionId,
    /// When the attempt started. The Unix epoch if the attempt was cancelled.
    pub redeemed_at: Timestamp,
    /// Whether the client had a proof. `None` if an earlier release wrote the redemption; such redemptions may never be completed.
    pub is_bound: Option<bool>,
    /// The user of the session that was started. `None` while the redemption is open.
    pub user: Option<UserId>,
}

/// What to do with a presented credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is presented for the first time: redeem it.
    Redeem,
    /// The client that redeemed it repeats its request: respond with the same session and write nothing.
    Repeat(UserId),
    /// Another request may still be redeeming it: wait.
    WaitForFirst,
    /// The request that redeemed it failed or died before it started a session: continue in its place.
    TakeOver,
    /// It has started another client's session, or this client's too long ago.
    UsedBefore,
    /// It has started this client's session, which has ended since.
    Ended,
}

/// Judges a presented credential by its redemption.
///
/// - `presented`: the session that is derived from the client's proof (a PKCE verifier, or the preimage of a nonce); `None` without
///   a proof.
/// - `is_alive`: whether the session that the redemption started is alive, by a consistent read.
/// - `window`: how long the same request may be repeated.
#[must_use]
pub fn judge(
    stored: Option<&Redemption>,
    presented: Option<SessionId>,
    is_alive: bool,
    now: Timestamp,
    window: Duration,
) -> Verdict {
    let Some(stored) = stored else { return Verdict::Redeem };
    if let Some(user) = stored.user {
        let is_repeat = presented == Some(stored.session) && now < stored.redeemed_at + window;
        return match (is_repeat, is_alive) {
            (true, true) => Verdict::Repeat(user),
            (true, false) => Verdict::Ended,
            (false, _) => Verdict::UsedBefore,
        };
    }
    // A client with a proof may take over any open redemption, because Kakao checks a verifier and only the owner knows a preimage.
    // A client without a proof may take over only a redemption without one.
    let is_entitled = presented.is_some() || stored.is_bound == Some(false);
    if !is_entitled {
        Verdict::UsedBefore
    } else if now < stored.redeemed_at + ABANDONED_AFTER {
        Verdict::WaitForFirst
    } else if stored.is_bound.is_some() {
        Verdict::TakeOver
    } else {
        Verdict::UsedBefore
    }
}
