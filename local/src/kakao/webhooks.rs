//! The webhooks: where an app has registered them, and what was sent there.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Standin,
    control::{good, refused, unknown, yes},
    data::{APPS, App, SHOP},
    events::{self, EVENT_TYPES},
    oidc,
    raw::Changes,
};

/// How long Kakao waits for a response.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than a test sends, and few enough to keep.
const KEPT: usize = 1_000;

/// The webhooks of an app, as its owner registers them in Kakao's console.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Registration {
    unlink_url: Option<String>,
    unlink_method: Method,
    account_status_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    #[default]
    Post,
}

/// A webhook that was sent, perhaps several times or not at all.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Webhook {
    number: usize,
    user: String,
    app: &'static str,
    content: Content,
    attempts: Vec<Attempt>,
}

/// What a webhook says.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    /// The parameters of an unlink webhook.
    Unlink(BTreeMap<&'static str, String>),
    /// A security event token.
    AccountStatus { events: Vec<String>, token: String },
}

/// The response to a webhook, or none.
#[derive(Clone, Debug, Serialize)]
struct Attempt {
    status: Option<u16>,
    body: String,
    milliseconds: u64,
}

/// What has been registered and sent.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    registered: BTreeMap<&'static str, Registration>,
    sent: Vec<Webhook>,
}

impl Webhooks {
    pub(super) fn register(&mut self, app: &'static App, registration: Registration) {
        self.registered.insert(app.name, registration);
    }

    /// The newest one first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Webhook> {
        self.sent.iter().rev()
    }

    fn add(&mut self, user: &str, app: &'static App, content: Content) -> usize {
        let number = self.sent.last().map_or(0, |last| last.number + 1);
        if self.sent.len() == KEPT {
            self.sent.remove(0);
        }
        self.sent.push(Webhook { number, user: user.to_owned(), app: app.name, content, attempts: Vec::new() });
        number
    }

    fn find(&mut self, number: usize) -> Option<&mut Webhook> {
        self.sent.iter_mut().find(|webhook| webhook.number == number)
    }
}

impl Registration {
    /// Both webhooks at the routes of this API.
    pub(super) fn at(api: &str) -> Self {
        Self {
            unlink_url: Some(format!("{api}/webhooks/kakao/unlink")),
            unlink_method: Method::default(),
            account_status_url: Some(format!("{api}/webhooks/kakao/account-status")),
        }
    }
}

impl Webhook {
    /// One line for the page.
    pub(super) fn summary(&self) -> String {
        let what = match &self.content {
            Content::Unlink(_) => "unlink".to_owned(),
            Content::AccountStatus { events, .. } => {
                let names: Vec<&str> = events.iter().map(|uri| uri.rsplit('/').next().unwrap_or_default()).collect();
                names.join(", ")
            }
        };
        let responses: Vec<String> = self.attempts.iter().map(Attempt::summary).collect();
        let responses = if responses.is_empty() { "not sent".to_owned() } else { responses.join(", ") };
        format!("{} {what}: {responses}", self.user)
    }
}

impl Attempt {
    fn summary(&self) -> String {
        let status = self.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        format!("{status} ({} ms)", self.milliseconds)
    }
}

/// `GET /control/webhooks`: what was sent, and the responses, the oldest first.
pub(super) async fn list(State(standin): State<Arc<Standin>>) -> Response {
    Json(json!({"webhooks": standin.data().webhooks.sent})).into_response()
}

/// Where an app's webhooks go. One that is left out is not registered.
#[derive(Deserialize)]
pub(super) struct NewRegistration {
    app: Option<String>,
    #[serde(flatten)]
    registration: Registration,
}

/// `POST /control/webhooks` registers them.
pub(super) async fn register(State(standin): State<Arc<Standin>>, Json(new): Json<NewRegistration>) -> Response {
    let Some(app) = app(new.app.as_deref()) else { return unknown() };
    standin.data().webhooks.register(app, new.registration);
    StatusCode::NO_CONTENT.into_response()
}

/// A person who unlinks an app in their settings at Kakao.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unlinking {
    user: String,
    app: Option<String>,
    #[serde(default = "from_settings")]
    referrer_type: String,
    /// Whether to send the webhook now. It can be sent later, or never.
    #[serde(default = "yes")]
    send: bool,
}

fn from_settings() -> String {
    "UNLINK_FROM_APPS".to_owned()
}

