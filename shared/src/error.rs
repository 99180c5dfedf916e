//! A failed request: what the client gets for it, and what the log gets.

use std::time::Duration;

use lambda_http::http::{HeaderValue, StatusCode};

use crate::{
    access_token::InvalidAccessToken,
    id::SessionId,
    kakao::{KakaoError, SecurityEventError},
    keys::SecretError,
    store::StoreError,
};

/// Why a request failed. Each variant is named for what the caller can do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Correct the request: 400 `invalid_request` (RFC 6749 §5.2). The text tells the client what is wrong.
    #[error("{0}")]
    InvalidRequest(String),
    /// Add this member: 400 `invalid_request`, with Django's form errors as well.
    #[error("`{0}` is missing")]
    FieldRequired(&'static str),
    /// Correct these members: 400 `invalid_request`, with Django's form errors as well. Each is a name and what is wrong with it.
    #[error("{}", list(.0))]
    InvalidFields(Vec<(&'static str, &'static str)>),
    /// Send an access token: 401 `not_authenticated` (RFC 6750 §3.1).
    #[error("no bearer token")]
    NoAccessToken,
    /// Refresh: 401 `token_not_valid` (RFC 6750 §3.1).
    #[error("access token refused: {0}")]
    AccessTokenRefused(#[from] InvalidAccessToken),
    /// The token to be verified is not valid: 401 `token_not_valid`, with simplejwt's texts.
    #[error("token refused: {0}")]
    TokenRefused(InvalidAccessToken),
    /// Refresh, or log in again: 401 `token_not_valid`. The access token is valid, but its session has ended.
    #[error("the session of the access token has ended")]
    SessionEnded,
    /// Log in again: 401 `token_not_valid` (RFC 9700 §4.14.2). The response clears the presented cookies.
    #[error("no session to renew: {reason}")]
    LoggedOut {
        /// What was wrong with the refresh token, for the log.
        reason: &'static str,
        /// The `Set-Cookie` headers that clear the presented cookies.
        clear_cookies: Vec<HeaderValue>,
    },
    /// Wait, then log in again: 429 `too_many_logins`. The browser's present session stays.
    #[error("too many logins of one user in a minute")]
    TooManyLogins {
        /// When to try again.
        retry_after: Duration,
    },
    /// Wait: 429 `too_many_refreshes`. The session goes on.
    #[error("too many refreshes of one session")]
    TooManyRefreshes {
        /// When to try again.
        retry_after: Duration,
    },
    /// Ask the operator: 403 `account_disabled`. Only for a person who has proved at Kakao that it is theirs.
    #[error("the user's account is disabled")]
    AccountDisabled,
    /// Wait until the deletion is over, then log in again as a new user: 409 `account_being_deleted`.
    #[error("the user's account is being deleted")]
    AccountBeingDeleted,
    /// Log in again, then repeat the request: 403 `login_required`.
    #[error("the session's login is too old for this request")]
    LoginRequired,
    /// Send the links of this session: 403 `link_required`. The cookie stays, and nothing was touched.
    #[error("the token of a linked session came without its links")]
    LinkRequired {
        /// The session of the token.
        session: SessionId,
    },
    /// Read the links again, as another tab may have renewed the session, and send the latest: 409 `link_stale`. Nothing was touched.
    #[error("the links are older than the last ones of the session")]
    LinkStale,
    /// Retry after the operator has stored an admin key: 503 `unavailable`. Without one nobody can be unlinked at Kakao.
    #[error("there is no admin key of Kakao's to unlink with (setting KakaoAdminKeyHashes)")]
    NoAdminKey,
    /// Send the app's primary admin key and its app ID, as Kakao does: 401 `not_authenticated`.
    #[error("not a webhook of Kakao's: {0}")]
    NotKakao(&'static str),
    /// Send another security event token: 400 with RFC 8935's `err` and `description`.
    #[error(transparent)]
    SecurityEventRefused(SecurityEventError),
    /// Begin the login again: 303 to the page that the login began on, which gets the reason in `login_error`.
    #[error("{cause}")]
    LoginFailed {
        /// The address of the page, with the reason.
        page: String,
        /// What a login by POST would have failed with.
        cause: Box<Error>,
    },
    /// Call the API at its public address: 403 `wrong_address`. The request did not come through the edge stack.
    #[error("the request did not come through the edge stack")]
    WrongAddress,
    /// Call from a page of an allowed origin: 403 `origin_not_allowed`.
    #[error("the calling page's origin is not allowed")]
    ForeignOrigin,
    /// Call from an app: 403 `native_only`. A page leaves its refresh token to the cookie.
    #[error("a page asked for, or presented, the refresh token of an app")]
    NativeOnly,
    /// Call another path, or name another item: 404 `not_found`.
    #[error("no such path or item")]
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
    /// Retry: 503 `unavailable`. The cookie stays, as the session may be alive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Retry: 503 `unavailable`. There are no usable keys, so nothing is signed and nothing accepted.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Retry: 503 `unavailable`. The function ran out of time.
    #[error("not finished within the deadline")]
    Deadline,
}

/// The client's part of an [`Error`].
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The response status.
    pub status: StatusCode,
    /// `code` in the body, for programs.
    pub code: &'static str,
    /// `detail` in the body, a sentence for people.
    pub detail: String,
    /// The value of `Retry-After`, whole seconds.
    pub retry_after: Option<Duration>,
}

impl From<SecurityEventError> for Error {
    fn from(error: SecurityEventError) -> Self {
        match error {
            SecurityEventError::NoKeys(error) => Self::Kakao(error),
            error => Self::SecurityEventRefused(error),
        }
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

fn response(status: StatusCode, code: &'static str, detail: &str) -> ErrorResponse {
    ErrorResponse { status, code, detail: detail.to_owned(), retry_after: None }
}

fn unavailable(retry_after: Duration) -> ErrorResponse {
    let detail = "Temporarily unavailable. Try again.";
    ErrorResponse { retry_after: Some(retry_after), ..response(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail) }
}

fn of_kakao(error: &KakaoError) -> ErrorResponse {
    let rejected = |code, detail| response(StatusCode::BAD_REQUEST, code, detail);
    match error {
        KakaoError::Rejected(_) => rejected("kakao_rejected", "Kakao does not accept this credential."),
        KakaoError::WrongApp => rejected("kakao_wrong_app", "This credential was issued to another Kakao app."),
        KakaoError::Underage => rejected("kakao_underage", "Kakao does not allow this user's age."),
        KakaoError::Unavailable { retry_after, .. } => unavailable(*retry_after),
        KakaoError::Misconfigured { .. } => unavailable(Duration::from_mins(1)),
    }
}

fn list(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, problem)| format!("`{name}`: {problem}")).collect();
    fields.join(" ")
}

impl Error {
    /// The client's part of this error.
    #[must_use]
    pub fn response(&self) -> ErrorResponse {
        match self {
            Self::InvalidRequest(detail) => response(StatusCode::BAD_REQUEST, "invalid_request", detail),
            Self::FieldRequired(name) => {
                response(StatusCode::BAD_REQUEST, "invalid_request", &format!("`{name}` is required."))
            }
            Self::InvalidFields(fields) => response(StatusCode::BAD_REQUEST, "invalid_request", &list(fields)),
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
            Self::TooManyRefreshes { retry_after } => ErrorResponse {
                retry_after: Some(*retry_after),
                ..response(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_refreshes",
                    "Too many refreshes of this session. Try again later.",
                )
            },
            Self::AccountDisabled => response(StatusCode::FORBIDDEN, "account_disabled", "This account is disabled."),
            Self::AccountBeingDeleted => ErrorResponse {
                retry_after: Some(Duration::from_mins(1)),
                ..response(
                    StatusCode::CONFLICT,
                    "account_being_deleted",
                    "This account is being deleted. Log in again in a few minutes to join as a new user.",
                )
            },
            Self::LoginRequired => {
                response(StatusCode::FORBIDDEN, "login_required", "Log in again to do this, then repeat the request.")
            }
            Self::LinkRequired { .. } => {
                response(StatusCode::FORBIDDEN, "link_required", "Send the links of this session.")
            }
            Self::LinkStale => response(StatusCode::CONFLICT, "link_stale", "These links are not the latest."),
            Self::NotKakao(_) => {
                response(StatusCode::UNAUTHORIZED, "not_authenticated", "This is not a call from Kakao.")
            }
            Self::SecurityEventRefused(error) => {
                response(StatusCode::BAD_REQUEST, error.code().unwrap_or("invalid_request"), &error.to_string())
            }
            Self::LoginFailed { cause, .. } => cause.response(),
            Self::WrongAddress => {
                response(StatusCode::FORBIDDEN, "wrong_address", "Call this API at its public address.")
            }
            Self::ForeignOrigin => {
                response(StatusCode::FORBIDDEN, "origin_not_allowed", "This origin may not call this route.")
            }
            Self::NativeOnly => response(
                StatusCode::FORBIDDEN,
                "native_only",
                "Only apps may hold a refresh token. In a page, leave out `transport` and `refresh`.",
            ),
            Self::NotFound => response(StatusCode::NOT_FOUND, "not_found", "Not found."),
            Self::TooLarge => {
                response(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is larger than 16 KiB.")
            }
            Self::NotJson => response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as application/json.",
            ),
            Self::Kakao(error) => of_kakao(error),
            Self::NoAdminKey => unavailable(Duration::from_mins(1)),
            Self::Store(StoreError::Refused { .. })
            | Self::Secret(SecretError::Empty | SecretError::Refused(_) | SecretError::Unreadable(_)) => {
                unavailable(Duration::from_secs(10))
            }
            Self::Store(StoreError::Unavailable { .. })
            | Self::Secret(SecretError::Unavailable(_))
            | Self::Deadline => unavailable(RETRY_AFTER),
            Self::Store(StoreError::Corrupt(_)) => {
                response(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong.")
            }
        }
    }

    /// Whether an operator must act: the cause is a bug or a setting, not an outage that passes.
    #[must_use]
    pub fn needs_an_operator(&self) -> bool {
        match self {
            Self::LoginFailed { cause, .. } => cause.needs_an_operator(),
            Self::Kakao(KakaoError::Misconfigured { .. }) | Self::NoAdminKey => true,
            Self::Store(error) => error.needs_an_operator(),
            Self::Secret(error) => error.needs_an_operator(),
            _ => false,
        }
    }
}
