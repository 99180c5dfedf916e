//! Starts a session for a Kakao user: the part of a login that is the same for every credential.

use std::sync::Arc;

use lambda_http::{Body, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use shared::{
    account::{LoginVerdict, ProvenAt},
    clock::Timestamp,
    error::Error,
    http::{self, JsonObject, PresentedDjango},
    id::{KakaoId, UserId},
    kakao::KakaoError,
    keys::{IssuingKeys, SecretError},
    log::{self, Audit, Ending},
    roles::Roles,
    session::{
        Kind, Link, NewSession, Presented, RefreshToken, Transport, Verdict, Version, judge, newest_of_each_session,
    },
    store::{Device, Login, SessionStart, StoreError},
    user::{KakaoUser, Source, User},
};

use crate::{KakaoLogin, redeem::Ticket};

/// What a login needs besides its credential.
pub(crate) struct LoginContext {
    device: Device,
    /// How the client carries its refresh token.
    pub(crate) transport: Transport,
    /// The client's first link, if it sent one.
    pub(crate) link: Option<Link>,
    /// The presented cookies.
    presented: Presented,
    /// The refresh tokens in them: the browser's previous sessions.
    previous: Vec<RefreshToken>,
    /// Its tokens from Django.
    pub(crate) django: PresentedDjango,
    pub(crate) keys: Arc<IssuingKeys>,
    pub(crate) now: Timestamp,
}

/// One of our users, with what Kakao says about them.
pub(crate) struct Person {
    id: UserId,
    /// What operators have given the user.
    roles: Roles,
    kakao: KakaoUser,
    /// Whether this login created the user.
    is_new: bool,
    /// Kakao's access token, to ask user/me if only an ID token describes the user so far.
    access_token: Option<SecretString>,
    /// When they were at Kakao's login page, if an ID token says so.
    authenticated_at: Option<Timestamp>,
}

/// The user of a person at Kakao, as the identity says.
pub(crate) struct Known {
    id: UserId,
    roles: Roles,
}

/// A login that was counted.
struct Counted {
    shown: User,
    logins: u64,
}

impl LoginContext {
    pub(crate) async fn read(
        function: &KakaoLogin,
        request: &Request,
        transport: Transport,
        link: Option<Link>,
        now: Timestamp,
    ) -> Result<Self, SecretError> {
        let keys = function.keys.at(now).await?;
        let presented = Presented::Cookies(match transport {
            Transport::Cookie | Transport::Page => function.cookies.presented(request),
            // Cookies beside an app's token are another client's: those of a web view, or what a library keeps for the app.
            Transport::App => Vec::new(),
        });
        let previous = newest_of_each_session(keys.refresh_tokens.verify_each(&presented));
        let django = function.django_cookies(request, transport, now);
        Ok(Self { device: http::device(request), transport, link, presented, previous, django, keys, now })
    }

    /// With what the body says about the device.
    pub(crate) fn of_device(self, body: &JsonObject) -> Self {
        Self { device: http::described_device(self.device, body), ..self }
    }

    /// The cookies that the client presents, as far as they count.
    pub(crate) fn cookies(&self) -> &[SecretString] {
        self.presented.texts()
    }
}

impl Person {
    pub(crate) fn known(Known { id, roles }: Known, kakao: KakaoUser) -> Self {
        Self { id, roles, kakao, is_new: false, access_token: None, authenticated_at: None }
    }

    pub(crate) fn authenticated_at(self, moment: Option<Timestamp>) -> Self {
        Self { authenticated_at: moment, ..self }
    }

    pub(crate) fn with_access_token(self, access_token: SecretString) -> Self {
        Self { access_token: Some(access_token), ..self }
    }
}

impl KakaoLogin {
    /// The user of a person at Kakao, or `None` if this is the person's first login.
    pub(crate) async fn find_user(&self, kakao: KakaoId, proven_at: ProvenAt) -> Result<Option<Known>, Error> {
        let (identity, roles) = self.store.identity_and_roles(kakao).await?;
        Ok(user_of(identity.judge_login(proven_at))?.map(|id| Known { id, roles }))
    }

    pub(crate) async fn find_or_create_user(
        &self,
        kakao: KakaoUser,
        proven_at: ProvenAt,
        now: Timestamp,
    ) -> Result<Person, Error> {
        match self.find_user(kakao.id, proven_at).await? {
            Some(known) => Ok(Person::known(known, kakao)),
            None => self.create_user(kakao, proven_at, now).await,
        }
    }

    pub(crate) async fn create_user(
        &self,
        kakao: KakaoUser,
        proven_at: ProvenAt,
        now: Timestamp,
    ) -> Result<Person, Error> {
        let id = user_of(self.store.create_user(kakao.id, self.user_ids, proven_at, now).await?)?;
        let id = id.ok_or(StoreError::Corrupt("user_id"))?;
        // If an operator has given roles this soon, they follow within minutes.
        Ok(Person { is_new: true, ..Person::known(Known { id, roles: Roles::default() }, kakao) })
    }

    /// Starts a session. With a ticket, only if this request still holds the redemption.
    pub(crate) async fn start_session(
        &self,
        person: &Person,
        new_session: NewSession,
        ticket: Option<&Ticket>,
        context: &LoginContext,
    ) -> Result<Response<Body>, Error> {
        let now = context.now;
        let link = context.link.as_ref().filter(|_| self.linked_sessions.by(context.transport));
        let kind = if link.is_some() { Kind::Linked } else { Kind::Rotating };
        let first = context.keys.refresh_tokens.issue(
            Version::issued(kind, context.transport),
            person.id,
            new_session,
            now + self.sessions.max_ttl,
            now,
        );
        context.keys.pseudonyms.note(person.id, first.session);
        let start = SessionStart {
            first: &first,
            device: &context.device,
            link: link.map(Link::hash),
            authenticated_at: person.authenticated_at,
            roles: &person.roles,
            expires_at: self.sessions.expires_at(first.session_ends_at, now),
            now,
        };
        let log_name = context.keys.pseudonyms.of_user(person.id);
        let update_profile = self.update_profile(person, &log_name, now);
        let write_session = async {
            match ticket {
                Some(ticket) => self.store.complete(&ticket.key, &ticket.attempt, &start).await,
                None => self.store.start_session(&start).await,
            }
        };
        let Counted { shown, logins } = if person.is_new {
            // The profile first: a repeated request that finds a session must also find a profile.
            let counted = update_profile.await?;
            log::audit(Audit::AccountCreated);
            write_session.await?;
            counted
        } else {
            let (counted, session) = tokio::join!(update_profile, write_session);
            match counted {
                Ok(counted) => {
                    session?;
                    counted
                }
                // The session may have been started. A repeated request finds it.
                Err(error @ Error::Store(_)) => return Err(error),
                Err(refused) => {
                    self.end_refused_session(&first).await;
                    return Err(refused);
                }
            }
        };
        log::outcome("logged_in");
        let response = self.finish_login(&shown, &first, now, context).await;
        // After the browser's previous sessions have ended, so that they do not count.
        self.prune_sessions(person.id, logins, now).await;
        Ok(response)
    }

    /// Counts the login and updates the profile. If the login has only an ID token to go by, and the token shows that the profile
    /// has changed, user/me is asked as well, and the profile updated a second time.
    async fn update_profile(&self, person: &Person, log_name: &str, now: Timestamp) -> Result<Counted, Error> {
        let counted = self.store.record_login(person.id, &person.kakao, log_name, now).await?;
        let (shown, last_fetch, logins) = match counted {
            Login::Counted { user, last_fetch, logins } => (*user, last_fetch, logins),
            Login::Deleted => return Err(Error::AccountBeingDeleted),
            Login::Disabled => return Err(Error::AccountDisabled),
            Login::TooMany { retry_after } => return Err(Error::TooManyLogins { retry_after }),
        };
        let (Some(access_token), Source::IdToken(profile)) = (&person.access_token, person.kakao.source) else {
            return Ok(Counted { shown, logins });
        };
        if !last_fetch.is_outdated(profile, now) {
            return Ok(Counted { shown, logins });
        }
        match self.fetch_user(&person.kakao, access_token, now).await {
            Ok(me) => {
                let updated = self.store.update_profile(person.id, &me, now).await?;
                Ok(Counted { shown: updated.ok_or(Error::AccountBeingDeleted)?, logins })
            }
            // The ID token is enough. The next login asks again.
            Err(KakaoError::Unavailable { .. }) => Ok(Counted { shown, logins }),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the session of a refused login, which was started at the same time as the profile was written. No client has its token.
    async fn end_refused_session(&self, first: &RefreshToken) {
        match self.store.end_session(first.user, first.session).await {
            Ok(None) => {}
            Ok(Some(_)) => log::audit(Audit::SessionEnded(Ending::RefusedLogin)),
            Err(error) => {
                let text = format_args!(
                    "The session of a refused login stays until it expires. No client has its token: {error}"
                );
                log::failure("refused_session_stays", error.needs_an_operator(), text);
            }
        }
    }

    /// Ends the browser's previous sessions and responds with this one. The previous ones end last, because a login that fails must
    /// leave them alive.
    pub(crate) async fn finish_login(
        &self,
        shown: &User,
        first: &RefreshToken,
        logged_in_at: Timestamp,
        context: &LoginContext,
    ) -> Response<Body> {
        let now = context.now;
        // A repeated login may present the cookie of its first response: that session stays.
        for previous in context.previous.iter().filter(|previous| previous.session != first.session) {
            match self.store.end_session(previous.user, previous.session).await {
                // The token of a linked session never changes, so it is never spent.
                Ok(session) => {
                    let window = self.sessions.rotation_window;
                    let verdict = judge(previous, session.as_ref(), &context.keys.refresh_tokens, now, window);
                    context.keys.pseudonyms.note(previous.user, previous.session);
                    if matches!(verdict, Verdict::Reuse) {
                        log::refresh_reuse();
                    } else if session.is_some() {
                        log::audit(Audit::SessionEnded(Ending::Replaced));
                    }
                }
                Err(error) => {
                    let text = format_args!("The browser's previous session stays until it expires: {error}");
                    log::failure("previous_session_stays", error.needs_an_operator(), text);
                }
            }
        }
        context.keys.pseudonyms.note(shown.id, first.session);
        self.spend_django(context).await;
        let mut body = context.keys.signer.sign(shown.id, first.session, logged_in_at, &shown.roles, now).to_json();
        body["user"] = shown.to_json();
        if let (Kind::Linked, Some(link)) = (first.kind(), &context.link) {
            let confirmed = context.keys.refresh_tokens.confirm_link(first.session, 0, link, now);
            body["link"] = confirmed.expose_secret().into();
        }
        self.hand_out(first, body, context)
    }
}

/// The user that a login may log in, or `None` if it may create one.
fn user_of(verdict: LoginVerdict) -> Result<Option<UserId>, Error> {
    match verdict {
        LoginVerdict::Known(user) => Ok(Some(user)),
        LoginVerdict::New => Ok(None),
        LoginVerdict::BeingDeleted => Err(Error::AccountBeingDeleted),
        LoginVerdict::Disabled => Err(Error::AccountDisabled),
        LoginVerdict::ProofTooOld => {
            Err(KakaoError::Rejected("Kakao has unlinked the user since the credential was issued".to_owned()).into())
        }
    }
}
