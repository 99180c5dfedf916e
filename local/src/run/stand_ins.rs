//! DynamoDB and Secrets Manager for a person's stack, behind guards that enforce the template's roles.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dynoxide::Database;
use local::{
    iam::{Guard, Roles},
    kakao::SHOP,
    secrets,
    secrets_manager::SecretsManager,
    template::Template,
};
use shared::clock::{Clock, SystemClock};
use tokio::net::TcpListener;

use super::{listen, number};

/// Starts a stand-in behind a guard.
pub(super) struct Front {
    listener: TcpListener,
    roles: Roles,
}

impl Front {
    pub(super) async fn at(port: u16, template: &Template) -> Result<Self, String> {
        Ok(Self { listener: listen(port).await?, roles: Roles::of(template) })
    }

    pub(super) fn guard(self, target: &str) -> Result<Guard, String> {
        Guard::start(self.listener, target, self.roles).map_err(|error| error.to_string())
    }
}

/// In memory, or in a file that survives restarts. Says where it listens.
pub(super) async fn start_dynamodb(file: Option<&Path>) -> Result<String, String> {
    let database = match file.map(|file| file.to_str().ok_or("DATA: not UTF-8")).transpose()? {
        Some(file) => Database::new(file),
        None => Database::memory(),
    };
    let database = database.map_err(|error| format!("DATA: {error}"))?;
    let listener = listen(0).await?;
    let url = listener.local_addr().map(|address| format!("http://{address}")).map_err(|error| error.to_string())?;
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(url)
}

/// Keys live as long as the data: sessions in a file need those that they were made with. They are made and rotated as in the
/// cloud, by rotate-keys, unless the environment says where another Secrets Manager is.
pub(super) async fn start_secrets_manager(
    port: u16,
    given: &BTreeMap<String, String>,
    data: Option<&Path>,
    template: &Template,
    local: &mut BTreeMap<String, String>,
) -> Result<Option<(SecretsManager, Guard)>, String> {
    let own = if given.contains_key("AWS_ENDPOINT_URL_SECRETSMANAGER") {
        None
    } else {
        let file = data.map(|data| {
            let mut file = data.as_os_str().to_owned();
            file.push(".secrets.json");
            PathBuf::from(file)
        });
        let front = Front::at(number(given, "SECRETS_PORT", port)?, template).await?;
        let started = SecretsManager::start(listen(0).await?, file);
        let started = started.map_err(|error| format!("the secrets beside DATA: {error}"))?;
        let guard = front.guard(started.url())?;
        Some((started, guard))
    };
    let elsewhere = || given["AWS_ENDPOINT_URL_SECRETSMANAGER"].clone();
    let url = own.as_ref().map_or_else(elsewhere, |(_, guard)| guard.url().to_owned());
    local.insert("AWS_ENDPOINT_URL_SECRETSMANAGER".to_owned(), url.clone());

    let client_secret = given.get("KAKAO_CLIENT_SECRET").map_or(SHOP.client_secret, String::as_str);
    let admin_key = given.get("KAKAO_ADMIN_KEY").map_or(SHOP.admin_key, String::as_str);
    secrets::create(&secrets::client(&url), template, client_secret, admin_key).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rotate_keys = secrets::rotate_keys(template, local, &clock).map_err(|error| error.to_string())?;
    let (rotate_keys, key_ring) = (Arc::new(rotate_keys), secrets::name(template, "KEY_RING_ID"));
    if let Some((own, _)) = &own {
        let function = Arc::clone(&rotate_keys);
        own.rotate_with(Arc::new(move |event| {
            let function = Arc::clone(&function);
            Box::pin(async move { function.handle(event).await.map(drop).map_err(|error| error.to_string()) })
        }));
    }
    secrets::rotate_if_due(&rotate_keys, &secrets::client(&url), &key_ring, SystemClock.now()).await?;
    let client = secrets::client(&url);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_hours(1)).await;
            if let Err(reason) = secrets::rotate_if_due(&rotate_keys, &client, &key_ring, SystemClock.now()).await {
                tracing::error!("rotate-keys: {reason}");
            }
        }
    });
    Ok(own)
}
