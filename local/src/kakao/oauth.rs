//! kauth.kakao.com: what an authorize request may ask for, and the exchange of codes.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest;
use serde_json::{Value, json};

use super::{
    Code, Grant, Parameters, Standin, app_of, auth_error,
    data::{App, Person},
    json_answer, random_text,
};

/// The lifetime of access tokens that are issued to a REST API key.
const ACCESS_TOKEN_TTL: Duration = Duration::from_secs(21_599);
/// Kakao does not document the lifetime of codes.
pub(super) const CODE_TTL: Duration = Duration::from_mins(5);
const REFRESH_TOKEN_TTL: Duration = Duration::from_secs(5_183_999);
const LAST_MONTH: Duration = Duration::from_hours(30 * 24);

/// The items of a list parameter. Kakao's docs separate them by commas, its SDKs by spaces.
pub(super) fn list<'a>(parameters: &'a Parameters, name: &str) -> impl Iterator<Item = &'a str> {
    let text = parameters.get(name).map(String::as_str).unwrap_or_default();
    text.split([',', ' ']).filter(|item| !item.is_empty())
}

/// `POST /oauth/token`
pub(super) async fn token(
    State(standin): State<Arc<Standin>>,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE204", "the body must be a form");
    };
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    // HTTP Basic is not accepted, although RFC 6749 §2.3.1 requires it.
    let app = match app_of(form.get("client_id").map(String::as_str)) {
        Ok(app) => app,
        Err((status, error, code, text)) => return auth_error(status, error, code, &text),
    };
    if !app.client_secret.is_empty() && app.client_secret != field("client_secret") {
        let mut refusal = auth_error(StatusCode::UNAUTHORIZED, "invalid_client", "KOE010", "Bad client credentials");
        let challenge = r#"Bearer realm="oauth", error="invalid_client", error_description="Bad client credentials""#;
        refusal.headers_mut().insert("www-authenticate", HeaderValue::from_static(challenge));
        return refusal;
    }
    match field("grant_type") {
        "authorization_code" => match standin.spend_code(field("code"), app, &form) {
            Ok((grant, nonce)) => standin.tokens(grant, nonce.as_deref()),
            Err(refusal) => *refusal,
        },
        "refresh_token" if field("refresh_token").is_empty() => {
            auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE319", "refresh_token is missing")
        }
        "refresh_token" => standin.renew(field("refresh_token"), app),
        _ => auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE310", "unsupported grant_type"),
    }
}

