//! Kakao as an identity provider: tells which user a code, an ID token or an access token belongs to.

mod call;
mod circuit;
mod codes;
mod connections;
mod credentials;
mod error;
mod id_token;
mod jwks;
mod jwt;
mod links;
mod members;
mod redirect;
mod rejections;
mod responses;
mod security_event;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use self::{
    circuit::Circuit,
    codes::{Cause, Failure},
    connections::Connections,
    jwks::Jwks,
    rejections::{RejectedTokens, Rejection},
    responses::TokenInfo,
};
pub use self::{
    credentials::KakaoCredentials,
    error::KakaoError,
    id_token::Identity,
    redirect::NoCode,
    security_event::{SecurityEventError, SecurityEventToken},
};
/// The app's primary admin keys, with which Kakao authenticates its webhooks.
pub use crate::secret_hashes::SecretHashes as AdminKeyHashes;
use crate::{clock::Timestamp, id::KakaoId, recent::Recent, user::KakaoUser};

/// How long Kakao's responses about an access token are reused. A second request with the same token, such as a double tap or a
/// retry after a lost response, then needs no call.
const RESPONSES_KEPT: Duration = Duration::from_secs(10);

/// Our app at Kakao, and Kakao's addresses.
#[derive(Debug)]
pub struct KakaoApp {
    /// The app ID of Kakao's console: a number, not a key.
    pub app_id: i64,
    /// Sent as `client_id`.
    pub rest_api_key: String,
    /// The keys of this app whose ID tokens are accepted (`aud`): the REST API key, and those of JavaScript and native clients.
    pub audiences: Vec<String>,
    /// How long after its issue an ID token is accepted.
    pub id_token_max_age: Duration,
    /// The authorization server: `https://kauth.kakao.com` except in local stacks.
    pub auth_url: String,
    /// The API server: `https://kapi.kakao.com` except in local stacks.
    pub api_url: String,
}

/// A client of Kakao's for one app.
#[derive(Debug)]
pub struct Kakao {
    connections: Connections,
    app: KakaoApp,
    auth_circuit: Circuit,
    api_circuit: Circuit,
    jwks_circuit: Circuit,
    jwks: Jwks,
    rejected_tokens: RejectedTokens,
    /// The access tokens that were checked last. A cell is empty while the first request with its token asks Kakao.
    holders: Recent<Arc<OnceCell<Holder>>>,
}

/// The user of an access token.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The user.
    pub user: KakaoUser,
    /// Not later than the call that told: the start of the request that made it, which may be an earlier one.
    pub asked_at: Timestamp,
}

/// An authorization code, with the values that Kakao checks when it is exchanged.
#[derive(Debug)]
pub struct AuthorizationCode {
    /// The code: good for one exchange.
    pub code: SecretString,
    /// The address to which Kakao redirected the browser.
    pub redirect_uri: String,
    /// The PKCE verifier (RFC 7636), if the login began with a challenge.
    pub code_verifier: Option<SecretString>,
    /// The nonce that the ID token must carry, if the login began with one.
    pub nonce: Option<String>,
}

/// The result of exchanging a code.
#[derive(Debug)]
pub struct Grant {
    /// An access token for user/me. It is not stored.
    pub access_token: SecretString,
    /// The user, if the app has `OpenID` Connect switched on.
    pub identity: Option<Identity>,
}

impl Kakao {
    /// A client for this app. It connects within 1 s, gives up after 2.5 s and follows no redirects.
    ///
    /// # Panics
    ///
    /// Never: the TLS provider supports TLS 1.2 and 1.3.
    #[must_use]
    pub fn new(app: KakaoApp) -> Self {
        Self {
            connections: Connections::new(),
            app,
            auth_circuit: Circuit::default(),
            api_circuit: Circuit::default(),
            jwks_circuit: Circuit::default(),
            jwks: Jwks::default(),
            rejected_tokens: RejectedTokens::default(),
            holders: Recent::default(),
        }
    }

    /// Opens a connection to each of Kakao's servers for later use. This does not count as an API call.
    pub async fn connect(&self, now: Timestamp) {
        let client = self.connections.client(now);
        let open = |url: &str| client.head(url).send();
        // If it failed, the first call reports it.
        let _ = tokio::join!(open(&self.app.auth_url), open(&self.app.api_url));
    }

    /// Drops expired personal data from memory. Every use of the cache does that too, but a process may receive only credentials of
    /// other kinds.
    pub fn forget_expired(&self, now: Timestamp) {
        self.holders.forget_expired(now);
    }

    /// The user of an access token, if it was issued to our app. Kakao is asked at most once in 10 s about one token. Simultaneous
    /// requests with the same token share the calls.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants.
    pub async fn user_of_access_token(&self, token: &SecretString, now: Timestamp) -> Result<Holder, KakaoError> {
        let holder = self.holders.find_or_remember(token, now + RESPONSES_KEPT, now);
        let ask = async || {
            let user = self.ask_for_user_of_access_token(token, now).await?;
            // The ten seconds start at the successful check, not at the first attempt.
            self.holders.remember(token, Arc::clone(&holder), now + RESPONSES_KEPT, now);
            Ok(Holder { user, asked_at: now })
        };
        holder.get_or_try_init(ask).await.cloned()
    }

