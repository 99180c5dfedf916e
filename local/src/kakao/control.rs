//! What tests and people tell the stand-in to do. Nothing of this exists at Kakao.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Fault, Standin,
    data::{APPS, App, Person, SHOP, account},
    oidc,
};

/// A person made to measure. What is left out is ordinary.
#[derive(Deserialize)]
pub(super) struct NewUser {
    id: Option<i64>,
    nickname: Option<String>,
    email: Option<String>,
    /// Takes the place of the whole `kakao_account`; `null` leaves it out.
    #[serde(default = "ordinary")]
    account: Value,
    #[serde(default)]
    underage: bool,
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
    data.people.insert(name.clone(), Person { about, id, account, underage: new.underage, linked: true });
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
    /// With a code: `redirect_uri`, `nonce`, `code_challenge`.
    #[serde(flatten)]
    parameters: HashMap<String, String>,
}

/// `POST /control/tokens` answers with an access token, as an SDK hands to an app.
pub(super) async fn issue_token(State(standin): State<Arc<Standin>>, Json(new): Json<NewGrant>) -> Response {
    let Some(app) = standin.grantable(&new) else {
        return unknown();
    };
    let token = standin.issue_access_token(&new.user, app, Duration::from_secs(new.expires_in.unwrap_or(43_199)));
    Json(json!({"access_token": token})).into_response()
}

/// `POST /control/codes` answers with a code, as if the person had clicked through the authorize page.
pub(super) async fn issue_code(State(standin): State<Arc<Standin>>, Json(new): Json<NewGrant>) -> Response {
    let Some(app) = standin.grantable(&new) else {
        return unknown();
    };
    Json(json!({"code": standin.new_code(new.user, app, &new.parameters)})).into_response()
}

/// An ID token, as an SDK hands to an app.
#[derive(Deserialize)]
pub(super) struct NewIdToken {
    user: String,
    nonce: Option<String>,
    /// One of the app's keys; the REST API key if left out.
    aud: Option<String>,
    #[serde(default = "good")]
    kind: String,
}

fn good() -> String {
    "good".to_owned()
}

/// `POST /control/id-tokens` answers with an ID token of the app `shop`, good or wrong in one way.
pub(super) async fn issue_id_token(State(standin): State<Arc<Standin>>, Json(new): Json<NewIdToken>) -> Response {
    let person = standin.data().people.get(&new.user).cloned();
    let Some(person) = person.filter(|_| oidc::KINDS.contains(&new.kind.as_str())) else { return unknown() };
    let aud = new.aud.as_deref().unwrap_or(SHOP.rest_api_key);
    let token = standin.id_token_of_kind(&new.kind, &person, &SHOP, aud, new.nonce.as_deref());
    Json(json!({"id_token": token})).into_response()
}

/// What goes wrong, and where: a path such as `/v2/user/me`, or `*` for every one.
#[derive(Deserialize)]
pub(super) struct NewFault {
    #[serde(default = "everywhere")]
    endpoint: String,
    fault: Fault,
}

fn everywhere() -> String {
    "*".to_owned()
}

/// `POST /control/faults`
pub(super) async fn set_fault(State(standin): State<Arc<Standin>>, Json(new): Json<NewFault>) -> Response {
    standin.data().faults.insert(new.endpoint, new.fault);
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

/// `DELETE /control/faults`
pub(super) async fn clear_faults(State(standin): State<Arc<Standin>>) -> Response {
    standin.data().faults.clear();
    StatusCode::NO_CONTENT.into_response()
}

/// `GET /control/calls` answers with the number of calls by path.
pub(super) async fn calls(State(standin): State<Arc<Standin>>) -> Response {
    Json(json!(standin.data().calls)).into_response()
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
