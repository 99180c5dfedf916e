//! A whole stack for one test: its own table, Kakao stand-in, gateway and clock, on free ports.

mod deletions;
mod imports;
mod items;
mod key_documents;
mod user_events;
pub(crate) mod users;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use dynoxide::Database;
use finish_deletions::FinishDeletions;
use local::{
    assemble::{self, TEMPLATE},
    gateway::{Gateway, TrailingSlash},
    iam::{Guard, Roles, Use},
    kakao::{Kakao, SHOP},
    keys,
    lambda::{self, Lambda},
    server::End,
    table,
    template::Template,
};
use rotate_keys::{Event, RotateKeys};
use shared::{
    clock::{Clock, SystemClock, Timestamp},
    function::Worker,
};
use tokio::{net::TcpListener, task::JoinHandle};

use self::user_events::UserEvents;
use crate::{
    client::Functions,
    clock::{ManualClock, Skewed},
    fault_proxy::FaultProxy,
    kakao_control::KakaoControl,
};

/// The redirect URI of a [`Stack`].
pub const REDIRECT_URI: &str = "http://localhost:9000/";
/// The redirect URI of a hosted login, which is registered at the Kakao stand-in of a [`Stack`]. The default `CALLBACK_URI` is none.
pub const CALLBACK_URI: &str = "http://localhost:9000/auth/kakao/callback";
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
    finish_deletions: FinishDeletions,
    user_events: Option<UserEvents>,
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

        let kakao = Kakao::start(
            free_port().await,
            Arc::clone(&shared_clock),
            [REDIRECT_URI, CALLBACK_URI].map(str::to_owned).into(),
        )
        .expect("the Kakao stand-in starts");
        let mut local = environment;
        local.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), table_proxy.url().to_owned());
        let kakao_proxy = FaultProxy::start(kakao.url()).await.expect("a proxy starts");
        for name in ["KAKAO_AUTH_URL", "KAKAO_API_URL"] {
            local.entry(name.to_owned()).or_insert_with(|| kakao_proxy.url().to_owned());
        }

        let bus = UserEvents::bus(&template, &guard, &shared_clock).await;
        if let Some((_, proxy)) = &bus {
            local.insert("AWS_ENDPOINT_URL_EVENTBRIDGE".to_owned(), proxy.url().to_owned());
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
        let finish_deletions =
            assemble::worker(&template, &local, &shared_clock).expect("the template has all settings");
        let user_events = bus.map(|bus| UserEvents::start(bus, &template, &local, &shared_clock, &guard));
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
        kakao.send_webhooks_to(&url);
        Self {
            functions: Functions::new(&url),
            kakao: KakaoControl::at(kakao.url()),
            table_proxy,
            kakao_proxy,
            keys_proxy,
            rotate_keys,
            finish_deletions,
            user_events,
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

    /// The IAM actions that the functions have used so far, and the partition keys that each named.
    #[must_use]
    pub fn uses(&self) -> BTreeMap<Use, BTreeSet<String>> {
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
    pub async fn skewed(&self, seconds: i64) -> Functions {
        let clock: Arc<dyn Clock> = Arc::new(Skewed { clock: Arc::<ManualClock>::clone(&self.clock), seconds });
        self.beside(&self.local, &clock).await
    }

    /// New instances of the functions behind their own gateway, with one other setting.
    pub async fn with_other_setting(&self, name: &str, value: &str) -> Functions {
        let mut local = self.local.clone();
        local.insert(name.to_owned(), value.to_owned());
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        self.beside(&local, &clock).await
    }

    async fn beside(&self, local: &BTreeMap<String, String>, clock: &Arc<dyn Clock>) -> Functions {
        let functions = assemble::functions(&self.template, local, clock).expect("the template has all settings");
        let listener = free_port().await;
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        tokio::spawn(Gateway::new(&self.template, &functions, TrailingSlash::default(), None).serve(listener));
        Functions::new(&url)
    }

    /// The time by the stack's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Advances the stack's clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
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

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}
