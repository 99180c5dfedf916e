//! Redeeming a credential that is good for one login: one rule for codes and ID tokens.

use std::time::Duration;

use lambda_http::{Body, Response};
use secrecy::SecretString;
use shared::{
    clock::Timestamp,
    error::Error,
    kakao::KakaoError,
    log,
    redemption::{Attempt, Redemption, Verdict, judge},
    session::{NewSession, Proof, RefreshToken, RefreshTokenKeys, Version},
    store::RedemptionKey,
    user::User,
};

use crate::{KakaoLogin, start::LoginContext};

/// The pauses of a request that waits for the first one with the same credential, in milliseconds: 3 s together. After each pause it
/// reads the redemption again.
const PAUSES: [u64; 10] = [50, 100, 200, 400, 400, 400, 400, 400, 400, 250];

/// The result of redeeming a credential.
pub(crate) enum Redeemed {
    /// This request may start this session.
    Once(Ticket, NewSession),
    /// An earlier request of the same client has started this session, at this time.
    Before(Box<User>, RefreshToken, Timestamp),
}

/// A redemption that this request holds.
pub(crate) struct Ticket {
    pub(crate) key: RedemptionKey,
    pub(crate) attempt: Attempt,
}

impl KakaoLogin {
    /// The proofs of a client that started its login with this value. A new session is derived from the first.
    ///
    /// A linked session is derived from the client's link too, so a client that repeats the login without that link does not get it.
    /// The other proof finds the session of a repeated login if its first request met the previous release, which ignores links, or
    /// another `SessionLinks`. Without the link it can only find a rotating session, which a request that sends no link gets as well.
    pub(crate) fn proofs(
        &self,
        credential: &SecretString,
        known_to_the_client: &SecretString,
        context: &LoginContext,
    ) -> Vec<Proof> {
        let proof = Proof::new(credential, known_to_the_client).of_transport(context.transport);
        match context.link.as_ref().map(|link| proof.with_link(link)) {
            Some(linked) if self.linked_sessions.by(context.transport) => vec![linked, proof],
            Some(linked) => vec![proof, linked],
            None => vec![proof],
        }
    }

    /// Redeems a credential. The client that started the login has `proofs`: it may present the credential again, and gets the same
    /// session while that is alive.
    pub(crate) async fn redeem(
        &self,
        credential: &SecretString,
        proofs: &[Proof],
        expires_at: Timestamp,
        context: &LoginContext,
    ) -> Result<Redeemed, Error> {
        let (key, keys) = (RedemptionKey::new(credential), &context.keys.refresh_tokens);
        let new_session = keys.new_session(proofs.first(), context.now);
        let new = Redemption {
            attempt: Attempt::generate(),
            session: new_session.id,
            redeemed_at: context.now,
            is_bound: Some(!proofs.is_empty()),
            user: None,
        };
        let (mut stored, mut has_waited, mut pauses) = (None, false, PAUSES.iter());
        loop {
            let presented = stored.as_ref().and_then(|stored| derived(proofs, stored, keys));
            let shown = match &stored {
                Some(Redemption { user: Some(user), session, .. }) => {
                    self.store.latest_user_with_session(*user, *session, context.now).await?
                }
                _ => None,
            };
            let session = presented.as_ref().map(|presented| presented.id);
            let verdict = judge(stored.as_ref(), session, shown.is_some(), context.now, self.sessions.rotation_window);
            let found = match (verdict, &stored) {
                (Verdict::Repeat(user), Some(redemption))
                    if let (Some((shown, kind)), Some(presented)) = (shown, presented) =>
                {
                    log::outcome("logged_in_again");
                    let redeemed_at = redemption.redeemed_at;
                    // Of the kind that the session has, which another setting may have decided.
                    let (version, ends_at) =
                        (Version::issued(kind, context.transport), redeemed_at + self.sessions.max_ttl);
                    let first = keys.issue(version, user, presented, ends_at, context.now);
                    return Ok(Redeemed::Before(Box::new(shown), first, redeemed_at));
                }
                (Verdict::WaitForFirst, _) if let Some(pause) = pauses.next() => {
                    tokio::time::sleep(Duration::from_millis(*pause)).await;
                    has_waited = true;
                    stored = self.store.redemption(&key).await?;
                    continue;
                }
                (Verdict::Redeem, _) if !has_waited => self.store.redeem(&key, &new, expires_at).await?,
                // After a wait there may not be enough time left for Kakao.
                (Verdict::TakeOver, Some(abandoned)) if !has_waited => {
                    self.store.take_over(&key, &abandoned.attempt, &new, expires_at).await?
                }
                (Verdict::Ended, _) => return Err(refused("the session that the credential started has ended")),
                (Verdict::UsedBefore, _) => return Err(refused("the credential was used before")),
                _ => return Err(try_again()),
            };
            if found.is_none() {
                return Ok(Redeemed::Once(Ticket { key, attempt: new.attempt }, new_session));
            }
            stored = found;
        }
    }

    /// Gives back a credential that started no session, so that the client can try again if Kakao still accepts it.
    pub(crate) async fn cancel_if_failed(&self, response: &Result<Response<Body>, Error>, ticket: &Ticket) {
        if response.is_err()
            && let Err(error) = self.store.cancel(&ticket.key, &ticket.attempt).await
        {
            let text = format_args!(
                "The redemption could not be cancelled. The credential can be retried after 15 s: {error}"
            );
            log::failure("redemption_stays", error.needs_an_operator(), text);
        }
    }
}

/// The session of a redemption, if one of these proofs derives it, or else any other session that they derive. `None` without a proof.
fn derived(proofs: &[Proof], stored: &Redemption, keys: &RefreshTokenKeys) -> Option<NewSession> {
    // With the key of the first request's time: another key may be active by now.
    let mut sessions = proofs.iter().map(|proof| keys.new_session(Some(proof), stored.redeemed_at));
    let first = sessions.next()?;
    if first.id == stored.session { Some(first) } else { sessions.find(|one| one.id == stored.session).or(Some(first)) }
}

fn refused(reason: &str) -> Error {
    KakaoError::Rejected(reason.to_owned()).into()
}

fn try_again() -> Error {
    let reason = "another request with this credential has not succeeded yet".to_owned();
    KakaoError::Unavailable { reason, retry_after: Duration::from_secs(1) }.into()
}
