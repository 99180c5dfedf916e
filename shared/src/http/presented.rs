//! Where a request carries its refresh token: in cookies, or in its body.

use std::str::FromStr;

use lambda_http::{Request, http::header::ORIGIN};
use serde_json::Value;

use super::{Cookies, JsonObject};
use crate::{
    error::Error,
    session::{Presented, Transport, Version},
};

/// Which front ends are served that a page cannot do without ours (the setting `COMPATIBILITY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// Ours only: a page has its refresh token in a cookie.
    None,
    /// Those of dj-rest-auth with `JWT_AUTH_HTTPONLY=False`: a page may have its refresh token in its own storage.
    DjRestAuth,
}

impl FromStr for Compatibility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "dj-rest-auth" => Ok(Self::DjRestAuth),
            _ => Err("must be none or dj-rest-auth".to_owned()),
        }
    }
}

/// Finds the refresh tokens of a request: the one in its body if that is a token for bodies, else its cookies.
///
/// The body decides by what its text claims to be, so a front end of another server that still sends that server's token is served
/// by its cookies, and a body never overrides a cookie with garbage.
///
/// # Errors
///
/// [`Error::NativeOnly`] if a page presents the token of an app.
pub fn presented(
    request: &Request,
    body: &JsonObject,
    cookies: &Cookies,
    compatibility: Compatibility,
) -> Result<Presented, Error> {
    let text = body.member("refresh").and_then(Value::as_str);
    let claimed = text.and_then(Version::claimed_by).map(Version::transport);
    match (text, claimed) {
        (Some(_), Some(Transport::App)) if is_from_page(request) => Err(Error::NativeOnly),
        (Some(text), Some(Transport::App)) => Ok(Presented::Body(text.into())),
        (Some(text), Some(Transport::Page)) if compatibility == Compatibility::DjRestAuth => {
            Ok(Presented::Body(text.into()))
        }
        _ => Ok(Presented::Cookies(cookies.presented(request))),
    }
}

/// Whether a page made the request: browsers send `Origin` with every POST of a page and `Sec-Fetch-Site` with every request, and
/// pages can change neither.
///
/// `Sec-Fetch-Mode` alone does not count: the `fetch` of Node sends it, and no browser sends it without `Sec-Fetch-Site`.
#[must_use]
pub fn is_from_page(request: &Request) -> bool {
    let is_of_browsers = |name: &str| name.starts_with("sec-fetch-") && name != "sec-fetch-mode";
    request.headers().keys().any(|name| name == ORIGIN || is_of_browsers(name.as_str()))
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;

    use super::*;

    #[test]
    fn a_request_is_from_a_page_if_it_has_an_origin_or_fetch_metadata_of_a_browser() {
        let is_from_page = |headers: &[&str]| {
            let mut request = Request::new(Body::Empty);
            for name in headers {
                let name: lambda_http::http::HeaderName = name.parse().unwrap();
                request.headers_mut().insert(name, "null".parse().unwrap());
            }
            is_from_page(&request)
        };
        for name in ["Origin", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Sec-Fetch-User", "Sec-Fetch-Storage-Access"] {
            assert!(is_from_page(&[name]), "{name}");
            assert!(is_from_page(&["Sec-Fetch-Mode", name]), "{name}");
        }
        for names in [&[][..], &["Sec-Fetch-Mode"], &["User-Agent", "Referer", "Cookie"]] {
            assert!(!is_from_page(names), "{names:?}");
        }
    }
}
