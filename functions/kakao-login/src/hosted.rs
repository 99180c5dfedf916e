//! Hosted login, for pages without our client: `GET …/login` sends the browser to Kakao, and `GET …/callback` sends it back to the
//! page with the session's cookie.

mod state;

use lambda_http::{
    Body, Request, RequestExt, Response,
    aws_lambda_events::query_map::QueryMap,
    http::{
        HeaderValue,
        header::{ORIGIN, SET_COOKIE},
    },
};
use shared::{
    clock::Timestamp,
    error::Error,
    http::{self, Origins, SameSite, cookie_values},
    kakao::{AuthorizationCode, KakaoError, NoCode},
    log,
    pages::Pages,
    session::Transport,
};

use self::state::{Begun, LOGIN_TTL, Seed, hash};
use crate::{KakaoLogin, start::LoginContext};

/// What a hosted login needs besides what every login needs.
#[derive(Debug)]
pub struct Hosted {
    /// Where Kakao sends the browser back to.
    callback_uri: String,
    /// Where the browser goes from there.
    pages: Pages,
}

impl Hosted {
    /// `None` if there is no callback URI.
    pub(crate) fn new(callback_uri: String, origins: &Origins) -> Option<Self> {
        let pages = Pages::new(origins, &callback_uri)?;
        Some(Self { callback_uri, pages })
    }
}

impl KakaoLogin {
    /// Sends the browser to Kakao's login page, without I/O.
    ///
    /// A page of another site must not begin a login: it could silently replace its visitor's session by one of whoever the browser
    /// is logged in as at Kakao. With `SameSite=None` the front end itself is on another site.
    pub(crate) fn begin(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let hosted = self.hosted.as_ref().ok_or(Error::NotFound)?;
        if self.cookies.same_site != SameSite::None || request.headers().contains_key(ORIGIN) {
            self.origins.check_origin(request)?;
        }
        let query = request.query_string_parameters();
        let page = hosted.pages.resolve(query.first("next").unwrap_or_default());
        let seed = self.seeds(request).next().unwrap_or_else(Seed::draw);
        let begun = Begun::new(page.as_str(), now);
        let (state, nonce, challenge) = (seed.state(&begun), hash(&seed.nonce(&begun)), hash(&seed.verifier(&begun)));
        let mut parameters = vec![
            ("redirect_uri", hosted.callback_uri.as_str()),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        parameters.extend(prompt(&query).map(|prompt| ("prompt", prompt)));
        let mut response = http::redirect(&self.kakao.authorize_url(&parameters));
        http::add_cookies(&mut response, vec![self.seed_cookie(&seed)]);
        log::outcome("login_begun");
        Ok(response)
    }

    /// Logs in with the code of Kakao's redirect, and sends the browser to the page that the login began on. Kakao's redirect always
    /// comes from another site, so the state decides whether this browser began the login.
    ///
    /// # Errors
    ///
    /// - [`Error::NotFound`] if there is no hosted login.
    /// - [`Error::LoginFailed`], which redirects to the page as well, with any error of a login by code.
    pub(crate) async fn finish(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let hosted = self.hosted.as_ref().ok_or(Error::NotFound)?;
        let query = request.query_string_parameters();
        let state = query.first("state").unwrap_or_default();
        let Some((begun, seed)) = self.seeds(request).find_map(|seed| Some((seed.open(state, now)?, seed))) else {
            log::outcome("login_state_unknown");
            return Ok(http::redirect(&hosted.pages.resolve("").with_error("state")));
        };
        // Again, as the allowed origins may have changed.
        let page = hosted.pages.resolve(&begun.next);
        let result = match no_code(&query) {
            Some(NoCode::Denied) => {
                log::outcome("login_denied");
                return Ok(http::redirect(&page.with_error("denied")));
            }
            Some(NoCode::Interaction) => {
                log::outcome("login_interaction");
                return Ok(http::redirect(&page.with_error("interaction")));
            }
            Some(NoCode::Failed(error)) => Err(error.into()),
            None => {
                let login = self.redeem_redirect(&query, &seed, &begun, &hosted.callback_uri, request, now);
                // Before the time of the whole request is over, so that the browser gets to its page.
                tokio::time::timeout(http::DEADLINE * 9 / 10, login).await.unwrap_or(Err(Error::Deadline))
            }
        };
        match result {
            // The access token in its body stays here: no address may carry it.
            Ok(logged_in) => {
                let mut response = http::redirect(page.as_str());
                let cookies = logged_in.headers().get_all(SET_COOKIE).iter().cloned().collect();
                http::add_cookies(&mut response, cookies);
                Ok(response)
            }
            Err(cause) => Err(Error::LoginFailed { page: page.with_error(reason(&cause)), cause: Box::new(cause) }),
        }
    }

    async fn redeem_redirect(
        &self,
        query: &QueryMap,
        seed: &Seed,
        begun: &Begun,
        callback_uri: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, Error> {
        let is_code =
            |code: &&str| (1..=1_024).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic());
        let code = query.first("code").filter(is_code);
        let code = code.ok_or_else(|| KakaoError::Rejected("its login page sent no code".to_owned()))?;
        let grant = AuthorizationCode {
            code: code.into(),
            redirect_uri: callback_uri.to_owned(),
            code_verifier: Some(seed.verifier(begun).into()),
            nonce: Some(seed.nonce(begun)),
        };
        self.kakao.forget_expired(now);
        let context = LoginContext::read(self, request, Transport::Cookie, None, now).await?;
        self.log_in_by_code(&grant, &context).await
    }

    /// The seeds in the browser's cookies: one, unless somebody has meddled with them.
    fn seeds(&self, request: &Request) -> impl Iterator<Item = Seed> {
        cookie_values(request, self.seed_name()).into_iter().take(4).filter_map(Seed::read)
    }

    const fn seed_name(&self) -> &'static str {
        if self.cookies.secure { "__Host-Http-kakao_login" } else { "kakao_login" }
    }

    /// Sets the seed, which lives as long as the last login that began with it. Always `Lax`, so that Kakao's redirect carries it.
    fn seed_cookie(&self, seed: &Seed) -> HeaderValue {
        let secure = if self.cookies.secure { "; Secure" } else { "" };
        let (name, value, max_age) = (self.seed_name(), seed.expose(), LOGIN_TTL.as_secs());
        let text = format!("{name}={value}; Max-Age={max_age}; Path=/{secure}; HttpOnly; SameSite=Lax");
        let mut cookie = HeaderValue::try_from(text).expect("base64url and attributes are visible ASCII");
        cookie.set_sensitive(true);
        cookie
    }
}

/// Kakao's `prompt`, if it can be one: Kakao knows which there are.
fn prompt(query: &QueryMap) -> Option<&str> {
    let is_prompt = |text: &&str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"_, ".contains(&byte))
    };
    query.first("prompt").filter(is_prompt)
}

fn no_code(query: &QueryMap) -> Option<NoCode> {
    let description = query.first("error_description").unwrap_or_default();
    query.first("error").map(|error| NoCode::read(error, description))
}

/// Why a login failed, in the words of our client's `AuthError`.
const fn reason(cause: &Error) -> &'static str {
    match cause {
        Error::Kakao(KakaoError::Rejected(_) | KakaoError::WrongApp) => "rejected",
        Error::Kakao(KakaoError::Underage) => "underage",
        Error::AccountBeingDeleted => "account_being_deleted",
        Error::AccountDisabled => "account_disabled",
        Error::TooManyLogins { .. } => "too_many_logins",
        _ => "unavailable",
    }
}
