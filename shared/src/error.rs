//! A failed request: what the client gets for it, and what the log gets.

use std::time::Duration;

use lambda_http::http::{HeaderValue, StatusCode};

use crate::{access_token::InvalidAccessToken, kakao::KakaoError, keys::SecretError, store::StoreError};

/// A failed request, named for what its caller can do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Send another request: 400 `invalid_request` (RFC 6749 §5.2). The text tells the client what is wrong.
    #[error("{0}")]
    InvalidRequest(String),
    /// Send this member as well: 400 `invalid_request`, also in the shape of Django's forms.
    #[error("`{0}` is missing")]
    FieldRequired(&'static str),
    /// Take a token along: 401 `not_authenticated` (RFC 6750 §3.1).
    #[error("no bearer token")]
    NoAccessToken,
    /// Refresh: 401 `token_not_valid` (RFC 6750 §3.1).
    #[error("access token refused: {0}")]
    AccessTokenRefused(#[from] InvalidAccessToken),
    /// The token to be verified is not good: 401 `token_not_valid`, in simplejwt's words.
    #[error("token refused: {0}")]
    TokenRefused(InvalidAccessToken),
    /// Refresh, or log in again: 401 `token_not_valid`. The access token is good, but its session has ended.
    #[error("the session of the access token has ended")]
    SessionEnded,
    /// Log in again: 401 `token_not_valid` (RFC 9700 §4.14.2), and the dead cookie is cleared if there was one.
    #[error("no session to renew: {reason}")]
    LoggedOut {
        /// What was wrong with the refresh token, for the log.
        reason: &'static str,
        /// The `Set-Cookie`s that clear what was presented.
        clear_cookies: Vec<HeaderValue>,
    },
    /// Wait, then log in again: 429 `too_many_logins`. The browser keeps the session that it has.
    #[error("too many logins of one user in a minute")]
    TooManyLogins {
        /// When to try again.
        retry_after: Duration,
    },
    /// Call from a page of an allowed origin: 403 `origin_not_allowed`.
    #[error("called from a page that is not allowed to")]
    ForeignOrigin,
    /// Call another path: 404 `not_found`.
    #[error("no such path")]
    NotFound,
    /// Send less: 413 `payload_too_large`.
    #[error("the body is larger than 16 KiB")]
    TooLarge,
    /// Send JSON: 415 `unsupported_media_type`.
    #[error("the body is not JSON")]
    NotJson,
    /// Start the login again, or wait, as [`KakaoError`] says: 400 or 503.
    #[error(transparent)]
    Kakao(#[from] KakaoError),
    /// Ask again: 503 `unavailable`. A cookie is left alone, as the session may be well.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Ask again: 503 `unavailable`. There are no keys to work with, so nothing is signed and nobody is let in.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Ask again: 503 `unavailable`. The function ran out of time.
    #[error("not finished within the deadline")]
    Deadline,
}

/// What a client gets to know of an [`Error`].
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The response status.
    pub status: StatusCode,
    /// `code` in the body: what a client decides by, beside the status.
    pub code: &'static str,
    /// `detail` in the body: a sentence for a person.
    pub detail: String,
    /// The value of `Retry-After`, whole seconds.
    pub retry_after: Option<Duration>,
}

const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Error {
    /// The client's part of this error.
    #[must_use]
    pub fn response(&self) -> ErrorResponse {
        let response =
            |status, code, detail: &str| ErrorResponse { status, code, detail: detail.to_owned(), retry_after: None };
        let unavailable = |retry_after| ErrorResponse {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "unavailable",
            detail: "Temporarily unavailable. Try again.".to_owned(),
            retry_after: Some(retry_after),
        };
        match self {
            Self::InvalidRequest(detail) => response(StatusCode::BAD_REQUEST, "invalid_request", detail),
            Self::FieldRequired(name) => {
                response(StatusCode::BAD_REQUEST, "invalid_request", &format!("`{name}` is required."))
            }
            Self::TokenRefused(InvalidAccessToken::Expired) => {
                response(StatusCode::UNAUTHORIZED, "token_not_valid", "Token is expired")
            }
            Self::TokenRefused(_) => response(StatusCode::UNAUTHORIZED, "token_not_valid", "Token is invalid"),
            Self::NoAccessToken => {
                response(StatusCode::UNAUTHORIZED, "not_authenticated", "Authentication credentials were not provided.")
            }
            Self::AccessTokenRefused(_) | Self::SessionEnded => {
                response(StatusCode::UNAUTHORIZED, "token_not_valid", "The access token is not valid.")
            }
            Self::LoggedOut { .. } => {
                response(StatusCode::UNAUTHORIZED, "token_not_valid", "The session has ended. Log in again.")
            }
            Self::TooManyLogins { retry_after } => ErrorResponse {
                retry_after: Some(*retry_after),
                ..response(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_logins",
                    "Too many logins of this user. Try again later.",
                )
            },
            Self::ForeignOrigin => {
                response(StatusCode::FORBIDDEN, "origin_not_allowed", "This origin may not call this route.")
            }
            Self::NotFound => response(StatusCode::NOT_FOUND, "not_found", "Not found."),
            Self::TooLarge => {
                response(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is larger than 16 KiB.")
            }
            Self::NotJson => response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as application/json.",
            ),
            Self::Kakao(KakaoError::Rejected(_)) => {
                response(StatusCode::BAD_REQUEST, "kakao_rejected", "Kakao does not accept this credential.")
            }
            Self::Kakao(KakaoError::WrongApp) => {
                response(StatusCode::BAD_REQUEST, "kakao_wrong_app", "This credential was issued to another Kakao app.")
            }
            Self::Kakao(KakaoError::Underage) => {
                response(StatusCode::BAD_REQUEST, "kakao_underage", "Kakao does not allow this user's age.")
            }
            Self::Kakao(KakaoError::Unavailable { retry_after, .. }) => unavailable(*retry_after),
            Self::Kakao(KakaoError::Misconfigured { .. }) => unavailable(Duration::from_mins(1)),
            Self::Store(StoreError::Refused { .. })
            | Self::Secret(SecretError::Empty | SecretError::Refused(_) | SecretError::Unreadable(_)) => {
                unavailable(Duration::from_secs(10))
            }
            Self::Store(StoreError::Unavailable { .. })
            | Self::Secret(SecretError::Unavailable(_))
            | Self::Deadline => unavailable(ASK_AGAIN),
            Self::Store(StoreError::Corrupt(_)) => {
                response(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong.")
            }
        }
    }

    /// Whether somebody must act: a bug or a setting, not an outage that passes.
    #[must_use]
    pub const fn needs_an_operator(&self) -> bool {
        match self {
            Self::Kakao(KakaoError::Misconfigured { .. }) => true,
            Self::Store(error) => error.needs_an_operator(),
            Self::Secret(error) => error.needs_an_operator(),
            _ => false,
        }
    }
}
