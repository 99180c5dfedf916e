//! What Kakao's error codes mean to us. The code decides, never the HTTP status: -1, -7 and -10 come as 400.
//!
//! Codes: <https://developers.kakao.com/docs/latest/en/rest-api/error-code> and
//! <https://developers.kakao.com/docs/latest/en/kakaologin/trouble-shooting>.

use std::time::Duration;

use super::KakaoError;

/// A hiccup: ask again at once.
const SHORTLY: Duration = Duration::from_secs(2);
/// An outage or maintenance.
const LATER: Duration = Duration::from_secs(30);
/// A quota that is used up.
const MUCH_LATER: Duration = Duration::from_mins(10);

/// What a `code` of the API (kapi) means.
pub(super) fn of_api(code: i64) -> KakaoError {
    let misconfigured = |fix| KakaoError::Misconfigured { code: code.to_string(), fix };
    let unavailable = |retry_after| KakaoError::Unavailable { reason: format!("kapi {code}"), retry_after };
    match code {
        -1 | -7 | -603 => unavailable(SHORTLY),
        -9798 => unavailable(LATER),
        -10 | -11 => unavailable(MUCH_LATER),
        -405 | -406 => KakaoError::Underage,
        -3 => misconfigured("Kakao Login: switch the product on"),
        -5 | -6 => misconfigured("App permissions: the app may not call this API"),
        -8 | -9 => misconfigured("none: this server calls an API that Kakao has changed"),
        -12 => misconfigured("App status: Kakao has blocked the app or its owner"),
        -201 => misconfigured("Kakao Login > User properties: a property is not set up"),
        -301 => misconfigured("App: it does not exist"),
        // The token is malformed, expired or unknown; or its user is blocked, not linked, dormant or without consent.
        -2 | -4 | -101 | -102 | -103 | -401 | -402 | -501 => KakaoError::Rejected(format!("kapi {code}")),
        _ => unavailable(LATER),
    }
}

/// What an `error_code` of the authorization server (kauth) means, or its `error` where there is no code.
pub(super) fn of_auth(code: Option<&str>, error: &str) -> KakaoError {
    let reason = || format!("kauth {}", code.unwrap_or("error without a code"));
    let misconfigured = |fix| KakaoError::Misconfigured { code: code.unwrap_or("invalid_client").to_owned(), fix };
    match (code, error) {
        (Some("KOE003"), _) => KakaoError::Unavailable { reason: reason(), retry_after: SHORTLY },
        (Some("KOE237"), _) => KakaoError::Unavailable { reason: reason(), retry_after: MUCH_LATER },
        (Some("KOE320"), _) | (None, "invalid_grant") => KakaoError::Rejected(reason()),
        (Some("KOE010"), _) | (None, "invalid_client") => {
            misconfigured("Platform key > REST API key > Client secret: it must be this key's own secret")
        }
        (Some("KOE101" | "KOE008"), _) => misconfigured("Platform key > REST API key: KAKAO_REST_API_KEY is not one"),
        (Some("KOE303" | "KOE006" | "KOE310"), _) => {
            misconfigured("Platform key > REST API key > Redirect URI: not the one used at authorize, to the letter")
        }
        (Some("KOE205"), _) => misconfigured("Kakao Login > Consent items: a requested scope is not set up"),
        (Some("KOE009"), _) => misconfigured("Platform key: the key hash, bundle id or site is not registered"),
        (Some("KOE004"), _) => misconfigured("Kakao Login: switch it on"),
        (Some("KOE005"), _) => misconfigured("Team: this is a test app and the user is no member of it"),
        (Some("KOE201" | "KOE202" | "KOE204" | "KOE207" | "KOE319"), _) => {
            misconfigured("none: Kakao does not understand this server's request")
        }
        _ => KakaoError::Unavailable { reason: reason(), retry_after: LATER },
    }
}
