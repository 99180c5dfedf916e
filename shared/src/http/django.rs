//! The refresh tokens from Django that a request presents, for as long as they are exchanged here.

use std::{fmt, time::Duration};

use lambda_http::{Request, http::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Cookies, JsonObject, SameSite, cookie_values};
use crate::{
    clock::Timestamp,
    keys::{SecretCache, SecretError},
    simplejwt::{InvalidSimplejwt, SimplejwtKey, SimplejwtToken, is_jwt},
};

/// How far ahead the end may be. Django's tokens rarely live longer.
pub const LONGEST_EXCHANGE: Duration = Duration::from_hours(30 * 24);
/// A browser has at most two cookies of the name, one of the host and one of its domain, and there is one body.
const MAX_TOKENS: usize = 4;

/// Whether tokens from Django are exchanged, and how they are read.
pub struct DjangoTokens {
    until: Option<Timestamp>,
    cookie: String,
    key: SecretCache<Option<SimplejwtKey>>,
}

/// What a request presents as tokens from Django. None of it is verified yet.
#[derive(Debug, Default)]
pub struct PresentedDjango(Vec<Presented>);

#[derive(Debug)]
struct Presented {
    text: SecretString,
    carrier: Carrier,
}

/// Where a token from Django was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In Django's cookie.
    Cookie,
    /// In the member `refresh` of the body.
    Body,
}

/// A verified token from Django.
#[derive(Debug)]
pub struct DjangoToken {
    /// What it says.
    pub token: SimplejwtToken,
    /// Its text, from which its session is derived.
    pub text: SecretString,
    /// Where it was.
    pub carrier: Carrier,
}

/// What a request presents, verified.
#[derive(Debug, Default)]
pub struct VerifiedDjango {
    /// The good ones, that of the body first.
    pub tokens: Vec<DjangoToken>,
    /// What is wrong with the last one that is not good.
    pub refused: Option<InvalidSimplejwt>,
    /// Whether Django has signed every cookie, so that each is spent for good once it is refused. A cookie that another key has
    /// signed stays: the operator may have stored the wrong key.
    pub all_signed: bool,
}

impl fmt::Debug for DjangoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoTokens").field("until", &self.until).field("cookie", &self.cookie).finish_non_exhaustive()
    }
}

impl DjangoTokens {
    /// Tokens in this cookie, or in a body, until this time. `None` exchanges none.
    #[must_use]
    pub const fn new(until: Option<Timestamp>, cookie: String, key: SecretCache<Option<SimplejwtKey>>) -> Self {
        Self { until, cookie, key }
    }

    /// Whether tokens are exchanged at this time. An end that is too far ahead counts as a mistake, and none are.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| is_open(until, now))
    }

    /// The tokens of a request: that in its body first, as in Django, then the values of Django's cookie. None of ours has their shape.
    #[must_use]
    pub fn presented(&self, request: &Request, body: Option<&JsonObject>, now: Timestamp) -> PresentedDjango {
        if !self.is_open(now) {
            return PresentedDjango::default();
        }
        let in_body = body.and_then(|body| body.member("refresh")).and_then(Value::as_str).map(SecretString::from);
        let in_body = in_body.map(|text| Presented { text, carrier: Carrier::Body });
        let cookies = cookie_values(request, &self.cookie);
        let cookies = cookies.into_iter().map(|text| Presented { text, carrier: Carrier::Cookie });
        let all = in_body.into_iter().chain(cookies).filter(|presented| is_jwt(presented.text.expose_secret()));
        PresentedDjango(all.take(MAX_TOKENS).collect())
    }

    /// Verifies the presented tokens. Without any, the key is not read. If an operator has removed the key, every token is refused.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if no key was ever stored, or the table of keys cannot be read.
    pub async fn verify(&self, presented: &PresentedDjango, now: Timestamp) -> Result<VerifiedDjango, SecretError> {
        if presented.is_empty() {
            return Ok(VerifiedDjango::default());
        }
        let key = self.key.at(now).await?;
        let Some(key) = key.as_ref() else { return Ok(VerifiedDjango::default()) };
        let mut verified = VerifiedDjango { all_signed: true, ..VerifiedDjango::default() };
        for Presented { text, carrier } in &presented.0 {
            match key.verify(text.expose_secret(), now) {
                Ok(token) => verified.tokens.push(DjangoToken { token, text: text.clone(), carrier: *carrier }),
                Err(refused) => {
                    verified.refused = Some(refused);
                    verified.all_signed &= *carrier == Carrier::Body || refused.is_signed();
                }
            }
        }
        Ok(verified)
    }

    /// The `Set-Cookie` header that clears Django's cookie, if it was presented.
    ///
    /// It clears a cookie of this host with `Path=/`, as Django sets it by default. One of the whole domain stays, and is worth nothing,
    /// as its token is spent. On a developer's machine our cookie may have the same name: then ours replaces it.
    ///
    /// # Panics
    ///
    /// Never: the name is checked with the other settings.
    #[must_use]
    pub fn clear(&self, presented: &PresentedDjango, ours: &Cookies) -> Option<HeaderValue> {
        let is_presented = presented.0.iter().any(|presented| presented.carrier == Carrier::Cookie);
        if !is_presented || self.cookie == ours.name() {
            return None;
        }
        let secure = if ours.secure { "; Secure" } else { "" };
        // Browsers ignore a `Lax` cookie in a response to another site's page.
        let same_site = if ours.same_site == SameSite::None { "None" } else { "Lax" };
        let text = format!("{}=; Max-Age=0; Path=/{secure}; HttpOnly; SameSite={same_site}", self.cookie);
        Some(HeaderValue::try_from(text).expect("a cookie's name and attributes are visible ASCII"))
    }
}

/// Whether tokens are exchanged at this time, if they are until that one.
fn is_open(until: Timestamp, now: Timestamp) -> bool {
    now < until && until <= now + LONGEST_EXCHANGE
}

impl PresentedDjango {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_exchanged_until_the_end_which_is_at_most_thirty_days_ahead() {
        let until = Timestamp::from_unix_seconds(1_800_000_000);
        for (seconds_before, expected) in
            [(-1, false), (0, false), (1, true), (30 * 86_400, true), (30 * 86_400 + 1, false), (86_400_000, false)]
        {
            let now = Timestamp::from_unix_seconds(until.unix_seconds() - seconds_before);
            assert_eq!(is_open(until, now), expected, "{seconds_before}");
        }
    }
}
