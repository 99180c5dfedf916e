//! One honest person, one request that meets a fault, and what comes after it.

use std::time::Duration;

use local::table::Item;
use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::json;
use tests::{
    Browser, Credential, Stack,
    client::{Response, cookie_pair},
};

/// What the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    LogIn(Credential),
    /// Somebody who was here before.
    LogInAgain,
    /// It rotates.
    Refresh,
    /// So soon after another that it does not rotate.
    RefreshSoon,
    RefreshWithUser,
    LogOut,
    LogOutEverywhere,
    Profile,
}

const SECOND: Duration = Duration::from_secs(1);

/// All of them, with a name for the page.
pub const ROUTES: [(&str, Route); 10] = [
    ("sign-in, access token", Route::LogIn(Credential::AccessToken)),
    ("sign-in, code", Route::LogIn(Credential::Code)),
    ("sign-in, ID token", Route::LogIn(Credential::IdToken)),
    ("sign-in again", Route::LogInAgain),
    ("refresh", Route::Refresh),
    ("refresh in the window", Route::RefreshSoon),
    ("refresh with user", Route::RefreshWithUser),
    ("log-out", Route::LogOut),
    ("log-out everywhere", Route::LogOutEverywhere),
    ("profile", Route::Profile),
];

/// A stack with one person, who may have a session.
pub struct Scenario {
    pub stack: Stack,
    route: Route,
    /// The rotation window.
    window: Duration,
    user: String,
    browser: Browser,
    /// What was in its cookie before the request.
    before: String,
    /// What the request came to, each time it was made.
    seen: Vec<u16>,
    /// What no answer may be, whatever went wrong.
    wrong: Vec<String>,
    /// Whether a log-out cleared the cookie although the session could not be ended.
    only_here: bool,
}

impl Route {
    /// Whether Kakao is asked.
    pub fn is_at_kakao(self) -> bool {
        matches!(self, Self::LogIn(_))
    }

    /// The function that answers it.
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
    /// All that comes before the request.
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
                // A session is left over.
                scenario.browser.forget();
            }
        }
        if matches!(route, Route::Refresh | Route::RefreshWithUser) {
            scenario.let_pass(window + SECOND).await;
        }
        scenario
    }

    /// On the machine's clock for binaries, else on the stack's own.
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

    /// The request, for who sends it elsewhere.
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

    /// Takes what came, as a browser does.
    pub fn take(&mut self, response: reqwest::Result<Response>) {
        let Ok(response) = response else { return self.seen.push(0) };
        self.seen.push(response.status.as_u16());
        // The gateway's own has a `message` instead.
        if response.status == 500 && response.body.get("code").is_some() {
            self.wrong.push("500 of the function".to_owned());
        }
        self.wrong.extend(self.browser.take(&response).err());
    }

    /// What the browser has seen, with how often.
    pub fn seen(&self) -> String {
        let words = self.seen.chunk_by(|one, other| one == other).map(|same| {
            let status = if same[0] == 0 { "nothing".to_owned() } else { same[0].to_string() };
            if same.len() == 1 { status } else { format!("{status} ×{}", same.len()) }
        });
        let words: Vec<String> = words.collect();
        format!("{}{}", words.join(", "), if self.only_here { " (at the browser only)" } else { "" })
    }

    /// Asks again until it has what it wants.
    pub async fn ask_again(&mut self) {
        for _ in 0..20 {
            if self.seen.last().is_some_and(|status| (200..500).contains(status)) {
                break;
            }
            self.let_pass(SECOND).await;
            self.ask().await;
        }
    }

    /// All is well again, and the browser goes on: asks again until it has what it wants, and then uses it. Says what does not
    /// hold.
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

    /// The cookie works, now and when it is to rotate again, and so does what it gives.
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

    /// The cookie is worth nothing, unless the log-out was at the browser only.
    async fn is_over(&mut self, wrong: &mut Vec<String>) {
        let response = self.stack.refresh(&self.before).await;
        match (response.status.as_u16(), self.route) {
            (401, _) => {}
            (200, Route::LogOut) => self.only_here = true,
            (status, _) => wrong.push(format!("after its log-out the cookie gives {status}")),
        }
    }
}

/// What is half-written in the table: a user without an identity at Kakao or the other way round, a session of nobody.
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
            wrong.push("a session of nobody".to_owned());
        }
    }
    wrong
}
