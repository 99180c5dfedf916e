//! Kakao as an identity provider: exchanges a code or checks an access token, and says who its holder is.

mod answers;
mod codes;

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use self::answers::{ApiFailure, AuthFailure, Me, TokenInfo, Tokens};
use crate::{log, user::KakaoUser};

const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What identifies our app at Kakao, and where Kakao is.
#[derive(Debug)]
pub struct KakaoApp {
    /// The number that Kakao's console shows; not a key.
    pub app_id: i64,
    /// Sent as `client_id`.
    pub rest_api_key: String,
    /// The secret of this REST API key.
    pub client_secret: SecretString,
    /// The authorization server: `https://kauth.kakao.com` but for local stacks.
    pub auth_url: String,
    /// The API server: `https://kapi.kakao.com` but for local stacks.
    pub api_url: String,
}

/// Speaks with Kakao on behalf of one app.
#[derive(Debug)]
pub struct Kakao {
    client: Client,
    app: KakaoApp,
}

/// An authorization code, as a client hands it in, with what it has to be exchanged with.
#[derive(Debug)]
pub struct AuthorizationCode {
    /// The code itself: good for one exchange.
    pub code: SecretString,
    /// The address that the browser was sent back to.
    pub redirect_uri: String,
    /// The PKCE verifier (RFC 7636), if the sign-in began with a challenge.
    pub code_verifier: Option<SecretString>,
    /// The nonce that the ID token must carry, if the sign-in began with one.
    pub nonce: Option<String>,
}

