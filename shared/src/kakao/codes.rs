//! What Kakao's error codes mean to us. The code decides, never the HTTP status: -1, -7 and -10 come as 400.
//!
//! Codes: <https://developers.kakao.com/docs/latest/en/rest-api/error-code> and
//! <https://developers.kakao.com/docs/latest/en/kakaologin/trouble-shooting>.

use std::time::Duration;

use super::KakaoError;

/// What a code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The credential, or its holder, is not let in. Begin again.
    Rejected,
    /// Kakao does not let this age in.
    Underage,
    /// The operator has to correct what the text names in Kakao's console.
    Misconfigured(&'static str),
    /// A hiccup: ask again at once.
    TryAgain,
    /// An outage or maintenance.
    TryLater,
    /// A quota is used up.
    TryMuchLater,
}

use Meaning::{Misconfigured, Rejected, TryAgain, TryLater, TryMuchLater, Underage};

const PERMISSION: Meaning = Misconfigured("App > Permissions: the app may not call this API");
const OUR_REQUEST: Meaning = Misconfigured("nothing: this server's request is wrong, so please report it");
const SECRET: Meaning =
    Misconfigured("App > Platform key > REST API key > Client secret: it must be this very key's secret");
const KEY: Meaning = Misconfigured("App > Platform key > REST API key: KAKAO_REST_API_KEY is not one");
const REDIRECT: Meaning =
    Misconfigured("App > Platform key > REST API key > Redirect URI: not the one used at authorize, to the letter");
const SCOPE: Meaning = Misconfigured("Kakao Login > Consent items: a requested one is not set up");
const BUSINESS: Meaning = Misconfigured("App > Business: a channel or certificate that is asked for is not linked");

/// kapi's `code`.
const API: &[(i64, Meaning)] = &[
    (-1, TryAgain),
    // A malformed token, as far as our requests go.
    (-2, Rejected),
    (-3, Misconfigured("Kakao Login: switch the product on")),
    // The account is blocked.
    (-4, Rejected),
    (-5, PERMISSION),
    (-6, PERMISSION),
    (-7, TryAgain),
    (-8, OUR_REQUEST),
    (-9, OUR_REQUEST),
    (-10, TryMuchLater),
    (-11, TryMuchLater),
    (-12, Misconfigured("App > General: Kakao has blocked the app or its owner")),
    // Not linked, linked already, dormant or gone.
    (-101, Rejected),
    (-102, Rejected),
    (-103, Rejected),
    (-201, Misconfigured("Kakao Login > User properties: a property is not set up")),
    (-301, Misconfigured("App: it does not exist")),
    // An unknown or expired token. A caller outside of the console's IP list gets it too.
    (-401, Rejected),
    (-402, Rejected),
    (-405, Underage),
    (-406, Underage),
    // Certificates.
    (-421, BUSINESS),
    (-422, BUSINESS),
    (-423, BUSINESS),
    (-451, BUSINESS),
    (-452, BUSINESS),
    (-453, BUSINESS),
    (-480, BUSINESS),
    (-481, BUSINESS),
    (-501, Rejected),
    // Messages and uploads, which nobody here sends.
    (-504, OUR_REQUEST),
    (-530, OUR_REQUEST),
    (-531, OUR_REQUEST),
    (-532, OUR_REQUEST),
    (-602, OUR_REQUEST),
    (-603, TryAgain),
    (-606, OUR_REQUEST),
    // Listed by Kakao without a meaning.
    (-903, TryLater),
    (-911, TryLater),
    (-9798, TryLater),
];

/// kauth's `error_code`.
const AUTH: &[(&str, Meaning)] = &[
    ("KOE001", OUR_REQUEST),
    ("KOE002", OUR_REQUEST),
    ("KOE003", TryAgain),
    ("KOE004", Misconfigured("Kakao Login: switch it on")),
    ("KOE005", Misconfigured("App > Team: this is a test app and the user is no member of it")),
    ("KOE006", REDIRECT),
    ("KOE007", Misconfigured("Kakao Login > Advanced > Logout Redirect URI: not registered")),
    ("KOE008", KEY),
    ("KOE009", Misconfigured("App > Platform key: the key hash, bundle id or site domain is not registered")),
    ("KOE010", SECRET),
    ("KOE023", OUR_REQUEST),
    ("KOE101", KEY),
    ("KOE102", BUSINESS),
    ("KOE114", BUSINESS),
    ("KOE123", BUSINESS),
    ("KOE124", BUSINESS),
    ("KOE125", BUSINESS),
    ("KOE126", BUSINESS),
    ("KOE127", BUSINESS),
    ("KOE201", OUR_REQUEST),
    ("KOE202", OUR_REQUEST),
    // A consent that is required was not given.
    ("KOE203", Rejected),
    ("KOE204", OUR_REQUEST),
    ("KOE205", SCOPE),
    ("KOE207", OUR_REQUEST),
    ("KOE237", TryMuchLater),
    ("KOE303", REDIRECT),
    ("KOE310", REDIRECT),
    ("KOE319", OUR_REQUEST),
    ("KOE320", Rejected),
    ("KOE322", Rejected),
    ("KOE400", Rejected),
];

