//! An honest browser: it keeps the cookie that came last, and asks again after a failure as our client does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::{
    People,
    client::{Answer, Functions, cookie_pair},
};
use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::json;
use shared::random;

use crate::scene::{Credential, credential};

/// What all browsers of a run have seen.
#[derive(Debug, Default)]
pub struct Notes {
    counts: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<Vec<String>>,
}

/// One browser and its session.
#[derive(Debug)]
pub struct Browser {
    functions: Functions,
    notes: Arc<Notes>,
    /// The refresh token in its cookie.
    pub jar: String,
    access: String,
    /// When it last got an answer that it wanted to a refresh.
    renewed: Instant,
    /// Every token that was ever set in this session, by its generation.
    lineage: BTreeMap<u32, String>,
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

    /// Sends it, and counts what came by its route and status. Without an answer it is as if the gateway had failed.
    pub async fn ask(&self, route: &str, functions: &Functions, request: RequestBuilder) -> Option<Answer> {
        let Ok(answer) = functions.ask(request).await else {
            self.count(&format!("{route} no answer"));
            return None;
        };
        let status = answer.status.as_u16();
        // An HTTP API speaks for itself with `message`, a function with `code`.
        let whose = if answer.body.get("message").is_some() { " of the gateway" } else { "" };
        self.count(&format!("{route} {status}{whose}"));
        if status == 500 && whose.is_empty() {
            self.fail(format!("{route}: 500 {}", answer.body));
        }
        Some(answer)
    }
}

impl Browser {
    /// This person signs in, as often as it takes.
    pub async fn sign_in(functions: &Functions, people: &People, user: &str, notes: &Arc<Notes>) -> Self {
        for failures in 1.. {
            let kind = *one_of(&[Credential::AccessToken, Credential::Code, Credential::IdToken]);
            // Its way to Kakao may be forgotten in between.
            let asked = tokio::time::timeout(Duration::from_secs(5), credential(people, user, kind));
            let Ok(credential) = asked.await else {
                continue;
            };
            let request = functions.request(Method::POST, "/auth/kakao").json(&credential);
            if let Some(answer) = notes.ask("sign-in", functions, request).await.filter(|answer| answer.status == 200) {
                let (functions, notes) = (functions.clone(), Arc::clone(notes));
                let (jar, access) = (answer.token(), answer.access().to_owned());
                let lineage = BTreeMap::from([(generation(&jar), jar.clone())]);
                return Self { functions, notes, jar, access, renewed: Instant::now(), lineage };
            }
            notes.count("sign-ins tried again");
            back_off(failures).await;
        }
        unreachable!("it tries for ever")
    }

    /// Renews, in as many tabs at once, until each has an access token. `false` if it was signed out.
    pub async fn refresh(&mut self, tabs: usize) -> bool {
        for failures in 1.. {
            let asked = (0..tabs).map(|_| {
                let request =
                    self.functions.request(Method::POST, "/auth/refresh").header(COOKIE, cookie_pair(&self.jar));
                let (functions, notes) = (self.functions.clone(), Arc::clone(&self.notes));
                tokio::spawn(async move { notes.ask("refresh", &functions, request.json(&json!({}))).await })
            });
            let asked: Vec<_> = asked.collect();
            let mut good = 0;
            for answer in asked {
                let Ok(Some(answer)) = answer.await else { continue };
                match answer.status.as_u16() {
                    200 => good += 1,
                    401 => {
                        let silence = self.renewed.elapsed().as_secs();
                        self.notes.fail(format!(
                            "a session was lost: 401, {failures} tries and {silence} s after the last 200"
                        ));
                        return false;
                    }
                    _ => continue,
                }
                answer.access().clone_into(&mut self.access);
                self.renewed = Instant::now();
                self.keep(answer.cookie);
            }
            if good == tabs {
                return true;
            }
            self.notes.count("refreshes tried again");
            back_off(failures).await;
        }
        unreachable!("it tries for ever")
    }

    fn keep(&mut self, cookie: Option<String>) {
        let Some(cookie) = cookie else { return };
        let generation = generation(&cookie);
        let first = self.lineage.entry(generation).or_insert_with(|| {
            self.notes.count("rotations");
            cookie.clone()
        });
        if *first != cookie {
            self.notes.fail(format!("a double lineage: two tokens of generation {generation}"));
        }
        self.jar = cookie;
    }

    /// Asks for the profile; after a 401 it renews and asks once more. `false` if it was signed out.
    pub async fn profile(&mut self) -> bool {
        for _ in 0..2 {
            let request = self.functions.request(Method::GET, "/auth/profile").bearer_auth(&self.access);
            let answer = self.notes.ask("profile", &self.functions, request).await;
            if answer.is_none_or(|answer| answer.status != 401) {
                return true;
            }
            if !self.refresh(1).await {
                return false;
            }
        }
        self.notes.fail("a new access token is refused".to_owned());
        true
    }

    /// Logs out, here or everywhere, until that is done. What the cookie was is returned.
    pub async fn log_out(self, everywhere: bool) -> String {
        let path = if everywhere { "/auth/logout?scope=all" } else { "/auth/logout" };
        for failures in 1.. {
            let request = self.functions.request(Method::POST, path).header(COOKIE, cookie_pair(&self.jar));
            let answer = self.notes.ask("log-out", &self.functions, request).await;
            if answer.is_some_and(|answer| answer.status == 200) {
                break;
            }
            back_off(failures).await;
        }
        self.jar
    }
}

/// As our client waits: some three seconds, ten times, and then a minute.
async fn back_off(failures: u32) {
    let milliseconds = if failures < 10 { 3_000 } else { 60_000 };
    tokio::time::sleep(Duration::from_millis(milliseconds / 2 + random::up_to(milliseconds))).await;
}

/// Where `shared::token` has it.
fn generation(token: &str) -> u32 {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    bytes.get(37..41).and_then(|bytes| bytes.try_into().ok()).map_or(u32::MAX, u32::from_be_bytes)
}

/// One of them, by chance.
pub fn one_of<T>(choices: &[T]) -> &T {
    let last = u64::try_from(choices.len().saturating_sub(1)).unwrap_or_default();
    &choices[usize::try_from(random::up_to(last)).unwrap_or_default()]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
