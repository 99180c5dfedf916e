//! A browser's state of a session, with a check that its responses are consistent.

use std::collections::{BTreeMap, btree_map::Entry};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::client::Response;

/// User, session, end and generation in a refresh token, as `shared::session` writes them.
const NAME_BYTES: usize = 16 + 16 + 4 + 4;
/// The secret after them. The tag, which is last, changes with the server's key.
const SECRET_BYTES: usize = 32;

/// What stands before them: the version, and the id of the key from version 2 on.
fn head_bytes(token: &[u8]) -> usize {
    if token.first() == Some(&1) { 1 } else { 2 }
}

/// The last cookie and access token, and every refresh token that was ever set.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookie: Option<String>,
    access: String,
    /// The secrets, by session and generation.
    lineage: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Browser {
    /// A browser that has just logged in.
    ///
    /// # Panics
    ///
    /// If the response sets no refresh token.
    #[must_use]
    pub fn logged_in(response: &Response) -> Self {
        let mut browser = Self::default();
        browser.take(response).expect("it has seen no other token");
        assert!(browser.cookie.is_some(), "no refresh token: {} {}", response.status, response.body);
        browser
    }

    /// Takes a response. Returns whether it set a refresh token that was not seen before.
    ///
    /// # Errors
    ///
    /// If the response set a second token for one generation of a session.
    pub fn take(&mut self, response: &Response) -> Result<bool, String> {
        let is_new = self.miss(response)?;
        if let Some(access) = response.body["access"].as_str() {
            access.clone_into(&mut self.access);
        }
        if let Some(cookie) = &response.cookie {
            self.cookie = Some(cookie.clone()).filter(|cookie| !cookie.is_empty());
        }
        Ok(is_new)
    }

    /// Notes the refresh token of a response that the browser never receives.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub fn miss(&mut self, response: &Response) -> Result<bool, String> {
        let Some(token) = response.cookie.clone().filter(|token| !token.is_empty()) else { return Ok(false) };
        let token = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap_or_default();
        let mut content = token[head_bytes(&token)..].chunks(NAME_BYTES);
        let name = content.next().unwrap_or_default().to_vec();
        let secret = content.next().unwrap_or_default()[..SECRET_BYTES].to_vec();
        match self.lineage.entry(name) {
            Entry::Vacant(first) => {
                first.insert(secret);
                Ok(true)
            }
            Entry::Occupied(first) if *first.get() == secret => Ok(false),
            Entry::Occupied(_) => Err("a double lineage: two refresh tokens of one generation".to_owned()),
        }
    }

    /// The refresh token in its cookie, or `""`.
    #[must_use]
    pub fn cookie(&self) -> &str {
        self.cookie.as_deref().unwrap_or_default()
    }

    /// Whether it has the cookie.
    #[must_use]
    pub fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// Its access token, or `""`.
    #[must_use]
    pub fn access(&self) -> &str {
        &self.access
    }

    /// Deletes the cookie.
    pub fn forget(&mut self) {
        self.cookie = None;
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};
    use serde_json::json;

    use super::*;

    fn response(token: &[u8]) -> Response {
        let cookie = Some(BASE64_URL_SAFE_NO_PAD.encode(token));
        Response { status: StatusCode::OK, body: json!({"access": "a"}), headers: HeaderMap::new(), cookie }
    }

    #[test]
    fn a_second_token_of_one_generation_is_detected_even_if_it_never_arrives() {
        for version in [1, 2] {
            let mut first = [7; 90];
            first[0] = version;
            let (mut second, mut next) = (first, first);
            second[head_bytes(&first) + NAME_BYTES] = 8;
            next[head_bytes(&first) + NAME_BYTES - 1] = 8;
            assert_detected(&first, &second, &next);
        }
    }

    fn assert_detected(first: &[u8], second: &[u8], next: &[u8]) {
        let mut browser = Browser::logged_in(&response(first));
        assert_eq!(browser.take(&response(first)), Ok(false));
        assert!(browser.take(&response(second)).is_err());
        assert!(browser.miss(&response(second)).is_err());
        assert_eq!(browser.cookie(), response(first).token(), "a second token is not kept");
        assert_eq!(browser.miss(&response(next)), Ok(true));
        assert_eq!(browser.cookie(), response(first).token(), "a response that never arrived does not set the cookie");
        assert_eq!(browser.take(&response(next)), Ok(false));
        assert_eq!(browser.cookie(), response(next).token());
    }

    #[test]
    fn a_response_without_a_cookie_keeps_it_and_an_empty_one_clears_it() {
        let mut browser = Browser::logged_in(&response(&[1; 89]));
        let kept = browser.cookie().to_owned();
        browser.take(&Response { cookie: None, ..response(&[]) }).unwrap();
        assert_eq!((browser.cookie(), browser.access()), (kept.as_str(), "a"));
        browser.take(&response(&[])).unwrap();
        assert!(!browser.has_cookie());
    }
}
