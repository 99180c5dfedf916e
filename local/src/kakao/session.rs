//! Who is logged in at Kakao in a browser: a session in a cookie, or in KakaoTalk's own browser the user of the app.

use std::time::Duration;

use axum::http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, USER_AGENT},
};
use serde::Deserialize;
use shared::clock::Timestamp;

use super::{Data, Standin, random_text};

/// Its path keeps it away from the API, which has the same host name on a developer's machine.
const NAME_AND_PATH: (&str, &str) = ("kakao_session", "/oauth");
/// How long a login lasts at Kakao, where later logins do not extend it.
const TTL: Duration = Duration::from_hours(24);
/// How long it lasts if the user has ticked "stay logged in".
const LONG_TTL: Duration = Duration::from_hours(30 * 24);

/// A session in a browser.
pub(super) struct BrowserSession {
    person: String,
    expires_at: Timestamp,
}

/// The app KakaoTalk on the phone whose browser requests pages.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Talk {
    /// Who is logged in to the app, if anybody.
    pub(super) user: Option<String>,
    /// Whether Kakao has to show them a page before it issues a code, for another reason than consent.
    #[serde(default)]
    pub(super) needs_page: bool,
}

/// Whether a request comes from KakaoTalk's own browser, by the rule that Kakao documents.
pub(super) fn is_kakaotalk(headers: &HeaderMap) -> bool {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).is_some_and(|agent| agent.contains("KAKAOTALK"))
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(name, _)| *name == NAME_AND_PATH.0).map(|(_, id)| id)
}

fn cookie(id: &str, max_age: Duration) -> Option<HeaderValue> {
    let (name, path) = NAME_AND_PATH;
    let text = format!("{name}={id}; Path={path}; Max-Age={}; HttpOnly; SameSite=Lax", max_age.as_secs());
    HeaderValue::try_from(text).ok()
}

impl Standin {
    /// Who is logged in at Kakao in the browser that sent these headers.
    pub(super) fn person_in(&self, headers: &HeaderMap) -> Option<String> {
        let now = self.clock.now();
        let data = self.data();
        let session = session_id(headers).and_then(|id| data.sessions.get(id));
        let of_session = session.filter(|session| session.expires_at > now).map(|session| session.person.clone());
        of_session.or_else(|| data.talk.user.clone().filter(|_| is_kakaotalk(headers)))
    }

    /// Begins a session after a login, and returns its cookie. At Kakao every login begins one. Here one does outside of
    /// KakaoTalk only if the person stays logged in, so that tests can log in one person after another in a browser.
    pub(super) fn begin_session(&self, headers: &HeaderMap, person: &str, stays: bool) -> Option<HeaderValue> {
        if !stays && !is_kakaotalk(headers) {
            return None;
        }
        let ttl = if stays { LONG_TTL } else { TTL };
        let (id, expires_at) = (random_text(), self.clock.now() + ttl);
        self.data().sessions.insert(id.clone(), BrowserSession { person: person.to_owned(), expires_at });
        cookie(&id, ttl)
    }

    /// Ends the session of a browser, and returns the cookie that removes it. KakaoTalk itself stays logged in.
    pub(super) fn end_session(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if let Some(id) = session_id(headers) {
            self.data().sessions.remove(id);
        }
        cookie("", Duration::ZERO)
    }
}

impl Data {
    /// Whether Kakao has to show this person a page for another reason than login or consent.
    pub(super) fn needs_page(&self, person: &str) -> bool {
        self.talk.needs_page && self.talk.user.as_deref() == Some(person)
    }
}
