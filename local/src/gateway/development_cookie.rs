//! Our cookies for browsers that refuse `Secure` cookies of `http://localhost`: `WebKit`, so Safari.
//!
//! Only `local` translates. The functions, and so the deployment, set and expect names with the prefix.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{COOKIE, ORIGIN, SET_COOKIE, USER_AGENT},
};

/// An extension of requests whose browser gets the development cookies.
#[derive(Clone, Copy, Debug)]
pub struct DevelopmentCookie;

const PREFIX: &str = "__Host-Http-";
/// Our cookies without the prefix: the refresh token, and the state of a login that the API hosts.
const NAMES: [&[u8]; 2] = [b"refresh_token", b"kakao_login"];
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the browser uses plain HTTP. Behind a proxy that ends TLS, every browser keeps our cookies.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    let starts =
        |name, text: &str| headers.get(name).is_some_and(|value| value.as_bytes().starts_with(text.as_bytes()));
    !starts(FORWARDED_PROTO, "https") && !starts(ORIGIN, "https:")
}

/// Whether the browser refuses our cookies over plain HTTP. On iOS, that is every browser.
pub(super) fn is_webkit(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    agent.contains("AppleWebKit/") && !agent.contains("Chrome/") && !agent.contains("Chromium/")
}

/// Adds the prefix to our cookies' names in a request, unless the same cookie was sent with it.
pub(super) fn add_prefix(headers: &mut HeaderMap) {
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    let pairs = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let pairs: Vec<&[u8]> = pairs.map(<[u8]>::trim_ascii).collect();
    let translated = pairs.iter().map(|pair| {
        let prefixed = [PREFIX.as_bytes(), pair].concat();
        let is_sent_too = pairs.iter().any(|other| name(other) == name(&prefixed));
        // Django's refresh token has the same name. It is a JWT, which has dots, and our tokens have none.
        let is_ours = NAMES.contains(&name(pair)) && !pair.contains(&b'.');
        if is_ours && !is_sent_too { prefixed } else { pair.to_vec() }
    });
    let translated = translated.collect::<Vec<_>>().join(&b"; "[..]);
    if !lines.is_empty() {
        headers.insert(COOKIE, HeaderValue::from_bytes(&translated).expect("header values and visible ASCII"));
    }
}

fn name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or(pair).trim_ascii_end()
}

/// Takes the prefix from our cookies' names in a response, and the attributes that need TLS.
pub(super) fn drop_prefix(headers: &mut HeaderMap) {
    let lines: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for line in lines {
        headers.append(SET_COOKIE, without_tls(&line).unwrap_or(line));
    }
}

/// `SameSite=None` needs `Secure`, so the cookie is `Lax`: no page on another site gets it.
fn without_tls(line: &HeaderValue) -> Option<HeaderValue> {
    let parts = line.to_str().ok()?.strip_prefix(PREFIX)?.split(';').map(str::trim);
    let parts = parts.filter(|part| !["Secure", "Partitioned"].contains(part));
    let parts: Vec<&str> = parts.map(|part| if part == "SameSite=None" { "SameSite=Lax" } else { part }).collect();
    HeaderValue::try_from(parts.join("; ")).ok()
}
