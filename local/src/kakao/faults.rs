//! Counts calls to Kakao, and injects faults: at a path, for a person or a token, and a given number of times.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Form, FromRequest, Query, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Data, Parameters, Standin, api_error, auth_error,
    data::APPS,
    json_answer,
    raw::{self, Changes},
};
use crate::server::hang_up;

/// Larger than any request to Kakao.
const MAX_BODY: usize = 64 * 1024;

/// What goes wrong at an endpoint until the fault is cleared.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Fault {
    /// The response is delayed.
    Slow { milliseconds: u64 },
    /// The connection closes without a response.
    Down,
    /// kapi's -10 or kauth's KOE237.
    Quota,
    /// HTML with status 200.
    Nonsense,
    /// JSON whose members have the wrong types.
    WrongTypes,
    /// JSON that ends in the middle.
    Truncated,
    /// The right response, padded with spaces to 10 MB.
    Huge,
    /// The right response without the user's ID.
    NoId,
    /// The right response, with raw bytes in some places.
    Raw { changes: Changes },
    /// A redirect, by default to a URL that a server must never request.
    Redirect { to: Option<String> },
    /// One of kapi's error codes.
    ApiCode { code: i64 },
    /// Any status and body.
    Answer { status: u16, body: String },
    /// One of kauth's error codes.
    AuthCode { code: String, error: String },
}

/// A fault, and the requests that it applies to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// A path, or `*` for every path.
    #[serde(default = "everywhere")]
    pub endpoint: String,
    pub fault: Fault,
    /// How many more requests the fault applies to. Without it, to all.
    times: Option<u64>,
    /// Only requests about this person.
    pub user: Option<String>,
    /// Only requests with this access token, refresh token or code.
    token: Option<String>,
}

fn everywhere() -> String {
    "*".to_owned()
}

/// The credentials in a request, and the person they belong to.
struct Caller {
    credentials: Vec<String>,
    person: Option<String>,
}

impl Data {
    /// Adds a rule. It replaces a rule for the same endpoint, person and token.
    pub(super) fn add_fault(&mut self, rule: Rule) {
        let place = |rule: &Rule| (rule.endpoint.clone(), rule.user.clone(), rule.token.clone());
        self.faults.retain(|other| place(other) != place(&rule));
        self.faults.push(rule);
    }

    /// The fault for a request. Rules for its token take precedence, then rules for its person, then rules for its path.
    fn inject(&mut self, path: &str, caller: &Caller) -> Option<Fault> {
        let applies = |rule: &Rule| {
            (rule.endpoint == path || rule.endpoint == "*")
                && rule.user.as_ref().is_none_or(|user| caller.person.as_ref() == Some(user))
                && rule.token.as_ref().is_none_or(|token| caller.credentials.contains(token))
        };
        let closest = |rule: &Rule| (rule.token.is_some(), rule.user.is_some(), rule.endpoint != "*");
        let rules = self.faults.iter().enumerate().filter(|(_, rule)| applies(rule));
        let (index, _) = rules.max_by_key(|(_, rule)| closest(rule))?;
        let fault = self.faults[index].fault.clone();
        if let Some(times) = &mut self.faults[index].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(index);
            }
        }
        Some(fault)
    }

    fn caller(&self, headers: &HeaderMap, query: &Parameters, form: &Parameters) -> Caller {
        let field = |name: &str| form.get(name).or_else(|| query.get(name));
        let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bearer = authorization.strip_prefix("Bearer ").map(str::to_owned);
        let presented = ["code", "refresh_token"].into_iter().filter_map(|name| field(name).cloned());
        let credentials: Vec<String> = bearer.into_iter().chain(presented).collect();
        let holder = credentials.iter().find_map(|text| {
            let token = self.access_tokens.get(text).or_else(|| self.refresh_tokens.get(text));
            token.map(|token| &token.person).or_else(|| self.codes.get(text).map(|code| &code.grant.person))
        });
        let admin_of =
            authorization.strip_prefix("KakaoAK ").and_then(|key| APPS.iter().find(|app| app.admin_key == key));
        let target = field("target_id").and_then(|id| id.parse::<i64>().ok()).zip(admin_of);
        let target = target.and_then(|(id, app)| self.people.iter().find(|(_, person)| person.id_in(app) == id));
        let person = holder.or(target.map(|(name, _)| name)).or(field("person")).cloned();
        Caller { credentials, person }
    }
}

