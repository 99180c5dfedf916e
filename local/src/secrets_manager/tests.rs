//! Versions and labels as Secrets Manager keeps them, through its own client.

use std::time::Duration;

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};

use super::*;
use crate::secrets::{client, version};

async fn start(file: Option<PathBuf>) -> (SecretsManager, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let manager = SecretsManager::start(listener, file).unwrap();
    let client = client(manager.url());
    (manager, client)
}

async fn text(client: &Client, label: &str) -> Result<String, String> {
    let answer = client.get_secret_value().secret_id("one").version_stage(label).send().await;
    let answer = answer.map_err(|error| error.code().unwrap_or_default().to_owned())?;
    Ok(answer.secret_string().unwrap_or_default().to_owned())
}

async fn put(client: &Client, version: &str, label: Option<&str>, text: &str) -> Result<(), String> {
    let put = client.put_secret_value().secret_id("one").client_request_token(version).secret_string(text);
    let put = put.set_version_stages(label.map(|label| vec![label.to_owned()]));
    put.send().await.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
}

async fn relabel(client: &Client, label: &str, from: Option<&str>, to: Option<&str>) -> Result<(), String> {
    let update = client.update_secret_version_stage().secret_id("one").version_stage(label);
    let update =
        update.set_remove_from_version_id(from.map(str::to_owned)).set_move_to_version_id(to.map(str::to_owned));
    update.send().await.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
}

fn error<T>(code: &str) -> Result<T, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn a_label_is_on_one_version_and_what_was_current_becomes_previous() {
    let (_manager, client) = start(None).await;
    assert_eq!(text(&client, "AWSCURRENT").await, error("ResourceNotFoundException"), "no secret");
    client.create_secret().name("one").client_request_token(version()).send().await.unwrap();
    assert_eq!(text(&client, "AWSCURRENT").await, error("ResourceNotFoundException"), "no value");
    let (first, second) = (version(), version());
    put(&client, &first, None, "1").await.unwrap();
    put(&client, &second, Some("AWSPENDING"), "2").await.unwrap();
    assert_eq!(text(&client, "AWSCURRENT").await.unwrap(), "1");
    assert_eq!(text(&client, "AWSPENDING").await.unwrap(), "2");

    assert_eq!(relabel(&client, "AWSCURRENT", None, Some(&second)).await, error("InvalidParameterException"));
    assert_eq!(relabel(&client, "AWSCURRENT", Some(&second), Some(&second)).await, error("InvalidParameterException"));
    assert_eq!(relabel(&client, "AWSCURRENT", Some(&first), Some("x")).await, error("ResourceNotFoundException"));
    relabel(&client, "AWSCURRENT", Some(&first), Some(&second)).await.unwrap();
    assert_eq!(text(&client, "AWSCURRENT").await.unwrap(), "2");
    assert_eq!(text(&client, "AWSPREVIOUS").await.unwrap(), "1");
    relabel(&client, "AWSPENDING", Some(&second), None).await.unwrap();
    assert_eq!(text(&client, "AWSPENDING").await, error("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_version_is_written_once() {
    let (_manager, client) = start(None).await;
    client.create_secret().name("one").client_request_token(version()).send().await.unwrap();
    let first = version();
    for _ in 0..2 {
        put(&client, &first, None, "1").await.unwrap();
    }
    assert_eq!(put(&client, &first, None, "other").await, error("ResourceExistsException"));
    assert_eq!(put(&client, "short", None, "1").await, error("InvalidParameterException"));
}

#[tokio::test]
async fn rotate_secret_runs_the_four_steps_and_one_rotation_at_a_time() {
    let (manager, client) = start(None).await;
    client.create_secret().name("one").client_request_token(version()).secret_string("1").send().await.unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&calls);
    manager.rotate_with(Arc::new(move |event| {
        if let Event::Step { step, .. } = event {
            lock(&noted).push(step);
        }
        Box::pin(async { Ok(()) })
    }));
    let rotate = || client.rotate_secret().secret_id("one").client_request_token(version()).send();
    rotate().await.unwrap();
    assert_eq!(text(&client, "AWSPENDING").await, error("ResourceNotFoundException"), "begun, and not filled");
    assert_eq!(rotate().await.unwrap_err().code(), Some("InvalidRequestException"));
    for _ in 0..100 {
        if lock(&calls).len() == STEPS.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(*lock(&calls), STEPS);
}

#[tokio::test]
async fn a_file_keeps_the_secrets_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let file = std::env::temp_dir().join(format!("{}.json", version()));
    let (manager, one) = start(Some(file.clone())).await;
    one.create_secret().name("one").client_request_token(version()).secret_string("kept").send().await.unwrap();
    drop(manager);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (_manager, two) = start(Some(file.clone())).await;
    assert_eq!(text(&two, "AWSCURRENT").await.unwrap(), "kept");
    fs::remove_file(file).unwrap();
}
