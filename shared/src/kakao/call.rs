//! Calls to Kakao: bounded in time and size, counted, retried only if that is harmless, and not made while Kakao is down.

use std::time::{Duration, Instant};

use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    AuthorizationCode, Kakao, KakaoCredentials,
    circuit::Circuit,
    codes::{self, Cause, Failure, Meaning},
    jwks::Keys,
    members::Members,
    responses::Tokens,
};
use crate::{clock::Timestamp, log};

const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// A retry starts only if the first try failed within this time, so that both fit into the deadline of a login.
const RETRY_WITHIN: Duration = Duration::from_millis(700);

impl Kakao {
    pub(super) async fn get_api<T>(
        &self,
        name: &'static str,
        path: &str,
        query: &[(&str, &str)],
        authorization: &SecretString,
        read: fn(&Members) -> Option<T>,
        now: Timestamp,
    ) -> Result<T, Failure> {
        let authorization = header(authorization)?;
        let request = || {
            let request = self.connections.client(now).get(format!("{}{path}", self.app.api_url)).query(query);
            request.header(AUTHORIZATION, authorization.clone())
        };
        let started = Instant::now();
        let guard: Guard<'_> = (&self.api_circuit, Meaning::is_outage);
        match call(name, guard, request(), read, api_failure, now).await {
            // A connection died while the function was frozen, or Kakao sent -1. A GET is safe to repeat.
            Err(failure) if failure.meaning.is_worth_a_retry() && started.elapsed() < RETRY_WITHIN => {
                call(name, guard, request(), read, api_failure, now).await
            }
            result => result,
        }
    }

    /// Never retried: a call that got no response may take effect yet.
    pub(super) async fn post_api<T>(
        &self,
        name: &'static str,
        path: &str,
        form: &[(&str, &str)],
        authorization: &SecretString,
        read: fn(&Members) -> Option<T>,
        now: Timestamp,
    ) -> Result<T, Failure> {
        let authorization = header(authorization)?;
        let request = self.connections.client(now).post(format!("{}{path}", self.app.api_url)).form(form);
        let request = request.header(AUTHORIZATION, authorization);
        call(name, (&self.api_circuit, Meaning::is_outage), request, read, api_failure, now).await
    }

    pub(super) async fn post_token(
        &self,
        grant: &AuthorizationCode,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> Result<Tokens, Failure> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.app.rest_api_key),
            ("client_secret", credentials.client_secret.expose_secret()),
            ("redirect_uri", &grant.redirect_uri),
            ("code", grant.code.expose_secret()),
        ];
        if let Some(verifier) = &grant.code_verifier {
            form.push(("code_verifier", verifier.expose_secret()));
        }
        let request = self.connections.client(now).post(format!("{}/oauth/token", self.app.auth_url)).form(&form);
        call("kakao_token", (&self.auth_circuit, Meaning::is_outage), request, Tokens::read, auth_failure, now).await
    }

    /// Fetches Kakao's keys. `limit` is shorter than the client's own where Kakao waits for our response.
    pub(super) async fn fetch_keys(&self, limit: Option<Duration>, now: Timestamp) -> Result<Keys, Failure> {
        let request = self.connections.client(now).get(format!("{}/.well-known/jwks.json", self.app.auth_url));
        let request = limit.into_iter().fold(request, RequestBuilder::timeout);
        // Every failure opens this circuit: the request is the same for all users.
        call("kakao_jwks", (&self.jwks_circuit, |_| true), request, Keys::read, auth_failure, now).await
    }
}

fn header(authorization: &SecretString) -> Result<HeaderValue, Failure> {
    let mut authorization = HeaderValue::try_from(authorization.expose_secret())
        .map_err(|_| Failure::of_call(Meaning::Rejected, "the token does not fit into a header"))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

fn api_failure(response: &Members) -> Option<Failure> {
    response.get("code").value().map(codes::of_api)
}

fn auth_failure(response: &Members) -> Option<Failure> {
    let text = |name| response.text(name).value();
    codes::of_auth(text("error_code").as_deref(), text("error").as_deref())
}

/// A circuit, and which failures open it.
type Guard<'a> = (&'a Circuit, fn(Meaning) -> bool);

async fn call<T>(
    name: &'static str,
    (circuit, opens): Guard<'_>,
    request: RequestBuilder,
    read: fn(&Members) -> Option<T>,
    failure: fn(&Members) -> Option<Failure>,
    now: Timestamp,
) -> Result<T, Failure> {
    circuit.allow_call(now).map_err(|pause| {
        // Counted too, as a process asks a Kakao that is down only every ten seconds.
        log::kakao_outage();
        Failure::of_call(Meaning::NotAsked(pause), "Kakao is down and was not asked")
    })?;
    let result = log::counted(name, send(request, read, failure), outcome).await;
    if matches!(outcome(&result), "outage" | "quota" | "unknown") {
        log::kakao_outage();
    }
    circuit.record(result.as_ref().is_err_and(|failure| opens(failure.meaning)), now);
    result
}

const fn outcome<T>(result: &Result<T, Failure>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Failure { meaning: Meaning::Rejected | Meaning::Underage, .. }) => "rejected",
        Err(Failure { meaning: Meaning::Misconfigured(_), .. }) => "misconfigured",
        Err(Failure { meaning: Meaning::Quota, .. }) => "quota",
        Err(Failure { meaning: Meaning::Unknown | Meaning::NotAsked(_), .. }) => "unknown",
        Err(Failure { meaning: Meaning::Hiccup | Meaning::Down | Meaning::Maintenance, .. }) => "outage",
    }
}

/// Sends a request and reads a bounded JSON response. Kakao's texts can contain secrets and the HTTP client's errors contain
/// addresses, so neither is passed on.
async fn send<T>(
    request: RequestBuilder,
    read: fn(&Members) -> Option<T>,
    failure: fn(&Members) -> Option<Failure>,
) -> Result<T, Failure> {
    let mut response = request.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            body.clear();
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let members = Members::parse(&body);
    if status.is_success() {
        let unknown = || Failure::of_call(Meaning::Unknown, "a response of another shape");
        return members.as_ref().and_then(read).ok_or_else(unknown);
    }
    let unknown = || Failure { meaning: Meaning::Unknown, cause: Cause::Status(status.as_u16()) };
    let failure = members.as_ref().and_then(failure).unwrap_or_else(unknown);
    Err(if status.is_server_error() { failure.with_server_error() } else { failure })
}

fn unreachable(error: &reqwest::Error) -> Failure {
    Failure::of_call(Meaning::Down, if error.is_timeout() { "timed out" } else { "no connection" })
}
