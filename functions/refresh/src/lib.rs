//! `POST /auth/refresh`: exchanges the refresh token for a new access token (RFC 6749 §6). A browser has it in a cookie; an app, and a
//! page in compatibility mode, sends it in the body.

mod answered;
mod django;
mod linked;

use std::sync::Arc;

use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode},
};
use serde_json::Value;
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Compatibility, Cookies, DjangoTokens, JsonObject, Origins},
    id::SessionId,
    keys::{self, IssuingKeys, SecretCache},
    log,
    session::{Facts, Kind, Presented, RefreshToken, SessionPolicy},
    store::{Ended, FixedRenewal, Rotation, Store, StoreError},
    user::User,
};

pub use self::answered::RecentAnswers;

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Refresh {
    /// Stores the sessions.
    pub store: Store,
    /// The keys that sign access tokens, read refresh tokens and derive their successors.
    pub keys: SecretCache<IssuingKeys>,
    /// How the cookie of the refresh token is set and read.
    pub cookies: Cookies,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// Whether the tokens of pages are accepted in bodies.
    pub compatibility: Compatibility,
    /// Whether apps may get their refresh token in the body.
    pub native_clients: bool,
    /// Whether tokens from Django are exchanged.
    pub django: DjangoTokens,
    /// How long sessions last, and when their tokens are rotated.
    pub sessions: SessionPolicy,
    /// The latest refreshes that did not renew their session.
    pub answered: RecentAnswers,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Refresh {
    const NAME: &'static str = "refresh";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (
            Some(store),
            Some(keys),
            Some(cookies),
            Some(origins),
            Some(compatibility),
            Some(native_clients),
            Some(django),
            Some(sessions),
        ) = (
            config.store(),
            config.issuing_keys(),
            config.cookies(),
            config.origins(),
            config.compatibility(),
            config.native_clients(),
            config.django_tokens(),
            config.session_policy(),
        )
        else {
            return Err(config.into_error());
        };
        let answered = RecentAnswers::default();
        Ok(Self { store, keys, cookies, origins, compatibility, native_clients, django, sessions, answered, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Responds with a new access token. A rotating session gets the successor of its token if it is due, as a cookie or in the body; a
    /// linked one gets its next link confirmed, and never a token; a fixed one gets its token again.
    ///
    /// If several cookies are presented, the newest token is tried first. If its session cannot be renewed, the next token is tried.
    /// If none can be renewed, a token from Django is exchanged for a session, as long as that is open.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin calls.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] for a body that is neither empty nor a JSON object.
    /// - [`Error::NativeOnly`] if a page presents the token of an app.
    /// - [`Error::LoggedOut`] if there is no session to renew. If a spent token is presented, two parties hold it, so its session ends
    ///   for both (RFC 9700 §4.14.2).
    /// - [`Error::TooManyRefreshes`] if the session was refreshed again and again, and cannot be renewed yet.
    /// - [`Error::LinkRequired`] and [`Error::LinkStale`] if the token of a linked session comes without its links, or with old ones.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys. The cookie stays valid.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        self.origins.check_origin(&request)?;
        let body = JsonObject::optional(&request)?;
        let asked = Asked { with_user: body.flag("user")?, body: &body, now };
        require_text(&body, "refresh")?;
        let presented = http::presented(&request, &body, &self.cookies, self.compatibility)?;
        match self.renew_any(&presented, &asked).await? {
            Ok(renewed) => Ok(self.response(renewed, &presented, None, now)),
            Err(Refusal::LoggedOut(reason)) => self.carry_over(&request, &presented, reason, &asked).await,
            Err(Refusal::Final(reason)) => Err(Error::LoggedOut { reason, clear_cookies: self.clear(&presented) }),
            Err(Refusal::Stale) => Err(Error::LinkStale),
            Err(Refusal::Unlinked(session)) => {
                log::outcome("unlinked");
                tracing::warn!(event = "refresh_unlinked", "The token of a linked session came without its links");
                Err(Error::LinkRequired { session })
            }
        }
    }
}

/// A token of another type is a mistake of the client's that no login can mend, so it is not a 401.
fn require_text(body: &JsonObject, name: &str) -> Result<(), Error> {
    match body.member(name) {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(_) => Err(Error::InvalidRequest(format!("`{name}` must be a string."))),
    }
}

/// What a request asks for.
struct Asked<'a> {
    with_user: bool,
    body: &'a JsonObject,
    now: Timestamp,
}

