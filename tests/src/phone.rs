//! A phone that runs an app. It may be killed between any two steps, and its requests may get lost or arrive twice.
//!
//! Only its keychain survives. The app stores a link before it sends it, and sends it again until a response confirms it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    chain::{confirmed, link},
    client::{Functions, Response},
};

/// The steps of a login and of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Draw the next link, unless the keychain has it.
    Draw,
    /// Store the link.
    StoreLink,
    /// Send the request.
    Send,
    /// Receive its response.
    Receive,
    /// Store the tokens of the response.
    StoreTokens,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It arrives, and so does its response.
    Works,
    /// It never arrives.
    LosesRequest,
    /// It arrives, but not its response.
    LosesResponse,
    /// It arrives twice at the same time.
    Doubles,
}

/// The app's keychain, which holds one value.
#[derive(Debug, Default)]
pub struct Phone {
    keychain: Option<Value>,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 5] = [Self::Draw, Self::StoreLink, Self::Send, Self::Receive, Self::StoreTokens];
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Works, Self::LosesRequest, Self::LosesResponse, Self::Doubles];

    /// Whether a request reaches the server.
    #[must_use]
    pub const fn delivers(self) -> bool {
        !matches!(self, Self::LosesRequest)
    }

    /// Whether a response reaches the app.
    #[must_use]
    pub const fn responds(self) -> bool {
        matches!(self, Self::Works | Self::Doubles)
    }

    async fn carry(self, functions: &Functions, path: &str, body: &Value) -> Option<Response> {
        let send = || functions.send(functions.request(Method::POST, path).json(body));
        let response = match self {
            Self::LosesRequest => return None,
            Self::Works | Self::LosesResponse => send().await,
            Self::Doubles => tokio::join!(send(), send()).0,
        };
        Some(response).filter(|_| self.responds())
    }
}

impl Phone {
    /// Whether the app believes that it has a session.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.keychain.as_ref().is_some_and(|stored| stored.get("refresh").is_some())
    }

    /// Logs in with this credential, linked or not. The app is killed before the step `killed_before`.
    ///
    /// A login that was begun, as the keychain knows, is repeated with its link.
    pub async fn log_in(
        &mut self,
        functions: &Functions,
        credential: &Value,
        is_linked: bool,
        network: Network,
        killed_before: Option<Step>,
    ) -> Option<Response> {
        let goes_on = |step| killed_before.is_none_or(|killed| step < killed);
        if !goes_on(Step::Draw) {
            return None;
        }
        let begun = self.keychain.as_ref().and_then(|stored| stored["begun"].as_str()).map(ToOwned::to_owned);
        let next = begun.unwrap_or_else(link);
        if !goes_on(Step::StoreLink) {
            return None;
        }
        self.keychain = Some(json!({"begun": next}));
        if !goes_on(Step::Send) {
            return None;
        }
        let mut body = credential.clone();
        body["transport"] = "body".into();
        if is_linked {
            body["link"] = next.into();
        }
        let response = network.carry(functions, "/auth/kakao", &body).await?;
        if !goes_on(Step::Receive) || !goes_on(Step::StoreTokens) {
            return None;
        }
        if response.status == StatusCode::OK {
            self.keychain = Some(json!({"refresh": response.body_token(), "prev": confirmed(&response)}));
        }
        Some(response)
    }

    /// Refreshes. The app is killed before the step `killed_before`.
    ///
    /// # Panics
    ///
    /// If it is not logged in.
    pub async fn refresh(
        &mut self,
        functions: &Functions,
        network: Network,
        killed_before: Option<Step>,
    ) -> Option<Response> {
        let goes_on = |step| killed_before.is_none_or(|killed| step < killed);
        let mut stored = self.keychain.clone().expect("the app is logged in");
        let is_linked = !stored["prev"].is_null();
        if !goes_on(Step::Draw) {
            return None;
        }
        if is_linked && stored["next"].is_null() {
            stored["next"] = link().into();
        }
        if !goes_on(Step::StoreLink) {
            return None;
        }
        self.keychain = Some(stored.clone());
        if !goes_on(Step::Send) {
            return None;
        }
        let mut body = json!({"refresh": stored["refresh"]});
        if is_linked {
            body["link"] = json!({"prev": stored["prev"], "next": stored["next"]});
        }
        let response = network.carry(functions, "/auth/refresh", &body).await?;
        if !goes_on(Step::Receive) || !goes_on(Step::StoreTokens) {
            return None;
        }
        match response.status {
            StatusCode::OK => {
                if let Some(successor) = response.body.get("refresh") {
                    stored["refresh"] = successor.clone();
                }
                if let Some(confirmed) = confirmed(&response) {
                    stored["prev"] = confirmed.into();
                    stored["next"] = Value::Null;
                }
                self.keychain = Some(stored);
            }
            StatusCode::UNAUTHORIZED => self.keychain = None,
            _ => {}
        }
        Some(response)
    }
}
