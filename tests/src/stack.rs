//! A whole stack for one test: its own table, Kakao stand-in, gateway and clock, on free ports.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use dynoxide::Database;
use local::{
    assemble::{self, TEMPLATE},
    gateway::{Gateway, TrailingSlash},
    iam::{Guard, Roles, Use},
    kakao::{Kakao, SHOP},
    keys,
    lambda::{self, Lambda},
    server::End,
    table::{self, Item},
    template::Template,
};
use rotate_keys::{Event, Outcome, RotateKeys, RotationError, document::Reason};
use serde_json::json;
use shared::{
    clock::{Clock, SystemClock},
    function::Worker,
    key_table::{DOCUMENT, Document},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    client::{Functions, Response},
    clock::{ManualClock, Skewed},
    fault_proxy::FaultProxy,
    kakao_control::KakaoControl,
};

/// The redirect URI of a [`Stack`].
pub const REDIRECT_URI: &str = "http://localhost:9000/";
/// The origin whose pages may call the functions of a [`Stack`].
pub const ORIGIN: &str = "http://localhost:9000";

/// A running stack. It is a [`Functions`] client of its own gateway.
#[derive(Debug)]
pub struct Stack {
    functions: Functions,
    /// The Kakao stand-in, through its control routes.
    pub kakao: KakaoControl,
    /// The proxy between the functions and the main table.
    pub table_proxy: FaultProxy,
    /// The proxy between the functions and Kakao.
    pub kakao_proxy: FaultProxy,
    /// The proxy between the functions and the table of keys.
    pub keys_proxy: FaultProxy,
    rotate_keys: RotateKeys,
    template: Template,
    clock: Arc<ManualClock>,
    local: BTreeMap<String, String>,
    dynamodb: aws_sdk_dynamodb::Client,
    lambdas: BTreeMap<String, Arc<Lambda>>,
    guard: Guard,
    /// DynamoDB without the IAM checks.
    database: aws_sdk_dynamodb::Client,
    _standin: Kakao,
    servers: Vec<JoinHandle<()>>,
}

/// How a stack differs from the default.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The functions' settings, by the names of their environment variables.
    pub environment: BTreeMap<String, String>,
    /// Another template than the project's.
    pub template: Option<String>,
    /// How the gateway treats a trailing slash.
    pub slash: TrailingSlash,
    /// Another DynamoDB than the embedded one.
    pub dynamodb: Option<String>,
    /// Whether to leave the table of keys empty.
    pub without_keys: bool,
    /// A folder with the functions' binaries, to run them as Lambda does, with the machine's clock.
    pub binaries: Option<PathBuf>,
}

impl Stack {
    /// Starts a stack with the default settings.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// Starts a stack with one other setting.
    pub async fn with_setting(name: &str, value: &str) -> Self {
        let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Self::with(Settings { environment, ..Settings::default() }).await
    }

    /// Starts a stack with these settings.
    ///
    /// # Panics
    ///
    /// If it cannot start.
    pub async fn with(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::new());
        let shared_clock: Arc<dyn Clock> = match settings.binaries {
            Some(_) => Arc::new(SystemClock),
            None => Arc::<ManualClock>::clone(&clock),
        };
        let mut environment = settings.environment;
        // Tests log in more often at once than the deployed limits allow.
        for name in ["LOGIN_RATE_LIMIT", "LOGIN_BURST_LIMIT"] {
            environment.entry(name.to_owned()).or_insert_with(|| "5000".to_owned());
        }
        let yaml = settings.template.as_deref().unwrap_or(TEMPLATE);
        let mut template = assemble::template_from(yaml, &environment).expect("the template deploys");
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
        let own = shared::random::up_to(u64::MAX - 1);
        for table in [template.table.name.clone(), template.keys.name.clone()] {
            template.rename(&table, &format!("{table}-{own}"));
        }
        let roles = Roles::of(&template);
        let guard = Guard::start(free_port().await, &database_url, roles).expect("a proxy starts");
        let dynamodb = table::client(guard.url());
        for table in [&template.table, &template.keys] {
            table::create(&dynamodb, table).await.expect("DynamoDB makes the table");
        }
        let proxies = FaultProxy::start_pair(guard.url(), &template.keys.name).await;
        let [keys_proxy, table_proxy] = proxies.expect("a proxy starts");