/// Why Kakao vouches for nobody, named for who can do something about it.
#[derive(Debug, thiserror::Error)]
pub enum KakaoError {
    /// The credential is wrong, spent or expired: begin the sign-in again.
    #[error("Kakao refused the credential: {0}")]
    Rejected(String),
    /// The access token was issued to another app.
    #[error("the access token was issued to another Kakao app")]
    WrongApp,
    /// Kakao lets nobody of this age in.
    #[error("Kakao refused the user's age")]
    Underage,
    /// Nobody can sign in before the operator corrects a setting.
    #[error("Kakao refuses this app's configuration ({code}). In Kakao's console: {fix}")]
    Misconfigured {
        /// Kakao's code.
        code: String,
        /// What to correct, in the words of Kakao's console.
        fix: &'static str,
    },
    /// Kakao is slow, down, out of quota or answers nonsense. It says nothing about the credential.
    #[error("Kakao is unavailable: {reason}")]
    Unavailable {
        /// The code or kind of failure; never Kakao's own text, which can echo secrets.
        reason: String,
        /// When to ask again.
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
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_millis(2_500))
            .pool_idle_timeout(Duration::from_secs(20))
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .expect("the client's settings are constant and fit together");
        Self { client, app }
    }

    /// The holder of an access token, if it was issued to our app.
    ///
    /// `/v2/user/me` takes a token of any app; only `/v1/user/access_token_info` tells which app it is from.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants.
    pub async fn user_of_access_token(&self, token: &SecretString) -> Result<KakaoUser, KakaoError> {
        let (info, me) = tokio::join!(self.access_token_info(token), self.user_me(token));
        let info = info?;
        if info.app_id != self.app.app_id {
            return Err(KakaoError::WrongApp);
        }
        let me = me?;
        if me.id != info.id {
            return Err(KakaoError::Rejected("two answers name two users".to_owned()));
        }
        Ok(me.into_user())
    }

    /// The person who was sent back with this code (RFC 6749 §4.1.3). An exchange is never tried twice: codes are good once.
    ///
    /// # Errors
    ///
    /// [`KakaoError`] in all its variants but `WrongApp`: Kakao gives our app only tokens of our app.
    pub async fn user_of_code(&self, grant: &AuthorizationCode) -> Result<KakaoUser, KakaoError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.app.rest_api_key),
            ("client_secret", self.app.client_secret.expose_secret()),
            ("redirect_uri", &grant.redirect_uri),
            ("code", grant.code.expose_secret()),
        ];
        if let Some(verifier) = &grant.code_verifier {
            form.push(("code_verifier", verifier.expose_secret()));
        }
        let request = self.client.post(format!("{}/oauth/token", self.app.auth_url)).form(&form);
        let tokens: Tokens = log::timed(
            "kakao.token",
            send(request, |failure: AuthFailure| codes::of_auth(failure.error_code.as_deref(), &failure.error)),
        )
        .await?;
        if let Some(expected) = &grant.nonce {
            check_nonce(tokens.id_token.as_deref(), expected)?;
        }
        Ok(self.user_me(&tokens.access_token.into()).await?.into_user())
    }

    async fn access_token_info(&self, token: &SecretString) -> Result<TokenInfo, KakaoError> {
        let request = self.client.get(format!("{}/v1/user/access_token_info", self.app.api_url));
        log::timed("kakao.access_token_info", call_api(request, token)).await
    }

    /// Asks for the profile and the email only, and for https addresses of pictures.
    async fn user_me(&self, token: &SecretString) -> Result<Me, KakaoError> {
        let query =
            [("secure_resource", "true"), ("property_keys", r#"["kakao_account.profile","kakao_account.email"]"#)];
        let request = self.client.get(format!("{}/v2/user/me", self.app.api_url)).query(&query);
        log::timed("kakao.user_me", call_api(request, token)).await
    }
}

/// The ID token comes from Kakao itself over TLS, which stands in for its signature (OpenID Connect Core §3.1.3.7, item 6).
fn check_nonce(id_token: Option<&str>, expected: &str) -> Result<(), KakaoError> {
    #[derive(Deserialize)]
    struct Claims {
        nonce: Option<String>,
    }
    let id_token = id_token.ok_or(KakaoError::Misconfigured {
        code: "no ID token".to_owned(),
        fix: "Kakao Login > OpenID Connect: switch it on, as the client sends a nonce",
    })?;
    let claims: Claims =
        jsonwebtoken::dangerous::insecure_decode_claims(id_token).map_err(|_| nonsense("an unreadable ID token"))?;
    if claims.nonce.as_deref() == Some(expected) {
        Ok(())
    } else {
        Err(KakaoError::Rejected("the ID token has another nonce".to_owned()))
    }
}

async fn call_api<T: DeserializeOwned>(request: RequestBuilder, token: &SecretString) -> Result<T, KakaoError> {
    let request = request.bearer_auth(token.expose_secret());
    send(request, |failure: ApiFailure| codes::of_api(failure.code)).await
}

/// Sends a request and reads a bounded JSON answer. Neither Kakao's texts nor the HTTP client's errors leave here: the
/// former can echo secrets, the latter hold addresses.
async fn send<T: DeserializeOwned, F: DeserializeOwned>(
    request: RequestBuilder,
    meaning: impl FnOnce(F) -> KakaoError,
) -> Result<T, KakaoError> {
    let mut response = request.send().await.map_err(|error| unreachable(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(nonsense("an answer of more than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    if response.status().is_success() {
        return serde_json::from_slice(&body).map_err(|_| nonsense("an answer of another shape"));
    }
    match serde_json::from_slice(&body) {
        Ok(failure) => Err(meaning(failure)),
        Err(_) => Err(nonsense(&format!("status {} without a code", response.status().as_u16()))),
    }
}

fn unreachable(error: &reqwest::Error) -> KakaoError {
    let reason = if error.is_timeout() { "timed out" } else { "no connection" };
    KakaoError::Unavailable { reason: reason.to_owned(), retry_after: Duration::from_secs(2) }
}

fn nonsense(reason: &str) -> KakaoError {
    KakaoError::Unavailable { reason: reason.to_owned(), retry_after: Duration::from_secs(2) }
}
