//! `POST /auth/logout`: ends the session of the refresh token, which is in a cookie or in the body, with `?scope=all` all sessions of
//! its user, or with `?scope=others` all but its own.

mod django;

use std::sync::Arc;

use lambda_http::{Body, Request, RequestExt, Response, http::StatusCode};
use serde_json::json;
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Compatibility, Cookies, DjangoTokens, JsonObject, Origins, PresentedDjango},
    id::SessionId,
    keys::{self, LogoutKeys, SecretCache},
    log,
    session::{Kind, Presented, RefreshToken, RefreshTokenKeys, SessionPolicy, Standing, judge},
    store::{Others, Store},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Logout {
    /// Stores the sessions.
    pub store: Store,
    /// Reads refresh tokens.
    pub keys: SecretCache<LogoutKeys>,
    /// How the cookie of the refresh token is set and read.
    pub cookies: Cookies,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// Whether the tokens of pages are accepted in bodies.
    pub compatibility: Compatibility,
    /// Whether tokens from Django are exchanged, and have to be spent.
    pub django: DjangoTokens,
    /// How long the parent of a session's token is accepted.
    pub sessions: SessionPolicy,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

/// What is logged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The session of the cookie.
    Local,
    /// Every session of the user.
    All,
    /// Every session of the user but that of the cookie.
    Others,
}

