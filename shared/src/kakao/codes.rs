//! What Kakao's error codes mean here, by the party that can solve the problem: one user or client, the operator, or Kakao. The code
//! decides, not the HTTP status: -1, -7 and -10 have status 400.
//!
//! Codes: <https://developers.kakao.com/docs/latest/en/rest-api/error-code> and
//! <https://developers.kakao.com/docs/latest/en/kakaologin/trouble-shooting>.

use std::{fmt, time::Duration};

use super::KakaoError;

/// A call of Kakao's API that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub meaning: Meaning,
    pub cause: Cause,
}

/// What a failure requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The credential, its user or its sender is refused: start the login again.
    Rejected,
    /// Kakao does not allow users of this age.
    Underage,
    /// The operator must correct a setting in Kakao's console, which the text names. Users and clients cannot cause it.
    Misconfigured(&'static str),
    /// Something went wrong inside Kakao during this call: retry at once.
    Hiccup,
    /// Kakao does not respond, or responds with a 5xx: it is down for everybody.
    Down,
    /// Kakao is under maintenance: it is down for everybody, and an immediate retry is useless.
    Maintenance,
    /// A quota is used up.
    Quota,
    /// An unknown response. It proves nothing about this credential or others.
    Unknown,
    /// Kakao was not asked, and will not be asked for this long.
    NotAsked(Duration),
}

/// The name of a failure in the log. Never Kakao's own text, which can contain secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// kapi's `code`.
    Api(i64),
    /// kauth's `error_code` or `error`, if it is in these tables.
    Auth(&'static str),
    /// A status without a known code.
    Status(u16),
    /// There was no usable response.
    Call(&'static str),
}

use Meaning::{Hiccup, Maintenance, Misconfigured, Quota, Rejected, Underage, Unknown};

const PERMISSION: Meaning = Misconfigured("App > Permissions: the app may not call this API");
const OUR_REQUEST: Meaning = Misconfigured("nothing: this server's request is wrong, so please report it");
const SECRET: Meaning =
    Misconfigured("App > Platform key > REST API key > Client secret: it must be this very key's secret");
const KEY: Meaning = Misconfigured("App > Platform key > REST API key: KAKAO_REST_API_KEY is not one");
const PLATFORM: Meaning = Misconfigured("App > Platform key: the key hash, bundle id or site domain is not registered");
const SCOPE: Meaning = Misconfigured("Kakao Login > Consent items: a requested one is not set up");
const BUSINESS: Meaning = Misconfigured("App > Business: a channel or certificate that is asked for is not linked");

/// kapi's `code`.
const API: &[(i64, Meaning)] = &[
    (-1, Hiccup),
    // A malformed token, as far as our requests go.
    (-2, Rejected),
    (-3, Misconfigured("Kakao Login: switch the product on")),
    // The account is blocked.
    (-4, Rejected),
    (-5, PERMISSION),
    (-6, PERMISSION),
    (-7, Hiccup),
    (-8, OUR_REQUEST),
    (-9, OUR_REQUEST),
    (-10, Quota),
    (-11, Quota),
    (-12, Misconfigured("App > General: Kakao has blocked the app or its owner")),
    // Not linked, linked already, dormant or gone.
    (-101, Rejected),
    (-102, Rejected),
    (-103, Rejected),
    (-201, Misconfigured("Kakao Login > User properties: a property is not set up")),
    (-301, Misconfigured("App: it does not exist")),
    // An unknown or expired token. A caller outside of the console's IP list gets it too.
    (-401, Rejected),
    // The user has not consented.
    (-402, Rejected),
    (-405, Underage),
    (-406, Underage),
    // One person's certificate or age check.
    (-421, Rejected),
    (-422, Rejected),
    (-423, Rejected),
    (-451, Rejected),
    (-452, Rejected),
    (-453, Rejected),
    (-480, Rejected),
    (-481, Rejected),
    // Not a KakaoTalk user, or one whose device or settings do not take messages.
    (-501, Rejected),
    (-504, Rejected),
    (-530, Rejected),
    (-531, Rejected),
    (-532, Rejected),
    // Uploads: this server sends none.
    (-602, OUR_REQUEST),
    (-603, Hiccup),
    (-606, OUR_REQUEST),
    // Listed by Kakao without a meaning.
    (-903, Unknown),
    (-911, Unknown),
    (-9798, Maintenance),
];

/// kauth's `error_code`.
const AUTH: &[(&str, Meaning)] = &[
    ("KOE001", OUR_REQUEST),
    ("KOE002", OUR_REQUEST),
    ("KOE003", Hiccup),
    ("KOE004", Misconfigured("Kakao Login: switch it on")),
    // This is a test app, and the user is not a member of its team.
    ("KOE005", Rejected),
    ("KOE006", Misconfigured("App > Platform key > REST API key > Redirect URI: register it, to the letter")),
    ("KOE007", Misconfigured("Kakao Login > Advanced > Logout Redirect URI: not registered")),
    ("KOE008", KEY),
    ("KOE009", PLATFORM),
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
    // A malformed or missing parameter: the client chooses the code and the verifier.
    ("KOE204", Rejected),
    ("KOE205", SCOPE),
    ("KOE207", Rejected),
    // Twenty tokens in ten minutes for one user.
    ("KOE237", Quota),
    // The client presents the code with another redirect URI than the one that it asked Kakao for.
    ("KOE303", Rejected),
    ("KOE310", Rejected),
    ("KOE319", OUR_REQUEST),
    ("KOE320", Rejected),
    ("KOE322", Rejected),
    ("KOE400", Rejected),
];

/// kauth's `error`, where the code is missing or not in the list (RFC 6749 §5.2, OpenID Connect Core §3.1.2.6).
const AUTH_ERRORS: &[(&str, Meaning)] = &[
    ("invalid_grant", Rejected),
    ("access_denied", Rejected),
    ("login_required", Rejected),
    ("consent_required", Rejected),
    ("interaction_required", Rejected),
    ("invalid_token", Rejected),
    ("invalid_client", SECRET),
    ("unauthorized_client", KEY),
    ("invalid_scope", SCOPE),
    ("misconfigured", PLATFORM),
    ("unsupported_grant_type", OUR_REQUEST),
    ("server_error", Hiccup),
    ("temporarily_unavailable", Hiccup),
];

/// What a `code` of kapi means.
pub(super) fn of_api(code: i64) -> Failure {
    let meaning = API.iter().find(|(listed, _)| *listed == code).map_or(Unknown, |(_, meaning)| *meaning);
    Failure { meaning, cause: Cause::Api(code) }
}

/// What an `error_code` of kauth means, or its `error` where the code is not known.
pub(super) fn of_auth(code: Option<&str>, error: Option<&str>) -> Option<Failure> {
    let find = |table: &'static [(&'static str, Meaning)], text: Option<&str>| {
        // Only listed codes are repeated: anything else is Kakao's own text.
        let (listed, meaning) = table.iter().find(|(listed, _)| Some(*listed) == text)?;
        Some(Failure { meaning: *meaning, cause: Cause::Auth(listed) })
    };
    find(AUTH, code).or_else(|| find(AUTH_ERRORS, error))
}

