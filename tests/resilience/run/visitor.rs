//! A user's browser in a soak. It retries after a failure as our client does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::json;
use shared::{
    clock::{Clock, SystemClock},
    random,
};
use tests::{
    Browser, Credential, KakaoControl, LinkedBrowser,
    client::{Functions, Response, cookie_pair},
};

use crate::linked_visitor::LinkedVisitor;

/// The counts and failures of all browsers of a run.
#[derive(Debug, Default)]
pub struct Notes {
    counts: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<Vec<String>>,
}

/// One browser that is logged in.
#[derive(Debug)]
pub enum Visitor {
    Rotating(RotatingVisitor),
    Linked(LinkedVisitor),
}

/// One whose session rotates.
#[derive(Debug)]
pub struct RotatingVisitor {
    functions: Functions,
    notes: Arc<Notes>,
    browser: Browser,
    /// The time of its last successful refresh.
    renewed: Instant,
}

impl Notes {
    pub fn count(&self, what: &str) {
        *lock(&self.counts).entry(what.to_owned()).or_default() += 1;
    }

    pub fn counted(&self, what: &str) -> u64 {
        lock(&self.counts).get(what).copied().unwrap_or_default()
    }

    pub fn all(&self) -> BTreeMap<String, u64> {
        lock(&self.counts).clone()
    }

    pub fn fail(&self, what: String) {
        lock(&self.failures).push(what);
    }

    pub fn failures(&self) -> Vec<String> {
        lock(&self.failures).clone()
    }

    /// Sends a request, and counts its response by route and status. `None` if there was no response.
    pub async fn ask(&self, route: &str, functions: &Functions, request: RequestBuilder) -> Option<Response> {
        let Ok(response) = functions.ask(request).await else {
            self.count(&format!("{route} no response"));
            return None;
        };
        let status = response.status.as_u16();
        // The gateway's own responses have a `message`, a function's a `code`.
        let whose = if response.body.get("message").is_some() { " of the gateway" } else { "" };
        self.count(&format!("{route} {status}{whose}"));
        if status == 500 && whose.is_empty() {
            self.fail(format!("{route}: 500 {}", response.body));
        }
        Some(response)
    }
}

impl Visitor {
    /// Logs this user in, with as many attempts as it takes. Every other session is linked.
    pub async fn log_in(functions: &Functions, kakao: &KakaoControl, user: &str, notes: &Arc<Notes>) -> Self {
        let mut linked = (random::up_to(1) == 0).then(LinkedBrowser::default);
        for failures in 1.. {
            let kind = *one_of(&[Credential::AccessToken, Credential::Code, Credential::IdToken]);
            // The connection to the stand-in may be dropped meanwhile.
            let asked = tokio::time::timeout(Duration::from_secs(5), kakao.credential(user, kind));
            let Ok(credential) = asked.await else {
                continue;
            };
            let body = linked
                .as_mut()
                .map_or_else(|| credential.clone(), |browser| browser.log_in(&credential, SystemClock.now()));
            let request = functions.request(Method::POST, "/auth/kakao").json(&body);
            if let Some(response) =
                notes.ask("login", functions, request).await.filter(|response| response.status == 200)
            {
                let (functions, notes) = (functions.clone(), Arc::clone(notes));
                if let Some(mut browser) = linked {
                    browser.logged_in(&credential, &response);
                    return Self::Linked(LinkedVisitor::new(functions, notes, browser));
                }
                notes.count("rotating sessions");
                let (browser, renewed) = (Browser::logged_in(&response), Instant::now());
                return Self::Rotating(RotatingVisitor { functions, notes, browser, renewed });
            }
            notes.count("logins retried");
            back_off(failures).await;
        }
        unreachable!("it retries for ever")
    }

    /// Refreshes in this many tabs at once until each has an access token. `false` if the browser was logged out.
    pub async fn refresh(&mut self, tabs: usize) -> bool {
        match self {
            Self::Rotating(visitor) => visitor.refresh(tabs).await,
            Self::Linked(visitor) => visitor.refresh(tabs).await,
        }
    }

