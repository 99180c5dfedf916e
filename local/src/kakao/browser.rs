//! kauth.kakao.com in a browser: the login page, login without a page, and logout from the Kakao account.

use std::sync::Arc;

use axum::{
    extract::{Form, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::SET_COOKIE},
    response::{Html, IntoResponse, Response},
};

use super::{
    Parameters, Standin, app_of,
    data::App,
    is_ours,
    oauth::{CODE_TTL, list},
    page,
    session::is_kakaotalk,
};

/// Why Kakao has to show a page before it issues a code.
enum Obstacle {
    Login,
    Consent,
    Interaction,
}

impl Obstacle {
    /// The error for requests that forbid a page. Only the text for consent is in Kakao's docs.
    fn error(&self) -> (&'static str, &'static str) {
        match self {
            Self::Login => ("login_required", "user login required."),
            Self::Consent => ("consent_required", "user consent required."),
            Self::Interaction => ("interaction_required", "user interaction required."),
        }
    }
}

/// `GET /oauth/authorize`: a code at once for a person who is logged in at Kakao and has consented, or else the page to
/// choose a person. `prompt` can demand or forbid the page.
pub(super) async fn authorize(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    let app = match standin.check_authorize(&parameters) {
        Ok(app) => app,
        Err((code, text)) => return refuse(code, &text),
    };
    let has_prompt = |prompt: &str| list(&parameters, "prompt").any(|given| given == prompt);
    let is_silent = has_prompt("none");
    // KakaoTalk's browser does not offer `login`.
    let is_asked =
        has_prompt("select_account") || has_prompt("create") || has_prompt("login") && !is_kakaotalk(&headers);
    let person = standin.person_in(&headers);
    match standin.without_page(person.as_deref(), app, &parameters) {
        Ok(person) if is_silent || !is_asked => standin.code_or_denial(person, app, &parameters),
        Err(obstacle) if is_silent => {
            let (error, text) = obstacle.error();
            back(&parameters, &[("error", error), ("error_description", text)])
        }
        outcome => {
            let mut people = standin.data().people.clone();
            let has_to_consent = !is_asked && !matches!(outcome, Err(Obstacle::Login));
            if has_to_consent {
                people.retain(|name, _| Some(name) == person.as_ref());
            }
            Html(page::login(app, &people, &parameters, has_to_consent)).into_response()
        }
    }
}

/// `POST /oauth/authorize`: the page's buttons, which choose a person or cancel.
pub(super) async fn decide(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    Form(mut parameters): Form<Parameters>,
) -> Response {
    let name = parameters.remove("person");
    let [withheld, stays] = ["withhold_email", "stay"].map(|name| parameters.remove(name).is_some());
    let app = match standin.check_authorize(&parameters) {
        Ok(app) => app,
        Err((code, text)) => return refuse(code, &text),
    };
    let known = name.filter(|name| standin.data().people.contains_key(name));
    let Some(name) = known else { return denied(&parameters, "User denied access") };
    if withheld && let Some(person) = standin.data().people.get_mut(&name) {
        person.withhold_email();
    }
    if standin.data().needs_page(&name) {
        standin.data().talk.needs_page = false;
    }
    let response = standin.code_or_denial(&name, app, &parameters);
    with_cookie(response, standin.begin_session(&headers, &name, stays))
}

/// `GET /oauth/logout`: asks a person who is logged in whether to end the session at Kakao too; else redirects back.
pub(super) async fn logout(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    match standin.check_logout(&parameters) {
        Err((code, text)) => refuse(code, &text),
        Ok(_) if standin.person_in(&headers).is_some() => Html(page::logout(&parameters)).into_response(),
        Ok(uri) => back_from_logout(uri, &parameters),
    }
}

/// `POST /oauth/logout`: the page's two buttons. The app does not learn which one was pressed.
pub(super) async fn decide_logout(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    Form(parameters): Form<Parameters>,
) -> Response {
    let uri = match standin.check_logout(&parameters) {
        Ok(uri) => uri,
        Err((code, text)) => return refuse(code, &text),
    };
    let ends = parameters.get("logout_with_kakao").is_some_and(|value| value == "true");
    let cookie = if ends { standin.end_session(&headers) } else { None };
    with_cookie(back_from_logout(uri, &parameters), cookie)
}

impl Standin {
    /// The person to issue a code for without a page.
    fn without_page<'a>(
        &self,
        person: Option<&'a str>,
        app: &App,
        parameters: &Parameters,
    ) -> Result<&'a str, Obstacle> {
        let name = person.ok_or(Obstacle::Login)?;
        let data = self.data();
        let person = data.people.get(name).ok_or(Obstacle::Login)?;
        let agreed = person.agreed();
        let lacks = |scope: &str| scope != "openid" && !agreed.contains(&scope);
        if !data.is_linked(name, app) || list(parameters, "scope").any(lacks) {
            return Err(Obstacle::Consent);
        }
        if data.needs_page(name) { Err(Obstacle::Interaction) } else { Ok(name) }
    }

    fn code_or_denial(&self, name: &str, app: &'static App, parameters: &Parameters) -> Response {
        if self.data().people.get(name).is_some_and(|person| person.underage) {
            return denied(parameters, "Not allowed under age 14");
        }
        let code = self.new_code(name, app, parameters, CODE_TTL);
        back(parameters, &[("code", &code)])
    }

    /// The registered URI to return to after a logout, or Kakao's error.
    fn check_logout<'a>(&self, parameters: &'a Parameters) -> Result<&'a str, (&'static str, String)> {
        let app = app_of(parameters.get("client_id").map(String::as_str)).map_err(|(_, _, code, text)| (code, text))?;
        let uri = parameters.get("logout_redirect_uri").map(String::as_str).unwrap_or_default();
        // Kakao keeps them in another list than redirect URIs.
        if is_ours(app) && self.data().logout_redirect_uris.iter().any(|registered| registered == uri) {
            return Ok(uri);
        }
        Err(("KOE007", "this logout_redirect_uri is not registered".to_owned()))
    }
}

/// A 302, as Kakao redirects browsers.
fn found(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::FOUND, [("location", location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn refuse(code: &str, text: &str) -> Response {
    (StatusCode::BAD_REQUEST, Html(page::refusal(code, text))).into_response()
}

fn denied(parameters: &Parameters, why: &str) -> Response {
    back(parameters, &[("error", "access_denied"), ("error_description", why)])
}

/// Redirects to the app with `state` unchanged.
fn back(parameters: &Parameters, answer: &[(&str, &str)]) -> Response {
    let state = parameters.get("state").map(|state| ("state", state.as_str()));
    found(&page::with_query(&parameters["redirect_uri"], answer.iter().copied().chain(state)))
}

fn back_from_logout(uri: &str, parameters: &Parameters) -> Response {
    found(&page::with_query(uri, parameters.get("state").map(|state| ("state", state.as_str()))))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}
