//! From each kind of credential to a session.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lambda_http::{Body, Request, Response, http::StatusCode};
use secrecy::{ExposeSecret, SecretString};
use shared::{
    clock::Timestamp,
    error::Error,
    http,
    id::UserId,
    kakao::{AuthorizationCode, Grant, KakaoError},
    keys::MintingKeys,
    log,
    secret::SecretError,
    session::{Verdict, judge},
    store::{Claim, ClaimKey, Claimed, Device, StoreError},
    token::{Beginning, Proof, RefreshToken, newest_of_each_session},
    user::{KakaoUser, User},
};

use crate::KakaoLogin;

/// Longer than Kakao knows a code.
const CODE_TTL: Duration = Duration::from_mins(10);
/// How long the second of two equal requests waits for the first one's outcome, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(150);

/// What a request brings beside its credential.
pub(crate) struct Visit {
    device: Device,
    /// The cookies that the browser came with, and the sessions that they stand for.
    presented: Vec<SecretString>,
    previous: Vec<RefreshToken>,
    keys: Arc<MintingKeys>,
    now: Timestamp,
}

impl Visit {
    pub(crate) async fn of(function: &KakaoLogin, request: &Request, now: Timestamp) -> Result<Self, SecretError> {
        let keys = function.keys.at(now).await?;
        let presented = function.cookies.presented(request);
        let previous = newest_of_each_session(keys.secrets.verify_each(&presented));
        Ok(Self { device: http::device(request), presented, previous, keys, now })
    }
}

impl KakaoLogin {
    pub(crate) async fn sign_in_by_access_token(
        &self,
        token: &SecretString,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let told = self.kakao.user_of_access_token(token, visit.now).await?;
        let user = self.find_or_make(&told, visit.now).await?;
        self.begin(user, &told, visit.keys.secrets.begin(None, visit.now), visit.now, None, visit).await
    }

    /// With a PKCE verifier, which only the browser that began the sign-in knows, the same code may come twice: from React's
    /// `StrictMode`, a double tap, or a retry. The second one gets the first one's session. Without one, Kakao refuses it.
    pub(crate) async fn sign_in_by_code(
        &self,
        grant: &AuthorizationCode,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let proof = grant.code_verifier.as_ref().map(|verifier| Proof::new(&grant.code, verifier));
        let beginning = visit.keys.secrets.begin(proof.as_ref(), visit.now);
        let Some(proof) = proof else {
            return self.spend_code(grant, beginning, None, visit).await;
        };
        let key = ClaimKey::new(&grant.code);
        match self.store.claim(&key, beginning.session, visit.now + CODE_TTL, visit.now).await? {
            Claimed::Again(claim) => self.repeat_code(&key, claim, &proof, visit).await,
            Claimed::First => {
                let answer = self.spend_code(grant, beginning, Some(&key), visit).await;
                self.release_if_failed(&answer, &key).await;
                answer
            }
        }
    }

    async fn spend_code(
        &self,
        grant: &AuthorizationCode,
        beginning: Beginning,
        claim: Option<&ClaimKey>,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let granted = self.kakao.exchange(grant, &*self.kakao_secrets.at(visit.now).await?, visit.now).await?;
        let (user, told) = self.user_of_grant(granted, visit.now).await?;
        self.begin(user, &told, beginning, visit.now, claim, visit).await
    }

    /// Who was granted, with what user/me tells of them. While that is unavailable, a known user's ID token has to do.
    async fn user_of_grant(&self, granted: Grant, now: Timestamp) -> Result<(UserId, KakaoUser), Error> {
        let told = match (self.kakao.user_me(&granted.access_token, now).await, granted.identity) {
            (Ok(me), Some(identity)) if me.id != identity.user.id => {
                return Err(KakaoError::Rejected("two answers name two users".to_owned()).into());
            }
            (Ok(me), _) => me,
            (Err(error @ KakaoError::Unavailable { .. }), Some(identity)) => {
                return match self.store.find(identity.user.id).await? {
                    Some(user) => Ok((user, identity.user)),
                    None => Err(error.into()),
                };
            }
            (Err(error), _) => return Err(error.into()),
        };
        Ok((self.find_or_make(&told, now).await?, told))
    }

