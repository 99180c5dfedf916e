//! A whole stack for one test: its own table, Kakao stand-in, gateway and clock, on free ports.

use std::{collections::BTreeMap, env, ops::Deref, sync::Arc, time::Duration};

use dynoxide::Database;
use reqwest::Client;
use serde_json::{Value, json};
use shared::clock::Clock;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    client::{Answer, Functions, http_client},
    clock::ManualClock,
    cloud,
    gateway::{Gateway, TrailingSlash},
    kakao::{Kakao, SHOP},
    secrets,
    table::{self, Item},
    wire::Wire,
};

/// Where a browser is sent back to in a [`Stack`].
pub const REDIRECT_URI: &str = "http://localhost:9000/";
/// Whose pages may call the functions of a [`Stack`].
pub const ORIGIN: &str = "http://localhost:9000";

/// A running stack. It is a [`Functions`] client of its own gateway.
#[derive(Debug)]
pub struct Stack {
    functions: Functions,
    /// The Kakao stand-in, through its control routes.
    pub kakao: People,
    /// The wire between functions and table.
    pub wire: Wire,
    clock: Arc<ManualClock>,
    table: String,
    dynamodb: aws_sdk_dynamodb::Client,
    _kakao: Kakao,
    servers: Vec<JoinHandle<()>>,
}

/// What a stack has instead of the usual.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Settings by the name that the functions know them by.
    pub environment: BTreeMap<String, String>,
    /// What the gateway makes of `/x/`.
    pub slash: TrailingSlash,
    /// Another DynamoDB than the embedded one.
    pub dynamodb: Option<String>,
}

/// The people at Kakao, and what is known of the calls made there.
#[derive(Clone, Debug)]
pub struct People {
    url: String,
    client: Client,
}

/// A stack that may be another process's: the part that a stranger can see.
#[derive(Debug)]
pub struct Anywhere {
    functions: Functions,
    /// The Kakao stand-in, through its control routes.
    pub kakao: People,
    _own: Option<Stack>,
}

impl Stack {
    /// An ordinary stack.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// A stack with one setting of its own.
    pub async fn with_setting(name: &str, value: &str) -> Self {
        let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Self::with(Settings { environment, ..Settings::default() }).await
    }

    /// A stack with settings of its own.
    ///
    /// # Panics
    ///
    /// If it cannot start: a test can do nothing then.
    pub async fn with(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::new());
        let shared_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let template = cloud::template(&settings.environment).expect("the template deploys");
        let mut servers = Vec::new();

        let database_url = if let Some(url) = settings.dynamodb {
            url
        } else {
            let listener = free_port().await;
            let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
            let database = Database::memory().expect("SQLite opens in memory");
            servers.push(tokio::spawn(dynoxide::server::serve_on(listener, database)));
            url
        };
        let mut template = template;
        template.table.name = format!("Table-{}", shared::random::up_to(u64::MAX - 1));
        for function in template.functions.values_mut() {
            function.environment.insert("TABLE_NAME".to_owned(), template.table.name.clone());
        }
        let dynamodb = table::client(&database_url);
        table::create(&dynamodb, &template.table).await.expect("DynamoDB makes the table");
        let wire = Wire::start(&database_url).await.expect("a proxy starts");

        let kakao = Kakao::start(free_port().await, Arc::clone(&shared_clock), vec![REDIRECT_URI.to_owned()])
            .expect("the Kakao stand-in starts");
        let mut local = settings.environment;
        local.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), wire.url().to_owned());
        local.entry("KAKAO_AUTH_URL".to_owned()).or_insert_with(|| kakao.url().to_owned());
        local.entry("KAKAO_API_URL".to_owned()).or_insert_with(|| kakao.url().to_owned());
        let secrets = secrets::generate(SHOP.client_secret, SHOP.admin_key);
        let functions = cloud::functions(&template, &secrets, &local, &shared_clock).expect("the template suffices");

        let listener = free_port().await;
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        servers.push(tokio::spawn(Gateway::new(&template, &functions, settings.slash, None).serve(listener)));
        Self {
            functions: Functions::new(&url),
            kakao: People { url: kakao.url().to_owned(), client: http_client() },
            wire,
            clock,
            table: template.table.name,
            dynamodb,
            _kakao: kakao,
            servers,
        }
    }

    /// Lets time go by.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Somebody new signs in.
    pub async fn sign_in(&self) -> Answer {
        let user = self.kakao.new_user().await;
        self.sign_in_as(&user).await
    }

    /// This person signs in.
    pub async fn sign_in_as(&self, user: &str) -> Answer {
        sign_in(&self.functions, &self.kakao, user).await
    }

    /// The same cookie, `times` times at the same instant.
    ///
    /// # Panics
    ///
    /// If a request gets no answer.
    pub async fn refresh_at_once(&self, cookie: &str, times: usize) -> Vec<Answer> {
        let requests = (0..times).map(|_| {
            let (functions, cookie) = (self.functions.clone(), cookie.to_owned());
            tokio::spawn(async move { functions.refresh(&cookie).await })
        });
        let requests: Vec<_> = requests.collect();
        let mut answers = Vec::new();
        for request in requests {
            answers.push(request.await.expect("a refresh has an answer"));
        }
        answers
    }

    /// All items of the table, in a fixed order.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn dump(&self) -> Vec<Item> {
        let mut items = table::dump(&self.dynamodb, &self.table).await.expect("DynamoDB scans");
        items.sort_by_key(|item| format!("{:?} {:?}", item.get("pk"), item.get("sk")));
        items
    }

    /// How many items have a key that begins so, in either part.
    pub async fn count(&self, prefix: &str) -> usize {
        let begins = |item: &Item, key| {
            let key = item.get(key).and_then(|key| key.as_s().ok());
            key.is_some_and(|key| key.starts_with(prefix))
        };
        self.dump().await.iter().filter(|item| begins(item, "pk") || begins(item, "sk")).count()
    }

    /// Empties the table.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn clear(&self) {
        for item in self.dump().await {
            let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone())).into();
            let delete = self.dynamodb.delete_item().table_name(&self.table).set_key(Some(key)).send();
            delete.await.expect("DynamoDB deletes");
        }
    }

    /// Puts the table back to what it was.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn restore(&self, items: &[Item]) {
        for item in items {
            let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item.clone())).send();
            put.await.expect("DynamoDB puts");
        }
    }
}

