//! A browser with a linked session: its cookie, the links that its pages share, and what our client does with each response
//! (`web/src/renewal.ts`). It sends nothing itself, so that requests can be late, lost or repeated.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::{Value, json};
use shared::{clock::Timestamp, session::LINK_PACE};

use crate::{
    chain::{confirmed, parts},
    client::{Functions, Response, cookie_pair, jwt_part},
    links::{Entry, Links, record_of},
};

/// How often a request is sent again because another page was faster.
const REPEATS: u32 = 3;
/// Our client waits so long for a response.
pub const PATIENCE: Duration = Duration::from_secs(7);
const _: () = assert!(PATIENCE.as_secs() < LINK_PACE.as_secs(), "an honest page would ask in vain");

/// What is in the browser.
#[derive(Clone, Debug, Default)]
pub struct LinkedBrowser {
    cookie: Option<String>,
    access: String,
    /// The session that its pages believe to have.
    session: Option<String>,
    /// The links.
    pub links: Links,
}

/// What a page does to have one request served: it may have to send it with several links.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The path.
    pub path: &'static str,
    /// The session that the browser had when it began.
    session: Option<String>,
    tried: BTreeSet<String>,
    named: Option<String>,
    repeats: u32,
    entry: Option<Entry>,
}

/// A request of a page. A copy of it is what a network or a thief may have recorded.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The path.
    pub path: &'static str,
    /// The cookie.
    pub cookie: String,
    /// `link` in the body, or `null`.
    pub links: Value,
}

/// What the page does after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It sends the request again, with another link.
    Again,
    /// It has what it asked for.
    Done,
    /// It has what it asked for, by a repetition of an old request. That does not postpone the end of the session, so it refreshes
    /// once more.
    DoneOnce,
    /// It waits and asks again.
    Later,
    /// It shows that the user is logged out. With `true`, it also logs the cookie out: its links were used by somebody else.
    LoggedOut(bool),
}

/// The session of an access token.
#[must_use]
pub fn session_of(access: &str) -> String {
    jwt_part(access, 1)["sid"].as_str().unwrap_or_default().to_owned()
}

/// The session of a refresh token that names its key.
#[must_use]
pub fn session_of_cookie(cookie: &str) -> String {
    let token = BASE64_URL_SAFE_NO_PAD.decode(cookie).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(token.get(18..34).unwrap_or_default())
}

impl LinkedBrowser {
    /// The refresh token in its cookie, or `""`.
    #[must_use]
    pub fn cookie(&self) -> &str {
        self.cookie.as_deref().unwrap_or_default()
    }

    /// Its access token, or `""`.
    #[must_use]
    pub fn access(&self) -> &str {
        &self.access
    }

    /// The session that its pages believe to have.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The body of a login with this credential. Its repetitions have the same link.
    pub fn log_in(&mut self, credential: &Value, now: Timestamp) -> Value {
        let entry = self.links.begin(credential, now);
        let mut body = credential.clone();
        body["link"] = entry.links()["next"].take();
        body
    }

    /// Sets or clears the cookie, as the browser itself does with every response that arrives.
    pub fn take_cookie(&mut self, response: &Response) {
        if let Some(cookie) = &response.cookie {
            self.cookie = Some(cookie.clone()).filter(|cookie| !cookie.is_empty());
        }
    }

    /// The page takes the response to a login with this credential. Returns whether it is logged in.
    pub fn logged_in(&mut self, credential: &Value, response: &Response) -> bool {
        self.take_cookie(response);
        let entry = self.links.of_login(credential);
        let is_refused = response.status.is_client_error() && response.status != 429;
        if response.status != 200 {
            // Unless a session may have begun by an earlier try, whose response was lost.
            if let Some(entry) = entry.filter(|entry| is_refused && entry.tries == 1) {
                self.links.drop(&entry.key);
            }
            return false;
        }
        let session = session_of(response.access());
        match (&entry, confirmed(response)) {
            (Some(entry), Some(confirmed)) => self.links.confirm(entry, &session, &confirmed),
            (Some(entry), None) => self.links.drop(&entry.key),
            (None, _) => {}
        }
        self.session = Some(session);
        response.access().clone_into(&mut self.access);
        true
    }

