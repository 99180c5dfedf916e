//! The binaries as Lambda runs them: started with an environment, fed through the Runtime API.
//!
//! With `MOTO_URL` their secrets are in moto's Secrets Manager, without it in that of a local stack.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use local::{
    Settings, Stack,
    lambda::{Invocation, Lambda},
    secrets,
};
use serde_json::{Value, json};

/// A stack whose secrets may be in moto's Secrets Manager.
async fn stack() -> Stack {
    Stack::with(Settings { secrets_manager: env::var("MOTO_URL").ok(), ..Settings::default() }).await
}

/// A function with this stack's secrets; DynamoDB and Kakao are where nobody listens.
fn lambda(function: &str, stack: &Stack) -> Lambda {
    lambda_with(function, stack, "http://127.0.0.1:1")
}

/// The same with a DynamoDB.
fn lambda_with(function: &str, stack: &Stack, dynamodb: &str) -> Lambda {
    let mut environment = stack.environment(function);
    for (name, value) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("KAKAO_AUTH_URL", "http://127.0.0.1:1"),
        ("KAKAO_API_URL", "http://127.0.0.1:1"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    Lambda::new(function, binary(function), environment)
}

async fn invoke(lambda: &Lambda, event: Value) -> Value {
    let invocation = Invocation {
        event,
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        timeout: Duration::from_secs(10),
    };
    lambda.invoke(invocation).await.unwrap()
}

fn binary(function: &str) -> PathBuf {
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--workspace", "--bins"]).status().unwrap();
    assert!(built.success());
    let mut path = env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join(function)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_binary_answers_its_recorded_event() {
    let stack = stack().await;
    for (function, status) in
        [("kakao-login", 503), ("refresh", 401), ("logout", 200), ("profile", 401), ("verify", 401), ("jwks", 200)]
    {
        let event = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
        let event = serde_json::from_str(&std::fs::read_to_string(event).unwrap()).unwrap();
        let answer = invoke(&lambda(function, &stack), event).await;
        assert_eq!(answer["statusCode"], status, "{function}: {answer}");
        let kept = if function == "jwks" { "public, max-age=300" } else { "no-store" };
        assert_eq!(answer["headers"]["cache-control"], kept);
        if function == "refresh" || function == "logout" {
            assert!(answer["cookies"][0].as_str().unwrap().contains("Max-Age=0"), "{answer}");
        }
    }
}

/// DNS, TCP and TLS belong to the time before the first request, which has the whole processor and is nobody's wait.
#[tokio::test(flavor = "multi_thread")]
async fn every_binary_has_its_keys_and_has_asked_dynamodb_before_it_takes_a_request() {
    for (function, operation) in
        [("kakao-login", "GetItem"), ("refresh", "GetItem"), ("logout", "Query"), ("profile", "BatchGetItem")]
    {
        let stack = stack().await;
        let _ = stack.secrets_wire.take_traffic();
        lambda_with(function, &stack, stack.wire.url()).warm().await.unwrap();
        let operations = stack.wire.take_traffic().operations;
        assert_eq!(operations, [operation], "{function}");
        let secrets = if function == "kakao-login" { 2 } else { 1 };
        assert_eq!(stack.secrets_wire.take_traffic().operations, vec!["GetSecretValue"; secrets], "{function}");
    }
}

/// The keys are read beside the connection to DynamoDB, and a start waits for neither longer than 300 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_binary_takes_requests_although_secrets_manager_hangs() {
    let stack = stack().await;
    let lambda = lambda_with("refresh", &stack, stack.wire.url());
    stack.secrets_wire.fail(local::wire::Fault::Hang);
    lambda.warm().await.expect("it waits for its keys");
    assert_eq!(stack.wire.take_traffic().operations, ["GetItem"], "DynamoDB does not wait for the keys");
}

/// Secrets Manager's own event, as it comes to the binary that it calls.
#[tokio::test(flavor = "multi_thread")]
async fn the_binary_of_rotate_keys_does_its_step() {
    let stack = stack().await;
    let event = json!({
        "Step": "createSecret", "SecretId": stack.secret_name("KEY_RING_ID"), "ClientRequestToken": secrets::version(),
        "RotationToken": "9f8a2c1e-0000-4000-8000-000000000000",
    });
    assert_eq!(invoke(&lambda("rotate-keys", &stack), event).await, json!({}));
    let secret = stack.secrets.describe_secret().secret_id(stack.secret_name("KEY_RING_ID")).send().await.unwrap();
    let labels: Vec<&String> = secret.version_ids_to_stages().unwrap().values().flatten().collect();
    assert!(labels.iter().any(|label| *label == "AWSPENDING"), "{labels:?}");
}

#[tokio::test]
async fn a_binary_without_its_settings_names_all_of_them_and_ends() {
    for (function, names) in [
        (
            "kakao-login",
            vec!["KAKAO_APP_ID", "REDIRECT_URIS", "TABLE_NAME", "KEY_RING_ID", "KAKAO_SECRET_ID", "SESSION_MAX_TTL"],
        ),
        ("refresh", vec!["ALLOWED_ORIGINS", "ISSUER", "KEY_RING_ID", "ROTATION_WINDOW", "COOKIE_SAMESITE"]),
        ("logout", vec!["ALLOWED_ORIGINS", "LOGOUT_KEYS_ID", "ROTATION_WINDOW"]),
        ("rotate-keys", vec!["KEY_RING_ID", "SIGNING_ALGORITHM", "VERIFIER_CACHE_TTL", "SESSION_IDLE_TTL"]),
        ("profile", vec!["VERIFICATION_KEYS_ID", "AUDIENCE"]),
    ] {
        let mut command = Command::new(binary(function));
        let output = command.env_clear().stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(names.iter().all(|name| errors.contains(name)), "{function}: {errors}");
    }
}
