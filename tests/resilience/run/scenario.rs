//! One user, one request that meets a fault, and what the browser does after it.

use std::time::Duration;

use local::table::Item;
use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::json;
use shared::session::LINK_PACE;
use tests::{
    Browser, Credential, Stack,
    client::{Response, cookie_pair},
    linked_browser::Next,
};

use crate::{linked_side::LinkedSide, route::Route};

const SECOND: Duration = Duration::from_secs(1);

/// A stack with one user, who may have a session.
pub struct Scenario {
    pub stack: Stack,
    route: Route,
    /// The rotation window.
    window: Duration,
    user: String,
    browser: Browser,
    linked: LinkedSide,
    /// The cookie's value before the request.
    before: String,
    /// The browser before the request, if its session is linked.
    linked_before: LinkedSide,
    /// Whether its last response asks for another link.
    needs_link: bool,
    /// The status of each attempt.
    seen: Vec<u16>,
    /// Responses that no fault excuses.
    wrong: Vec<String>,
    /// Whether a logout cleared the cookie although the session could not be ended.
    only_here: bool,
}

impl Scenario {
    /// Sets up everything before the request.
    pub async fn set_up(stack: Stack, route: Route, window: Duration) -> Self {
        let user = stack.kakao.new_user().await;
        let mut scenario = Self {
            stack,
            route,
            window,
            user,
            browser: Browser::default(),
            linked: LinkedSide::default(),
            before: String::new(),
            linked_before: LinkedSide::default(),
            needs_link: false,
            seen: Vec::new(),
            wrong: Vec::new(),
            only_here: false,
        };
        if route.is_linked() {
            scenario.set_up_linked().await;
        } else if !matches!(route, Route::LogIn(_)) {
            let response = scenario.stack.log_in_as(&scenario.user).await;
            scenario.browser = Browser::logged_in(&response);
            scenario.before = response.token();
            if route == Route::LogInAgain {
                // Its previous session is left over.
                scenario.browser.forget();
            }
        }
        if matches!(route, Route::Refresh | Route::RefreshWithUser) {
            scenario.let_pass(window + SECOND).await;
        }
        scenario
    }

    async fn set_up_linked(&mut self) {
        if matches!(self.route, Route::LinkedLogIn(_)) {
            return;
        }
        let request = self.linked.log_in(&self.stack, &self.user, Credential::AccessToken).await;
        let response = self.stack.send(request).await;
        if self.route == Route::FirstLinkedRefresh {
            self.linked.browser.take_cookie(&response);
            self.linked.browser.reopen();
        } else {
            self.linked.logged_in(&response);
        }
        if matches!(self.route, Route::LinkedRefresh | Route::LinkedRefreshWithUser) {
            self.let_pass(LINK_PACE + SECOND).await;
        }
        self.linked_before = self.linked.clone();
    }

    /// Waits for binaries, which have the machine's clock; advances the stack's clock otherwise.
    async fn let_pass(&self, time: Duration) {
        if self.stack.lambdas().is_empty() {
            self.stack.advance(time);
        } else {
            tokio::time::sleep(time).await;
        }
    }

    /// Makes the request once.
    pub async fn ask(&mut self) {
        let request = self.request().await;
        let response = self.stack.ask(request).await;
        self.take(response);
    }

    /// The request, without sending it.
    pub async fn request(&mut self) -> RequestBuilder {
        match self.route {
            Route::LinkedLogIn(credential) => self.linked.log_in(&self.stack, &self.user, credential).await,
            Route::LinkedLogOutEverywhere => self.linked.request(&self.stack, "/auth/logout?scope=all", false),
            Route::LinkedRefreshWithUser => self.linked.request(&self.stack, "/auth/refresh", true),
            route if route.is_linked() => self.linked.request(&self.stack, "/auth/refresh", false),
            _ => self.rotating_request().await,
        }
    }

    async fn rotating_request(&self) -> RequestBuilder {
        let cookie = if self.browser.has_cookie() { cookie_pair(self.browser.cookie()) } else { String::new() };
        let post = |path| self.stack.request(Method::POST, path).header(COOKIE, &cookie);
        match self.route {
            Route::LogIn(credential) => self.log_in(credential).await,
            Route::LogInAgain => self.log_in(Credential::AccessToken).await,
            Route::Refresh | Route::RefreshSoon => post("/auth/refresh"),
            Route::RefreshWithUser => post("/auth/refresh").json(&json!({"user": true})),
            Route::LogOut => post("/auth/logout"),
            Route::LogOutEverywhere => post("/auth/logout?scope=all"),
            _ => self.stack.request(Method::GET, "/auth/profile").bearer_auth(self.browser.access()),
        }
    }

    async fn log_in(&self, kind: Credential) -> RequestBuilder {
        let credential = self.stack.kakao.credential(&self.user, kind).await;
        self.stack.request(Method::POST, "/auth/kakao").json(&credential)
    }

