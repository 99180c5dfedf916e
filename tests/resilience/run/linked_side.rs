//! A scenario's browser, if its session is linked.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock, Timestamp};
use tests::{
    Credential, LinkedBrowser, Stack,
    client::Response,
    linked_browser::{Asking, Next},
};

/// The browser, and what its page is doing.
#[derive(Clone, Default)]
pub struct LinkedSide {
    pub browser: LinkedBrowser,
    asking: Option<Asking>,
    credential: Value,
}

/// The time of the functions.
pub fn now(stack: &Stack) -> Timestamp {
    if stack.lambdas().is_empty() { stack.now() } else { SystemClock.now() }
}

impl LinkedSide {
    /// A login with a new credential.
    pub async fn log_in(&mut self, stack: &Stack, user: &str, kind: Credential) -> RequestBuilder {
        self.credential = stack.kakao.credential(user, kind).await;
        let body = self.browser.log_in(&self.credential, now(stack));
        stack.request(Method::POST, "/auth/kakao").json(&body)
    }

    /// Takes the response to a login.
    pub fn logged_in(&mut self, response: &Response) {
        self.browser.logged_in(&self.credential, response);
    }

    /// A request that needs a link, or its repetition.
    pub fn request(&mut self, stack: &Stack, path: &'static str, with_user: bool) -> RequestBuilder {
        let mut asking = self.asking.take().unwrap_or_else(|| self.browser.begin(path));
        let sent = self.browser.ask(&mut asking, now(stack));
        self.asking = Some(asking);
        sent.to(stack).json(&json!({"link": sent.links, "user": with_user}))
    }

    /// Takes the response to it. Returns what the page does then.
    pub fn take(&mut self, stack: &Stack, response: &Response) -> Next {
        let Some(mut asking) = self.asking.take() else { return Next::Later };
        let next = self.browser.take(&mut asking, response, now(stack));
        if next == Next::Again {
            self.asking = Some(asking);
        }
        next
    }

    /// Refreshes once, with as many links as it takes. Returns the last response.
    pub async fn refresh(&mut self, stack: &Stack) -> Response {
        loop {
            let request = self.request(stack, "/auth/refresh", false);
            let response = stack.send(request).await;
            if self.take(stack, &response) != Next::Again {
                return response;
            }
        }
    }
}
