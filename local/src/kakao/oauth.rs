//! kauth.kakao.com: the authorize page and the exchange of codes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{Form, Query, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION},
    response::{Html, IntoResponse, Redirect, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest;
use serde_json::json;

use super::{
    AccessToken, Code, Standin, auth_error,
    data::{APPS, App, SHOP},
    json_answer, page,
};

type Parameters = HashMap<String, String>;

/// What a REST API key's access tokens live.
const ACCESS_TOKEN_TTL: Duration = Duration::from_secs(21_599);
const CODE_TTL: Duration = Duration::from_mins(5);
const REFRESH_TOKEN_TTL: Duration = Duration::from_secs(5_183_999);
const LAST_MONTH: Duration = Duration::from_hours(30 * 24);

/// `GET /oauth/authorize`: the page where one picks who one is.
pub(super) async fn authorize(State(standin): State<Arc<Standin>>, Query(parameters): Query<Parameters>) -> Response {
    match standin.check_authorize(&parameters) {
        // Nobody is signed in at the stand-in, so there is nobody to be silent about.
        Ok(_) if parameters.get("prompt").is_some_and(|prompt| prompt == "none") => back(
            &parameters,
            vec![("error", "login_required".to_owned()), ("error_description", "user login required.".to_owned())],
        ),
        Ok(_) => {
            let people = standin.data().people.clone();
            Html(page::authorize(&people, &parameters)).into_response()
        }
        Err((code, text)) => (StatusCode::BAD_REQUEST, Html(page::refusal(code, text))).into_response(),
    }
}

/// The page's buttons: a person, or cancel.
pub(super) async fn decide(State(standin): State<Arc<Standin>>, Form(mut parameters): Form<Parameters>) -> Response {
    let person = parameters.remove("person");
    let withheld = parameters.remove("withhold_email").is_some();
    let app = match standin.check_authorize(&parameters) {
        Ok(app) => app,
        Err((code, text)) => return (StatusCode::BAD_REQUEST, Html(page::refusal(code, text))).into_response(),
    };
    let answer = match person.filter(|person| standin.data().people.contains_key(person)) {
        Some(person) => {
            if withheld && let Some(person) = standin.data().people.get_mut(&person) {
                person.withhold_email();
            }
            let code = standin.new_code(person, app, &parameters);
            vec![("code", code)]
        }
        None => vec![("error", "access_denied".to_owned()), ("error_description", "User denied access".to_owned())],
    };
    back(&parameters, answer)
}

/// To the app, with `state` as it came.
fn back(parameters: &Parameters, mut answer: Vec<(&str, String)>) -> Response {
    if let Some(state) = parameters.get("state") {
        answer.push(("state", state.clone()));
    }
    let query: Vec<String> =
        answer.iter().map(|(name, value)| format!("{name}={}", page::percent_encoded(value))).collect();
    let redirect_uri = &parameters["redirect_uri"];
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{redirect_uri}{separator}{}", query.join("&"))).into_response()
}

/// `POST /oauth/token`
pub(super) async fn token(
    State(standin): State<Arc<Standin>>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE204", "send a form");
    };
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if headers.contains_key(AUTHORIZATION) && field("client_id").is_empty() {
        // HTTP Basic is not read: RFC 6749 §2.3.1 notwithstanding.
        return auth_error(StatusCode::UNAUTHORIZED, "invalid_client", "KOE101", "Not exist client_id [null]");
    }
    let Some(app) = APPS.iter().find(|app| app.rest_api_key == field("client_id")) else {
        let text = format!("Not exist client_id [{}]", field("client_id"));
        return auth_error(StatusCode::UNAUTHORIZED, "invalid_client", "KOE101", &text);
    };
    if !app.client_secret.is_empty() && app.client_secret != field("client_secret") {
        let mut refusal = auth_error(StatusCode::UNAUTHORIZED, "invalid_client", "KOE010", "Bad client credentials");
        let challenge = r#"Bearer realm="oauth", error="invalid_client", error_description="Bad client credentials""#;
        refusal.headers_mut().insert("www-authenticate", HeaderValue::from_static(challenge));
        return refusal;
    }
    match field("grant_type") {
        "authorization_code" => match standin.spend_code(field("code"), app, &form) {
            Ok(code) => standin.tokens(&code),
            Err(refusal) => *refusal,
        },
        "refresh_token" => standin.renew(field("refresh_token"), app),
        _ => auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE310", "unsupported grant_type"),
    }
}

