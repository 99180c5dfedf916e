//! The cookie that carries the refresh token (RFC 6265bis).

use std::str::FromStr;

use lambda_http::{
    Request,
    http::{HeaderValue, header::COOKIE},
};
use secrecy::SecretString;

use crate::{clock::Timestamp, token::RefreshToken};

/// How the cookie is set.
///
/// `__Host-Http-` has browsers refuse it from scripts, from other hosts and over plain HTTP. Browsers that do not know the
/// prefix still see one that begins with `__Host-`.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// Which sites' requests carry it.
    pub same_site: SameSite,
    /// False only on a developer's machine, for browsers that refuse `Secure` on `http://localhost`.
    pub secure: bool,
}

/// The attribute `SameSite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Same-site requests only.
    Strict,
    /// Also when somebody follows a link to us.
    Lax,
    /// Always, but in a jar of its own for each site that embeds us (`Partitioned`).
    None,
}

/// What a request carries under the cookie's name.
#[derive(Debug)]
pub enum PresentedCookie {
    /// No such cookie.
    Absent,
    /// One.
    One(SecretString),
    /// Several, or one whose name differs in case: browsers take these for the same name and somebody may have planted
    /// one, so none of them is believed.
    Ambiguous,
}

impl Cookies {
    /// The cookie's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        if self.secure { "__Host-Http-refresh_token" } else { "refresh_token" }
    }

    /// What this request presents.
    #[must_use]
    pub fn presented(&self, request: &Request) -> PresentedCookie {
        let name = self.name();
        let mut found = PresentedCookie::Absent;
        for header in request.headers().get_all(COOKIE) {
            // Cookies of other services may hold any bytes: they are none of our business.
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                let pair = String::from_utf8_lossy(pair.trim_ascii());
                let (key, value) = pair.split_once('=').unwrap_or((&pair, ""));
                // Only of what browsers trim: a name that ends in a no-break space is another one, which `__Host-` does not guard.
                let key = key.trim_ascii_end();
                if !key.eq_ignore_ascii_case(name) {
                    continue;
                }
                if matches!(found, PresentedCookie::One(_)) || key != name {
                    return PresentedCookie::Ambiguous;
                }
                found = PresentedCookie::One(value.trim_ascii_start().into());
            }
        }
        found
    }

    /// The `Set-Cookie` that hands out a token, until the session expires.
    ///
    /// # Panics
    ///
    /// Never: a token is base64url.
    #[must_use]
    pub fn set(&self, token: &RefreshToken, expires_at: Timestamp, now: Timestamp) -> HeaderValue {
        let mut value = self.header(token.expose(), expires_at.seconds_since(now));
        value.set_sensitive(true);
        value
    }

    /// The `Set-Cookie` that clears it.
    #[must_use]
    pub fn clear(&self) -> HeaderValue {
        self.header("", 0)
    }

    fn header(&self, value: &str, max_age: u64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let same_site = match self.same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => "None; Partitioned",
        };
        let name = self.name();
        let text = format!("{name}={value}; Max-Age={max_age}; Path=/{secure}; HttpOnly; SameSite={same_site}");
        HeaderValue::try_from(text).expect("base64url and attributes are visible ASCII")
    }
}

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
