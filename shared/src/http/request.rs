//! Reading a request.

use lambda_http::{
    Request,
    aws_lambda_events::query_map::QueryMap,
    http::{
        HeaderMap,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ORIGIN},
    },
};
use reqwest::Url;
use serde_json::{Map, Value};

use super::is_from_page;
use crate::{address, error::Error};

/// The origins whose pages may log in, refresh and log out (Fetch §3.2, exact match).
#[derive(Clone, Debug)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Checks origins such as `https://www.example.com`.
    ///
    /// # Errors
    ///
    /// Which origin is wrong, and what to write instead.
    pub fn new(origins: Vec<String>) -> Result<Self, String> {
        origins.iter().try_for_each(|origin| address::check_origin(origin))?;
        Ok(Self(origins))
    }

    /// Whether this is the address of a page of one of these origins.
    #[must_use]
    pub fn allows(&self, page: &Url) -> bool {
        // The origin of a `blob:` address is the one of the page that made it.
        let is_page = ["https", "http"].contains(&page.scheme());
        is_page && self.0.contains(&page.origin().ascii_serialization())
    }

    /// The first origin.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    /// Whether pages of several of these origins may share the refresh cookie, which belongs to the API's host.
    ///
    /// They share the cookie but not the storage in which a page keeps its links. `localhost` is no other origin's site, so a page
    /// there never has the cookie of a deployed page: browsers send a `Strict` or `Lax` cookie to its own site only, and partition
    /// the others by site.
    #[must_use]
    pub fn may_share_the_cookie(&self) -> bool {
        let is_local = |origin: &&String| origin.starts_with("http://");
        let local = self.0.iter().filter(is_local).count();
        local > 1 || self.0.len() - local > 1
    }

    /// Rejects the request if a page of another origin made it.
    ///
    /// Browsers send `Origin` with every POST and pages cannot change it, so it decides, also if the page is on another site
    /// (`CookieSameSite=None`). Without it, `Sec-Fetch-Site` decides. Native apps and servers send neither header, and no other page
    /// can make them send their cookies.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignOrigin`].
    pub fn check_origin(&self, request: &Request) -> Result<(), Error> {
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let passes = match (origins.next(), origins.next()) {
            (Some(origin), None) => self.0.iter().any(|ours| origin == ours),
            (Some(_), Some(_)) => false,
            (None, _) => {
                let mut sites = request.headers().get_all("sec-fetch-site").iter();
                sites.all(|site| site == "same-origin" || site == "same-site" || site == "none")
            }
        };
        if passes { Ok(()) } else { Err(Error::ForeignOrigin) }
    }
}

/// The object of a body: JSON, or the form of a client that is not a browser. Unknown members are ignored.
#[derive(Debug)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// Reads a required body.
    ///
    /// # Errors
    ///
    /// - [`Error::NotJson`] if the content type is not JSON, nor a form that no browser sent. A form of another site cannot post JSON.
    /// - [`Error::InvalidRequest`] if it is not a JSON object.
    pub fn required(request: &Request) -> Result<Self, Error> {
        match parse(request)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(invalid("The body must be a JSON object.")),
        }
    }

    /// Reads an optional body. `null`, `""`, `[]`, white space and a byte order mark count as absent, because HTTP clients send them
    /// if their caller gave them no body.
    ///
    /// # Errors
    ///
    /// The errors of [`required`](Self::required), if there is a body. A blank body needs no content type.
    pub fn optional(request: &Request) -> Result<Self, Error> {
        if trimmed(request.body()).is_empty() {
            return Ok(Self(Map::new()));
        }
        match parse(request)? {
            Value::Object(members) => Ok(Self(members)),
            Value::Null => Ok(Self(Map::new())),
            Value::String(text) if text.is_empty() => Ok(Self(Map::new())),
            Value::Array(items) if items.is_empty() => Ok(Self(Map::new())),
            _ => Err(invalid("The body must be a JSON object.")),
        }
    }

    /// A string member of 1 to `max` bytes. `null` and `""` count as absent.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if it has another type, is too long, or has characters that are not visible ASCII. Tokens, codes and
    /// addresses have none, and headers could not carry them.
    pub fn text(&self, name: &str, max: usize) -> Result<Option<&str>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.len() > max => {
                Err(invalid(&format!("`{name}` is longer than {max} bytes.")))
            }
            Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text)),
            Some(Value::String(_)) => Err(invalid(&format!("`{name}` holds characters that it cannot have."))),
            Some(_) => Err(invalid(&format!("`{name}` must be a string."))),
        }
    }

    /// A member as it was sent.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A boolean member. Absent counts as `false`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if it has another type.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid(&format!("`{name}` must be true or false."))),
        }
    }
}