/// `POST /control/webhooks/unlink` unlinks the person, then sends the webhook.
pub(super) async fn unlink(State(standin): State<Arc<Standin>>, Json(new): Json<Unlinking>) -> Response {
    let person = standin.data().people.get(&new.user).cloned();
    let (Some(person), Some(app)) = (person, app(new.app.as_deref())) else { return unknown() };
    let parameters = [
        ("app_id", app.app_id.to_string()),
        ("user_id", person.id_in(app).to_string()),
        ("referrer_type", new.referrer_type),
    ];
    let number = {
        let mut data = standin.data();
        data.unlink(&new.user, app);
        data.webhooks.add(&new.user, app, Content::Unlink(parameters.into()))
    };
    standin.answer(number, new.send).await
}

/// Events about a person, in one token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEvents {
    user: String,
    app: Option<String>,
    /// The last parts of their URIs.
    events: Vec<String>,
    /// For `user-scope-withdraw` and `user-scope-consent`.
    #[serde(default)]
    scopes: Vec<String>,
    /// One of [`oidc::KINDS`].
    #[serde(default = "good")]
    kind: String,
    /// Changes to the header, made before signing.
    #[serde(default)]
    header: Changes,
    /// Changes to the claims.
    #[serde(default)]
    claims: Changes,
    #[serde(default = "yes")]
    send: bool,
}

/// `POST /control/webhooks/events` sends a security event token. Nothing changes at Kakao.
pub(super) async fn send_events(State(standin): State<Arc<Standin>>, Json(new): Json<NewEvents>) -> Response {
    let person = standin.data().people.get(&new.user).cloned();
    let (Some(person), Some(app)) = (person, app(new.app.as_deref())) else { return unknown() };
    if !oidc::KINDS.contains(&new.kind.as_str()) {
        return unknown();
    }
    let uri = |name: &String| EVENT_TYPES.into_iter().find(|uri| uri.rsplit('/').next() == Some(name.as_str()));
    let Some(uris) = new.events.iter().map(uri).collect::<Option<Vec<_>>>() else {
        return refused("no such type of event");
    };
    let claims = events::claims(&person, app, &uris, &new.scopes, standin.clock.now());
    let token = standin.token_of_kind("secevent+jwt", &new.kind, claims, &new.header, &new.claims);
    let events = uris.into_iter().map(str::to_owned).collect();
    let number = standin.data().webhooks.add(&new.user, app, Content::AccountStatus { events, token });
    standin.answer(number, new.send).await
}

/// A webhook of the list.
#[derive(Deserialize)]
pub(super) struct Again {
    number: usize,
}

/// `POST /control/webhooks/send` sends a webhook that was not sent yet, or sends it again.
pub(super) async fn send(State(standin): State<Arc<Standin>>, Json(again): Json<Again>) -> Response {
    standin.answer(again.number, true).await
}

fn app(name: Option<&str>) -> Option<&'static App> {
    let name = name.unwrap_or(SHOP.name);
    APPS.into_iter().find(|app| app.name == name)
}

impl Standin {
    /// Sends a webhook, if it is to be sent, and returns it with the responses.
    async fn answer(&self, number: usize, send: bool) -> Response {
        if send {
            self.send_webhook(number).await;
        }
        match self.data().webhooks.find(number) {
            Some(webhook) => Json(json!(webhook)).into_response(),
            None => unknown(),
        }
    }

    /// Sends a webhook once, if its app has registered one.
    async fn send_webhook(&self, number: usize) {
        let Some(request) = self.webhook_request(number) else { return };
        let started = Instant::now();
        let response = request.timeout(PATIENCE).send().await;
        let (status, body) = match response {
            Ok(response) => (Some(response.status().as_u16()), response.text().await.unwrap_or_default()),
            Err(_) => (None, String::new()),
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(webhook) = self.data().webhooks.find(number) {
            webhook.attempts.push(Attempt { status, body, milliseconds });
        }
    }

    fn webhook_request(&self, number: usize) -> Option<RequestBuilder> {
        let mut data = self.data();
        let webhook = data.webhooks.find(number)?.clone();
        let app = app(Some(webhook.app))?;
        let registered = data.webhooks.registered.get(webhook.app)?;
        match &webhook.content {
            Content::Unlink(parameters) => {
                let url = registered.unlink_url.as_ref()?;
                let request = match registered.unlink_method {
                    Method::Get => self.client.get(url).query(parameters),
                    Method::Post => self.client.post(url).form(parameters),
                };
                Some(request.header(AUTHORIZATION, format!("KakaoAK {}", app.admin_key)))
            }
            Content::AccountStatus { token, .. } => {
                let request = self.client.post(registered.account_status_url.as_ref()?);
                Some(request.header(CONTENT_TYPE, "application/secevent+jwt").body(token.clone()))
            }
        }
    }
}
