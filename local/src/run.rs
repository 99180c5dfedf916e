//! Runs a stack for a person: on fixed ports, with the system clock unless it is set ahead. Prints the URLs.

mod stand_ins;
mod user_events;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use local::{
    assemble,
    clock::{self, AdjustableClock},
    demo::{self, BUILT, Faults, RecentLog, Stage},
    events::EventBus,
    gateway::{Gateway, TrailingSlash},
    iam::{ADMINISTRATOR, Guard},
    kakao::{Kakao, SHOP},
    private_file,
    server::Server,
    table,
    template::Template,
};
use shared::clock::{Clock, SystemClock};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use self::{
    stand_ins::{start_dynamodb, start_workers},
    user_events::start_user_events,
};

/// Everything that the functions need.
struct Surroundings {
    port: u16,
    template: Template,
    /// The template's settings, by the names of the functions' environment variables.
    settings: BTreeMap<String, String>,
    /// Environment variables that the template does not set.
    local: BTreeMap<String, String>,
    /// That of the functions and of Kakao.
    clock: Arc<AdjustableClock>,
    /// Whether nothing outside of this process depends on the clock: neither a database that stays nor the real Kakao.
    owns_time: bool,
    _clock_server: Option<Server>,
    kakao: Option<Kakao>,
    /// Whether the functions have the template's roles. An external DynamoDB does its own access control.
    has_roles: bool,
    _guard: Option<Guard>,
    /// Lambda's Invoke API, for operators' commands.
    invoke: Server,
    /// `EventBridge`, if the stack publishes events about users.
    events: Option<EventBus>,
}

/// Runs the functions in this process, behind a gateway.
pub(crate) async fn run() -> Result<(), String> {
    let log = RecentLog::start(&["dynoxide"]);
    let around = Surroundings::start().await?;
    let clock: Arc<dyn Clock> = Arc::clone(&around.clock) as _;
    let functions = assemble::functions(&around.template, &around.local, &clock);
    let mut functions = functions.map_err(|error| error.to_string())?;
    let faults = around.kakao.as_ref().map(|kakao| Arc::new(Faults::at(kakao.url())));
    if let Some(faults) = &faults {
        functions = faults.breakable(functions);
    }

    let guide = around.guide();
    let site = demo::Site { faults, ..around.demo(guide.clone(), log) };
    let pages = site.pages(Path::new(BUILT)).map_err(|error| format!("{BUILT}: {error}"))?;
    let mut gateway = Gateway::new(&around.template, &functions, TrailingSlash::default(), Some(pages));
    // Otherwise the functions do not use the prefix.
    if around.local.get("COOKIE_SECURE").is_none_or(|secure| secure != "false") {
        gateway = gateway.with_development_cookie();
    }
    let listener = listen(around.port).await?;
    println!("{}\n{guide}", around.invitation());
    tokio::select! {
        () = gateway.serve(listener) => Ok(()),
        stopped = stopped() => stopped,
    }
}

/// Runs the functions under `cargo lambda watch`, which rebuilds them when they change.
pub(crate) async fn watch() -> Result<(), String> {
    let around = Surroundings::start().await?;
    let file = PathBuf::from(".local/watch.env");
    private_file::write(&file, &around.env_file())?;
    let tool = Path::new(".venv/bin/cargo-lambda");
    let mut watch = tokio::process::Command::new(if tool.exists() { tool } else { Path::new("cargo-lambda") });
    watch
        .args(["lambda", "watch", "--disable-cors", "--invoke-address", "127.0.0.1", "--invoke-port"])
        .arg(around.port.to_string())
        .arg("--env-file")
        .arg(&file)
        .kill_on_drop(true);
    if around.has_roles {
        watch.args(["--config", r#"target.'cfg(all())'.runner = ["local/with-role.sh"]"#]);
    }
    println!("{}", around.guide());
    let mut watch = watch.spawn().map_err(|error| format!("cargo-lambda (`make venv` installs it): {error}"))?;
    tokio::select! {
        ended = watch.wait() => Err(ended.map_or_else(|error| error.to_string(), |status| status.to_string())),
        stopped = stopped() => stopped,
    }
}

/// The findings of `admin doctor` for these settings. Kakao's secrets default to those of the stand-in.
fn examine(given: &BTreeMap<String, String>, mut settings: BTreeMap<String, String>) -> Vec<admin::Finding> {
    for (name, default) in [("KAKAO_CLIENT_SECRET", SHOP.client_secret), ("KAKAO_ADMIN_KEY", SHOP.admin_key)] {
        settings.insert(name.to_owned(), given.get(name).map_or(default, String::as_str).to_owned());
    }
    let api_url = given.get("API_URL").unwrap_or(&settings["ISSUER"]).clone();
    settings.insert("API_URL".to_owned(), api_url);
    admin::settings::examine(&settings, SystemClock.now())
}

/// The items of a setting that is a list.
fn listed(setting: &str) -> impl Iterator<Item = &str> {
    setting.split(',').map(str::trim)
}

/// Returns on Ctrl-C or SIGTERM, so that everything started here is stopped too.
async fn stopped() -> Result<(), String> {
    let mut terminated = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|error| error.to_string()),
    }
}

