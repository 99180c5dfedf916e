//! What an app may do with a linked user beside reading them: log out, unlink, consents, userinfo.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Form, Query, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use serde_json::{Value, json};

use super::{Standin, api_error, data::APPS, json_answer, page};

type Parameters = HashMap<String, String>;

/// `POST /v1/user/logout`: the access token dies; with the admin key all of the user's do.
pub(super) async fn logout(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    standin.end_tokens(&headers, &form.map(|Form(form)| form).unwrap_or_default(), false)
}

/// `POST /v1/user/unlink`: the user is no user of the app any more.
pub(super) async fn unlink(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    standin.end_tokens(&headers, &form.map(|Form(form)| form).unwrap_or_default(), true)
}

/// `GET /v2/user/scopes`
pub(super) async fn scopes(
    State(standin): State<Arc<Standin>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let (app, person) = match standin.holder_or_target(&headers, &query) {
        Ok(holder) => holder,
        Err(refusal) => return *refusal,
    };
    let scope = |id: &str, name: &str, agreed: bool| {
        let mut scope = json!({"id": id, "display_name": name, "type": "PRIVACY", "using": true, "agreed": agreed});
        if agreed {
            scope["revocable"] = json!(id == "account_email");
        }
        scope
    };
    let agreed = |needs: &str| person.account[needs] == json!(false);
    json_answer(
        StatusCode::OK,
        &json!({
            "id": person.id_in(app),
            "scopes": [
                scope("profile_nickname", "닉네임", agreed("profile_nickname_needs_agreement")),
                scope("profile_image", "프로필 사진", agreed("profile_image_needs_agreement")),
                scope("account_email", "카카오계정(이메일)", agreed("email_needs_agreement")),
            ],
        }),
    )
}

/// `GET /v1/oidc/userinfo`: by access token only.
pub(super) async fn userinfo(State(standin): State<Arc<Standin>>, headers: HeaderMap) -> Response {
    let (token, person) = match standin.holder(&headers) {
        Ok(holder) => holder,
        Err(refusal) => return *refusal,
    };
    if !token.app.oidc {
        return api_error(StatusCode::FORBIDDEN, -3, "OpenID Connect is not enabled");
    }
    let mut info = json!({"sub": person.id_in(token.app).to_string()});
    let account = &person.account;
    if let Some(nickname) = account["profile"]["nickname"].as_str() {
        info["nickname"] = json!(nickname);
    }
    if let Some(email) = account["email"].as_str() {
        info["email"] = json!(email);
        info["email_verified"] = json!(account["is_email_valid"] == true && account["is_email_verified"] == true);
    }
    json_answer(StatusCode::OK, &info)
}

/// `GET /oauth/logout`: ends Kakao's own session in the browser, of which there is none here, and goes back.
pub(super) async fn browser_logout(State(standin): State<Arc<Standin>>, Query(query): Query<Parameters>) -> Response {
    let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let known = APPS.iter().any(|app| app.rest_api_key == field("client_id"));
    let refusal = match known {
        false => Some(("KOE101", "there is no app with this client_id")),
        true if !standin.redirect_uris.iter().any(|uri| uri == field("logout_redirect_uri")) => {
            Some(("KOE007", "this logout_redirect_uri is not registered"))
        }
        true => None,
    };
    if let Some((code, text)) = refusal {
        return (StatusCode::BAD_REQUEST, axum::response::Html(page::refusal(code, text))).into_response();
    }
    let state = query.get("state").map(|state| format!("?state={}", page::percent_encoded(state)));
    Redirect::to(&format!("{}{}", field("logout_redirect_uri"), state.unwrap_or_default())).into_response()
}

impl Standin {
    fn end_tokens(&self, headers: &HeaderMap, form: &Parameters, unlink: bool) -> Response {
        let (app, person) = match self.holder_or_target(headers, form) {
            Ok(holder) => holder,
            Err(refusal) => return *refusal,
        };
        let presented = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let presented = presented.strip_prefix("Bearer ");
        let id = person.id_in(app);
        let mut data = self.data();
        let ids: HashMap<String, i64> =
            data.people.iter().map(|(name, person)| (name.clone(), person.id_in(app))).collect();
        data.access_tokens.retain(|text, token| {
            let theirs = token.app == app && ids.get(&token.person) == Some(&id);
            !(theirs && (unlink || presented.is_none_or(|presented| presented == text)))
        });
        if unlink {
            for person in data.people.values_mut().filter(|person| person.id_in(app) == id) {
                person.linked = false;
            }
        }
        json_answer(StatusCode::OK, &Value::from_iter([("id", id)]))
    }
}