impl Standin {
    fn check_authorize(&self, parameters: &Parameters) -> Result<&'static App, (&'static str, &'static str)> {
        let field = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        let app = APPS.into_iter().find(|app| app.rest_api_key == field("client_id"));
        let app = app.ok_or(("KOE101", "there is no app with this client_id"))?;
        if *app != SHOP || !self.redirect_uris.iter().any(|registered| registered == field("redirect_uri")) {
            return Err(("KOE006", "this redirect_uri is not registered"));
        }
        match field("response_type") {
            "code" => {}
            "token" => return Err(("KOE202", "the implicit grant is not offered")),
            _ => return Err(("KOE201", "response_type must be code")),
        }
        let known = ["openid", "profile_nickname", "profile_image", "account_email"];
        let scopes = field("scope").split([',', ' ']).filter(|scope| !scope.is_empty());
        for scope in scopes {
            if !known.contains(&scope) || scope == "openid" && !app.oidc {
                return Err(("KOE205", "this scope is not set up"));
            }
        }
        if parameters.contains_key("code_challenge") && field("code_challenge_method") != "S256" {
            return Err(("KOE204", "code_challenge_method must be S256"));
        }
        Ok(app)
    }

    pub(super) fn new_code(&self, person: String, app: &'static App, parameters: &Parameters) -> String {
        self.issue_code(Code {
            person,
            app,
            redirect_uri: parameters.get("redirect_uri").cloned().unwrap_or_default(),
            challenge: parameters.get("code_challenge").cloned(),
            nonce: parameters.get("nonce").cloned(),
            expires_at: self.clock.now() + CODE_TTL,
        })
    }

    /// A code is gone after its first presentation, even a wrong one.
    fn spend_code(&self, text: &str, app: &App, form: &Parameters) -> Result<Code, Box<Response>> {
        let refuse = |code, text: &str| Box::new(auth_error(StatusCode::BAD_REQUEST, "invalid_grant", code, text));
        let spent = self.data().codes.remove(text);
        let not_found = format!("authorization code not found for code={text}");
        let code = spent
            .filter(|code| code.expires_at > self.clock.now() && code.app == app)
            .ok_or_else(|| refuse("KOE320", &not_found))?;
        if form.get("redirect_uri") != Some(&code.redirect_uri) {
            return Err(refuse("KOE303", "Redirect URI mismatch."));
        }
        if let Some(challenge) = &code.challenge {
            let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            if BASE64_URL_SAFE_NO_PAD.encode(hash) != *challenge {
                return Err(refuse("KOE320", "code_verifier does not match"));
            }
        }
        Ok(code)
    }

    fn tokens(&self, code: &Code) -> Response {
        if !self.may_issue(&code.person) {
            let text = "token request rate limit exceeded";
            return auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE237", text);
        }
        let access_token = self.issue_access_token(&code.person, code.app, ACCESS_TOKEN_TTL);
        let refresh_token = BASE64_URL_SAFE_NO_PAD.encode(shared::random::bytes::<48>());
        let expires_at = self.clock.now() + REFRESH_TOKEN_TTL;
        let grant = AccessToken { person: code.person.clone(), app: code.app, expires_at };
        self.data().refresh_tokens.insert(refresh_token.clone(), grant);
        let mut tokens = json!({
            "access_token": access_token,
            "token_type": "bearer",
            "refresh_token": refresh_token,
            "expires_in": ACCESS_TOKEN_TTL.as_secs(),
            "scope": "account_email profile_image profile_nickname",
            "refresh_token_expires_in": REFRESH_TOKEN_TTL.as_secs(),
        });
        let person = self.data().people.get(&code.person).cloned();
        if let Some(person) = person.filter(|_| code.app.oidc) {
            let access_token = tokens["access_token"].as_str();
            let id_token = self.id_token(&person, code.app, code.nonce.as_deref(), access_token);
            tokens["scope"] = json!("account_email profile_image openid profile_nickname");
            tokens["id_token"] = json!(id_token);
        }
        json_answer(StatusCode::OK, &tokens)
    }

    /// A new access token; a new refresh token only in the old one's last month, and the old one dies then.
    fn renew(&self, text: &str, app: &'static App) -> Response {
        let now = self.clock.now();
        let grant = self.data().refresh_tokens.get(text).cloned();
        let Some(grant) = grant.filter(|grant| grant.expires_at > now && grant.app == app) else {
            let text = "expired_or_invalid_refresh_token";
            return auth_error(StatusCode::BAD_REQUEST, "invalid_grant", "KOE322", text);
        };
        let access_token = self.issue_access_token(&grant.person, app, ACCESS_TOKEN_TTL);
        let mut tokens = json!({
            "access_token": access_token, "token_type": "bearer", "expires_in": ACCESS_TOKEN_TTL.as_secs(),
        });
        if grant.expires_at < now + LAST_MONTH {
            let refresh_token = BASE64_URL_SAFE_NO_PAD.encode(shared::random::bytes::<48>());
            tokens["refresh_token"] = json!(refresh_token);
            tokens["refresh_token_expires_in"] = json!(REFRESH_TOKEN_TTL.as_secs());
            let mut data = self.data();
            data.refresh_tokens.remove(text);
            data.refresh_tokens.insert(refresh_token, AccessToken { expires_at: now + REFRESH_TOKEN_TTL, ..grant });
        }
        json_answer(StatusCode::OK, &tokens)
    }

    /// Twenty access tokens for one person in ten minutes.
    fn may_issue(&self, person: &str) -> bool {
        let now = self.clock.now();
        let mut data = self.data();
        let issued = data.issued.entry(person.to_owned()).or_default();
        issued.retain(|at| now < *at + Duration::from_mins(10));
        issued.push(now);
        issued.len() <= 20
    }
}