impl Surroundings {
    /// Starts DynamoDB and Kakao, unless the environment names others.
    async fn start() -> Result<Self, String> {
        let given: BTreeMap<String, String> = env::vars().collect();
        let port = number(&given, "PORT", 9000)?;
        let mut settings = given.clone();
        // Browsers leave port 80 out of the origin.
        let origin = if port == 80 { "http://localhost".to_owned() } else { format!("http://localhost:{port}") };
        settings.entry("ISSUER".to_owned()).or_insert_with(|| origin.clone());
        settings.entry("ALLOWED_ORIGINS".to_owned()).or_insert_with(|| format!("{origin},http://localhost:5173"));
        let redirect_uris = format!("{origin}/,http://localhost:5173/");
        let redirect_uris = settings.entry("REDIRECT_URIS".to_owned()).or_insert(redirect_uris).clone();
        let callback_uri = settings.entry("CALLBACK_URI".to_owned());
        let callback_uri = callback_uri.or_insert_with(|| format!("{origin}/auth/kakao/callback")).clone();
        let template = assemble::template(&settings).map_err(|error| error.to_string())?;

        let data = given.get("DATA").map(PathBuf::from);
        let mut local = BTreeMap::new();
        for name in ["COOKIE_SECURE", "AWS_REGION"] {
            if let Some(value) = given.get(name) {
                local.insert(name.to_owned(), value.clone());
            }
        }
        let has_roles = !given.contains_key("AWS_ENDPOINT_URL_DYNAMODB");
        let (dynamodb_url, guard) = if let Some(url) = given.get("AWS_ENDPOINT_URL_DYNAMODB") {
            local.insert("AWS_ACCESS_KEY_ID".to_owned(), ADMINISTRATOR.to_owned());
            (url.clone(), None)
        } else {
            let guard = start_dynamodb(number(&given, "DYNAMODB_PORT", port + 2)?, data.as_deref(), &template).await?;
            (guard.url().replace("127.0.0.1", "localhost"), Some(guard))
        };
        for table in [&template.table, &template.keys] {
            table::create(&table::client(&dynamodb_url), table).await?;
        }
        local.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_url);

        let clock = Arc::<AdjustableClock>::default();
        let clock_server = if given.contains_key("CLOCK_PORT") {
            let listener = listen(number(&given, "CLOCK_PORT", 0)?).await?;
            Some(clock::serve(Arc::clone(&clock), listener).map_err(|error| error.to_string())?)
        } else {
            None
        };