impl Deref for Stack {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

impl Anywhere {
    /// The stack at `STACK_URL`, with its Kakao stand-in at `STACK_KAKAO_URL`; without these, one of its own.
    pub async fn start() -> Self {
        if let (Ok(url), Ok(kakao)) = (env::var("STACK_URL"), env::var("STACK_KAKAO_URL")) {
            let kakao = People { url: kakao, client: http_client() };
            return Self { functions: Functions::new(&url), kakao, _own: None };
        }
        let own = Stack::start().await;
        Self { functions: own.functions.clone(), kakao: own.kakao.clone(), _own: Some(own) }
    }

    /// Somebody new signs in.
    pub async fn sign_in(&self) -> Answer {
        let user = self.kakao.new_user().await;
        self.sign_in_as(&user).await
    }

    /// This person signs in.
    pub async fn sign_in_as(&self, user: &str) -> Answer {
        sign_in(&self.functions, &self.kakao, user).await
    }
}

impl Deref for Anywhere {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}

async fn sign_in(functions: &Functions, kakao: &People, user: &str) -> Answer {
    let token = kakao.token(user).await;
    let answer = functions.login(&json!({"access_token": token})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

impl People {
    /// Somebody ordinary.
    pub async fn new_user(&self) -> String {
        self.user(&json!({})).await
    }

    /// Somebody made to measure; see `local/KAKAO.md`.
    pub async fn user(&self, user: &Value) -> String {
        self.post("users", user, "name").await
    }

    /// An access token of the app that the functions belong to.
    pub async fn token(&self, user: &str) -> String {
        self.post("tokens", &json!({"user": user}), "access_token").await
    }

    /// An access token of another app.
    pub async fn foreign_token(&self, user: &str) -> String {
        self.post("tokens", &json!({"user": user, "app": "other"}), "access_token").await
    }

    /// A code, as Kakao's page sends it back to [`REDIRECT_URI`].
    pub async fn code(&self, user: &str) -> String {
        self.code_with(user, &json!({})).await
    }

    /// A code from a sign-in that began with these parameters.
    pub async fn code_with(&self, user: &str, parameters: &Value) -> String {
        let mut body = json!({"user": user, "redirect_uri": REDIRECT_URI});
        for (name, value) in parameters.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.post("codes", &body, "code").await
    }

    /// An ID token as an SDK hands to an app, good or wrong in one way; see `local/KAKAO.md`.
    pub async fn id_token(&self, user: &str, parameters: &Value) -> String {
        let mut body = json!({"user": user});
        for (name, value) in parameters.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.post("id-tokens", &body, "id_token").await
    }

    /// Kakao drops its older key and signs with a new one.
    ///
    /// # Panics
    ///
    /// If the stand-in does not answer.
    pub async fn rotate_keys(&self) {
        let answer = self.client.post(format!("{}/control/rotate-keys", self.url)).send().await;
        assert_eq!(answer.expect("the stand-in answers").status(), 204);
    }

    /// Breaks an endpoint, or `*` for all.
    ///
    /// # Panics
    ///
    /// If there is no such fault.
    pub async fn fail(&self, endpoint: &str, fault: &Value) {
        let body = json!({"endpoint": endpoint, "fault": fault});
        let answer = self.client.post(format!("{}/control/faults", self.url)).json(&body).send().await;
        assert_eq!(answer.expect("the stand-in answers").status(), 204, "{fault}");
    }

    /// All is well again.
    ///
    /// # Panics
    ///
    /// If the stand-in does not answer.
    pub async fn heal(&self) {
        self.client.delete(format!("{}/control/faults", self.url)).send().await.expect("the stand-in answers");
    }

    /// How many calls Kakao has had.
    ///
    /// # Panics
    ///
    /// If the stand-in does not answer.
    pub async fn calls(&self) -> u64 {
        let answer = self.client.get(format!("{}/control/calls", self.url)).send().await;
        let calls: BTreeMap<String, u64> = answer.expect("the stand-in answers").json().await.expect("a JSON object");
        calls.values().sum()
    }

    async fn post(&self, what: &str, body: &Value, member: &str) -> String {
        let answer = self.client.post(format!("{}/control/{what}", self.url)).json(body).send().await;
        let answer: Value = answer.expect("the stand-in answers").json().await.expect("the stand-in answers JSON");
        answer[member].as_str().unwrap_or_else(|| panic!("{what} {body}: {answer}")).to_owned()
    }
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("this machine has a free port")
}
