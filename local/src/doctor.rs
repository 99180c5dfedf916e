//! Reads a configuration and says what is wrong with it before a user finds out.

use std::{collections::BTreeMap, fmt};

use reqwest::Url;
use shared::address;

/// Settings, by the names that the functions know them by. `API_URL` is where browsers reach the API, if that is known.
pub type Settings = BTreeMap<String, String>;

/// Something that an operator should know.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// Somebody cannot sign in, or somebody can who should not.
    Wrong(String),
    /// It works, and is probably not meant so.
    Odd(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(text) => write!(f, "wrong: {text}"),
            Self::Odd(text) => write!(f, "odd:   {text}"),
        }
    }
}

/// In the settings of a stack: whether its key ring has keys.
pub const KEY_RING: &str = "KEY_RING";
/// What stands there if it has none.
pub const NO_KEYS: &str = "empty";
/// A secret that is stored where it cannot be read.
pub const STORED: &str = "(stored)";

/// Where the API answers, also where it is put behind the front end's host.
const API_PATHS: [&str; 4] = ["/auth", "/dj-rest-auth", "/api/profile", "/.well-known"];

const REQUIRED: [&str; 7] = [
    "ALLOWED_ORIGINS",
    "REDIRECT_URIS",
    "ISSUER",
    "KAKAO_APP_ID",
    "KAKAO_REST_API_KEY",
    "KAKAO_CLIENT_SECRET",
    "COOKIE_SAMESITE",
];

/// Examines a configuration. No value of a secret is in what it says.
#[must_use]
pub fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in REQUIRED {
        if text(settings, name).is_empty() {
            findings.push(Finding::Wrong(format!("{name} is missing")));
        }
    }
    kakao_keys(settings, &mut findings);
    credentials(settings, &mut findings);
    addresses(settings, &mut findings);
    same_site(settings, &mut findings);
    times(settings, &mut findings);
    operations(settings, &mut findings);
    findings
}

fn text<'a>(settings: &'a Settings, name: &str) -> &'a str {
    settings.get(name).map(|value| value.trim()).unwrap_or_default()
}

fn list<'a>(settings: &'a Settings, name: &str) -> Vec<&'a str> {
    text(settings, name).split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// A key in Kakao's console: 32 hexadecimal digits in lower case.
fn is_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn kakao_keys(settings: &Settings, findings: &mut Vec<Finding>) {
    let app_id = text(settings, "KAKAO_APP_ID");
    if is_key(app_id) {
        findings.push(Finding::Wrong(
            "KAKAO_APP_ID is a key: the app ID is a short number, beside the app's name".to_owned(),
        ));
    } else if !app_id.is_empty() && app_id.parse::<u64>().is_err() {
        findings.push(Finding::Wrong("KAKAO_APP_ID is not a number".to_owned()));
    }
    let rest_api_key = text(settings, "KAKAO_REST_API_KEY");
    if !rest_api_key.is_empty() && !is_key(rest_api_key) {
        let hint = if rest_api_key.parse::<u64>().is_ok() { ": that looks like the app ID" } else { "" };
        findings.push(Finding::Wrong(format!("KAKAO_REST_API_KEY is not 32 hexadecimal digits in lower case{hint}")));
    }
    let app_keys = list(settings, "KAKAO_APP_KEYS");
    if let Some(odd) = app_keys.iter().find(|key| !is_key(key)) {
        findings.push(Finding::Wrong(format!("KAKAO_APP_KEYS: {odd} is not 32 hexadecimal digits in lower case")));
    }
    if app_keys.len() > 14 {
        findings.push(Finding::Wrong("KAKAO_APP_KEYS: an app has at most five keys of each kind".to_owned()));
    }
    let client_secret = text(settings, "KAKAO_CLIENT_SECRET");
    let admin_key = text(settings, "KAKAO_ADMIN_KEY");
    if client_secret == STORED {
        no_admin_key(admin_key, findings);
        return;
    }
    let public: Vec<&str> = app_keys.iter().copied().chain([rest_api_key]).filter(|key| !key.is_empty()).collect();
    for (name, secret) in [("KAKAO_CLIENT_SECRET", client_secret), ("KAKAO_ADMIN_KEY", admin_key)] {
        if public.contains(&secret) {
            findings.push(Finding::Wrong(format!("{name} is one of the app's public keys, which everybody can read")));
        }
    }
    if !admin_key.is_empty() && admin_key == client_secret {
        findings.push(Finding::Wrong("KAKAO_ADMIN_KEY and KAKAO_CLIENT_SECRET are the same".to_owned()));
    } else if is_key(client_secret) && !public.contains(&client_secret) {
        let why = "KAKAO_CLIENT_SECRET looks like a key: the client secret has letters of both cases";
        findings.push(Finding::Odd(why.to_owned()));
    }
    if !admin_key.is_empty() && !is_key(admin_key) {
        findings.push(Finding::Wrong("KAKAO_ADMIN_KEY is not 32 hexadecimal digits in lower case".to_owned()));
    }
    no_admin_key(admin_key, findings);
}