        let elsewhere = [given.get("KAKAO_AUTH_URL"), given.get("KAKAO_API_URL")];
        let (kakao, [auth_url, api_url]) = if let [Some(auth), Some(api)] = elsewhere {
            (None, [auth.clone(), api.clone()])
        } else {
            let listener = listen(number(&given, "KAKAO_PORT", port + 1)?).await?;
            let redirect_uris = listed(&redirect_uris).chain(listed(&callback_uri)).filter(|uri| !uri.is_empty());
            let kakao = Kakao::start(listener, Arc::clone(&clock) as _, redirect_uris.map(str::to_owned).collect());
            let kakao = kakao.map_err(|error| error.to_string())?;
            let starts = listed(&settings["ALLOWED_ORIGINS"]).map(|origin| format!("{origin}/"));
            kakao.register_logout_redirect_uris(starts.collect());
            let url = kakao.url().replace("127.0.0.1", "localhost");
            kakao.send_webhooks_to(&format!("http://127.0.0.1:{port}"));
            (Some(kakao), [url.clone(), url])
        };
        local.insert("KAKAO_AUTH_URL".to_owned(), auth_url);
        local.insert("KAKAO_API_URL".to_owned(), api_url);
        let events_port = number(&given, "EVENTS_PORT", port + 4)?;
        let shared_clock: Arc<dyn Clock> = Arc::<AdjustableClock>::clone(&clock);
        let events =
            start_user_events(events_port, &given, &template, &mut local, &shared_clock, guard.as_ref()).await?;
        let lambda_port = number(&given, "LAMBDA_PORT", port + 3)?;
        let invoke = start_workers(lambda_port, &given, &template, &local, &shared_clock).await?;
        let settings = assemble::settings(&settings);
        for finding in examine(&given, settings.clone()) {
            eprintln!("{finding}");
        }
        Ok(Self {
            port,
            template,
            settings,
            local,
            clock,
            owns_time: data.is_none() && has_roles && kakao.is_some(),
            _clock_server: clock_server,
            kakao,
            has_roles,
            _guard: guard,
            invoke,
            events,
        })
    }

    /// The environments of all functions in one file, for `cargo lambda watch`.
    fn env_file(&self) -> String {
        let mut all = BTreeMap::new();
        for function in self.template.functions.keys() {
            all.extend(assemble::environment(&self.template, function, &self.local));
        }
        // `local/with-role.sh` sets each function's own access key.
        all.insert("AWS_ACCESS_KEY_ID".to_owned(), ADMINISTRATOR.to_owned());
        all.entry("AWS_REGION".to_owned()).or_insert_with(|| "ap-northeast-2".to_owned());
        let lines: Vec<String> = all.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        lines.concat()
    }

    /// The URL of the demo page, and the lifetime of access tokens.
    fn invitation(&self) -> String {
        let life = &self.settings["ACCESS_TTL"];
        let page = format!("Demo      http://localhost:{}/  (access tokens live {life} s", self.port);
        if life == "300" {
            format!("{page})")
        } else {
            format!("{page} to make renewals visible; the default is ACCESS_TTL=300)")
        }
    }

    /// The settings of the demo page.
    fn demo(&self, guide: String, log: RecentLog) -> demo::Site {
        let stage = Stage {
            clock: Arc::clone(&self.clock),
            log,
            has_links: self.settings["SESSION_LINKS"] == "on",
            has_public_keys: self.settings["SIGNING_ALGORITHM"] != "HS256",
            lambda: self.invoke.url().to_owned(),
            verifier_cache: Duration::from_secs(self.settings["VERIFIER_CACHE_TTL"].parse().unwrap_or(7200)),
        };
        demo::Site {
            api: format!("http://localhost:{}", self.port),
            kakao_auth_url: self.local["KAKAO_AUTH_URL"].clone(),
            client_id: self.settings["KAKAO_REST_API_KEY"].clone(),
            access_ttl: self.settings["ACCESS_TTL"].parse().unwrap_or(300),
            stand_in: self.kakao.as_ref().map(|_| self.local["KAKAO_AUTH_URL"].clone()),
            guide,
            faults: None,
            stage: self.owns_time.then_some(stage),
        }
    }

    /// The URLs, and four curl commands to paste.
    fn guide(&self) -> String {
        let api = format!("http://localhost:{}", self.port);
        let dynamodb = &self.local["AWS_ENDPOINT_URL_DYNAMODB"];
        let kakao = &self.local["KAKAO_API_URL"];
        let lambda = self.invoke.url();
        let events = self.events.as_ref().map(|events| format!("Events    {}  (printed here)\n", events.url()));
        let events = events.unwrap_or_default();
        if self.kakao.is_none() {
            return format!("API       {api}\nDynamoDB  {dynamodb}\nKakao     {kakao}\nLambda    {lambda}");
        }
        let json = "-H 'content-type: application/json'";
        let token = format!(r#"curl -s {kakao}/control/tokens {json} -d '{{"user":"ryan"}}'"#);
        let access = r#"$(echo "$LOGIN" | sed 's/.*"access":"\([^"]*\)".*/\1/')"#;
        format!(
            "API       {api}\nKakao     {kakao}  (a stand-in; open it for users and faults)\nDynamoDB  {dynamodb}\n\
             Lambda    {lambda}  (rotate-keys and finish-deletions, for operators' commands)\n{events}\n\
             Log in, get the profile, refresh, log out:\n\n\
             LOGIN=$(curl -s -c cookies.txt {api}/auth/kakao {json} -d \"$({token})\"); echo \"$LOGIN\"\n\
             curl -s {api}/auth/profile -H \"authorization: Bearer {access}\"; echo\n\
             curl -s -b cookies.txt -c cookies.txt -X POST {api}/auth/refresh; echo\n\
             curl -s -b cookies.txt -c cookies.txt -X POST {api}/auth/logout; echo\n"
        )
    }
}

async fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port}: {error} (set PORT to use another)"))
}

fn number(given: &BTreeMap<String, String>, name: &str, default: u16) -> Result<u16, String> {
    given
        .get(name)
        .map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name} must be a port number, not {text}")))
}
