//! Kakao as an identity provider: says who holds a code, an ID token or an access token.

mod call;
mod circuit;
mod codes;
mod connections;
mod id_token;
mod jwks;
mod members;
mod rejections;
mod responses;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::OnceCell;

pub use self::id_token::Identity;
use self::{
    circuit::Circuit,
    codes::{Cause, Failure},
    connections::Connections,
    jwks::Jwks,
    rejections::{RejectedTokens, Rejection},
    responses::TokenInfo,
};
use crate::{clock::Timestamp, id::KakaoId, recent::Recent, user::KakaoUser};

/// How long the responses about an access token are used again. An honest second request with the same token, such as a double tap
/// or a retry after a lost response, gets a response without a call.
const RESPONSES_KEPT: Duration = Duration::from_secs(10);

/// What identifies our app at Kakao, and where Kakao is.
#[derive(Debug)]
pub struct KakaoApp {
    /// The number that Kakao's console shows; not a key.
    pub app_id: i64,
    /// Sent as `client_id`.
    pub rest_api_key: String,
    /// Keys of this app whose ID tokens count (`aud`): the REST API key, and those of its JavaScript and native clients.
    pub audiences: Vec<String>,
    /// How long after it was issued an ID token logs its holder in.
    pub id_token_max_age: Duration,
    /// The authorization server: `https://kauth.kakao.com` but for local stacks.
    pub auth_url: String,
    /// The API server: `https://kapi.kakao.com` but for local stacks.
    pub api_url: String,
}

/// What proves to Kakao that we are this app.
#[derive(Debug, Deserialize)]
pub struct KakaoSecrets {
    #[serde(rename = "KAKAO_CLIENT_SECRET")]
    client_secret: SecretString,
    #[serde(rename = "KAKAO_ADMIN_KEY")]
    admin_key: SecretString,
}

impl KakaoSecrets {
    /// Reads `{"KAKAO_CLIENT_SECRET": "…", "KAKAO_ADMIN_KEY": "…"}`: the secret of the REST API key, and the admin key, which is
    /// empty if the app may not ask for a user by number.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of it.
    pub fn read(json: &str) -> Result<Self, String> {
        let secrets: Self = serde_json::from_str(json)
            .map_err(|_| "not an object with KAKAO_CLIENT_SECRET and KAKAO_ADMIN_KEY".to_owned())?;
        if secrets.client_secret.expose_secret().is_empty() {
            return Err("KAKAO_CLIENT_SECRET is empty".to_owned());
        }
        Ok(secrets)
    }

    /// Whether the app may ask for a user by number.
    #[must_use]
    pub fn has_admin_key(&self) -> bool {
        !self.admin_key.expose_secret().is_empty()
    }
}

/// Speaks with Kakao on behalf of one app.
#[derive(Debug)]
pub struct Kakao {
    connections: Connections,
    app: KakaoApp,
    auth_circuit: Circuit,
    api_circuit: Circuit,
    jwks_circuit: Circuit,
    jwks: Jwks,
    rejected_tokens: RejectedTokens,
    /// The holders of the access tokens that were checked last. A cell is empty while the first request with its token asks Kakao.
    holders: Recent<Arc<OnceCell<KakaoUser>>>,
}

/// An authorization code, as a client hands it in, with what it has to be exchanged with.
#[derive(Debug)]
pub struct AuthorizationCode {
    /// The code itself: good for one exchange.
    pub code: SecretString,
    /// The address that the browser was sent back to.
    pub redirect_uri: String,
    /// The PKCE verifier (RFC 7636), if the login began with a challenge.
    pub code_verifier: Option<SecretString>,
    /// The nonce that the ID token must carry, if the login began with one.
    pub nonce: Option<String>,
}

/// What a code was exchanged for.
#[derive(Debug)]
pub struct Grant {
    /// Opens user/me. It is not kept.
    pub access_token: SecretString,
    /// Who logged in, if the app has `OpenID` Connect switched on.
    pub identity: Option<Identity>,
}

/// Why Kakao vouches for nobody, named for who can do something about it.
#[derive(Debug, thiserror::Error)]
pub enum KakaoError {
    /// The credential is wrong, spent or expired: start the login again.
    #[error("Kakao refused the credential: {0}")]
    Rejected(String),
    /// The access token was issued to another app.
    #[error("the access token was issued to another Kakao app")]
    WrongApp,
    /// Kakao lets nobody of this age in.
    #[error("Kakao refused the user's age")]
    Underage,
    /// Nobody can log in before the operator corrects a setting.
    #[error("Kakao refuses this app's configuration ({code}). In Kakao's console: {fix}")]
    Misconfigured {
        /// Kakao's code.
        code: String,
        /// What to correct, in the words of Kakao's console.
        fix: &'static str,
    },
    /// Kakao is slow, down, out of quota or not understood. That says nothing about the credential.
    #[error("Kakao is unavailable: {reason}")]
    Unavailable {
        /// The code or kind of failure; never Kakao's own text, which can echo secrets.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
}

impl Kakao {
    /// A client for this app: connects within 1 s, gives up after 2.5 s, follows no redirect.
    ///
    /// # Panics
    ///
    /// If the TLS provider lacks TLS 1.2 and 1.3, which it does not.
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