/// What a logout has done.
enum Outcome {
    /// What there was to end has ended, with this outcome.
    Done(&'static str),
    /// No presented token may end other sessions, for this reason.
    NoLivingSession(&'static str),
}

impl Function for Logout {
    const NAME: &'static str = "logout";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(store), Some(keys), Some(cookies), Some(origins), Some(compatibility), Some(django), Some(sessions)) = (
            config.store(),
            config.logout_keys(),
            config.cookies(),
            config.origins(),
            config.compatibility(),
            config.django_tokens(),
            config.session_policy(),
        ) else {
            return Err(config.into_error());
        };
        Ok(Self { store, keys, cookies, origins, compatibility, django, sessions, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Ends the session of each presented cookie and clears the cookies. Logout is idempotent and accepts any cookie or none. A token
    /// in the body counts instead of the cookies, which then stay: they are another client's.
    ///
    /// With `others` the session and the cookie stay, so there has to be a session: without one nothing was logged out, and a success
    /// would hide that.
    ///
    /// If DynamoDB is down or the keys cannot be read, `local` still clears the cookie, so this browser is logged out. A copy of the
    /// cookie would work until it expires, which the log reports.
    ///
    /// A spent token ends only its own session, whatever the scope, and is reported: a thief may have kept it.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin calls.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] for a body that is not empty and not a JSON object, or for an unknown scope.
    /// - [`Error::NativeOnly`] if a page presents the token of an app.
    /// - [`Error::LoggedOut`] with `others`, if no presented cookie has a living session.
    /// - [`Error::LinkRequired`] and [`Error::LinkStale`] with `all` and `others`, if the token of a linked session comes without its
    ///   links, or with old ones. Nothing of its user has ended. Of several cookies, one is enough that may log out its user.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys, while logging out more than this session. The
    ///   cookie stays valid, so that the client can try again.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        self.origins.check_origin(&request)?;
        let body = JsonObject::optional(&request)?;
        let scope = scope(&request)?;
        let presented = http::presented(&request, &body, &self.cookies, self.compatibility)?;
        // A token in the body has no cookie to clear, and Django's cookie is another client's too.
        let (cookies, django) = match &presented {
            Presented::Cookies(texts) => (texts.as_slice(), self.django.presented(&request, Some(&body), now)),
            Presented::Body(_) => (&[][..], PresentedDjango::default()),
        };
        let clear_django = self.django.clear(&django, &self.cookies);
        let ended = match self.end(&presented, scope, &body, now).await {
            Ok(ended) => self.spend(&django, scope, ended, now).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(Outcome::Done(outcome)) => log::outcome(outcome),
            Ok(Outcome::NoLivingSession(reason)) => {
                let clear_cookies = self.cookies.clear_unless_linked(cookies);
                return Err(Error::LoggedOut { reason, clear_cookies });
            }
            Err(error) if scope == Scope::Local => unstored(&error),
            Err(error) => return Err(error),
        }
        let mut response = http::json_response(StatusCode::OK, &json!({"detail": "Successfully logged out."}));
        if scope != Scope::Others {
            http::add_cookies(&mut response, clear_django.into_iter().chain(self.cookies.clear(cookies)).collect());
        }
        Ok(response)
    }
}

impl Logout {
    /// Ends the sessions of these cookies as far as possible.
    async fn end(
        &self,
        presented: &Presented,
        scope: Scope,
        body: &JsonObject,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        if presented.texts().is_empty() {
            return Ok(nothing(scope, "no cookie"));
        }
        let (tokens, keys) = keys::read_refresh_tokens(&self.keys, |keys| &keys.refresh_tokens, presented, now).await?;
        // A browser may hold two cookies. Its sessions stay both.
        let kept: Vec<SessionId> =
            tokens.iter().filter(|_| scope == Scope::Others).map(|token| token.session).collect();
        let mut ended = nothing(scope, "not a refresh token of this server");
        let (mut unlinked, mut is_settled, mut failed) = (Vec::new(), false, None);
        for token in &tokens {
            keys.pseudonyms.note(token.user, token.session);
            match self.end_by(token, scope, &kept, body, &keys.refresh_tokens, now).await {
                Ok(Standing::Unlinked) => unlinked.push(token),
                Ok(Standing::Stale) => failed = Some(Error::LinkStale),
                Ok(standing) => {
                    if standing == Standing::Spent {
                        log::refresh_reuse();
                    }
                    is_settled |= matches!(standing, Standing::Alive | Standing::Spent);
                    ended = judged(ended, scope, standing);
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        // The links of a request belong to one session, and a browser may keep the cookie of an earlier one beside it. If one cookie
        // has logged out its user, or was spent, the sessions of the others end as without a scope, which needs no links.
        if let (Some(token), false) = (unlinked.first(), is_settled) {
            return Err(Error::LinkRequired { session: token.session });
        }
        for token in unlinked.iter().filter(|_| scope == Scope::All) {
            // Not a 503: the session of the links has ended, so the client could not repeat this.
            if let Err(error) = self.store.end_session(token.user, token.session).await {
                unstored(&error.into());
            }
        }
        Ok(ended)
    }

    /// Ends what this token may end, and returns how it stands.
    async fn end_by(
        &self,
        token: &RefreshToken,
        scope: Scope,
        kept: &[SessionId],
        body: &JsonObject,
        keys: &RefreshTokenKeys,
        now: Timestamp,
    ) -> Result<Standing, Error> {
        let window = self.sessions.rotation_window;
        if scope == Scope::Local {
            let session = self.store.end_session(token.user, token.session).await?;
            // The token of a linked session never changes, so it is never spent.
            return Ok((&judge(token, session.as_ref(), keys, now, window)).into());
        }
        let links = match token.kind() {
            Kind::Rotating | Kind::Fixed => None,
            Kind::Linked => match http::links(body, token.session, keys) {
                Ok(links) => Some(links),
                Err(Error::LinkRequired { .. }) => return Ok(Standing::Unlinked),
                Err(error) => return Err(error),
            },
        };
        let covered = Others { kept, carried: self.django.is_open(now) };
        Ok(self.store.end_all_sessions(token, links.as_ref(), covered, keys, window, now).await?)
    }
}

/// What there is to say if no token could be read.
fn nothing(scope: Scope, reason: &'static str) -> Outcome {
    if scope == Scope::Others { Outcome::NoLivingSession(reason) } else { Outcome::Done("no_session") }
}

/// What there is to say after a token, and those before it.
fn judged(before: Outcome, scope: Scope, standing: Standing) -> Outcome {
    let is_alive = standing == Standing::Alive;
    match (scope, standing) {
        (Scope::Local | Scope::All, Standing::Ended) => before,
        (Scope::All, _) if is_alive => Outcome::Done("logged_out_everywhere"),
        (Scope::Local | Scope::All, _) => Outcome::Done("logged_out"),
        (Scope::Others, _) if is_alive || matches!(before, Outcome::Done(_)) => Outcome::Done("logged_out_others"),
        (Scope::Others, Standing::Spent) => Outcome::NoLivingSession("a spent token was presented"),
        (Scope::Others, Standing::Ahead) => Outcome::NoLivingSession("the token is newer than its session"),
        (Scope::Others, _) => Outcome::NoLivingSession("logged out or expired"),
    }
}

fn unstored(error: &Error) {
    log::outcome("logged_out_unstored");
    let text = format_args!("Logged out at the browser only: {error}");
    log::failure("logout_unstored", error.needs_an_operator(), text);
}

fn scope(request: &Request) -> Result<Scope, Error> {
    let query = request.query_string_parameters_ref();
    match query.and_then(|query| query.first("scope")) {
        None | Some("local") => Ok(Scope::Local),
        Some("all") => Ok(Scope::All),
        Some("others") => Ok(Scope::Others),
        Some(_) => Err(Error::InvalidRequest("`scope` must be local, all or others.".to_owned())),
    }
}
