//! One user, one request that meets a fault, and what the browser does after it.

use std::time::Duration;

use local::table::Item;
use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::json;
use tests::{
    Browser, Credential, Stack,
    client::{Response, cookie_pair},
};

/// The request that meets the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    LogIn(Credential),
    /// A login of a known user.
    LogInAgain,
    /// A refresh that rotates.
    Refresh,
    /// A refresh inside the window, which does not rotate.
    RefreshSoon,
    RefreshWithUser,
    LogOut,
    LogOutEverywhere,
    Profile,
}

const SECOND: Duration = Duration::from_secs(1);

/// All routes with their names.
pub const ROUTES: [(&str, Route); 10] = [
    ("login, access token", Route::LogIn(Credential::AccessToken)),
    ("login, code", Route::LogIn(Credential::Code)),
    ("login, ID token", Route::LogIn(Credential::IdToken)),
    ("login again", Route::LogInAgain),
    ("refresh", Route::Refresh),
    ("refresh in the window", Route::RefreshSoon),
    ("refresh with user", Route::RefreshWithUser),
    ("logout", Route::LogOut),
    ("logout everywhere", Route::LogOutEverywhere),
    ("profile", Route::Profile),
];

/// A stack with one user, who may have a session.
pub struct Scenario {
    pub stack: Stack,
    route: Route,
    /// The rotation window.
    window: Duration,
    user: String,
    browser: Browser,
    /// The cookie's value before the request.
    before: String,
    /// The status of each attempt.
    seen: Vec<u16>,
    /// Responses that no fault excuses.
    wrong: Vec<String>,
    /// Whether a logout cleared the cookie although the session could not be ended.
    only_here: bool,
}

impl Route {
    /// Whether Kakao is called.
    pub fn is_at_kakao(self) -> bool {
        matches!(self, Self::LogIn(_))
    }

    /// The function that serves it.
    pub fn function(self) -> &'static str {
        match self {
            Self::LogIn(_) | Self::LogInAgain => "kakao-login",
            Self::Refresh | Self::RefreshSoon | Self::RefreshWithUser => "refresh",
            Self::LogOut | Self::LogOutEverywhere => "logout",
            Self::Profile => "profile",
        }
    }
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
            before: String::new(),
            seen: Vec::new(),
            wrong: Vec::new(),
            only_here: false,
        };
        if !matches!(route, Route::LogIn(_)) {
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
    pub async fn request(&self) -> RequestBuilder {
        let cookie = if self.browser.has_cookie() { cookie_pair(self.browser.cookie()) } else { String::new() };
        let post = |path| self.stack.request(Method::POST, path).header(COOKIE, &cookie);
        match self.route {
            Route::LogIn(credential) => self.log_in(credential).await,
            Route::LogInAgain => self.log_in(Credential::AccessToken).await,
            Route::Refresh | Route::RefreshSoon => post("/auth/refresh"),
            Route::RefreshWithUser => post("/auth/refresh").json(&json!({"user": true})),
            Route::LogOut => post("/auth/logout"),
            Route::LogOutEverywhere => post("/auth/logout?scope=all"),
            Route::Profile => self.stack.request(Method::GET, "/auth/profile").bearer_auth(self.browser.access()),
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
        self.wrong.extend(self.browser.take(&response).err());
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
            if self.seen.last().is_some_and(|status| (200..500).contains(status)) {
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
