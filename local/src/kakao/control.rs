//! Routes that control the stand-in, for tests and people. Kakao has none of them.

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
    session::Talk,
};

/// A new person. Members that are left out get ordinary values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    id: Option<i64>,
    nickname: Option<String>,
    email: Option<String>,
    /// Replaces the whole `kakao_account`; `null` leaves it out.
    #[serde(default = "ordinary")]
    account: Value,
    #[serde(default = "yes")]
    properties: bool,
    #[serde(default)]
    underage: bool,
    #[serde(default = "yes")]
    linked: bool,
}

pub(super) fn yes() -> bool {
    true
}

fn ordinary() -> Value {
    json!("ordinary")
}

/// `POST /control/users` returns the name and the Kakao ID.
pub(super) async fn add_user(State(standin): State<Arc<Standin>>, Json(new): Json<NewUser>) -> Response {
    let mut data = standin.data();
    let number = data.people.len();
    let name = format!("user-{number}");
    let id = new.id.unwrap_or(3_000_000_000 + i64::try_from(number).unwrap_or_default());
    let nickname = new.nickname.unwrap_or_else(|| format!("사용자 {number}"));
    let email = new.email.unwrap_or_else(|| format!("{name}@example.com"));
    let account = if new.account == ordinary() { account(&nickname, &email) } else { new.account };
    let about = "added by a control route".to_owned();
    let person = Person { about, id, account, properties: new.properties, underage: new.underage, linked: new.linked };
    data.people.insert(name.clone(), person);
    Json(json!({"name": name, "id": id.to_string()})).into_response()
}

/// A request for an access token or a code of a person.
#[derive(Deserialize)]
pub(super) struct NewGrant {
    user: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    /// For a code, parameters of `/oauth/authorize`: `redirect_uri`, `nonce`, `scope`, `code_challenge`.
    #[serde(flatten)]
    parameters: Parameters,
}

/// `POST /control/tokens` returns an access token, as an SDK gives to an app.
pub(super) async fn issue_token(State(standin): State<Arc<Standin>>, Json(new): Json<NewGrant>) -> Response {
    let Some(app) = standin.grantable(&new) else {
        return unknown();
    };
    let grant = standin.log_in(&new.user, app);
    let token = standin.issue_access_token(grant, Duration::from_secs(new.expires_in.unwrap_or(43_199)));
    Json(json!({"access_token": token})).into_response()
}

/// `POST /control/codes` returns a code, as if the person had used the authorize page, and makes the same checks. The
/// exception is that an underage person gets a code, so that tests can reach the errors of later calls.
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

/// A request for an ID token, as an SDK gives to an app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIdToken {
    user: String,
    nonce: Option<String>,
    /// One of the app's keys. Defaults to the REST API key.
    aud: Option<String>,
    #[serde(default = "good")]
    kind: String,
    /// Changes to the header, made before signing.
    #[serde(default)]
    header: Changes,
    /// Changes to the claims.
    #[serde(default)]
    claims: Changes,
}

pub(super) fn good() -> String {
    "good".to_owned()
}

/// `POST /control/id-tokens` returns an ID token of the app `shop`, of one of [`oidc::KINDS`].
pub(super) async fn issue_id_token(State(standin): State<Arc<Standin>>, Json(new): Json<NewIdToken>) -> Response {
    let person = standin.data().people.get(&new.user).cloned();
    let Some(person) = person.filter(|_| oidc::KINDS.contains(&new.kind.as_str())) else { return unknown() };
    let aud = new.aud.as_deref().unwrap_or(SHOP.rest_api_key);
    let claims = standin.claims(&person, &SHOP, aud, new.nonce.as_deref());
    let token = standin.token_of_kind("JWT", &new.kind, claims, &new.header, &new.claims);
    Json(json!({"id_token": token})).into_response()
}

/// `POST /control/faults`
pub(super) async fn set_fault(State(standin): State<Arc<Standin>>, Json(rule): Json<Rule>) -> Response {
    // A fault at a path that is never requested would let a test pass for the wrong reason.
    if rule.endpoint != "*" && !super::ENDPOINTS.contains(&rule.endpoint.as_str()) {
        return refused(&format!("{} is not a path at Kakao", rule.endpoint));
    }
    standin.data().add_fault(rule);
    StatusCode::NO_CONTENT.into_response()
}

/// How many more calls to kapi are allowed. `null` removes the limit.
#[derive(Deserialize)]
pub(super) struct Quota {
    left: Option<u64>,
}

/// `POST /control/quota`
pub(super) async fn set_quota(State(standin): State<Arc<Standin>>, Json(quota): Json<Quota>) -> Response {
    standin.data().quota = quota.left;
    StatusCode::NO_CONTENT.into_response()
}

/// `POST /control/talk` sets who is logged in to KakaoTalk, whose browser then needs no login.
pub(super) async fn set_talk(State(standin): State<Arc<Standin>>, Json(talk): Json<Talk>) -> Response {
    let mut data = standin.data();
    if talk.user.as_ref().is_some_and(|user| !data.people.contains_key(user)) {
        return unknown();
    }
    data.talk = talk;
    StatusCode::NO_CONTENT.into_response()
}

/// `DELETE /control/faults` removes all faults, or with `?user=` those of one person.
pub(super) async fn clear_faults(State(standin): State<Arc<Standin>>, Query(query): Query<Parameters>) -> Response {
    let user = query.get("user");
    standin.data().faults.retain(|rule| user.is_some() && rule.user.as_ref() != user);
    StatusCode::NO_CONTENT.into_response()
}

/// `GET /control/calls` returns the number of calls by path, or with `?user=` of those about one person.
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

pub(super) fn unknown() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"detail": "no such user, app, kind of token or webhook"}))).into_response()
}

pub(super) fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"detail": why}))).into_response()
}