impl Failure {
    /// No response came, or none that can be used.
    pub(super) const fn of_call(meaning: Meaning, what: &'static str) -> Self {
        Self { meaning, cause: Cause::Call(what) }
    }

    /// The failure for a status of 500 or more, which is an outage unless Kakao blames the request.
    pub(super) fn with_server_error(self) -> Self {
        match self.meaning {
            Hiccup | Unknown => Self { meaning: Meaning::Down, ..self },
            _ => self,
        }
    }

    /// The failure for a token that may be another app's. What Kakao says about that app is not for our operator to correct.
    pub(super) fn of_any_app(self) -> Self {
        match self.cause {
            Cause::Api(-3 | -5 | -6 | -12 | -301) => Self { meaning: Unknown, ..self },
            _ => self,
        }
    }
}

impl Meaning {
    /// Whether all users are affected. A failure that one user or client can cause must not block Kakao for others.
    pub(super) const fn is_outage(self) -> bool {
        matches!(self, Self::Down | Self::Maintenance)
    }

    /// Whether the same call may succeed a moment later.
    pub(super) const fn is_worth_a_retry(self) -> bool {
        matches!(self, Self::Down | Self::Hiccup)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(code) => write!(f, "kapi {code}"),
            Self::Auth(code) => write!(f, "kauth {code}"),
            Self::Status(status) => write!(f, "status {status} without a known code"),
            Self::Call(what) => f.write_str(what),
        }
    }
}

impl From<Failure> for KakaoError {
    fn from(Failure { meaning, cause }: Failure) -> Self {
        let reason = cause.to_string();
        let retry_after = match meaning {
            Rejected => return Self::Rejected(reason),
            Underage => return Self::Underage,
            Misconfigured(fix) => return Self::Misconfigured { code: reason, fix },
            Hiccup | Meaning::Down => Duration::from_secs(2),
            Unknown => Duration::from_secs(10),
            Maintenance => Duration::from_secs(30),
            Quota => Duration::from_mins(10),
            Meaning::NotAsked(pause) => pause,
        };
        Self::Unavailable { reason, retry_after }
    }
}

#[cfg(test)]
mod tests;