fn invalid(detail: &str) -> Error {
    Error::InvalidRequest(detail.to_owned())
}

fn parse(request: &Request) -> Result<Value, Error> {
    if is_form_of_a_program(request) {
        return Ok(Value::Object(form(request.body())));
    }
    if !is_json(request.headers()) {
        return Err(Error::NotJson);
    }
    serde_json::from_slice(trimmed(request.body())).map_err(|_| invalid("The body is not valid JSON."))
}

/// Whether a program sent a form. A form of a page could be another site's.
///
/// Old browsers send neither `Origin` nor fetch metadata with a form, but each of them asks for `text/html` then, and a page cannot
/// change that.
fn is_form_of_a_program(request: &Request) -> bool {
    let headers = request.headers();
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let shows_a_page = |accept: &str| accept.to_ascii_lowercase().contains("text/html");
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && !is_from_page(request)
        && headers.get_all(ACCEPT).iter().all(|accept| accept.to_str().is_ok_and(|accept| !shows_a_page(accept)))
}

/// The fields of a form as texts. The last of several with one name counts, as in Django.
fn form(body: &[u8]) -> Map<String, Value> {
    let fields: QueryMap = String::from_utf8_lossy(body).parse().unwrap_or_default();
    fields.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

/// A body without surrounding white space and without the byte order mark that RFC 8259 §8.1 lets readers ignore.
fn trimmed(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

/// Whether every content type is JSON. The gateway joins several headers with commas.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter().peekable();
    let is_json = |content_type: &str| {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    };
    types.peek().is_some() && types.all(|value| value.to_str().is_ok_and(|types| types.split(',').all(is_json)))
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1).
///
/// # Errors
///
/// [`Error::NoAccessToken`] if there is no such header, or several.
pub fn bearer(request: &Request) -> Result<&str, Error> {
    credential(request, "bearer").ok_or(Error::NoAccessToken)
}

/// The credential of an `Authorization` header with this scheme, which is case-insensitive (RFC 9110 §11.1). `None` if there is no such
/// header, or several.
#[must_use]
pub fn credential<'a>(request: &'a Request, scheme: &str) -> Option<&'a str> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else { return None };
    let (sent, credential) = header.to_str().ok()?.split_once(' ')?;
    sent.eq_ignore_ascii_case(scheme).then(|| credential.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_several_deployed_or_several_local_origins_may_share_the_cookie() {
        let (shop, admin) = ("https://shop.example.com", "https://admin.example.com");
        let (vite, docker) = ("http://localhost:5173", "http://localhost:9000");
        for (origins, expected) in [
            (&[shop][..], false),
            (&[vite], false),
            (&[shop, vite], false),
            (&[vite, shop], false),
            (&[shop, admin], true),
            (&[vite, docker], true),
            (&[shop, vite, docker], true),
            (&[shop, vite, admin], true),
        ] {
            let all = Origins::new(origins.iter().map(|origin| (*origin).to_owned()).collect()).unwrap();
            assert_eq!(all.may_share_the_cookie(), expected, "{origins:?}");
        }
    }
}