    /// Opens a connection to each of Kakao's servers, to be used later. That is no call of an API, and counts as none.
    pub async fn connect(&self, now: Timestamp) {
        let client = self.connections.client(now);
        let open = |url: &str| client.head(url).send();
        // Whether it worked shows when something is asked.
        let _ = tokio::join!(open(&self.app.auth_url), open(&self.app.api_url));
    }

    /// Drops what was remembered of people and has expired. It is dropped at every use of that memory too, but a process may get
    /// credentials of other kinds only.
    pub fn forget_expired(&self, now: Timestamp) {
        self.holders.forget_expired(now);
    }

    /// The holder of an access token, if it was issued to our app. Kakao is asked once in 10 s about one token; requests with the
    /// same token at the same time share the calls.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants.
    pub async fn user_of_access_token(&self, token: &SecretString, now: Timestamp) -> Result<KakaoUser, KakaoError> {
        let holder = self.holders.find_or_remember(token, now + RESPONSES_KEPT, now);
        let ask = async || {
            let user = self.ask_for_user_of_access_token(token, now).await?;
            // Ten seconds from the check, not from the first attempt at one.
            self.holders.remember(token, Arc::clone(&holder), now + RESPONSES_KEPT, now);
            Ok(user)
        };
        holder.get_or_try_init(ask).await.cloned()
    }

    /// `/v2/user/me` takes a token of any app; only `/v1/user/access_token_info` tells which app it is from, so that goes first.
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

    /// Who an ID token says logged in. Kakao is asked for its keys once a day, and else for nothing.
    ///
    /// `nonce` is the token's own, or the preimage of it: the token's is base64url(SHA-256(nonce)) then.
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
        let key = self.jwks.key(&id_token::key_id(token)?, now, || self.fetch_keys(now)).await?;
        id_token::verify(token, &key, &self.app.audiences, nonce, self.app.id_token_max_age, now)
    }

    /// Exchanges a code (RFC 6749 §4.1.3). That is never tried twice: a code is good once.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants.
    pub async fn exchange(
        &self,
        grant: &AuthorizationCode,
        secrets: &KakaoSecrets,
        now: Timestamp,
    ) -> Result<Grant, KakaoError> {
        let tokens = self.post_token(grant, secrets, now).await?;
        let access_token = tokens.access_token;
        let nonce = grant.nonce.as_deref();
        let identity = match &tokens.id_token {
            Some(token) => id_token::read(token, &self.app.audiences, nonce, &access_token, now)?,
            None => None,
        };
        if identity.is_none() && nonce.is_some() {
            // A client brings this about by a `scope` without `openid`, so it is not the operator's.
            let reason = "no ID token came that could carry the nonce (is OpenID Connect off in Kakao's console?)";
            return Err(KakaoError::Rejected(reason.to_owned()));
        }
        Ok(Grant { access_token: access_token.into(), identity })
    }

    /// The holder of an access token that Kakao has just given us.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants but `WrongApp`.
    pub async fn user_me(&self, token: &SecretString, now: Timestamp) -> Result<KakaoUser, KakaoError> {
        let path = "/v2/user/me";
        Ok(self.get_api("kakao_user_me", path, &USER_ME_QUERY, &bearer(token), responses::user, now).await?)
    }

    /// The user of this number, or nothing if this app has no admin key.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants but `WrongApp`.
    pub async fn user_by_id(
        &self,
        id: KakaoId,
        secrets: &KakaoSecrets,
        now: Timestamp,
    ) -> Result<Option<KakaoUser>, KakaoError> {
        let admin_key = secrets.admin_key.expose_secret();
        if admin_key.is_empty() {
            return Ok(None);
        }
        let authorization = SecretString::from(format!("KakaoAK {admin_key}"));
        let id_text = id.to_string();
        let mut query = USER_ME_QUERY.to_vec();
        query.extend([("target_id_type", "user_id"), ("target_id", id_text.as_str())]);
        let path = "/v2/user/me";
        match self.get_api("kakao_user_by_id", path, &query, &authorization, responses::user, now).await {
            Ok(me) => Ok(Some(me).filter(|me| me.id == id)),
            // The only credential in question is ours.
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

/// The profile and the email only, and https addresses of pictures.
const USER_ME_QUERY: [(&str, &str); 2] =
    [("secure_resource", "true"), ("property_keys", r#"["kakao_account.profile","kakao_account.email"]"#)];

fn bearer(token: &SecretString) -> SecretString {
    format!("Bearer {}", token.expose_secret()).into()
}