        let kakao = Kakao::start(free_port().await, Arc::clone(&shared_clock), vec![REDIRECT_URI.to_owned()])
            .expect("the Kakao stand-in starts");
        let mut local = environment;
        local.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), table_proxy.url().to_owned());
        let kakao_proxy = FaultProxy::start(kakao.url()).await.expect("a proxy starts");
        for name in ["KAKAO_AUTH_URL", "KAKAO_API_URL"] {
            local.entry(name.to_owned()).or_insert_with(|| kakao_proxy.url().to_owned());
        }

        let client_secret = local.get("KAKAO_CLIENT_SECRET").map_or(SHOP.client_secret, String::as_str);
        let admin_key = local.get("KAKAO_ADMIN_KEY").map_or(SHOP.admin_key, String::as_str);
        let rotate_keys = keys::rotate_keys(&template, &local, &shared_clock).expect("the template has all settings");
        rotate_keys
            .handle(keys::put_kakao(client_secret, admin_key))
            .await
            .expect("rotate-keys stores Kakao's secrets");
        if !settings.without_keys {
            rotate_keys.handle(Event::RotateIfDue).await.expect("rotate-keys makes keys");
        }
        let mut lambdas = BTreeMap::new();
        let functions = if let Some(folder) = settings.binaries {
            for name in template.functions.keys() {
                let environment = assemble::environment(&template, name, &local);
                lambdas.insert(name.clone(), Arc::new(Lambda::new(name, folder.join(name), environment)));
            }
            lambdas.iter().map(|(name, lambda)| (name.clone(), lambda::function(lambda))).collect()
        } else {
            assemble::functions(&template, &local, &shared_clock).expect("the template has all settings")
        };

        let listener = free_port().await;
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        servers.push(tokio::spawn(Gateway::new(&template, &functions, settings.slash, None).serve(listener)));
        Self {
            functions: Functions::new(&url),
            kakao: KakaoControl::at(kakao.url()),
            table_proxy,
            kakao_proxy,
            keys_proxy,
            rotate_keys,
            clock,
            template,
            local,
            dynamodb,
            lambdas,
            guard,
            database: table::client(&database_url),
            _standin: kakao,
            servers,
        }
    }

    /// The environment with which a binary of this function joins this stack, without Lambda's own variables.
    #[must_use]
    pub fn environment(&self, function: &str) -> BTreeMap<String, String> {
        assemble::environment(&self.template, function, &self.local)
    }

    /// The IAM actions that the functions have used so far.
    #[must_use]
    pub fn uses(&self) -> BTreeSet<Use> {
        self.guard.uses()
    }

    /// The template, with this stack's table names.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The functions that run as binaries, by name; empty if they run in this process.
    #[must_use]
    pub fn lambdas(&self) -> &BTreeMap<String, Arc<Lambda>> {
        &self.lambdas
    }

    /// New instances of the functions without a gateway, to be invoked with events that only AWS's gateway might produce.
    ///
    /// # Panics
    ///
    /// If they cannot start.
    #[must_use]
    pub fn past_the_gateway(&self) -> BTreeMap<String, lambda::Function> {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        assemble::functions(&self.template, &self.local, &clock).expect("the template has all settings")
    }

    /// Ends all open connections to DynamoDB and Kakao, as a frozen function experiences it.
    pub fn end_connections(&self, end: End) {
        self.table_proxy.end_connections(end);
        self.kakao_proxy.end_connections(end);
    }

    /// New instances of the functions behind their own gateway, with a clock that is ahead by these seconds.
    ///
    /// # Panics
    ///
    /// If they cannot start.
    pub async fn skewed(&self, seconds: i64) -> Functions {
        let clock: Arc<dyn Clock> = Arc::new(Skewed { clock: Arc::<ManualClock>::clone(&self.clock), seconds });
        let functions =
            assemble::functions(&self.template, &self.local, &clock).expect("the template has all settings");
        let listener = free_port().await;
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        tokio::spawn(Gateway::new(&self.template, &functions, TrailingSlash::default(), None).serve(listener));
        Functions::new(&url)
    }

    /// Advances the stack's clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Replaces the keys for this reason.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub async fn rotate(&self, reason: Reason) {
        let replace = Event::Replace { keys: reason, attempt: rotate_keys::new_attempt() };
        self.rotate_with(replace).await.expect("rotate-keys rotates");
    }

    /// Runs rotate-keys with one event.
    ///
    /// # Errors
    ///
    /// The error of rotate-keys.
    pub async fn rotate_with(&self, event: Event) -> Result<Outcome, RotationError> {
        self.rotate_keys.handle(event).await
    }

    /// Reads a key document without the IAM checks.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn key_document(&self, document: Document) -> Option<String> {
        let item = keys::item(&self.database, &self.template.keys.name, document).await.expect("DynamoDB reads");
        item?.get(DOCUMENT)?.as_s().ok().cloned()
    }

    /// Overwrites a key document without the IAM checks.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn overwrite_keys(&self, document: Document, text: &str) {
        keys::overwrite(&self.database, &self.template.keys.name, document, text).await.expect("DynamoDB puts");
    }

    /// Deletes a key document without the IAM checks.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn delete_keys(&self, document: Document) {
        keys::delete(&self.database, &self.template.keys.name, document).await.expect("DynamoDB deletes");
    }

    /// Logs a new user in.
    pub async fn log_in(&self) -> Response {
        let user = self.kakao.new_user().await;
        self.log_in_as(&user).await
    }

    /// Logs this user in.
    pub async fn log_in_as(&self, user: &str) -> Response {
        log_in(&self.functions, &self.kakao, user).await
    }

    /// Refreshes with the same cookie, `times` times concurrently.
    ///
    /// # Panics
    ///
    /// If a request gets no response.
    pub async fn refresh_at_once(&self, cookie: &str, times: usize) -> Vec<Response> {
        let requests = (0..times).map(|_| {
            let (functions, cookie) = (self.functions.clone(), cookie.to_owned());
            tokio::spawn(async move { functions.refresh(&cookie).await })
        });
        let requests: Vec<_> = requests.collect();
        let mut responses = Vec::new();
        for request in requests {
            responses.push(request.await.expect("a refresh has a response"));
        }
        responses
    }

    /// All items of the table, in a fixed order.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn dump(&self) -> Vec<Item> {
        let mut items = table::dump(&self.dynamodb, &self.template.table.name).await.expect("DynamoDB scans");
        items.sort_by_key(|item| format!("{:?} {:?}", item.get("pk"), item.get("sk")));
        items
    }

    /// Counts the items whose partition key or sort key has this prefix.
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
            let delete = self.dynamodb.delete_item().table_name(&self.template.table.name).set_key(Some(key)).send();
            delete.await.expect("DynamoDB deletes");
        }
    }

    /// Writes these items back into the table.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn restore(&self, items: &[Item]) {
        for item in items {
            let put =
                self.dynamodb.put_item().table_name(&self.template.table.name).set_item(Some(item.clone())).send();
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

pub(crate) async fn log_in(functions: &Functions, kakao: &KakaoControl, user: &str) -> Response {
    let token = kakao.token(user).await;
    let response = functions.login(&json!({"access_token": token})).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}
