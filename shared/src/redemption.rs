//! What a credential that is good for one login means when it is presented: the rules for authorization codes and ID tokens,
//! as a pure function.
//!
//! The first request that presents a credential redeems it. The redemption is open until that request has started its session,
//! and completed from then on. Both happen in conditional writes that name the request's own attempt, and the session is written
//! in the same transaction that completes the redemption. So a credential starts one session at most, whatever is sent twice,
//! arrives late or was frozen in between.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    random,
};

/// How old an open redemption is when another request may take it over.
///
/// Its own request has answered after 4.5 s, and its process is dead after 10 s (Lambda's time-out). The rest is for two
/// functions whose clocks differ by ten seconds: taking over a request that still runs is harmless for the session, but spends
/// the code twice at Kakao, and then nobody logs in with it.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(15);

/// One request's attempt to redeem a credential: tells its writes from those of every other request.
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
    /// The attempt that holds it.
    pub attempt: Attempt,
    /// The session that the attempt starts, or has started. Derived from the client's proof, if it had one.
    pub session: SessionId,
    /// When the attempt began. Long ago if the attempt failed and gave the credential back.
    pub redeemed_at: Timestamp,
    /// Whether the client had a proof. `None` if an earlier release wrote the redemption, which did not complete all of them.
    pub is_bound: Option<bool>,
    /// Whose session was started. `None` while the redemption is open.
    pub user: Option<UserId>,
}

/// What to do with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody has presented it: redeem it.
    Redeem,
    /// The client that redeemed it sends the same request again: respond with the same session, and write nothing.
    Repeat(UserId),
    /// Another request may still be at it.
    WaitForFirst,
    /// The request that redeemed it failed or died before it started a session: continue in its place.
    TakeOver,
    /// It has started the session of another client, or of this one too long ago.
    UsedBefore,
    /// It has started this client's session, which has ended since.
    Ended,
}

/// Judges a presented credential by its redemption.
///
/// - `presented`: the session that the client's proof (a PKCE verifier, or the preimage of a nonce) stands for; `None` without one.
/// - `is_alive`: whether the session that the redemption started is alive, by a consistent read.
/// - `window`: how long the same request may be sent again.
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
    // A client with a proof may take over from one that sent another proof or none: Kakao checks a verifier, and only the owner
    // knows a preimage. Without a proof, only what was redeemed without one.
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
