//! Controls the Kakao stand-in through its control routes; it may run in another process.

use std::collections::BTreeMap;

use local::client::http_client_without_pool;
use reqwest::Client;
use serde_json::{Value, json};

use crate::{client::unique, stack::REDIRECT_URI};

const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The kinds of credential that a user logs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A Kakao access token.
    AccessToken,
    /// An authorization code.
    Code,
    /// An ID token.
    IdToken,
}

/// Controls the stand-in: users, credentials, faults and call counts.
#[derive(Clone, Debug)]
pub struct KakaoControl {
    url: String,
    client: Client,
}

impl KakaoControl {
    /// Controls the stand-in at this address.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), client: http_client_without_pool() }
    }

    /// Creates a user with the default profile.
    pub async fn new_user(&self) -> String {
        self.user(&json!({})).await
    }

    /// Creates a user with these properties; see `docs/kakao-stand-in.md`.
    pub async fn user(&self, user: &Value) -> String {
        self.post("users", user, "name").await
    }

    /// A Kakao access token issued to the functions' app.
    pub async fn token(&self, user: &str) -> String {
        self.post("tokens", &json!({"user": user}), "access_token").await
    }

    /// A Kakao access token issued to another app.
    pub async fn foreign_token(&self, user: &str) -> String {
        self.post("tokens", &json!({"user": user, "app": "other"}), "access_token").await
    }

    /// The body of a login with a new credential of this kind.
    pub async fn credential(&self, user: &str, kind: Credential) -> Value {
        match kind {
            Credential::AccessToken => json!({"access_token": self.token(user).await}),
            Credential::Code => self.code_body(user).await,
            Credential::IdToken => {
                let nonce = unique();
                json!({"id_token": self.id_token(user, &json!({"nonce": nonce})).await, "nonce": nonce})
            }
        }
    }

    /// The body of a login by code with its PKCE verifier (RFC 7636, appendix B).
    pub async fn code_body(&self, user: &str) -> Value {
        let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
        let code = self.code_with(user, &challenge).await;
        json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": CODE_VERIFIER})
    }

    /// A code for [`REDIRECT_URI`] from a login without a PKCE challenge or a nonce.
    pub async fn code(&self, user: &str) -> String {
        self.code_with(user, &json!({})).await
    }

    /// A code from a login that was started with these parameters.
    pub async fn code_with(&self, user: &str, parameters: &Value) -> String {
        let mut body = json!({"user": user, "redirect_uri": REDIRECT_URI});
        for (name, value) in parameters.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.post("codes", &body, "code").await
    }

    /// An ID token as a Kakao SDK returns it, valid or with one defect; see `docs/kakao-stand-in.md`.
    pub async fn id_token(&self, user: &str, parameters: &Value) -> String {
        let mut body = json!({"user": user});
        for (name, value) in parameters.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.post("id-tokens", &body, "id_token").await
    }

    /// Makes Kakao drop its older signing key and sign with a new one.
    ///
    /// # Panics
    ///
    /// If the stand-in does not respond.
    pub async fn rotate_keys(&self) {
        let response = self.client.post(format!("{}/control/rotate-keys", self.url)).send().await;
        assert_eq!(response.expect("the stand-in responds").status(), 204);
    }

    /// Injects a fault into an endpoint, or `*` for all.
    ///
    /// # Panics
    ///
    /// If there is no such fault.
    pub async fn fail(&self, endpoint: &str, fault: &Value) {
        self.add_fault(&json!({"endpoint": endpoint, "fault": fault})).await;
    }

    /// Injects a fault into an endpoint, or `*` for all, for the requests of one user.
    ///
    /// # Panics
    ///
    /// If there is no such fault.
    pub async fn fail_for(&self, user: &str, endpoint: &str, fault: &Value) {
        self.add_fault(&json!({"endpoint": endpoint, "fault": fault, "user": user})).await;
    }

    /// Replaces members of an endpoint's valid responses with raw JSON, by JSON pointer; see `docs/kakao-stand-in.md`.
    ///
    /// # Panics
    ///
    /// If there is no such endpoint.
    pub async fn respond_with(&self, endpoint: &str, changes: &[(&str, &str)]) {
        let changes: BTreeMap<&str, &str> = changes.iter().copied().collect();
        self.fail(endpoint, &json!({"kind": "raw", "changes": changes})).await;
    }

    async fn add_fault(&self, rule: &Value) {
        let response = self.client.post(format!("{}/control/faults", self.url)).json(rule).send().await;
        assert_eq!(response.expect("the stand-in responds").status(), 204, "{rule}");
    }

    /// Removes all faults.
    ///
    /// # Panics
    ///
    /// If the stand-in does not respond.
    pub async fn heal(&self) {
        self.client.delete(format!("{}/control/faults", self.url)).send().await.expect("the stand-in responds");
    }

    /// The number of calls that Kakao has received.
    ///
    /// # Panics
    ///
    /// If the stand-in does not respond.
    pub async fn calls(&self) -> u64 {
        let response = self.client.get(format!("{}/control/calls", self.url)).send().await;
        let calls: BTreeMap<String, u64> =
            response.expect("the stand-in responds").json().await.expect("a JSON object");
        calls.values().sum()
    }

    /// Registers the webhooks of the functions' app elsewhere, or none; see `docs/kakao-stand-in.md`.
    ///
    /// # Panics
    ///
    /// If the stand-in does not respond.
    pub async fn register_webhooks(&self, registration: &Value) {
        let response = self.client.post(format!("{}/control/webhooks", self.url)).json(registration).send().await;
        assert_eq!(response.expect("the stand-in responds").status(), 204, "{registration}");
    }

    /// Lets a user unlink the app in their settings at Kakao, which sends the unlink webhook. Returns the webhook with its responses.
    pub async fn unlink_at_kakao(&self, user: &str) -> Value {
        self.control("webhooks/unlink", &json!({"user": user})).await
    }

    /// The same, but Kakao's webhook does not arrive; see [`send_webhook`](Self::send_webhook).
    pub async fn unlink_at_kakao_silently(&self, user: &str) -> Value {
        self.control("webhooks/unlink", &json!({"user": user, "send": false})).await
    }

    /// Sends an event of this type about a user, such as `user-unlinked`. Returns the webhook with its responses.
    pub async fn send_event(&self, user: &str, event: &str) -> Value {
        self.control("webhooks/events", &json!({"user": user, "events": [event]})).await
    }

    /// A security event token as Kakao sends it, with these parameters; see `docs/kakao-stand-in.md`. It is not sent.
    ///
    /// # Panics
    ///
    /// If there is no such token.
    pub async fn security_event(&self, user: &str, parameters: &Value) -> String {
        let mut body = json!({"user": user, "events": ["user-unlinked"], "send": false});
        for (name, value) in parameters.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let webhook = self.control("webhooks/events", &body).await;
        webhook["content"]["account_status"]["token"].as_str().expect("a token").to_owned()
    }

    /// Sends a webhook again, or late.
    pub async fn send_webhook(&self, webhook: &Value) -> Value {
        self.control("webhooks/send", &json!({"number": webhook["number"]})).await
    }

    /// All webhooks, the oldest first.
    ///
    /// # Panics
    ///
    /// If the stand-in does not respond.
    pub async fn webhooks(&self) -> Vec<Value> {
        let response = self.client.get(format!("{}/control/webhooks", self.url)).send().await;
        let list: Value = response.expect("the stand-in responds").json().await.expect("a JSON object");
        list["webhooks"].as_array().expect("a list").clone()
    }

    async fn control(&self, what: &str, body: &Value) -> Value {
        let response = self.client.post(format!("{}/control/{what}", self.url)).json(body).send().await;
        response.expect("the stand-in responds").json().await.expect("the stand-in responds JSON")
    }

    async fn post(&self, what: &str, body: &Value, member: &str) -> String {
        let response = self.control(what, body).await;
        response[member].as_str().unwrap_or_else(|| panic!("{what} {body}: {response}")).to_owned()
    }
}