    /// Waits for the first request's outcome and gives the same.
    async fn repeat_code(
        &self,
        key: &ClaimKey,
        mut claim: Claim,
        proof: &Proof,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        // As at the first request: another secret may tag by now.
        let beginning = visit.keys.secrets.begin(Some(proof), claim.claimed_at);
        if claim.session != beginning.session || !self.may_repeat(&claim, visit.now) {
            return Err(used_before());
        }
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(user) = claim.user
                && let Some(shown) = self.store.user_with_session(user, claim.session, visit.now).await?
            {
                log::outcome("signed_in_again");
                let first = visit.keys.secrets.issue(user, beginning, claim.claimed_at + self.max_ttl, visit.now);
                return Ok(self.answer(&shown, &first, claim.claimed_at, visit));
            }
            tokio::time::sleep(LOOK).await;
            let Some(later) = self.store.claim_now(key).await? else { break };
            claim = later;
        }
        let reason = "the first request with this code failed".to_owned();
        Err(KakaoError::Unavailable { reason, retry_after: Duration::from_secs(1) }.into())
    }

    /// An ID token is good for one sign-in. Who knows the preimage of its nonce began that sign-in, and may send it again.
    pub(crate) async fn sign_in_by_id_token(
        &self,
        token: &SecretString,
        nonce: &SecretString,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let identity = self.kakao.identity_of_id_token(token, nonce.expose_secret(), visit.now).await?;
        let proof = identity.knows_preimage.then(|| Proof::new(token, nonce));
        let mut beginning = visit.keys.secrets.begin(proof.as_ref(), visit.now);
        let key = ClaimKey::new(token);
        let (known, claimed) = tokio::try_join!(
            self.store.find(identity.user.id),
            self.store.claim(&key, beginning.session, identity.expires_at, visit.now),
        )?;
        let is_first = claimed == Claimed::First;
        let begun_at = match (claimed, &proof) {
            (Claimed::First, _) => visit.now,
            (Claimed::Again(claim), Some(proof)) if self.may_repeat(&claim, visit.now) => {
                // As at the first request: another secret may tag by now.
                beginning = visit.keys.secrets.begin(Some(proof), claim.claimed_at);
                if claim.session != beginning.session {
                    return Err(used_before());
                }
                claim.claimed_at
            }
            (Claimed::Again(_), _) => return Err(used_before()),
        };
        let answer = async {
            let (user, told) = if let Some(user) = known {
                (user, identity.user)
            } else {
                let told = self.meet(identity.user, visit.now).await?;
                (self.store.make(told.id, visit.now).await?, told)
            };
            self.begin(user, &told, beginning, begun_at, None, visit).await
        }
        .await;
        if is_first {
            self.release_if_failed(&answer, &key).await;
        }
        answer
    }

    /// Kakao unlinks users whose information was not fetched within 24 hours of their first sign-in, so it is fetched now.
    async fn meet(&self, identity: KakaoUser, now: Timestamp) -> Result<KakaoUser, Error> {
        let secrets = self.kakao_secrets.at(now).await?;
        if let Some(me) = self.kakao.user_by_id(identity.id, &secrets, now).await? {
            return Ok(me);
        }
        tracing::warn!(
            event = "user_not_fetched",
            "A new user signed in by ID token and there is no KAKAO_ADMIN_KEY to fetch them with: Kakao unlinks them in 24 hours"
        );
        Ok(identity)
    }

    fn may_repeat(&self, claim: &Claim, now: Timestamp) -> bool {
        now < claim.claimed_at + self.rotation_window
    }

    /// A credential that began no session may be tried again, if Kakao lets it. Only the first request may say so: a later one
    /// that fails must not make a used token good again.
    async fn release_if_failed(&self, answer: &Result<Response<Body>, Error>, key: &ClaimKey) {
        if answer.is_err()
            && let Err(error) = self.store.release(key).await
        {
            let text = format_args!("A claim stays until it expires: {error}");
            log::failure("claim_stays", error.needs_an_operator(), text);
        }
    }

    async fn find_or_make(&self, told: &KakaoUser, now: Timestamp) -> Result<UserId, StoreError> {
        match self.store.find(told.id).await? {
            Some(user) => Ok(user),
            None => self.store.make(told.id, now).await,
        }
    }

    /// Writes down the user and the session, and then ends the one that the browser came with: not before, as a sign-in that
    /// fails must leave the browser what it had.
    async fn begin(
        &self,
        user: UserId,
        told: &KakaoUser,
        beginning: Beginning,
        begun_at: Timestamp,
        claim: Option<&ClaimKey>,
        visit: &Visit,
    ) -> Result<Response<Body>, Error> {
        let first = visit.keys.secrets.issue(user, beginning, begun_at + self.max_ttl, visit.now);
        visit.keys.pseudonyms.note(user, first.session);
        let (shown, (), ()) = tokio::try_join!(
            self.store.remember(user, told, visit.now),
            self.store.begin_session(&first, &visit.device, self.expires_at(&first, begun_at), begun_at),
            async {
                match claim {
                    Some(key) => self.store.fulfil(key, user).await,
                    None => Ok(()),
                }
            },
        )?;
        // The same sign-in, sent again, comes with the cookie that its first answer set.
        for previous in visit.previous.iter().filter(|previous| previous.session != first.session) {
            match self.store.end_session(previous).await {
                Ok(session) => {
                    let window = self.rotation_window;
                    let verdict = judge(previous, session.as_ref(), &visit.keys.secrets, visit.now, window);
                    if matches!(verdict, Verdict::Reuse) {
                        log::refresh_reuse();
                    }
                }
                Err(error) => {
                    let text = format_args!("The session before this one lives until it expires: {error}");
                    log::failure("previous_session_stays", error.needs_an_operator(), text);
                }
            }
        }
        log::outcome("signed_in");
        Ok(self.answer(&shown, &first, begun_at, visit))
    }

    fn expires_at(&self, first: &RefreshToken, begun_at: Timestamp) -> Timestamp {
        first.session_ends_at.min(begun_at + self.idle_ttl)
    }

    fn answer(&self, shown: &User, first: &RefreshToken, begun_at: Timestamp, visit: &Visit) -> Response<Body> {
        let now = visit.now;
        visit.keys.pseudonyms.note(shown.id, first.session);
        let mut body = visit.keys.signer.sign(shown.id, first.session, begun_at, now).to_json();
        body["user"] = shown.to_json();
        let mut response = http::json_response(StatusCode::OK, &body);
        let expires_at = first.session_ends_at.min(now + self.idle_ttl);
        http::add_cookies(&mut response, self.cookies.set(first, expires_at, now, &visit.presented));
        response
    }
}

fn used_before() -> Error {
    KakaoError::Rejected("the credential was used before".to_owned()).into()
}