/// Why a token was not renewed.
enum Refusal {
    /// There is no session to renew with it, for this reason.
    LoggedOut(&'static str),
    /// Like `LoggedOut`, and other cookies do not matter: the client's links belong to this session.
    Final(&'static str),
    /// Its links are old.
    Stale,
    /// It came without links of its session.
    Unlinked(SessionId),
}

impl Refresh {
    /// Renews the newest session that can be renewed, or returns what the client has to know: that its links are old or its chain was
    /// forked, else the first session that needs links, else what is wrong with the last token that was tried.
    async fn renew_any(&self, presented: &Presented, asked: &Asked<'_>) -> Result<Result<Renewed, Refusal>, Error> {
        if presented.texts().is_empty() {
            return Ok(Err(Refusal::LoggedOut("no cookie")));
        }
        let (tokens, keys) =
            keys::read_refresh_tokens(&self.keys, |keys| &keys.refresh_tokens, presented, asked.now).await?;
        let mut refusal = Refusal::LoggedOut("not a refresh token of this server");
        for token in tokens {
            keys.pseudonyms.note(token.user, token.session);
            let renewed = if token.session_ends_at <= asked.now {
                Err(Refusal::LoggedOut("the session has reached its maximum life"))
            } else {
                match token.kind() {
                    Kind::Rotating => self.renew_rotating(&token, &keys, asked).await?,
                    Kind::Linked => self.renew_linked(&token, &keys, asked).await?,
                    Kind::Fixed => self.renew_fixed(token, &keys, asked).await?,
                }
            };
            refusal = match (renewed, refusal) {
                (Ok(renewed), _) => return Ok(Ok(renewed)),
                (Err(last @ (Refusal::Stale | Refusal::Final(_))), _) => return Ok(Err(last)),
                (Err(_), first @ Refusal::Unlinked(_)) => first,
                (Err(last), _) => last,
            };
        }
        Ok(Err(refusal))
    }

    async fn renew_rotating(
        &self,
        presented: &RefreshToken,
        keys: &IssuingKeys,
        asked: &Asked<'_>,
    ) -> Result<Result<Renewed, Refusal>, Error> {
        let now = asked.now;
        let expires_at = self.sessions.expires_at(presented.session_ends_at, now);
        let (asking, count) = self.answered.ask(presented, None, now)?;
        let window = self.sessions.rotation_window;
        let rotation = self.store.rotate(presented, &keys.refresh_tokens, window, expires_at, count, now);
        let (rotation, user) = tokio::try_join!(rotation, self.user(presented, asked))?;
        let (outcome, successor, facts) = match rotation {
            Rotation::Rotated { successor, facts } => ("rotated", Some(successor), facts),
            Rotation::Repeated { successor, facts } => ("repeated", Some(successor), facts),
            Rotation::Current { facts, answered } => {
                asking.admit(answered)?;
                ("current", None, facts)
            }
            Rotation::Ended(ended) => return Ok(Err(Refusal::LoggedOut(explain(ended)))),
        };
        log::outcome(outcome);
        let Some(body) = access(presented, &facts, user, keys, asked) else { return Ok(Err(USER_GONE)) };
        Ok(Ok(Renewed { body, refresh_token: successor.map(|successor| (successor, expires_at)) }))
    }

    /// A page in compatibility mode gets its token again at each refresh: some store what they get, and some keep the first one.
    async fn renew_fixed(
        &self,
        token: RefreshToken,
        keys: &IssuingKeys,
        asked: &Asked<'_>,
    ) -> Result<Result<Renewed, Refusal>, Error> {
        let expires_at = self.sessions.expires_at(token.session_ends_at, asked.now);
        let (asking, count) = self.answered.ask(&token, None, asked.now)?;
        let renewal = self.store.renew_fixed(&token, expires_at, count, asked.now);
        let (renewal, user) = tokio::try_join!(renewal, self.user(&token, asked))?;
        let Some(FixedRenewal { facts, answered }) = renewal else {
            return Ok(Err(Refusal::LoggedOut("logged out or expired")));
        };
        asking.admit(answered)?;
        log::outcome("fixed");
        let Some(body) = access(&token, &facts, user, keys, asked) else { return Ok(Err(USER_GONE)) };
        Ok(Ok(Renewed { body, refresh_token: Some((token, expires_at)) }))
    }

    /// The user of a token, if the request asks for it. It is not known yet whether the token is good.
    async fn user(&self, presented: &RefreshToken, asked: &Asked<'_>) -> Result<Option<User>, StoreError> {
        if asked.with_user { self.store.user(presented.user).await } else { Ok(None) }
    }

    /// The `Set-Cookie` headers that clear the presented cookies. A token in the body has none.
    fn clear(&self, presented: &Presented) -> Vec<HeaderValue> {
        match presented {
            Presented::Cookies(texts) => self.cookies.clear_unless_linked(texts),
            Presented::Body(_) => Vec::new(),
        }
    }

    /// The refresh token goes where the presented one came from.
    fn response(
        &self,
        renewed: Renewed,
        presented: &Presented,
        clear_django: Option<HeaderValue>,
        now: Timestamp,
    ) -> Response<Body> {
        let Renewed { mut body, refresh_token } = renewed;
        let cookies = match (presented, refresh_token) {
            (Presented::Cookies(texts), Some((token, expires_at))) => self.cookies.set(&token, expires_at, now, texts),
            (Presented::Cookies(_), None) => Vec::new(),
            (Presented::Body(_), Some((token, expires_at))) => {
                http::write_refresh_token(&mut body, &token, expires_at);
                Vec::new()
            }
            (Presented::Body(_), None) => {
                http::take_out_refresh_token(&mut body);
                Vec::new()
            }
        };
        let mut response = http::json_response(StatusCode::OK, &body);
        http::add_cookies(&mut response, clear_django.into_iter().chain(cookies).collect());
        response
    }
}

/// What the response for a renewed session needs.
struct Renewed {
    body: Value,
    /// The refresh token that the client gets, and when its session expires. Without one it keeps the presented token.
    refresh_token: Option<(RefreshToken, Timestamp)>,
}

/// While a user is being deleted, a session may outlive the user for a moment.
const USER_GONE: Refusal = Refusal::LoggedOut("the user is gone");

/// The body with a new access token, and with the user if the request asks for it. `None` if that user is gone.
fn access(
    token: &RefreshToken,
    facts: &Facts,
    user: Option<User>,
    keys: &IssuingKeys,
    asked: &Asked<'_>,
) -> Option<Value> {
    let Facts { logged_in_at, roles } = facts;
    let mut body = keys.signer.sign(token.user, token.session, *logged_in_at, roles, asked.now).to_json();
    if asked.with_user {
        body["user"] = user?.to_json();
    }
    Some(body)
}

fn explain(ended: Ended) -> &'static str {
    match ended {
        Ended::Gone => "logged out or expired",
        Ended::Reused => explain_reuse("a spent token was presented"),
        Ended::Ahead => explain_ahead(),
    }
}

fn explain_ahead() -> &'static str {
    log::outcome("ahead");
    tracing::warn!(event = "refresh_ahead", "A token is newer than its session: was the table restored?");
    "the token is newer than its session"
}

fn explain_reuse(reason: &'static str) -> &'static str {
    log::outcome("reuse");
    log::refresh_reuse();
    reason
}
