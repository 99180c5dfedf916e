//! What a function meets in a measurement: a user who is logged in, a Kakao stand-in, and a DynamoDB that repeats its responses.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use local::lambda::{Invocation, variables};
use serde_json::{Value, json};
use tests::{Settings, Stack, client::cookie_pair, fault_proxy::FaultRates};

use crate::{
    dynamodb::{DynamoDb, Responses},
    function::{FUNCTIONS, Run},
};

/// A scenario with one user, in which every event gets a 200 however often it comes.
pub struct Scenario {
    stack: Stack,
    binaries: PathBuf,
    events: BTreeMap<&'static str, Value>,
    /// What DynamoDB responded.
    pub responses: Responses,
}

/// What the event of `kakao-login` carries.
#[derive(Clone, Copy)]
pub enum Credential {
    IdToken,
    AccessToken,
}

impl Scenario {
    /// Logs a user in, and records what DynamoDB responds to each function's binary in the folder `binaries`.
    pub async fn set(binaries: &Path, credential: Credential) -> Result<Self, String> {
        let environment = [("ACCESS_TTL", "3600"), ("ROTATION_WINDOW", "5"), ("ID_TOKEN_MAX_AGE", "43200")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
        let user = stack.kakao.new_user().await;
        let logged_in = stack.log_in_as(&user).await;
        let cookie = cookie_pair(&logged_in.token());
        // Pretend that the minute of this login is over: another login in it costs a second write.
        let mut items = stack.dump().await;
        for item in &mut items {
            item.remove("login_minute");
        }
        stack.restore(&items).await;
        let login = match credential {
            Credential::IdToken => {
                let id_token = stack.kakao.id_token(&user, &json!({"nonce": "a-nonce"})).await;
                json!({"id_token": id_token, "nonce": "a-nonce"})
            }
            Credential::AccessToken => json!({"access_token": stack.kakao.token(&user).await}),
        };
        // Past the rotation window, so that the refresh rotates.
        tokio::time::sleep(Duration::from_secs(6)).await;

        let mut events = BTreeMap::new();
        for function in FUNCTIONS {
            let file = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
            let mut event: Value = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
            match function {
                "kakao-login" => event["body"] = json!(login.to_string()),
                "profile" => event["headers"]["authorization"] = json!(format!("Bearer {}", logged_in.access())),
                _ => event["cookies"] = json!([cookie]),
            }
            events.insert(function, event);
        }
        let mut scenario = Self { stack, binaries: binaries.to_owned(), events, responses: Responses::new() };
        let dynamodb =
            DynamoDb::recording(scenario.stack.table_proxy.url()).await.map_err(|error| error.to_string())?;
        // Logout comes last, as it ends the session.
        for function in ["kakao-login", "profile", "refresh", "logout"] {
            let environment = [("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.url.clone())].into();
            Run { environment, ..Run::of(function, 1) }.go(&scenario).await?;
        }
        scenario.responses = dynamodb.responses();
        Ok(scenario)
    }

    /// From now on, Kakao takes so long for each response.
    pub fn delay_kakao(&self, delay: Duration) {
        self.stack.kakao_proxy.set_rates(FaultRates { delay, ..FaultRates::default() });
    }

    /// The function's event.
    pub fn invocation(&self, function: &str) -> Invocation {
        Invocation {
            event: self.events.get(function).cloned().unwrap_or_default(),
            request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
            // No run ends because of it.
            timeout: Duration::from_hours(24),
        }
    }

    pub fn binary(&self, function: &str) -> PathBuf {
        self.binaries.join(function)
    }

    /// A function's environment variables and those that Lambda adds.
    pub fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let mut environment = self.stack.environment(function);
        environment.extend(variables(function));
        // Valgrind is some 50 times slower, and the machine may be busy: a call that timed out would be repeated.
        environment.insert("TIME_FACTOR".to_owned(), "500".to_owned());
        environment
    }
}