/// kauth's `error` where there is no code (RFC 6749 §5.2).
const AUTH_WITHOUT_CODE: &[(&str, Meaning)] = &[
    ("invalid_grant", Rejected),
    ("access_denied", Rejected),
    ("invalid_client", SECRET),
    ("unauthorized_client", KEY),
    ("invalid_scope", SCOPE),
    ("misconfigured", Misconfigured("App > Platform key: the key hash, bundle id or site domain is not registered")),
];

/// What a `code` of kapi means.
pub(super) fn of_api(code: i64) -> KakaoError {
    meaning(API, &code).into_error(&format!("kapi {code}"))
}

/// What an `error_code` of kauth means, or its `error` where there is no code.
pub(super) fn of_auth(code: Option<&str>, error: &str) -> KakaoError {
    let known = |listed: &(&'static str, Meaning), text: &str| listed.0 == text;
    match code {
        // Only a code that is listed is repeated: what else stands there is Kakao's own text.
        Some(code) => match AUTH.iter().find(|listed| known(listed, code)) {
            Some((code, meaning)) => meaning.into_error(&format!("kauth {code}")),
            None => TryLater.into_error("kauth, a code unknown here"),
        },
        None => match AUTH_WITHOUT_CODE.iter().find(|listed| known(listed, error)) {
            Some((error, meaning)) => meaning.into_error(&format!("kauth {error}")),
            None => TryLater.into_error("kauth, an error unknown here"),
        },
    }
}

fn meaning<C: PartialEq>(table: &[(C, Meaning)], code: &C) -> Meaning {
    // What is not known says nothing about the credential.
    table.iter().find(|(listed, _)| listed == code).map_or(TryLater, |(_, meaning)| *meaning)
}

impl Meaning {
    fn into_error(self, code: &str) -> KakaoError {
        let unavailable = |retry_after| KakaoError::Unavailable {
            reason: code.to_owned(),
            retry_after,
            is_outage: self != TryMuchLater,
        };
        match self {
            Rejected => KakaoError::Rejected(code.to_owned()),
            Underage => KakaoError::Underage,
            Misconfigured(fix) => KakaoError::Misconfigured { code: code.to_owned(), fix },
            TryAgain => unavailable(Duration::from_secs(2)),
            TryLater => unavailable(Duration::from_secs(30)),
            TryMuchLater => unavailable(Duration::from_mins(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that Kakao's pages, SDKs and forum are known to name.
    #[test]
    fn every_known_code_has_one_row() {
        let api = [
            -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -101, -102, -103, -201, -301, -401, -402, -405, -406,
            -421, -422, -423, -451, -452, -453, -480, -481, -501, -504, -530, -531, -532, -602, -603, -606, -903, -911,
            -9798,
        ];
        let auth = [
            "KOE001", "KOE002", "KOE003", "KOE004", "KOE005", "KOE006", "KOE007", "KOE008", "KOE009", "KOE010",
            "KOE023", "KOE101", "KOE102", "KOE114", "KOE123", "KOE124", "KOE125", "KOE126", "KOE127", "KOE201",
            "KOE202", "KOE203", "KOE204", "KOE205", "KOE207", "KOE237", "KOE303", "KOE310", "KOE319", "KOE320",
            "KOE322", "KOE400",
        ];
        assert_eq!(API.iter().map(|(code, _)| *code).collect::<Vec<_>>(), api);
        assert_eq!(AUTH.iter().map(|(code, _)| *code).collect::<Vec<_>>(), auth);
    }

    #[test]
    fn the_codes_that_matter_most_mean_what_they_should() {
        for (code, meaning) in
            [(-1, TryAgain), (-7, TryAgain), (-603, TryAgain), (-9798, TryLater), (-10, TryMuchLater)]
        {
            assert_eq!(super::meaning(API, &code), meaning, "{code}");
        }
        for code in [-2, -101, -401] {
            assert_eq!(super::meaning(API, &code), Rejected, "{code}");
        }
        assert_eq!(super::meaning(API, &-406), Underage);
        assert_eq!(super::meaning(API, &-31_337), TryLater);
        for code in ["KOE010", "KOE101", "KOE303", "KOE006", "KOE205"] {
            assert!(matches!(of_auth(Some(code), ""), KakaoError::Misconfigured { .. }), "{code}");
        }
        assert!(matches!(of_auth(Some("KOE320"), ""), KakaoError::Rejected(_)));
        assert!(matches!(of_auth(None, "invalid_grant"), KakaoError::Rejected(_)));
        assert!(matches!(of_auth(None, "server_error"), KakaoError::Unavailable { .. }));
    }

    #[test]
    fn a_text_of_kakaos_is_never_repeated() {
        let error = of_auth(Some("KOE999 code=secret"), "secret").to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(!of_auth(None, "secret").to_string().contains("secret"));
    }
}
