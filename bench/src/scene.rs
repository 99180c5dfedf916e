//! What a function meets in a measurement: a signed-in user, a Kakao stand-in, and an AWS that repeats its answers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use local::lambda::variables;
use serde_json::{Value, json};
use tests::{Settings, Stack, client::cookie_pair, fault_proxy::FaultRates};

use crate::{
    aws::{Answers, Aws},
    function::{FUNCTIONS, Run},
};

/// A scene of one user, in which every event is answered with 200 however often it comes.
pub struct Scene {
    stack: Stack,
    binaries: PathBuf,
    events: BTreeMap<&'static str, String>,
    /// What DynamoDB answered.
    pub answers: Answers,
}

/// What the event of `kakao-login` carries.
#[derive(Clone, Copy)]
pub enum Credential {
    IdToken,
    AccessToken,
}

impl Scene {
    /// Signs somebody in and records what DynamoDB answers to each function's binary in the folder `binaries`.
    pub async fn set(binaries: &Path, credential: Credential) -> Result<Self, String> {
        let environment = [("ACCESS_TTL", "3600"), ("ROTATION_WINDOW", "5"), ("ID_TOKEN_MAX_AGE", "43200")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
        let user = stack.kakao.new_user().await;
        let signed_in = stack.log_in_as(&user).await;
        let cookie = cookie_pair(&signed_in.token());
        // As if the minute of this login were over: another one in it costs a second write.
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
                "profile" => event["headers"]["authorization"] = json!(format!("Bearer {}", signed_in.access())),
                _ => event["cookies"] = json!([cookie]),
            }
            events.insert(function, event.to_string());
        }
        let mut scene = Self { stack, binaries: binaries.to_owned(), events, answers: Answers::new() };
        let dynamodb = Aws::recording(scene.stack.table_proxy.url()).await.map_err(|error| error.to_string())?;
        // The log-out last, as it ends the session.
        for function in ["kakao-login", "profile", "refresh", "logout"] {
            let environment = [("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.url.clone())].into();
            Run { environment, ..Run::of(function, 1) }.go(&scene).await?;
        }
        scene.answers = dynamodb.answers();
        Ok(scene)
    }

    /// From now on Kakao takes so long for a response.
    pub fn delay_kakao(&self, delay: Duration) {
        self.stack.kakao_proxy.set_rates(FaultRates { delay, ..FaultRates::default() });
    }

    pub fn event(&self, function: &str) -> &str {
        self.events.get(function).map_or("", String::as_str)
    }

    pub fn binary(&self, function: &str) -> PathBuf {
        self.binaries.join(function)
    }

    /// A function's own environment with what Lambda adds.
    pub fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let mut environment = self.stack.environment(function);
        environment.extend(variables(function));
        // Valgrind is some 50 times slower, and the machine may be busy: a call that ran into its time-out would be made again.
        environment.insert("TIME_FACTOR".to_owned(), "500".to_owned());
        environment
    }
}
