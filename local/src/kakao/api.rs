//! kapi.kakao.com: the API that an access token gives access to.

use std::sync::Arc;

use axum::{
    extract::{Form, Query, State, rejection::FormRejection},
    http::{HeaderMap, Method, StatusCode, header::AUTHORIZATION},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    Data, Grant, Parameters, Standin, api_error,
    data::{APPS, App, Person},
    is_form, json_answer,
};

/// `GET /v1/user/access_token_info`
pub(super) async fn access_token_info(State(standin): State<Arc<Standin>>, headers: HeaderMap) -> Response {
    match standin.holder(&headers) {
        Ok((token, person)) => {
            let expires_in = token.expires_at.seconds_since(standin.clock.now());
            let app_id = token.app.app_id;
            json_answer(
                StatusCode::OK,
                &json!({"id": person.id_in(token.app), "expires_in": expires_in, "app_id": app_id, "appId": app_id}),
            )
        }
        Err(refusal) => *refusal,
    }
}

/// `GET` or `POST /v2/user/me`
pub(super) async fn user_me(
    State(standin): State<Arc<Standin>>,
    method: Method,
    Query(mut asked): Query<Parameters>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    if method == Method::POST && !is_form(&headers) {
        return api_error(StatusCode::BAD_REQUEST, -8, "wrong content type");
    }
    asked.extend(form.map(|Form(form)| form).unwrap_or_default());
    let (app, name, person) = match standin.holder_or_target(&headers, &asked) {
        Ok(holder) => holder,
        Err(refusal) => return *refusal,
    };
    let connected_at = standin.data().linked_at.get(&(name, app.app_id)).map(|at| at.to_rfc3339());
    let connected_at = connected_at.unwrap_or_else(|| "2026-01-02T03:04:05Z".to_owned());
    let mut me = json!({"id": person.id_in(app), "connected_at": connected_at});
    if !person.account.is_null() {
        let mut account = person.account;
        if asked.get("secure_resource").is_none_or(|secure| secure != "true") {
            for image in ["profile_image_url", "thumbnail_image_url"] {
                if let Some(url) = account["profile"][image].as_str() {
                    account["profile"][image] = json!(url.replace("https://", "http://"));
                }
            }
        }
        if let Some(property_keys) = asked.get("property_keys") {
            if let Err(refusal) = keep_only(&mut account, property_keys) {
                return *refusal;
            }
        } else if person.properties {
            me["properties"] = properties(&account["profile"]);
        }
        me["kakao_account"] = account;
    }
    json_answer(StatusCode::OK, &me)
}

/// The profile as it was named before `kakao_account` existed.
fn properties(profile: &Value) -> Value {
    let names =
        [("nickname", "nickname"), ("profile_image", "profile_image_url"), ("thumbnail_image", "thumbnail_image_url")];
    names.iter().filter_map(|(old, new)| Some(((*old).to_owned(), profile.get(new)?.clone()))).collect()
}

/// `property_keys` is a JSON array such as `["kakao_account.profile"]`.
fn keep_only(account: &mut Value, property_keys: &str) -> Result<(), Box<Response>> {
    let Ok(keys) = serde_json::from_str::<Vec<String>>(property_keys) else {
        return Err(Box::new(api_error(StatusCode::BAD_REQUEST, -2, "property_keys should be json array")));
    };
    let wanted = |name: &str| {
        keys.iter().any(|key| match key.strip_prefix("kakao_account.").map(|key| key.trim_end_matches('.')) {
            Some("profile") => name.starts_with("profile"),
            Some("email") => name.contains("email"),
            _ => false,
        })
    };
    if let Some(account) = account.as_object_mut() {
        account.retain(|name, _| wanted(name));
    }
    Ok(())
}

impl Standin {
    /// The app and the person that the bearer token belongs to or, with an admin key, that the request names.
    pub(super) fn holder_or_target(
        &self,
        headers: &HeaderMap,
        asked: &Parameters,
    ) -> Result<(&'static App, String, Person), Box<Response>> {
        let refuse = |status, code, message| Err(Box::new(api_error(status, code, message)));
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(key) = header.strip_prefix("KakaoAK ") else {
            return self.holder(headers).map(|(token, person)| (token.app, token.person, person));
        };
        let Some(app) = APPS.into_iter().find(|app| app.admin_key == key) else {
            return refuse(StatusCode::UNAUTHORIZED, -401, "invalid app key.");
        };
        let target = asked.get("target_id").and_then(|id| id.parse::<i64>().ok());
        let Some(target) = target.filter(|_| asked.get("target_id_type").is_some_and(|kind| kind == "user_id")) else {
            return refuse(StatusCode::BAD_REQUEST, -2, "target_id should be given with target_id_type");
        };
        let data = self.data();
        let found = data.people.iter().find(|(_, person)| person.id_in(app) == target);
        match found.filter(|(name, _)| data.is_linked(name, app)) {
            Some((_, person)) if person.underage => refuse(StatusCode::UNAUTHORIZED, -406, "under age 14"),
            Some((name, person)) => Ok((app, name.clone(), person.clone())),
            None => refuse(StatusCode::BAD_REQUEST, -101, "NotRegisteredUserException"),
        }
    }

    /// The grant and the person of the bearer token, or Kakao's error.
    pub(super) fn holder(&self, headers: &HeaderMap) -> Result<(Grant, Person), Box<Response>> {
        let refuse = |status, code, message| Err(Box::new(api_error(status, code, message)));
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(token) = header.strip_prefix("Bearer ") else {
            return refuse(StatusCode::UNAUTHORIZED, -401, "no authentication key!");
        };
        if token.len() > 512 {
            return refuse(StatusCode::BAD_REQUEST, -2, "too long for access token.");
        }
        let data = self.data();
        let Some(grant) = data.access_tokens.get(token) else {
            return refuse(StatusCode::UNAUTHORIZED, -401, "this access token does not exist");
        };
        if grant.expires_at <= self.clock.now() {
            return refuse(StatusCode::UNAUTHORIZED, -401, "this access token is already expired");
        }
        let Some(person) = data.people.get(&grant.person) else {
            return refuse(StatusCode::BAD_REQUEST, -103, "no such account");
        };
        if !data.is_linked(&grant.person, grant.app) {
            return refuse(StatusCode::BAD_REQUEST, -101, "NotRegisteredUserException");
        }
        if person.underage {
            return refuse(StatusCode::UNAUTHORIZED, -406, "under age 14");
        }
        Ok((grant.clone(), person.clone()))
    }
}

impl Data {
    pub(super) fn is_linked(&self, person: &str, app: &App) -> bool {
        let unlinked = self.unlinked.contains(&(person.to_owned(), app.app_id));
        !unlinked && self.people.get(person).is_some_and(|person| person.linked)
    }
}