    /// Takes a response as a browser does.
    pub fn take(&mut self, response: reqwest::Result<Response>) {
        let Ok(response) = response else { return self.seen.push(0) };
        self.seen.push(response.status.as_u16());
        // The gateway's own responses have a `message` instead.
        if response.status == 500 && response.body.get("code").is_some() {
            self.wrong.push("500 of the function".to_owned());
        }
        if !self.route.is_linked() {
            self.wrong.extend(self.browser.take(&response).err());
        } else if let Route::LinkedLogIn(_) = self.route {
            self.linked.logged_in(&response);
        } else {
            if response.cookie.is_some() && self.route != Route::LinkedLogOutEverywhere {
                self.wrong.push("a refresh sets or clears the cookie of a linked session".to_owned());
            }
            self.needs_link = self.linked.take(&self.stack, &response) == Next::Again;
        }
    }

    /// The statuses that the browser saw, with repetitions counted.
    pub fn seen(&self) -> String {
        let words = self.seen.chunk_by(|one, other| one == other).map(|same| {
            let status = if same[0] == 0 { "nothing".to_owned() } else { same[0].to_string() };
            if same.len() == 1 { status } else { format!("{status} ×{}", same.len()) }
        });
        let words: Vec<String> = words.collect();
        format!("{}{}", words.join(", "), if self.only_here { " (at the browser only)" } else { "" })
    }

    /// Retries until it has what it wants.
    pub async fn ask_again(&mut self) {
        for _ in 0..20 {
            if !self.needs_link && self.seen.last().is_some_and(|status| (200..500).contains(status)) {
                break;
            }
            self.let_pass(SECOND).await;
            self.ask().await;
        }
    }

    /// After the fault: retries until the browser has what it wants, and then uses it. Returns what fails.
    pub async fn go_on(&mut self) -> Vec<String> {
        self.ask_again().await;
        let mut wrong = std::mem::take(&mut self.wrong);
        if self.seen.last() != Some(&200) {
            wrong.push(format!("it ends with {}", self.seen()));
        }
        match self.route {
            Route::LogOut | Route::LogOutEverywhere => {
                if self.browser.has_cookie() {
                    wrong.push("the cookie is still there".to_owned());
                }
                self.is_over(&mut wrong).await;
            }
            Route::LinkedLogOutEverywhere => self.is_linked_over(&mut wrong).await,
            route if route.is_linked() => self.is_linked_alive(&mut wrong).await,
            _ => self.is_alive(&mut wrong).await,
        }
        wrong.extend(whole(&self.stack).await);
        wrong
    }

    /// Checks that the cookie works now and at its next rotation, and that its access tokens work.
    async fn is_alive(&mut self, wrong: &mut Vec<String>) {
        for wait in [Duration::ZERO, self.window + SECOND] {
            self.let_pass(wait).await;
            if !self.browser.has_cookie() {
                return wrong.push("no cookie".to_owned());
            }
            let response = self.stack.refresh(self.browser.cookie()).await;
            if response.status != 200 {
                return wrong.push(format!("the cookie gives {} {}", response.status, response.code()));
            }
            wrong.extend(self.browser.take(&response).err());
            let profile = self.stack.profile(response.access()).await;
            if profile.status != 200 {
                wrong.push(format!("the access token gives {} {}", profile.status, profile.code()));
            }
        }
    }

    /// The same for a linked session: at once, and when its chain grows next.
    async fn is_linked_alive(&mut self, wrong: &mut Vec<String>) {
        for wait in [Duration::ZERO, LINK_PACE + SECOND] {
            self.let_pass(wait).await;
            let response = self.linked.refresh(&self.stack).await;
            if response.status != 200 || response.cookie.is_some() {
                return wrong.push(format!("its links give {} {}", response.status, response.code()));
            }
            let profile = self.stack.profile(response.access()).await;
            if profile.status != 200 {
                wrong.push(format!("the access token gives {} {}", profile.status, profile.code()));
            }
        }
    }

    /// Checks that the links from before a logout are refused.
    async fn is_linked_over(&mut self, wrong: &mut Vec<String>) {
        if !self.linked.browser.cookie().is_empty() {
            wrong.push("the cookie is still there".to_owned());
        }
        let response = self.linked_before.refresh(&self.stack).await;
        if response.status != 401 {
            wrong.push(format!("after its logout the session gives {}", response.status));
        }
    }

    /// Checks that the cookie is refused, unless the logout could only clear it in the browser.
    async fn is_over(&mut self, wrong: &mut Vec<String>) {
        let response = self.stack.refresh(&self.before).await;
        match (response.status.as_u16(), self.route) {
            (401, _) => {}
            (200, Route::LogOut) => self.only_here = true,
            (status, _) => wrong.push(format!("after its logout the cookie gets {status}")),
        }
    }
}

/// Finds half-written items: a user without a Kakao identity or the reverse, a session without a user.
async fn whole(stack: &Stack) -> Vec<String> {
    let items = stack.dump().await;
    let text =
        |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let with = |key: &str| items.iter().filter(|item| text(item, "sk") == key).collect::<Vec<_>>();
    let mut users: Vec<String> = with("PROFILE").iter().map(|item| text(item, "pk")).collect();
    let mut known: Vec<String> =
        with("IDENTITY").iter().map(|item| format!("USER#{}", text(item, "user_id"))).collect();
    users.sort();
    known.sort();
    let mut wrong = Vec::new();
    if users != known {
        wrong.push(format!("{} users, {} identities", users.len(), known.len()));
    }
    for item in items.iter().filter(|item| text(item, "sk").starts_with("SESSION#")) {
        if !users.contains(&text(item, "pk")) {
            wrong.push("a session without a user".to_owned());
        }
    }
    wrong
}