    /// `/v1/user/access_token_info` comes first: `/v2/user/me` accepts tokens of every app, and only the former names the app.
    async fn ask_for_user_of_access_token(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<KakaoUser, KakaoError> {
        if let Some(rejection) = self.rejected_tokens.find(token, now) {
            return Err(rejection.into());
        }
        let info = match self.access_token_info(token, now).await {
            Ok(info) if info.app_id == self.app.app_id => info,
            Ok(_) => {
                self.rejected_tokens.remember(token, Rejection::WrongApp, now);
                return Err(KakaoError::WrongApp);
            }
            Err(failure) => {
                if matches!(failure.cause, Cause::Api(-2 | -401)) {
                    self.rejected_tokens.remember(token, Rejection::Unknown, now);
                }
                return Err(failure.of_any_app().into());
            }
        };
        let me = self.user_me(token, now).await?;
        if me.id != info.id {
            return Err(KakaoError::Rejected("two responses name two users".to_owned()));
        }
        Ok(me)
    }

    /// Verifies an ID token. The only call is for Kakao's keys, once a day.
    ///
    /// `nonce` is the nonce of the token, or its preimage: then the token has base64url(SHA-256(nonce)).
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants but `Underage`.
    pub async fn identity_of_id_token(
        &self,
        token: &SecretString,
        nonce: &str,
        now: Timestamp,
    ) -> Result<Identity, KakaoError> {
        let token = token.expose_secret();
        let key = self.jwks.key(&id_token::key_id(token)?, now, || self.fetch_keys(None, now)).await?;
        id_token::verify(token, &key, &self.app.audiences, nonce, self.app.id_token_max_age, now)
    }

    /// Verifies a security event token (RFC 8417). The only call is for Kakao's keys, once a day, and takes a second at most.
    ///
    /// # Errors
    ///
    /// [`SecurityEventError`].
    pub async fn security_event(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<SecurityEventToken, SecurityEventError> {
        let token = token.expose_secret();
        let key_id = security_event::key_id(token)?;
        let key = self.jwks.key(&key_id, now, || self.fetch_keys(Some(security_event::KEYS_WITHIN), now)).await?;
        security_event::verify(token, &key, &self.app.rest_api_key, now)
    }

    /// Whether this is the app ID of our app.
    #[must_use]
    pub fn is_our_app(&self, app_id: &str) -> bool {
        app_id.parse() == Ok(self.app.app_id)
    }

    /// Exchanges a code (RFC 6749 §4.1.3). Never retried, because a code is good for one exchange.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants.
    pub async fn exchange(
        &self,
        grant: &AuthorizationCode,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> Result<Grant, KakaoError> {
        let tokens = self.post_token(grant, credentials, now).await?;
        let access_token = tokens.access_token;
        let nonce = grant.nonce.as_deref();
        let identity = match &tokens.id_token {
            Some(token) => id_token::read(token, &self.app.audiences, nonce, &access_token, now)?,
            None => None,
        };
        if identity.is_none() && nonce.is_some() {
            // A `scope` without `openid` causes this too, so it is not a wrong setting.
            let reason = "Kakao sent no ID token to carry the nonce (is OpenID Connect off in Kakao's console?)";
            return Err(KakaoError::Rejected(reason.to_owned()));
        }
        Ok(Grant { access_token: access_token.into(), identity })
    }

    /// The user of an access token that Kakao has just issued to us.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants but `WrongApp`.
    pub async fn user_me(&self, token: &SecretString, now: Timestamp) -> Result<KakaoUser, KakaoError> {
        let path = "/v2/user/me";
        Ok(self.get_api("kakao_user_me", path, &USER_ME_QUERY, &bearer(token), responses::user, now).await?)
    }

    /// The user with this number, or `None` if this app has no admin key.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants but `WrongApp`.
    pub async fn user_by_id(
        &self,
        id: KakaoId,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> Result<Option<KakaoUser>, KakaoError> {
        if !credentials.has_admin_key() {
            return Ok(None);
        }
        let authorization = credentials.admin_authorization();
        let id_text = id.to_string();
        let mut query = USER_ME_QUERY.to_vec();
        query.extend([("target_id_type", "user_id"), ("target_id", id_text.as_str())]);
        let path = "/v2/user/me";
        match self.get_api("kakao_user_by_id", path, &query, &authorization, responses::user, now).await {
            Ok(me) if me.id == id => Ok(Some(me)),
            Ok(_) => Err(KakaoError::Rejected("Kakao answered about another user".to_owned())),
            // The only credential in this request is ours.
            Err(Failure { cause: cause @ Cause::Api(-401), .. }) => {
                let fix = "App > Platform key > Admin key: KAKAO_ADMIN_KEY is not one, or may not call user/me";
                Err(KakaoError::Misconfigured { code: cause.to_string(), fix })
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn access_token_info(&self, token: &SecretString, now: Timestamp) -> Result<TokenInfo, Failure> {
        let path = "/v1/user/access_token_info";
        self.get_api("kakao_access_token_info", path, &[], &bearer(token), TokenInfo::read, now).await
    }
}

/// Asks for the profile and the email only, with https addresses of pictures.
const USER_ME_QUERY: [(&str, &str); 2] =
    [("secure_resource", "true"), ("property_keys", r#"["kakao_account.profile","kakao_account.email"]"#)];

fn bearer(token: &SecretString) -> SecretString {
    format!("Bearer {}", token.expose_secret()).into()
}