    /// The browser was closed in the middle of a login, whose cookie had arrived. Its pages look for a session when it is opened.
    pub fn reopen(&mut self) {
        self.session = self.cookie.as_deref().map(session_of_cookie);
    }

    /// A page begins a request that needs a link.
    #[must_use]
    pub fn begin(&self, path: &'static str) -> Asking {
        let session = self.session.clone();
        Asking { path, session, tried: BTreeSet::new(), named: None, repeats: 0, entry: None }
    }

    /// Takes the links of the page's next request, which are stored from then on.
    pub fn take_links(&mut self, asking: &mut Asking, now: Timestamp) {
        asking.entry = self.links.take(asking.named.as_deref(), &asking.tried, now);
    }

    /// The request with the links that were taken, and the present cookie.
    #[must_use]
    pub fn request(&self, asking: &Asking) -> Sent {
        let links = asking.entry.as_ref().map_or(Value::Null, Entry::links);
        Sent { path: asking.path, cookie: self.cookie().to_owned(), links }
    }

    /// Both: what a page that is awake does at once.
    pub fn ask(&mut self, asking: &mut Asking, now: Timestamp) -> Sent {
        self.take_links(asking, now);
        self.request(asking)
    }

    /// The page takes the response to its last request.
    pub fn take(&mut self, asking: &mut Asking, response: &Response, now: Timestamp) -> Next {
        self.take_cookie(response);
        match (response.status.as_u16(), response.code()) {
            (200, _) => self.take_success(asking, response, now),
            (403, "link_required") => {
                let named = response.body["session"].as_str().map(ToOwned::to_owned);
                if asking.named != named {
                    asking.tried.clear();
                    asking.named = named;
                }
                let Some(entry) = asking.entry.take() else { return self.leave(asking, false) };
                asking.tried.insert(entry.key);
                if self.links.has_untried(&asking.tried) { Next::Again } else { self.leave(asking, false) }
            }
            (409, "link_stale") => match &asking.entry {
                Some(entry) if !self.links.is_current(entry) => {
                    asking.repeats += 1;
                    if asking.repeats <= REPEATS { Next::Again } else { Next::Later }
                }
                _ => self.leave(asking, true),
            },
            (401, "token_not_valid") => self.leave(asking, false),
            _ => Next::Later,
        }
    }

    fn take_success(&mut self, asking: &Asking, response: &Response, now: Timestamp) -> Next {
        let Some(access) = response.body["access"].as_str() else { return Next::Done };
        if asking.session == self.session {
            access.clone_into(&mut self.access);
        }
        let (Some(entry), Some(confirmed)) = (&asking.entry, confirmed(response)) else { return Next::Done };
        self.links.confirm(entry, &session_of(access), &confirmed);
        let is_old = entry.next.as_ref().is_some_and(|(_, drawn_at)| *drawn_at <= now - LINK_PACE);
        if is_old { Next::DoneOnce } else { Next::Done }
    }

    /// The page is logged out. So are all pages, if they still have the session that they had when it asked.
    fn leave(&mut self, asking: &Asking, logs_out: bool) -> Next {
        if let Some(entry) = asking.entry.as_ref().filter(|entry| entry.prev.is_some()) {
            self.links.drop(&entry.key);
        }
        if asking.session != self.session {
            return Next::Later;
        }
        self.session = None;
        Next::LoggedOut(logs_out)
    }

    /// The pages know that they are logged out, and forget the session's record.
    pub fn forget(&mut self) {
        if let Some(session) = self.session.take() {
            self.links.drop(&record_of(&session));
        }
    }
}

impl Sent {
    /// The request, to be sent.
    pub fn to(&self, functions: &Functions) -> RequestBuilder {
        let request = functions.request(Method::POST, self.path).json(&json!({"link": self.links}));
        if self.cookie.is_empty() { request } else { request.header(COOKIE, cookie_pair(&self.cookie)) }
    }

    /// The number of its `prev`. `None` without one.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.links["prev"].as_str().map(|prev| parts(prev).0)
    }
}
