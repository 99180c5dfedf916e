//! `POST /auth/kakao`: a Kakao credential becomes a user and a session (the token response of RFC 6749 §5.1).
//! `GET /auth/kakao` starts the function before a credential arrives, and the hosted login is for pages without our client.

mod access_token;
mod code;
mod credential;
mod django;
mod hosted;
mod id_token;
mod prune;
mod redeem;
mod start;
mod transport;

use std::sync::Arc;

use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, header::ORIGIN},
};
use shared::{
    account::UserIds,
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http::{self, Compatibility, Cookies, DjangoTokens, JsonObject, Origins},
    kakao::{Kakao, KakaoCredentials},
    keys::{Document, IssuingKeys, KeyTable, SecretCache},
    log,
    recent::Recent,
    session::{Link, LinkedSessions, SessionPolicy},
    store::Store,
};

use self::{credential::Credential, start::LoginContext};
pub use self::{credential::CredentialPolicy, hosted::Hosted};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct KakaoLogin {
    /// Tells which user a credential belongs to.
    pub kakao: Kakao,
    /// The table from which both caches are filled at start.
    pub key_table: KeyTable,
    /// Access tokens of users who have logged in too often, and until when. Kakao is not asked about them.
    pub over_limit: Recent<Timestamp>,
    /// Our app's credentials at Kakao.
    pub kakao_credentials: SecretCache<KakaoCredentials>,
    /// Which credentials are accepted.
    pub credentials: CredentialPolicy,
    /// Which clients that send a link get a linked session. Other sessions rotate.
    pub linked_sessions: LinkedSessions,
    /// Whether apps may get their refresh token in the body.
    pub native_clients: bool,
    /// Whether pages may get theirs in the body.
    pub compatibility: Compatibility,
    /// Which ids new users get.
    pub user_ids: UserIds,
    /// Whether tokens from Django are exchanged, and have to be spent.
    pub django: DjangoTokens,
    /// The hosted login, if there is one.
    pub hosted: Option<Hosted>,
    /// Stores users and sessions.
    pub store: Store,
    /// Sign access tokens and issue refresh tokens.
    pub keys: SecretCache<IssuingKeys>,
    /// How the cookie of the refresh token is set and read.
    pub cookies: Cookies,
    /// The origins whose pages may call.
    pub origins: Origins,
    /// How long sessions last, and how long the same login may be repeated.
    pub sessions: SessionPolicy,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for KakaoLogin {
    const NAME: &'static str = "kakao-login";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (
            Some(kakao),
            Some(key_table),
            Some(kakao_credentials),
            Some(credentials),
            Some(linked_sessions),
            Some(native_clients),
            Some(compatibility),
            Some(user_ids),
            Some(django),
            Some(callback_uri),
            Some(store),
            Some(keys),
            Some(cookies),
            Some(origins),
            Some(sessions),
        ) = (
            config.kakao(),
            config.key_table(),
            config.kakao_credentials(),
            CredentialPolicy::from_config(config),
            config.linked_sessions(),
            config.native_clients(),
            config.compatibility(),
            config.user_ids(),
            config.django_tokens(),
            config.callback_uri(),
            config.store(),
            config.issuing_keys(),
            config.cookies(),
            config.origins(),
            config.session_policy(),
        )
        else {
            return Err(config.into_error());
        };
        let over_limit = Recent::default();
        Ok(Self {
            kakao,
            key_table,
            over_limit,
            kakao_credentials,
            credentials,
            linked_sessions,
            native_clients,
            compatibility,
            user_ids,
            django,
            hosted: Hosted::new(callback_uri, &origins),
            store,
            keys,
            cookies,
            origins,
            sessions,
            clock,
        })
    }

    /// Reads the keys, which connects to DynamoDB, and connects to Kakao.
    async fn warm_up(&self) {
        let now = self.clock.now();
        let keys = async {
            if let Ok(documents) = self.key_table.read(&[Document::Issuing, Document::Kakao]).await {
                let _ = (self.keys.keep(&documents, now), self.kakao_credentials.keep(&documents, now));
            }
        };
        tokio::join!(keys, self.kakao.connect(now));
    }

    /// Begins or finishes a hosted login for a GET, or only starts the function, and logs in for a POST.
    ///
    /// # Errors
    ///
    /// Those of `log_in`, of `begin` and of `finish`.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        if request.method() != Method::GET {
            return self.log_in(&request, now).await;
        }
        match request.raw_http_path().trim_end_matches('/').rsplit('/').next() {
            Some("login") => self.begin(&request, now),
            Some("callback") => self.finish(&request, now).await,
            _ => Ok(started()),
        }
    }
}

/// Does nothing. A GET of `/auth/kakao` only makes Lambda start this function, which reads keys and connects
/// ([`warm_up`](Function::warm_up)) while the user is still at Kakao's login page. It reads and changes nothing, so every origin
/// may send it.
fn started() -> Response<Body> {
    log::outcome("started");
    http::no_content()
}

impl KakaoLogin {
    /// Logs in. With a `link` the session is linked, and its token never changes; otherwise it rotates. The session is always
    /// new, unless the same login is repeated, and the browser's previous session ends. A login never continues a previous session,
    /// so nobody can plant one in a browser and wait for its user to log in (session fixation).
    ///
    /// The refresh token is a cookie, or a member of the body if the client carries it there ([`transport`](Self::transport)).
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin calls: it could log its visitor in as another user.
    /// - [`Error::NativeOnly`] if a page asks for the refresh token of an app.
    /// - [`Error::NotJson`] and [`Error::InvalidRequest`] if the body is not one credential that is accepted.
    /// - [`Error::Kakao`] if Kakao refuses the credential or cannot be reached, or the credential was used before.
    /// - [`Error::AccountBeingDeleted`] while a deletion of the user's account is under way.
    /// - [`Error::AccountDisabled`] if an operator lets the person log in no more. Only Kakao's proof of the person leads to it.
    /// - [`Error::TooManyLogins`] if the user has logged in too often in this minute.
    /// - [`Error::Store`] if DynamoDB fails, and [`Error::Secret`] if there are no keys. Logging in again is safe.
    async fn log_in(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        self.kakao.forget_expired(now);
        self.origins.check_origin(request)?;
        let body = JsonObject::required(request)?;
        let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
        let credential = self.credentials.read(&body, origin)?;
        let link = body.text("link", 22)?.map(Link::parse).transpose();
        let link =
            link.map_err(|_| Error::InvalidRequest("`link` must be 16 random bytes in base64url.".to_owned()))?;
        let transport = self.transport(request, &body, link.is_some())?;
        let context = LoginContext::read(self, request, transport, link, now).await?.of_device(&body);
        match &credential {
            Credential::AccessToken(token) => self.log_in_by_access_token(token, &context).await,
            Credential::Code(grant) => self.log_in_by_code(grant, &context).await,
            Credential::IdToken { token, nonce } => self.log_in_by_id_token(token, nonce, &context).await,
        }
    }
}