impl Standin {
    pub(super) fn check_authorize(&self, parameters: &Parameters) -> Result<&'static App, (&'static str, String)> {
        let refuse = |code, text: &str| Err((code, text.to_owned()));
        let field = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        let app = app_of(parameters.get("client_id").map(String::as_str)).map_err(|(_, _, code, text)| (code, text))?;
        if !self.is_registered(app, field("redirect_uri")) {
            return refuse("KOE006", "this redirect_uri is not registered");
        }
        match field("response_type") {
            "code" => {}
            "token" => return refuse("KOE202", "the implicit grant is not supported"),
            _ => return refuse("KOE201", "response_type must be code"),
        }
        let known = ["openid", "profile_nickname", "profile_image", "account_email"];
        if list(parameters, "scope").any(|scope| !known.contains(&scope) || scope == "openid" && !app.oidc) {
            return refuse("KOE205", "this scope is not enabled for the app");
        }
        if list(parameters, "prompt").any(|prompt| !["login", "none", "create", "select_account"].contains(&prompt)) {
            return refuse("KOE204", "unknown prompt");
        }
        if let Some(challenge) = parameters.get("code_challenge") {
            let hash = BASE64_URL_SAFE_NO_PAD.decode(challenge).unwrap_or_default();
            if field("code_challenge_method") != "S256" || hash.len() != digest::SHA256_OUTPUT_LEN {
                return refuse(
                    "KOE204",
                    "code_challenge must be a SHA-256 hash and code_challenge_method must be S256",
                );
            }
        }
        Ok(app)
    }

    pub(super) fn new_code(&self, person: &str, app: &'static App, parameters: &Parameters, ttl: Duration) -> String {
        let text = random_text();
        let mut grant = self.log_in(person, app);
        // A request with a scope that lacks `openid` gets no ID token.
        let mut scopes = list(parameters, "scope").peekable();
        grant.openid &= scopes.peek().is_none() || scopes.any(|scope| scope == "openid");
        let code = Code {
            redirect_uri: parameters.get("redirect_uri").cloned().unwrap_or_default(),
            challenge: parameters.get("code_challenge").cloned(),
            nonce: parameters.get("nonce").cloned(),
            expires_at: grant.logged_in_at + ttl,
            spent: false,
            grant,
        };
        self.data().codes.insert(text.clone(), code);
        text
    }

    /// The grant and the nonce of a code. The first request with a code spends it, even if that request is refused.
    fn spend_code(&self, text: &str, app: &App, form: &Parameters) -> Result<(Grant, Option<String>), Box<Response>> {
        let refuse = |code, text: &str| Box::new(auth_error(StatusCode::BAD_REQUEST, "invalid_grant", code, text));
        let not_found = || refuse("KOE320", &format!("authorization code not found for code={text}"));
        let now = self.clock.now();
        let mut data = self.data();
        let code = data.codes.get_mut(text).ok_or_else(not_found)?;
        if std::mem::replace(&mut code.spent, true) || code.expires_at <= now || code.grant.app != app {
            return Err(not_found());
        }
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
        Ok((code.grant.clone(), code.nonce.clone()))
    }

    fn tokens(&self, mut grant: Grant, nonce: Option<&str>) -> Response {
        if !self.may_issue(&grant.person) {
            return too_many();
        }
        let refresh_token = self.issue_refresh_token(&grant);
        grant.refresh_token = Some(refresh_token.clone());
        let mut tokens = self.access_and_id_token(&grant, nonce);
        tokens["refresh_token"] = json!(refresh_token);
        tokens["refresh_token_expires_in"] = json!(REFRESH_TOKEN_TTL.as_secs());
        let mut scopes = self.data().people.get(&grant.person).map(Person::agreed).unwrap_or_default();
        if grant.openid {
            scopes.push("openid");
        }
        if !scopes.is_empty() {
            tokens["scope"] = json!(scopes.join(" "));
        }
        json_answer(StatusCode::OK, &tokens)
    }

    /// Issues a new access token. In the last month of the refresh token's lifetime, also replaces the refresh token.
    fn renew(&self, text: &str, app: &'static App) -> Response {
        let now = self.clock.now();
        let grant = self.data().refresh_tokens.get(text).cloned();
        let Some(mut grant) = grant.filter(|grant| grant.expires_at > now && grant.app == app) else {
            let text = "expired_or_invalid_refresh_token";
            return auth_error(StatusCode::BAD_REQUEST, "invalid_grant", "KOE322", text);
        };
        if !self.may_issue(&grant.person) {
            return too_many();
        }
        let last_month = grant.expires_at < now + LAST_MONTH;
        let refresh_token = if last_month { self.issue_refresh_token(&grant) } else { text.to_owned() };
        grant.refresh_token = Some(refresh_token.clone());
        let mut tokens = self.access_and_id_token(&grant, None);
        if last_month {
            self.data().refresh_tokens.remove(text);
            tokens["refresh_token"] = json!(refresh_token);
            tokens["refresh_token_expires_in"] = json!(REFRESH_TOKEN_TTL.as_secs());
        }
        json_answer(StatusCode::OK, &tokens)
    }

    fn issue_refresh_token(&self, grant: &Grant) -> String {
        let text = random_text();
        let expires_at = self.clock.now() + REFRESH_TOKEN_TTL;
        self.data().refresh_tokens.insert(text.clone(), Grant { expires_at, refresh_token: None, ..grant.clone() });
        text
    }

    fn access_and_id_token(&self, grant: &Grant, nonce: Option<&str>) -> Value {
        let access_token = self.issue_access_token(grant.clone(), ACCESS_TOKEN_TTL);
        let mut tokens = json!({
            "access_token": access_token, "token_type": "bearer", "expires_in": ACCESS_TOKEN_TTL.as_secs(),
        });
        let person = self.data().people.get(&grant.person).cloned();
        if let Some(person) = person.filter(|_| grant.openid) {
            tokens["id_token"] = json!(self.id_token(&person, grant, nonce, &access_token));
        }
        tokens
    }

    /// Kakao issues at most 20 access tokens to a person in ten minutes.
    fn may_issue(&self, person: &str) -> bool {
        let now = self.clock.now();
        let mut data = self.data();
        let issued = data.issued.entry(person.to_owned()).or_default();
        issued.retain(|at| now < *at + Duration::from_mins(10));
        let may = issued.len() < 20;
        if may {
            issued.push(now);
        }
        may
    }
}

fn too_many() -> Response {
    auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE237", "token request rate limit exceeded")
}