    /// Loses the response to a refresh for longer than a rotating session survives, if the session is linked.
    pub async fn sleep_through_a_refresh(&mut self) -> bool {
        match self {
            Self::Rotating(visitor) => visitor.refresh(1).await,
            Self::Linked(visitor) => visitor.sleep_through_a_refresh().await,
        }
    }

    /// Asks for the profile; after a 401 it refreshes and asks once more. `false` if the browser was logged out.
    pub async fn profile(&mut self) -> bool {
        for _ in 0..2 {
            let (functions, notes, access) = match self {
                Self::Rotating(visitor) => (&visitor.functions, &visitor.notes, visitor.browser.access()),
                Self::Linked(visitor) => (&visitor.functions, &visitor.notes, visitor.browser.access()),
            };
            let request = functions.request(Method::GET, "/auth/profile").bearer_auth(access);
            let response = notes.ask("profile", functions, request).await;
            if response.is_none_or(|response| response.status != 401) {
                return true;
            }
            if !self.refresh(1).await {
                return false;
            }
        }
        let (Self::Rotating(RotatingVisitor { notes, .. }) | Self::Linked(LinkedVisitor { notes, .. })) = self;
        notes.fail("a new access token is refused".to_owned());
        true
    }

    /// Logs out, of this session or everywhere, until that succeeds. Returns a refresh as it would have been before.
    pub async fn log_out(self, everywhere: bool) -> RequestBuilder {
        match self {
            Self::Rotating(visitor) => visitor.log_out(everywhere).await,
            Self::Linked(visitor) => visitor.log_out(everywhere).await,
        }
    }
}

impl RotatingVisitor {
    async fn refresh(&mut self, tabs: usize) -> bool {
        for failures in 1.. {
            let asked = (0..tabs).map(|_| {
                let cookie = cookie_pair(self.browser.cookie());
                let request = self.functions.request(Method::POST, "/auth/refresh").header(COOKIE, cookie);
                let (functions, notes) = (self.functions.clone(), Arc::clone(&self.notes));
                tokio::spawn(async move { notes.ask("refresh", &functions, request.json(&json!({}))).await })
            });
            let asked: Vec<_> = asked.collect();
            let mut good = 0;
            for response in asked {
                let Ok(Some(response)) = response.await else { continue };
                match response.status.as_u16() {
                    200 => good += 1,
                    401 => {
                        let silence = self.renewed.elapsed().as_secs();
                        self.notes.fail(format!(
                            "a rotating session was lost: 401, {failures} tries and {silence} s after the last 200"
                        ));
                        return false;
                    }
                    _ => continue,
                }
                self.renewed = Instant::now();
                match self.browser.take(&response) {
                    Ok(true) => self.notes.count("rotations"),
                    Ok(false) => {}
                    Err(wrong) => self.notes.fail(wrong),
                }
            }
            if good == tabs {
                return true;
            }
            self.notes.count("refreshes retried");
            back_off(failures).await;
        }
        unreachable!("it retries for ever")
    }

    async fn log_out(self, everywhere: bool) -> RequestBuilder {
        let path = if everywhere { "/auth/logout?scope=all" } else { "/auth/logout" };
        let cookie = cookie_pair(self.browser.cookie());
        for failures in 1.. {
            let request = self.functions.request(Method::POST, path).header(COOKIE, &cookie);
            let response = self.notes.ask("logout", &self.functions, request).await;
            if response.is_some_and(|response| response.status == 200) {
                break;
            }
            back_off(failures).await;
        }
        self.functions.request(Method::POST, "/auth/refresh").header(COOKIE, cookie)
    }
}

/// Waits as our client does: about three seconds, ten times, and then a minute.
pub async fn back_off(failures: u32) {
    let milliseconds = if failures < 10 { 3_000 } else { 60_000 };
    tokio::time::sleep(Duration::from_millis(milliseconds / 2 + random::up_to(milliseconds))).await;
}

/// One of the choices at random.
pub fn one_of<T>(choices: &[T]) -> &T {
    let last = u64::try_from(choices.len().saturating_sub(1)).unwrap_or_default();
    &choices[usize::try_from(random::up_to(last)).unwrap_or_default()]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
