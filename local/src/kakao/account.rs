//! What an app can do for a linked user besides reading the profile: log out, unlink, list consents, get userinfo.

use std::sync::Arc;

use axum::{
    extract::{Form, Query, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::Response,
};
use serde_json::{Value, json};

use super::{APPS, Data, Grant, Parameters, Standin, api_error, data::App, json_answer};

/// `POST /v1/user/logout`: revokes the access token, or with the admin key all tokens of the user.
pub(super) async fn logout(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    standin.end_tokens(&headers, &form.map(|Form(form)| form).unwrap_or_default(), false)
}

/// `POST /v1/user/unlink`: unlinks the user from the app and revokes all their tokens.
pub(super) async fn unlink(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    standin.end_tokens(&headers, &form.map(|Form(form)| form).unwrap_or_default(), true)
}

/// `GET /v1/user/ids`: the linked users, with the admin key only.
pub(super) async fn ids(
    State(standin): State<Arc<Standin>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = header.strip_prefix("KakaoAK ").unwrap_or_default();
    let Some(app) = APPS.into_iter().find(|app| app.admin_key == key) else {
        return api_error(StatusCode::UNAUTHORIZED, -401, "invalid app key.");
    };
    let number = |name: &str| query.get(name).map(|text| text.parse::<i64>());
    let (limit, from) = (number("limit").unwrap_or(Ok(100)), number("from_id").unwrap_or(Ok(0)));
    let (Ok(limit @ 1..=100), Ok(from)) = (limit, from) else {
        return api_error(StatusCode::BAD_REQUEST, -2, "limit should be 1 to 100, and from_id a number");
    };
    let data = standin.data();
    let linked = data.people.iter().filter(|(name, _)| data.is_linked(name, app));
    let mut ids: Vec<i64> = linked.map(|(_, person)| person.id_in(app)).collect();
    ids.sort_unstable();
    let is_ascending = match query.get("order").map(String::as_str) {
        None | Some("asc") => true,
        Some("desc") => {
            ids.reverse();
            false
        }
        Some(_) => return api_error(StatusCode::BAD_REQUEST, -2, "order should be asc or desc"),
    };
    // Whether the page begins with `from_id` is not documented. Here it does.
    let is_after = |id: &i64| from == 0 || if is_ascending { *id >= from } else { *id <= from };
    let total = ids.len();
    ids.retain(is_after);
    let page: Vec<i64> = ids.iter().copied().take(usize::try_from(limit).unwrap_or(100)).collect();
    let after = ids.get(page.len()).map(|id| format!("https://kapi.kakao.com/v1/user/ids?limit={limit}&from_id={id}"));
    json_answer(
        StatusCode::OK,
        &json!({"elements": page, "total_count": total, "before_url": null, "after_url": after}),
    )
}

/// `GET /v2/user/scopes`
pub(super) async fn scopes(
    State(standin): State<Arc<Standin>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let (app, _, person) = match standin.holder_or_target(&headers, &query) {
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
    let asked: Option<Vec<String>> = match query.get("scopes").map(|scopes| serde_json::from_str(scopes)) {
        None => None,
        Some(Ok(asked)) => Some(asked),
        Some(Err(_)) => return api_error(StatusCode::BAD_REQUEST, -2, "scopes should be json array"),
    };
    let scopes: Vec<Value> =
        [("profile_nickname", "닉네임"), ("profile_image", "프로필 사진"), ("account_email", "카카오계정(이메일)")]
            .into_iter()
            .filter(|(id, _)| asked.as_ref().is_none_or(|asked| asked.iter().any(|asked| asked == id)))
            .map(|(id, name)| scope(id, name, person.agreed().contains(&id)))
            .collect();
    json_answer(StatusCode::OK, &json!({"id": person.id_in(app), "scopes": scopes}))
}

/// `GET /v1/oidc/userinfo`: accepts an access token only.
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
    if let Some(picture) = account["profile"]["profile_image_url"].as_str() {
        info["picture"] = json!(picture);
    }
    if let Some(email) = account["email"].as_str() {
        info["email"] = json!(email);
        info["email_verified"] = json!(account["is_email_valid"] == true && account["is_email_verified"] == true);
    }
    json_answer(StatusCode::OK, &info)
}

impl Standin {
    fn end_tokens(&self, headers: &HeaderMap, form: &Parameters, unlink: bool) -> Response {
        let (app, name, person) = match self.holder_or_target(headers, form) {
            Ok(holder) => holder,
            Err(refusal) => return *refusal,
        };
        let presented = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let presented = presented.strip_prefix("Bearer ").filter(|_| !unlink);
        let mut data = self.data();
        if let Some(presented) = presented {
            // Kakao's docs say both that this revokes the refresh token and that it does not. The strict reading: it does.
            let grant = data.access_tokens.remove(presented);
            if let Some(refresh_token) = grant.and_then(|grant| grant.refresh_token) {
                data.refresh_tokens.remove(&refresh_token);
            }
        } else if unlink {
            data.unlink(&name, app);
        } else {
            data.end_all_tokens(&name, app);
        }
        json_answer(StatusCode::OK, &json!({"id": person.id_in(app)}))
    }
}

impl Data {
    /// Unlinks a person from an app and revokes all their tokens.
    pub(super) fn unlink(&mut self, person: &str, app: &App) {
        self.end_all_tokens(person, app);
        self.unlinked.insert((person.to_owned(), app.app_id));
    }

    fn end_all_tokens(&mut self, person: &str, app: &App) {
        let others = |grant: &Grant| grant.app != app || grant.person != person;
        self.access_tokens.retain(|_, grant| others(grant));
        self.refresh_tokens.retain(|_, grant| others(grant));
    }
}
