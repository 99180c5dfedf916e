//! The cookie that carries the refresh token (RFC 6265bis).

use std::str::FromStr;

use lambda_http::{
    Request,
    http::{HeaderValue, header::COOKIE},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    clock::Timestamp,
    session::{Kind, RefreshToken, Transport, Version},
};

/// How the cookie is set.
///
/// The prefix `__Host-Http-` makes browsers refuse the cookie from scripts, from other hosts and over plain HTTP. Browsers that do
/// not know this prefix apply the rules of `__Host-`.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// Which sites' requests carry the cookie.
    pub same_site: SameSite,
    /// False only on a developer's machine, for browsers that refuse `Secure` on `http://localhost`.
    pub secure: bool,
}

/// The attribute `SameSite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Same-site requests only.
    Strict,
    /// Same-site requests, and links from other sites.
    Lax,
    /// All requests, with a separate cookie for each site that embeds us (`Partitioned`).
    None,
}

impl Cookies {
    /// The cookie's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        if self.secure { "__Host-Http-refresh_token" } else { "refresh_token" }
    }

    /// Every value that this request has under our name. None of them is verified yet.
    ///
    /// There can be two: after `CookieSameSite` was changed, browsers keep a partitioned cookie beside an ordinary one. A page of a
    /// sibling host cannot add one, as `__Host-` keeps it from setting this name. Some browsers apply prefixes case-sensitively, so
    /// such a page may set a name that differs in case. That counts as another cookie.
    #[must_use]
    pub fn presented(&self, request: &Request) -> Vec<SecretString> {
        cookie_values(request, self.name())
    }

    /// The `Set-Cookie` headers that set a token. A rotating one is set until the session expires, and set anew by each renewal. A
    /// linked one is never set again, so it is set until the session's latest end.
    ///
    /// If several cookies were presented, one of them is of the other kind (partitioned or not), so that kind is cleared. Clearing
    /// comes first: a browser that does not know `Partitioned` has one cookie for both kinds and keeps the last one.
    ///
    /// # Panics
    ///
    /// Never: a token is base64url.
    #[must_use]
    pub fn set(
        &self,
        token: &RefreshToken,
        expires_at: Timestamp,
        now: Timestamp,
        presented: &[SecretString],
    ) -> Vec<HeaderValue> {
        let max_age = token.kept_until(expires_at).seconds_since(now);
        let mut value = self.header(token.expose(), max_age, self.attributes());
        value.set_sensitive(true);
        let other = (presented.len() > 1).then(|| self.clear_other_kind()).flatten();
        other.into_iter().chain([value]).collect()
    }

    /// The `Set-Cookie` headers that clear the presented cookies, partitioned or not. There are none if no cookie was presented:
    /// another response may have set one since the request was sent.
    #[must_use]
    pub fn clear(&self, presented: &[SecretString]) -> Vec<HeaderValue> {
        if presented.is_empty() {
            return Vec::new();
        }
        self.clear_other_kind().into_iter().chain([self.header("", 0, self.attributes())]).collect()
    }

    /// Like [`clear`](Self::clear), but nothing if one of the cookies has, or claims to have, the token of a linked session.
    ///
    /// No response to a refresh sets or clears such a cookie, so it does not matter in which order a browser gets the responses to
    /// several requests: none can undo the cookie of a login that happened meanwhile.
    #[must_use]
    pub fn clear_unless_linked(&self, presented: &[SecretString]) -> Vec<HeaderValue> {
        let is_linked = |text: &SecretString| {
            Version::claimed_by(text.expose_secret()) == Some(Version::issued(Kind::Linked, Transport::Cookie))
        };
        if presented.iter().any(is_linked) { Vec::new() } else { self.clear(presented) }
    }

    /// A cookie without `Secure` cannot be partitioned, so there is only one kind then.
    fn clear_other_kind(&self) -> Option<HeaderValue> {
        let attributes = match self.same_site {
            SameSite::None => "None",
            SameSite::Strict | SameSite::Lax => PARTITIONED,
        };
        self.secure.then(|| self.header("", 0, attributes))
    }

    fn attributes(&self) -> &'static str {
        match self.same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => PARTITIONED,
        }
    }

    fn header(&self, value: &str, max_age: u64, same_site: &str) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name();
        let text = format!("{name}={value}; Max-Age={max_age}; Path=/{secure}; HttpOnly; SameSite={same_site}");
        HeaderValue::try_from(text).expect("base64url and attributes are visible ASCII")
    }
}

/// Every value that a request has under this name.
#[must_use]
pub fn cookie_values(request: &Request, name: &str) -> Vec<SecretString> {
    let mut found = Vec::new();
    for header in request.headers().get_all(COOKIE) {
        // Cookies of other services may hold any bytes.
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = String::from_utf8_lossy(pair.trim_ascii());
            let (key, value) = pair.split_once('=').unwrap_or((&pair, ""));
            // Trim only what browsers trim: `__Host-` does not guard a name that ends in a no-break space.
            if key.trim_ascii_end() == name {
                found.push(value.trim_ascii_start().into());
            }
        }
    }
    found
}

const PARTITIONED: &str = "None; Partitioned";

impl FromStr for SameSite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "Strict" => Ok(Self::Strict),
            "Lax" => Ok(Self::Lax),
            "None" => Ok(Self::None),
            _ => Err("not Strict, Lax or None".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{id::UserId, session::RefreshTokenKeys};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const COOKIES: Cookies = Cookies { same_site: SameSite::Strict, secure: true };

    fn token(kind: Kind) -> RefreshToken {
        let key = json!({"secret": "A".repeat(43), "mints_from": 0});
        let keys = RefreshTokenKeys::new(&[serde_json::from_value(key).unwrap()]).unwrap();
        let ends_at = NOW + Duration::from_mins(50);
        keys.issue(
            Version::issued(kind, Transport::Cookie),
            UserId::generate(),
            keys.new_session(None, NOW),
            ends_at,
            NOW,
        )
    }

    #[test]
    fn the_cookie_of_a_rotating_session_lasts_until_it_expires_and_of_a_linked_one_until_its_end() {
        for (kind, expected) in [(Kind::Rotating, 700), (Kind::Linked, 3_000)] {
            let set = COOKIES.set(&token(kind), NOW + Duration::from_secs(700), NOW, &[]);
            let text = set[0].to_str().unwrap();
            assert!(set.len() == 1 && text.contains(&format!("; Max-Age={expected};")), "{kind:?}: {text}");
        }
    }

    #[test]
    fn a_cookie_that_claims_to_be_of_a_linked_session_is_not_cleared_nor_is_another_beside_it() {
        let [rotating, linked] = [Kind::Rotating, Kind::Linked].map(|kind| token(kind).expose().to_owned());
        let broken = format!("{}~", &linked[..30]);
        let cleared = |presented: &[&str]| {
            let presented: Vec<SecretString> = presented.iter().map(|text| (*text).into()).collect();
            let cleared = COOKIES.clear_unless_linked(&presented);
            assert!(cleared.is_empty() || cleared == COOKIES.clear(&presented));
            !cleared.is_empty()
        };
        for presented in [&[&*rotating][..], &["garbage"], &[""], &[&rotating, "garbage"]] {
            assert!(cleared(presented), "{presented:?}");
        }
        for presented in [&[][..], &[&*linked], &[&broken], &[&rotating, &linked], &[&linked, &rotating]] {
            assert!(!cleared(presented), "{presented:?}");
        }
    }
}