fn no_admin_key(admin_key: &str, findings: &mut Vec<Finding>) {
    if admin_key.is_empty() {
        let why = "KAKAO_ADMIN_KEY is empty: Kakao unlinks users who first sign in by ID token after 24 hours";
        findings.push(Finding::Odd(why.to_owned()));
    }
}

/// A stack that was deployed before these settings existed has neither.
fn credentials(settings: &Settings, findings: &mut Vec<Finding>) {
    let kinds = list(settings, "CREDENTIALS");
    if settings.contains_key("CREDENTIALS") && kinds.is_empty() {
        findings.push(Finding::Wrong("CREDENTIALS is empty: nobody can log in".to_owned()));
    }
    if let Some(unknown) = kinds.iter().find(|kind| !["access_token", "code", "id_token"].contains(kind)) {
        findings.push(Finding::Wrong(format!("CREDENTIALS: {unknown} is not access_token, code or id_token")));
    }
    let is_accepted = kinds.is_empty() || kinds.contains(&"code");
    match text(settings, "REQUIRE_BINDING") {
        "false" if is_accepted => findings.push(Finding::Odd(
            "REQUIRE_BINDING=false: a page can be made to log its visitor in with somebody else's code. Send code_verifier and \
             nonce, and switch it on"
                .to_owned(),
        )),
        "" | "true" | "false" => {}
        _ => findings.push(Finding::Wrong("REQUIRE_BINDING is neither true nor false".to_owned())),
    }
}

fn addresses(settings: &Settings, findings: &mut Vec<Finding>) {
    let local = text(settings, "STAGE") == "local";
    let origins = list(settings, "ALLOWED_ORIGINS");
    let redirect_uris = list(settings, "REDIRECT_URIS");
    let issuer = [text(settings, "ISSUER")].into_iter().filter(|issuer| !issuer.is_empty());
    let named = origins.iter().map(|origin| ("ALLOWED_ORIGINS", *origin));
    let named = named
        .chain(redirect_uris.iter().map(|uri| ("REDIRECT_URIS", *uri)))
        .chain(issuer.map(|issuer| ("ISSUER", issuer)));
    for (name, address) in named {
        let Ok(url) = Url::parse(address) else {
            findings.push(Finding::Wrong(format!("{name}: {address} is no address")));
            continue;
        };
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !local {
            let here = host == "localhost" || host == "127.0.0.1";
            let why = format!("{name}: {address} is http at the stage {}", text(settings, "STAGE"));
            findings.push(if here { Finding::Odd(why) } else { Finding::Wrong(why) });
        }
        let checked = match name {
            "ALLOWED_ORIGINS" => address::check_origin(address),
            "REDIRECT_URIS" => address::check_redirect_uri(address),
            _ => address::check_issuer(address),
        };
        findings.extend(checked.err().map(|reason| Finding::Wrong(format!("{name}: {reason}"))));
        if name == "REDIRECT_URIS" {
            redirect_origin(address, &url, &origins, findings);
            redirect_path(address, &url, text(settings, "API_URL"), findings);
        }
    }
    for (position, uri) in redirect_uris.iter().enumerate() {
        let twin = |other: &&&str| other.trim_end_matches('/') == uri.trim_end_matches('/') && *other != uri;
        if let Some(other) = redirect_uris[position..].iter().find(twin) {
            let why =
                format!("REDIRECT_URIS: {uri} and {other} differ by a slash; both have to be registered at Kakao");
            findings.push(Finding::Odd(why));
        }
    }
}

/// The page that Kakao sends a browser back to is a page of the front end.
fn redirect_origin(uri: &str, url: &Url, origins: &[&str], findings: &mut Vec<Finding>) {
    let own = url.origin().ascii_serialization();
    if origins.contains(&own.as_str()) {
        return;
    }
    let near =
        origins.iter().filter_map(|origin| Some((origin, Url::parse(origin).ok()?))).find_map(|(origin, other)| {
            let (one, two) = (url.host_str().unwrap_or_default(), other.host_str().unwrap_or_default());
            let same_host = one == two;
            if same_host && url.scheme() != other.scheme() {
                Some(format!("{origin} has another scheme"))
            } else if same_host {
                Some(format!("{origin} has another port"))
            } else if one.trim_start_matches("www.") == two.trim_start_matches("www.") {
                Some(format!("{origin} differs by www"))
            } else if [one, two].iter().all(|host| ["localhost", "127.0.0.1"].contains(host)) {
                Some(format!("{origin} is the same machine by another name, which for cookies is another site"))
            } else {
                None
            }
        });
    let hint = near.map(|near| format!(": {near}")).unwrap_or_default();
    findings.push(Finding::Wrong(format!("REDIRECT_URIS: {uri} is on no allowed origin{hint}")));
}