/// Counts a call, uses up the quota, and injects a fault if a rule applies.
pub(super) async fn count_and_fail(State(standin): State<Arc<Standin>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let query = Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
    let copy = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let form = Form::from_request(copy, &()).await.map(|Form(form)| form).unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let is_api = path.starts_with("/v1/") || path.starts_with("/v2/");
    let fault = {
        let mut data = standin.data();
        let caller = data.caller(&parts.headers, &query, &form);
        let fault = data.inject(&path, &caller);
        *data.calls.entry((caller.person, path)).or_default() += 1;
        match data.quota {
            Some(0) if is_api => Some(Fault::Quota),
            Some(left) if is_api => {
                data.quota = Some(left - 1);
                fault
            }
            _ => fault,
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    match fault {
        None => next.run(request).await,
        Some(fault) => fault.answer(is_api, request, next).await,
    }
}

impl Fault {
    async fn answer(self, is_api: bool, request: Request, next: Next) -> Response {
        match self {
            Self::Slow { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                next.run(request).await
            }
            Self::Down => hang_up(),
            Self::Quota if is_api => api_error(StatusCode::BAD_REQUEST, -10, "API limit has been exceeded."),
            Self::Quota => {
                auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE237", "token request rate limit exceeded")
            }
            Self::Nonsense => ([(CONTENT_TYPE, "text/html")], "<html>점검 중</html>").into_response(),
            Self::WrongTypes => {
                json_answer(StatusCode::OK, &json!({"id": "one", "app_id": [], "access_token": 7, "kakao_account": 1}))
            }
            Self::Truncated => ([(CONTENT_TYPE, "application/json")], r#"{"id": 12"#).into_response(),
            // Valid except for its size, so that only the size can be the reason for a refusal.
            Self::Huge => changed(next.run(request).await, |body| body.resize(10_000_000, b' ')).await,
            Self::NoId => changed(next.run(request).await, remove_ids).await,
            Self::Raw { changes } => {
                changed(next.run(request).await, |body| {
                    if let Ok(answer) = serde_json::from_slice(body) {
                        *body = raw::write(answer, &changes);
                    }
                })
                .await
            }
            Self::Redirect { to } => {
                let to = to.unwrap_or_else(|| "http://169.254.169.254/latest/meta-data/".to_owned());
                let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
                (StatusCode::FOUND, [(LOCATION, to)]).into_response()
            }
            Self::ApiCode { code } => {
                let status = match code {
                    -401 | -406 => StatusCode::UNAUTHORIZED,
                    -9798 => StatusCode::SERVICE_UNAVAILABLE,
                    -3 | -4 | -5 | -6 | -12 | -402 => StatusCode::FORBIDDEN,
                    _ => StatusCode::BAD_REQUEST,
                };
                api_error(status, code, "injected fault")
            }
            Self::Answer { status, body } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
                (status, [(CONTENT_TYPE, "application/json")], body).into_response()
            }
            Self::AuthCode { code, error } => {
                let status = match code.as_str() {
                    "KOE010" | "KOE101" => StatusCode::UNAUTHORIZED,
                    _ => StatusCode::BAD_REQUEST,
                };
                auth_error(status, &error, &code, "injected fault")
            }
        }
    }
}

async fn changed(answer: Response, change: impl FnOnce(&mut Vec<u8>)) -> Response {
    let (mut parts, body) = answer.into_parts();
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
    change(&mut body);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn remove_ids(body: &mut Vec<u8>) {
    if let Ok(Value::Object(mut answer)) = serde_json::from_slice(body) {
        answer.retain(|name, _| name != "id" && name != "sub");
        *body = Value::Object(answer).to_string().into_bytes();
    }
}
