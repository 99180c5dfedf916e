//! The user of the session's cookie, for pages that are rendered on a server and for front ends without access tokens.

use lambda_http::{
    Request, RequestExt,
    http::{Method, header::AUTHORIZATION},
};
use shared::{
    clock::Timestamp,
    error::Error,
    keys,
    session::{Kind, Presented},
    user::User,
};

use crate::Profile;

/// Whether the cookie decides: for a read without an access token, on `/auth/session` and `/dj-rest-auth/user`.
pub(crate) fn is_asked(request: &Request) -> bool {
    let path = request.raw_http_path().trim_end_matches('/');
    request.method() == Method::GET && !request.headers().contains_key(AUTHORIZATION) && !path.ends_with("/profile")
}

impl Profile {
    /// The user of the newest cookie whose session is alive. Nothing is written: the session is not extended, and a spent token ends
    /// nothing here, as this function may not end sessions. The next refresh with it does.
    ///
    /// A linked session cannot be read by its cookie alone: without links, the cookie may be a copy.
    ///
    /// # Errors
    ///
    /// - [`Error::ForeignOrigin`] if a page of another origin calls.
    /// - [`Error::NoAccessToken`] without a cookie.
    /// - [`Error::LoggedOut`] if no session of the cookies is alive. No cookie is cleared.
    /// - [`Error::LinkRequired`] for a linked session, if no other is alive.
    pub(crate) async fn user_of_cookie(&self, request: &Request, now: Timestamp) -> Result<User, Error> {
        self.origins.check_origin(request)?;
        let presented = Presented::Cookies(self.cookies.presented(request));
        if presented.texts().is_empty() {
            return Err(Error::NoAccessToken);
        }
        let (tokens, keys) =
            keys::read_refresh_tokens(&self.refresh_keys, |keys| &keys.refresh_tokens, &presented, now).await?;
        let (mut linked, mut reason) = (None, "not a refresh token of this server");
        for token in &tokens {
            keys.pseudonyms.note(token.user, token.session);
            if token.kind() == Kind::Linked {
                linked = linked.or(Some(token.session));
                continue;
            }
            match self.store.user_of_token(token, &keys.refresh_tokens, self.rotation_window, now).await? {
                Some(user) => return Ok(user),
                None => reason = "logged out, expired or spent",
            }
        }
        match linked {
            Some(session) => Err(Error::LinkRequired { session }),
            None => Err(Error::LoggedOut { reason, clear_cookies: Vec::new() }),
        }
    }
}
