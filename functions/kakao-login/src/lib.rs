//! `POST /auth/kakao`: a Kakao credential becomes a user and a session (the token response of RFC 6749 §5.1).

mod credential;

use std::{sync::Arc, time::Duration};

use lambda_http::{
    Body, Request, Response,
    http::{StatusCode, header::SET_COOKIE},
};
use secrecy::ExposeSecret;
use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    error::Error,
    http::{self, Cookies, JsonObject, PresentedCookie},
    id::SessionId,
    jwt::Signer,
    kakao::Kakao,
    log::{self, Pseudonyms},
    store::Store,
    token::{RefreshToken, SessionSecrets},
};

use self::credential::Credential;

/// What this function needs, and so all that its IAM role may touch.
#[derive(Debug)]
pub struct KakaoLogin {
    /// Says who holds a credential.
    pub kakao: Kakao,
    /// The addresses that Kakao may send a browser back to, to the letter.
    pub redirect_uris: Vec<String>,
    /// Keeps users and sessions.
    pub store: Store,
    /// Signs the access tokens.
    pub signer: Signer,
    /// Makes refresh tokens.
    pub secrets: SessionSecrets,
    /// Carries the refresh token.
    pub cookies: Cookies,
    /// How long a session lasts that is not renewed.
    pub idle_ttl: Duration,
    /// How long a session lasts at most.
    pub max_ttl: Duration,
    /// Names users and sessions in the log.
    pub pseudonyms: Pseudonyms,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl KakaoLogin {
    /// Takes from the configuration what this function needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is missing or wrong.
    pub fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (
            Some(kakao),
            Some(redirect_uris),
            Some(store),
            Some(signer),
            Some(secrets),
            Some(cookies),
            Some(idle_ttl),
            Some(max_ttl),
            Some(pseudonyms),
        ) = (
            config.kakao(),
            config.list("REDIRECT_URIS"),
            config.store(),
            config.signer(),
            config.session_secrets(),
            config.cookies(),
            config.seconds("SESSION_IDLE_TTL", 60..=31_536_000),
            config.seconds("SESSION_MAX_TTL", 60..=31_536_000),
            config.pseudonyms(),
        )
        else {
            return Err(config.into_error());
        };
        Ok(Self { kakao, redirect_uris, store, signer, secrets, cookies, idle_ttl, max_ttl, pseudonyms, clock })
    }

    /// Signs in: always with a new session, beside which the one that the browser came with ends. Nothing of that one is
    /// adopted, so nobody can plant a session and wait for it to become somebody's.
    ///
    /// # Errors
    ///
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] if the body is not one credential.
    /// - [`Error::Kakao`] if Kakao does not vouch for anybody.
    /// - [`Error::Store`] if DynamoDB fails. Signing in again is safe.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        let credential = Credential::from_body(&JsonObject::required(&request)?, &self.redirect_uris)?;
        let told = match &credential {
            Credential::AccessToken(token) => self.kakao.user_of_access_token(token).await?,
            Credential::Code(grant) => self.kakao.user_of_code(grant).await?,
        };

        let user = self.store.identify(told.id, now).await?;
        let ends_at = now + self.max_ttl;
        let expires_at = ends_at.min(now + self.idle_ttl);
        let first = self.secrets.issue(user, SessionId::generate(), ends_at);
        self.pseudonyms.note(user, first.session);
        let device = http::device(&request);
        let (user, (), ()) = tokio::try_join!(
            self.store.remember(user, &told, now),
            self.store.begin_session(&first, &device, expires_at, now),
            self.end_previous(&request),
        )?;
        log::outcome("signed_in");

        let mut body = self.signer.sign(user.id, first.session, now).to_json();
        body["user"] = user.to_json();
        let mut response = http::json_response(StatusCode::OK, &body);
        response.headers_mut().insert(SET_COOKIE, self.cookies.set(&first, expires_at, now));
        Ok(response)
    }

    async fn end_previous(&self, request: &Request) -> Result<(), shared::store::StoreError> {
        match self.previous(request) {
            Some(token) => self.store.end_session(&token).await,
            None => Ok(()),
        }
    }

    fn previous(&self, request: &Request) -> Option<RefreshToken> {
        let PresentedCookie::One(text) = self.cookies.presented(request) else {
            return None;
        };
        self.secrets.verify(text.expose_secret()).ok()
    }
}
