//! What tests and people tell the stand-in to do. Nothing of this exists at Kakao.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Parameters, Standin,
    data::{APPS, App, Person, SHOP, account},
    faults::Rule,
    oauth, oidc,
    raw::Changes,
};

/// A person made to measure. What is left out is ordinary.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    id: Option<i64>,
    nickname: Option<String>,
    email: Option<String>,
    /// Takes the place of the whole `kakao_account`; `null` leaves it out.
    #[serde(default = "ordinary")]
    account: Value,
    #[serde(default = "yes")]
    properties: bool,
    #[serde(default)]
    underage: bool,
    #[serde(default = "yes")]
    linked: bool,
}

fn yes() -> bool {
    true
}

fn ordinary() -> Value {
    json!("ordinary")
}

/// `POST /control/users` answers with the name and the Kakao id.
pub(super) async fn add_user(State(standin): State<Arc<Standin>>, Json(new): Json<NewUser>) -> Response {
    let mut data = standin.data();
    let number = data.people.len();
    let name = format!("user-{number}");
    let id = new.id.unwrap_or(3_000_000_000 + i64::try_from(number).unwrap_or_default());
    let nickname = new.nickname.unwrap_or_else(|| format!("사용자 {number}"));
    let email = new.email.unwrap_or_else(|| format!("{name}@example.com"));
    let account = if new.account == ordinary() { account(&nickname, &email) } else { new.account };
    let about = "made to measure".to_owned();
    let person = Person { about, id, account, properties: new.properties, underage: new.underage, linked: new.linked };
    data.people.insert(name.clone(), person);
    Json(json!({"name": name, "id": id.to_string()})).into_response()
}

/// An access token or a code for a person.
#[derive(Deserialize)]
pub(super) struct NewGrant {
    user: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    /// With a code, what `/oauth/authorize` takes: `redirect_uri`, `nonce`, `scope`, `code_challenge`.
    #[serde(flatten)]
    parameters: Parameters,
}

/// `POST /control/tokens` answers with an access token, as an SDK hands to an app.
pub(super) async fn issue_token(State(standin): State<Arc<Standin>>, Json(new): Json<NewGrant>) -> Response {
    let Some(app) = standin.grantable(&new) else {
        return unknown();
    };
    let grant = standin.sign_in(&new.user, app);
    let token = standin.issue_access_token(grant, Duration::from_secs(new.expires_in.unwrap_or(43_199)));
    Json(json!({"access_token": token})).into_response()
}

/// `POST /control/codes` answers with a code, as if the person had clicked through the authorize page, by whose rules it
/// goes. Only who is under age gets a code all the same, for what comes after it.
pub(super) async fn issue_code(State(standin): State<Arc<Standin>>, Json(mut new): Json<NewGrant>) -> Response {
    let Some(app) = standin.grantable(&new) else {
        return unknown();
    };
    new.parameters.insert("client_id".to_owned(), app.rest_api_key.to_owned());
    for (name, usual) in [("response_type", "code"), ("code_challenge_method", "S256")] {
        new.parameters.entry(name.to_owned()).or_insert_with(|| usual.to_owned());
    }
    if let Err((code, text)) = standin.check_authorize(&new.parameters) {
        return refused(&format!("{code}: {text}"));
    }
    let ttl = new.expires_in.map_or(oauth::CODE_TTL, Duration::from_secs);
    Json(json!({"code": standin.new_code(&new.user, app, &new.parameters, ttl)})).into_response()
}

/// An ID token, as an SDK hands to an app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIdToken {
    user: String,
    nonce: Option<String>,
    /// One of the app's keys; the REST API key if left out.
    aud: Option<String>,
    #[serde(default = "good")]
    kind: String,
    /// Changes of the header, before it is signed.
    #[serde(default)]
    header: Changes,
    /// Changes of the claims.
    #[serde(default)]
    claims: Changes,
}

fn good() -> String {
    "good".to_owned()
}

/// `POST /control/id-tokens` answers with an ID token of the app `shop`, good or wrong in one way.
pub(super) async fn issue_id_token(State(standin): State<Arc<Standin>>, Json(new): Json<NewIdToken>) -> Response {
    let person = standin.data().people.get(&new.user).cloned();
    let Some(person) = person.filter(|_| oidc::KINDS.contains(&new.kind.as_str())) else { return unknown() };
    let aud = new.aud.as_deref().unwrap_or(SHOP.rest_api_key);
    let claims = standin.claims(&person, &SHOP, aud, new.nonce.as_deref());
    let token = standin.id_token_of_kind(&new.kind, claims, &new.header, &new.claims);
    Json(json!({"id_token": token})).into_response()
}

/// `POST /control/faults`
pub(super) async fn set_fault(State(standin): State<Arc<Standin>>, Json(rule): Json<Rule>) -> Response {
    // A fault in a place that nobody comes to would make a test pass for nothing.
    if rule.endpoint != "*" && !super::ENDPOINTS.contains(&rule.endpoint.as_str()) {
        return refused(&format!("{} is no path of Kakao's", rule.endpoint));
    }
    standin.data().add_fault(rule);
    StatusCode::NO_CONTENT.into_response()
}

/// How many calls of kapi are left.
#[derive(Deserialize)]
pub(super) struct Quota {
    left: Option<u64>,
}

/// `POST /control/quota`
pub(super) async fn set_quota(State(standin): State<Arc<Standin>>, Json(quota): Json<Quota>) -> Response {
    standin.data().quota = quota.left;
    StatusCode::NO_CONTENT.into_response()
}

/// `DELETE /control/faults`: all of them, or with `?user=` those of one person.
pub(super) async fn clear_faults(State(standin): State<Arc<Standin>>, Query(query): Query<Parameters>) -> Response {
    let user = query.get("user");
    standin.data().faults.retain(|rule| user.is_some() && rule.user.as_ref() != user);
    StatusCode::NO_CONTENT.into_response()
}

/// `GET /control/calls` answers with the number of calls by path: everybody's, or those about `?user=`.
pub(super) async fn calls(State(standin): State<Arc<Standin>>, Query(query): Query<Parameters>) -> Response {
    let data = standin.data();
    let user = query.get("user");
    let mut by_path = BTreeMap::<&str, u64>::new();
    for ((person, path), calls) in &data.calls {
        if user.is_none() || user == person.as_ref() {
            *by_path.entry(path).or_default() += calls;
        }
    }
    Json(json!(by_path)).into_response()
}

impl Standin {
    fn grantable(&self, new: &NewGrant) -> Option<&'static App> {
        let name = new.app.as_deref().unwrap_or(SHOP.name);
        let app = APPS.into_iter().find(|app| app.name == name)?;
        self.data().people.contains_key(&new.user).then_some(app)
    }
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"detail": "no such user or app"}))).into_response()
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"detail": why}))).into_response()
}
