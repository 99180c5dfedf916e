//! Examines the addresses of front end and API: their spelling, and whether they fit together.

use shared::{address, http::Origins};
use url::Url;

use super::{Settings, list, text};
use crate::finding::Finding;

/// Where the API answers, also where it is put behind the front end's host.
pub(super) const API_PATHS: [&str; 7] =
    ["/auth", "/dj-rest-auth", "/accounts/kakao", "/api/profile", "/api/token", "/webhooks", "/.well-known"];

/// Where it takes Kakao's redirect of a hosted login.
pub(super) const CALLBACK_PATHS: [&str; 2] = ["/auth/kakao/callback", "/accounts/kakao/login/callback"];

pub(super) fn examine(settings: &Settings, findings: &mut Vec<Finding>) {
    spelling(settings, findings);
    callback(settings, findings);
    same_site(settings, findings);
    shared_cookie(settings, findings);
}

fn spelling(settings: &Settings, findings: &mut Vec<Finding>) {
    let local = text(settings, "STAGE") == "local";
    let origins = list(settings, "ALLOWED_ORIGINS");
    let redirect_uris = list(settings, "REDIRECT_URIS");
    let [issuer, callback] = ["ISSUER", "CALLBACK_URI"]
        .map(|name| Some((name, text(settings, name))).filter(|(_, address)| !address.is_empty()));
    let named = origins.iter().map(|origin| ("ALLOWED_ORIGINS", *origin));
    let named = named.chain(redirect_uris.iter().map(|uri| ("REDIRECT_URIS", *uri))).chain(issuer).chain(callback);
    for (name, address) in named {
        let Ok(url) = Url::parse(address) else {
            findings
                .push(Finding::Error(format!("{name}: {address} is not an address. Write it in full, with https://")));
            continue;
        };
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !local {
            let here = host == "localhost" || host == "127.0.0.1";
            let why = format!("{name}: {address} is http at the stage {}. Use https", text(settings, "STAGE"));
            findings.push(if here { Finding::Warning(why) } else { Finding::Error(why) });
        }
        let checked = match name {
            "ALLOWED_ORIGINS" => address::check_origin(address),
            "REDIRECT_URIS" | "CALLBACK_URI" => address::check_redirect_uri(address),
            _ => address::check_issuer(address),
        };
        findings.extend(checked.err().map(|reason| Finding::Error(format!("{name}: {reason}"))));
        if name == "REDIRECT_URIS" {
            redirect_origin(address, &url, &origins, findings);
            redirect_path(address, &url, text(settings, "API_URL"), findings);
        }
    }
    for (position, uri) in redirect_uris.iter().enumerate() {
        let twin = |other: &&&str| other.trim_end_matches('/') == uri.trim_end_matches('/') && *other != uri;
        if let Some(other) = redirect_uris[position..].iter().find(twin) {
            let why =
                format!("REDIRECT_URIS: {uri} and {other} differ by a slash. Register both at Kakao, or remove one");
            findings.push(Finding::Warning(why));
        }
    }
}

/// Kakao sends the browser back to a page of the front end.
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
    findings.push(Finding::Error(format!(
        "REDIRECT_URIS: {uri} is not on an allowed origin{hint}. Correct it, or add its origin to ALLOWED_ORIGINS"
    )));
}

/// The front end has to answer where Kakao sends the browser back to, not the API.
fn redirect_path(uri: &str, url: &Url, api: &str, findings: &mut Vec<Finding>) {
    let below =
        |path: &&&str| url.path().strip_prefix(**path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some(path) = API_PATHS.iter().find(below) else { return };
    if Url::parse(api).is_ok_and(|api| api.origin() == url.origin()) {
        let why = format!(
            "REDIRECT_URIS: {uri} is under {path}, where the API answers and not the front end. Choose another path"
        );
        findings.push(Finding::Error(why));
    } else {
        let why = format!(
            "REDIRECT_URIS: {uri} is under {path}. If the API is behind the same host, that path is the API's. Choose another path"
        );
        findings.push(Finding::Warning(why));
    }
}

/// Kakao sends the browser back to the API, and no page may redeem what comes with it.
fn callback(settings: &Settings, findings: &mut Vec<Finding>) {
    let uri = text(settings, "CALLBACK_URI");
    let Ok(url) = Url::parse(uri) else { return };
    let mut wrong = |why: &str| findings.push(Finding::Error(format!("CALLBACK_URI: {uri} {why}")));
    if !CALLBACK_PATHS.contains(&url.path().trim_end_matches('/')) {
        let [path, other] = CALLBACK_PATHS;
        wrong(&format!("is not where the API takes hosted logins. Its path must be {path} or {other}"));
    }
    if list(settings, "REDIRECT_URIS").contains(&uri) {
        wrong("is in REDIRECT_URIS too: a page could redeem the codes of hosted logins. Remove it there");
    }
    let api = text(settings, "API_URL");
    if Url::parse(api).is_ok_and(|api| api.origin() != url.origin()) {
        wrong(&format!(
            "is not on the API's address {api}. Correct it, or name the address that browsers use with --api-url"
        ));
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
            findings.push(Finding::Error(format!(
                "COOKIE_SAMESITE={policy}, but {origin} and the API at {api} are different sites: browsers will not send the \
                 cookie. Put the API behind the front end's own host"
            )));
        } else if !same {
            findings.push(Finding::Warning(format!(
                "COOKIE_SAMESITE=None, and {origin} and the API at {api} are different sites: browsers that block cookies of \
                 other sites, such as Safari before 18.4, will not keep it. Put the API behind the front end's own host"
            )));
        } else if policy == "None" {
            findings.push(Finding::Warning(format!(
                "COOKIE_SAMESITE=None, but {origin} and the API are one site: Strict is safer"
            )));
        }
    }
}

/// A browser has one cookie for the API's host, but each origin has a storage of its own, where pages keep their links.
fn shared_cookie(settings: &Settings, findings: &mut Vec<Finding>) {
    let origins: Vec<String> = list(settings, "ALLOWED_ORIGINS").into_iter().map(str::to_owned).collect();
    let local = origins.iter().filter(|origin| origin.starts_with("http://")).count();
    let sharing = local.max(origins.len() - local);
    if !Origins::new(origins).is_ok_and(|origins| origins.may_share_the_cookie()) {
        return;
    }
    match text(settings, "SESSION_LINKS") {
        "auto" => findings.push(Finding::Warning(format!(
            "SESSION_LINKS=auto: sessions rotate: {sharing} allowed origins share the cookie, not the storage. Set it to off if that is \
             intended, or to on if no browser uses two of them"
        ))),
        // On this machine a person opens one of the pages at a time.
        "on" if text(settings, "STAGE") != "local" => findings.push(Finding::Warning(format!(
            "SESSION_LINKS=on, but {sharing} allowed origins share the cookie, not the storage: a browser that uses two of them logs in \
             again at each change. Use auto"
        ))),
        _ => {}
    }
}

fn site(url: &Url) -> (String, String) {
    let host = url.host_str().unwrap_or_default();
    let domain = psl::domain_str(host).unwrap_or(host);
    (url.scheme().to_owned(), domain.to_owned())
}