/// Where Kakao sends a browser to, the front end has to answer and not the API.
fn redirect_path(uri: &str, url: &Url, api: &str, findings: &mut Vec<Finding>) {
    let below =
        |path: &&&str| url.path().strip_prefix(**path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some(path) = API_PATHS.iter().find(below) else { return };
    if Url::parse(api).is_ok_and(|api| api.origin() == url.origin()) {
        let why = format!("REDIRECT_URIS: {uri} is under {path}, where the API answers and not the front end");
        findings.push(Finding::Wrong(why));
    } else {
        let why =
            format!("REDIRECT_URIS: {uri} is under {path}, which goes to the API where that is behind the same host");
        findings.push(Finding::Odd(why));
    }
}

/// A browser sends a `SameSite` cookie only where page and API have the same registrable domain and scheme.
fn same_site(settings: &Settings, findings: &mut Vec<Finding>) {
    let policy = text(settings, "COOKIE_SAMESITE");
    let Ok(api) = Url::parse(text(settings, "API_URL")) else { return };
    for origin in list(settings, "ALLOWED_ORIGINS") {
        let Ok(page) = Url::parse(origin) else { continue };
        if page.host_str() == Some("localhost") {
            continue;
        }
        let same = site(&page) == site(&api);
        if !same && policy != "None" {
            findings.push(Finding::Wrong(format!(
                "COOKIE_SAMESITE={policy}, but {origin} and the API at {api} are different sites: browsers will not send the \
                 cookie. Put the API behind the front end's own host"
            )));
        } else if !same {
            findings.push(Finding::Odd(format!(
                "COOKIE_SAMESITE=None, and {origin} and the API at {api} are different sites: browsers that block cookies of \
                 other sites, such as Safari before 18.4, will not keep it. Put the API behind the front end's own host"
            )));
        } else if policy == "None" {
            findings.push(Finding::Odd(format!(
                "COOKIE_SAMESITE=None, but {origin} and the API are one site: Strict is safer"
            )));
        }
    }
}

/// What a stack needs beside its settings.
fn operations(settings: &Settings, findings: &mut Vec<Finding>) {
    if settings.get(KEY_RING).is_some_and(|ring| ring == NO_KEYS) {
        findings.push(Finding::Wrong(
            "there are no keys yet, so every function answers 503: the log of rotate-keys says why, and \
             `local/replace-keys.sh STACK schedule` tries again"
                .to_owned(),
        ));
    }
    if settings.get("ALARM_TOPIC_ARN").is_some_and(|topic| topic.trim().is_empty()) {
        let why = "ALARM_TOPIC_ARN is empty: nobody is told when a key rotation fails or Kakao's quota runs low";
        findings.push(Finding::Odd(why.to_owned()));
    }
}

fn site(url: &Url) -> (String, String) {
    let host = url.host_str().unwrap_or_default();
    let domain = psl::domain_str(host).unwrap_or(host);
    (url.scheme().to_owned(), domain.to_owned())
}

fn times(settings: &Settings, findings: &mut Vec<Finding>) {
    let seconds = |name| text(settings, name).parse::<u64>().ok();
    let (access, idle) = (seconds("ACCESS_TTL"), seconds("SESSION_IDLE_TTL"));
    if let (Some(idle), Some(max)) = (idle, seconds("SESSION_MAX_TTL"))
        && idle > max
    {
        findings.push(Finding::Odd("SESSION_IDLE_TTL is longer than SESSION_MAX_TTL, so it never applies".to_owned()));
    }
    if let (Some(access), Some(idle)) = (access, idle)
        && access >= idle
    {
        findings.push(Finding::Wrong("ACCESS_TTL is not shorter than SESSION_IDLE_TTL".to_owned()));
    }
    // (2 + L) × D for a client that waits D = 7 s for a response and loses L = 2 in a row.
    if seconds("ROTATION_WINDOW").is_some_and(|window| window <= 28) {
        let why = "ROTATION_WINDOW does not exceed four times a time-out of 7 s: lost responses could log people out";
        findings.push(Finding::Odd(why.to_owned()));
    }
}

#[cfg(test)]
mod tests;
