//! A table, and deployments of functions of both releases on it.

use std::{collections::BTreeMap, env, fmt, ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use local::{
    gateway::{Gateway, TrailingSlash},
    lambda::{self, Lambda},
};
use reqwest::{Method, RequestBuilder, header::COOKIE};
use serde_json::{Value, json};
use tests::{
    ORIGIN, Settings, Stack,
    chain::link,
    client::{Functions, Response, cookie_pair, jwt_part},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The functions that decide about sessions. [`Mix::all`] takes each from either release, and all others together.
const DECIDING: [&str; 3] = ["kakao-login", "refresh", "logout"];

/// Which code a function runs, and its `SessionLinks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The last one that knew no linked sessions.
    BeforeLinks,
    /// The one before this one.
    Previous,
    /// This release as its first deployment leaves it.
    Off,
    /// This release as its second deployment leaves it.
    Auto,
}

/// A deployment that has replaced some of the functions: those that it prints.
#[derive(Clone, Copy)]
pub struct Mix(u8);

impl Mix {
    /// Every mix, from none replaced to all.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..1 << (DECIDING.len() + 1)).map(Self)
    }

    /// The first deployment after the release without linked sessions.
    pub fn release_of(self, function: &str) -> Release {
        if self.has_replaced(function) { Release::Off } else { Release::BeforeLinks }
    }

    pub fn has_replaced(self, function: &str) -> bool {
        let bit = DECIDING.iter().position(|name| *name == function).unwrap_or(DECIDING.len());
        self.0 & 1 << bit != 0
    }
}

impl fmt::Debug for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(DECIDING.iter().chain(&["others"]).filter(|name| self.has_replaced(name)))
            .finish()
    }
}

/// A stack whose functions run as binaries, with the machine's clock.
pub struct Rollout(Stack);

/// Functions behind a gateway of their own. Dropping it stops them.
pub struct Deployment {
    functions: Functions,
    server: JoinHandle<()>,
}

/// The binary of a function.
pub fn binary(release: Release, function: &str) -> PathBuf {
    let folder = match release {
        Release::BeforeLinks => PathBuf::from(env::var("BEFORE_LINKS_BINARIES").expect("run `make previous`")),
        Release::Previous => PathBuf::from(env::var("PREVIOUS_BINARIES").expect("run `make previous`")),
        Release::Off | Release::Auto => {
            let this = env::current_exe().unwrap();
            this.ancestors().nth(2).unwrap().to_owned()
        }
    };
    folder.join(function)
}

impl Rollout {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        // One origin, with which `auto` links sessions.
        let defaults = [("ALLOWED_ORIGINS", ORIGIN), ("SESSION_LINKS", "auto")];
        let mut environment: BTreeMap<_, _> = defaults.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        environment.extend(settings.environment.clone());
        let binaries = binary(Release::Auto, "kakao-login").parent().map(ToOwned::to_owned);
        Self(Stack::with(Settings { environment, binaries, ..settings }).await)
    }

    /// A new process of one function.
    pub fn lambda(&self, release: Release, function: &str) -> Lambda {
        let mut environment = self.0.environment(function);
        match release {
            Release::BeforeLinks => drop(environment.remove("SESSION_LINKS")),
            Release::Off => drop(environment.insert("SESSION_LINKS".to_owned(), "off".to_owned())),
            Release::Previous | Release::Auto => {}
        }
        Lambda::new(function, binary(release, function), environment)
    }

    /// All functions of one release.
    pub async fn deploy(&self, release: Release) -> Deployment {
        self.deploy_each(|_| release).await
    }

    /// Each function of the release that is named for it.
    pub async fn deploy_each(&self, release_of: impl Fn(&str) -> Release) -> Deployment {
        let template = self.0.template();
        let functions: BTreeMap<String, lambda::Function> = template
            .functions
            .keys()
            .map(|name| (name.clone(), lambda::function(&Arc::new(self.lambda(release_of(name), name)))))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let gateway = Gateway::new(template, &functions, TrailingSlash::default(), None);
        Deployment { functions: Functions::new(&url), server: tokio::spawn(gateway.serve(listener)) }
    }

    /// Lets time pass for what is stored: the functions have the machine's clock, so sessions are made older instead.
    pub async fn pass(&self, time: Duration) {
        let items = self.0.dump().await.into_iter().filter(|item| item["sk"].as_s().unwrap().starts_with("SESSION#"));
        let older: Vec<_> = items
            .map(|mut item| {
                for name in ["created_at", "rotated_at", "last_used_at", "expires_at"] {
                    let then: u64 = item[name].as_n().unwrap().parse().unwrap();
                    item.insert(name.to_owned(), AttributeValue::N((then - time.as_secs()).to_string()));
                }
                item
            })
            .collect();
        self.0.restore(&older).await;
    }

    /// How many linked sessions are stored.
    pub async fn linked_sessions(&self) -> usize {
        self.0.dump().await.iter().filter(|item| item.contains_key("l0")).count()
    }
}

impl Deref for Rollout {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.0
    }
}

impl Deployment {
    /// Logs in as this release's client does, with a link.
    pub async fn login_with_link(&self, credential: &Value) -> Response {
        let mut body = credential.clone();
        body["link"] = json!(link());
        let response = self.login(&body).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response
    }

    /// A refresh as this release's client sends it as long as it has no links.
    pub async fn refresh_with_user(&self, token: &str) -> Response {
        self.send(self.with_cookie("/auth/refresh", token).json(&json!({"user": true}))).await
    }

    /// A POST with the cookie, to be completed.
    pub fn with_cookie(&self, path: &str, token: &str) -> RequestBuilder {
        self.request(Method::POST, path).header(COOKIE, cookie_pair(token))
    }
}

impl Deref for Deployment {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The version of a refresh token.
pub fn version(token: &str) -> u8 {
    BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()[0]
}

/// The session of an access token.
pub fn session(response: &Response) -> Value {
    jwt_part(response.access(), 1)["sid"].clone()
}
