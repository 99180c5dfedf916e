//! Errors of Kakao's, for callers outside of this module.

use std::time::Duration;

/// Why a credential of Kakao's identifies no user. Each variant is named for what has to be done.
#[derive(Debug, thiserror::Error)]
pub enum KakaoError {
    /// The credential is wrong, spent or expired: start the login again.
    #[error("Kakao refused the credential: {0}")]
    Rejected(String),
    /// The access token was issued to another app.
    #[error("the access token was issued to another Kakao app")]
    WrongApp,
    /// Kakao does not allow users of this age.
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
    /// Kakao is slow, down, out of quota, or its response is unknown. The credential may be good.
    #[error("Kakao is unavailable: {reason}")]
    Unavailable {
        /// The code or kind of failure. Never Kakao's own text, which can contain secrets.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
}
