//! DynamoDB for a person's stack, behind a guard that enforces the template's roles, and the functions with a schedule.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use dynoxide::Database;
use finish_deletions::FinishDeletions;
use local::{
    assemble,
    iam::{Guard, Roles},
    invoke::{self, Invocable},
    kakao::SHOP,
    keys,
    server::Server,
    template::Template,
};
use rotate_keys::Event;
use shared::{clock::Clock, function::Worker};

use super::listen;

/// Starts DynamoDB in memory, or in a file that survives restarts.
pub(super) async fn start_dynamodb(port: u16, file: Option<&Path>, template: &Template) -> Result<Guard, String> {
    let database = match file.map(|file| file.to_str().ok_or("DATA: the path is not UTF-8")).transpose()? {
        Some(file) => Database::new(file),
        None => Database::memory(),
    };
    let database = database.map_err(|error| format!("DATA: {error}"))?;
    let listener = listen(0).await?;
    let url = listener.local_addr().map(|address| format!("http://{address}")).map_err(|error| error.to_string())?;
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Guard::start(listen(port).await?, &url, Roles::of(template)).map_err(|error| error.to_string())
}

/// Stores Kakao's secrets, creates the keys or rotates them if due, runs the schedules, and serves Lambda's Invoke API.
pub(super) async fn start_workers(
    port: u16,
    given: &BTreeMap<String, String>,
    template: &Template,
    local: &BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
) -> Result<Server, String> {
    let rotate_keys = Arc::new(keys::rotate_keys(template, local, clock).map_err(|error| error.to_string())?);
    let finish_deletions = assemble::worker::<FinishDeletions>(template, local, clock);
    let finish_deletions = Arc::new(finish_deletions.map_err(|error| error.to_string())?);
    let client_secret = given.get("KAKAO_CLIENT_SECRET").map_or(SHOP.client_secret, String::as_str);
    let admin_key = given.get("KAKAO_ADMIN_KEY").map_or(SHOP.admin_key, String::as_str);
    for event in [keys::put_kakao(client_secret, admin_key), Event::RotateIfDue] {
        rotate_keys.handle(event).await.map_err(|error| error.to_string())?;
    }
    schedule(&rotate_keys, template);
    schedule(&finish_deletions, template);
    let functions = vec![Invocable::new(rotate_keys), Invocable::new(finish_deletions)];
    invoke::start(listen(port).await?, functions).map_err(|error| error.to_string())
}

/// Invokes a function as its schedules in the template say.
fn schedule<W: Worker>(function: &Arc<W>, template: &Template) {
    for schedule in template.functions[W::NAME].schedules.clone() {
        let scheduled = Arc::clone(function);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(schedule.every).await;
                match serde_json::from_str(&schedule.input) {
                    // The function logs its own failures.
                    Ok(event) => drop(scheduled.handle(event).await),
                    Err(error) => tracing::error!("{}: the schedule's Input is not a known event: {error}", W::NAME),
                }
            }
        });
    }
}
