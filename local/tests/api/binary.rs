//! The binaries as Lambda runs them: started with an environment, fed through the Runtime API.
//!
//! With `MOTO_URL` their secrets are in moto's Secrets Manager, without it in that of a local stack.

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use local::{Settings, Stack, cloud, secrets, server::Server};
use serde_json::{Value, json};

/// Gives one event and takes the answer.
#[derive(Clone, Default)]
struct Runtime {
    asked: Arc<AtomicBool>,
    event: Arc<Mutex<Option<String>>>,
    answer: Arc<Mutex<Option<Value>>>,
}

impl Runtime {
    async fn serve(&self) -> Server {
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(take))
            .with_state(self.clone());
        Server::start_anywhere(routes).await.unwrap()
    }
}

/// A stack whose secrets may be in moto's Secrets Manager.
async fn stack() -> Stack {
    Stack::with(Settings { secrets_manager: env::var("MOTO_URL").ok(), ..Settings::default() }).await
}

/// A function's own environment with Lambda's and this stack's secrets; DynamoDB and Kakao are where nobody listens.
fn environment(function: &str, runtime: &Server, stack: &Stack) -> BTreeMap<String, String> {
    let template = cloud::template(&BTreeMap::new()).unwrap();
    let mut environment = cloud::environment(&template, function, &BTreeMap::new());
    for name in secrets::NAMES {
        environment.entry(name.to_owned()).and_modify(|value| *value = stack.secret_name(name));
    }
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", runtime.url().trim_start_matches("http://")),
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_REGION", "ap-northeast-2"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_ENDPOINT_URL_SECRETSMANAGER", stack.secrets_wire.url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("KAKAO_AUTH_URL", "http://127.0.0.1:1"),
        ("KAKAO_API_URL", "http://127.0.0.1:1"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    environment
}

async fn next(State(runtime): State<Runtime>) -> Response {
    runtime.asked.store(true, Ordering::SeqCst);
    let event = runtime.event.lock().unwrap().take();
    let Some(event) = event else {
        std::future::pending::<()>().await;
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-2:123456789012:function:f"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    ];
    (headers, event).into_response()
}

async fn take(State(runtime): State<Runtime>, body: String) -> StatusCode {
    *runtime.answer.lock().unwrap() = serde_json::from_str(&body).ok();
    StatusCode::ACCEPTED
}

fn binary(function: &str) -> PathBuf {
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "--package", function, "--bins"]).status().unwrap();
    assert!(built.success());
    let mut path = env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join(function)
}

fn start(function: &str, environment: &BTreeMap<String, String>) -> std::process::Child {
    let mut command = Command::new(binary(function));
    command.env_clear().envs(environment).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_binary_answers_its_recorded_event() {
    let stack = stack().await;
    for (function, status) in
        [("kakao-login", 503), ("refresh", 401), ("logout", 200), ("profile", 401), ("verify", 401), ("jwks", 200)]
    {
        let event = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
        let event = std::fs::read_to_string(event).unwrap();
        let runtime = Runtime::default();
        let server = runtime.serve().await;
        let environment = environment(function, &server, &stack);
        *runtime.event.lock().unwrap() = Some(event);
        let mut process = start(function, &environment);
        let mut answer = None;
        for _ in 0..200 {
            answer = runtime.answer.lock().unwrap().take();
            if answer.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        process.kill().unwrap();
        let errors = process.wait_with_output().unwrap().stderr;
        let answer = answer.unwrap_or_else(|| panic!("{function}: {}", String::from_utf8_lossy(&errors)));
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
        let runtime = Runtime::default();
        let server = runtime.serve().await;
        let mut environment = environment(function, &server, &stack);
        environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), stack.wire.url().to_owned());
        let mut process = start(function, &environment);
        for _ in 0..200 {
            if runtime.asked.load(Ordering::SeqCst) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(runtime.asked.load(Ordering::SeqCst), "{function} asked for no event");
        let operations = stack.wire.take_traffic().operations;
        assert_eq!(operations, [operation], "{function}");
        let secrets = if function == "kakao-login" { 2 } else { 1 };
        assert_eq!(stack.secrets_wire.take_traffic().operations, vec!["GetSecretValue"; secrets], "{function}");
    }
}

/// The keys are read beside the connection to DynamoDB, and a start waits for neither longer than 300 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_binary_takes_requests_although_secrets_manager_hangs() {
    binary("refresh");
    let stack = stack().await;
    let runtime = Runtime::default();
    let server = runtime.serve().await;
    let mut environment = environment("refresh", &server, &stack);
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), stack.wire.url().to_owned());
    stack.secrets_wire.fail(local::wire::Fault::Hang);
    let mut process = start("refresh", &environment);
    for _ in 0..200 {
        if runtime.asked.load(Ordering::SeqCst) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(runtime.asked.load(Ordering::SeqCst), "it waits for its keys");
    assert_eq!(stack.wire.take_traffic().operations, ["GetItem"], "DynamoDB does not wait for the keys");
}

/// Secrets Manager's own event, as it comes to the binary that it calls.
#[tokio::test(flavor = "multi_thread")]
async fn the_binary_of_rotate_keys_does_its_step() {
    let stack = stack().await;
    let runtime = Runtime::default();
    let server = runtime.serve().await;
    let event = json!({
        "Step": "createSecret", "SecretId": stack.secret_name("KEY_RING_ID"), "ClientRequestToken": secrets::version(),
        "RotationToken": "9f8a2c1e-0000-4000-8000-000000000000",
    });
    *runtime.event.lock().unwrap() = Some(event.to_string());
    let mut process = start("rotate-keys", &environment("rotate-keys", &server, &stack));
    for _ in 0..200 {
        if runtime.answer.lock().unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(*runtime.answer.lock().unwrap(), Some(json!({})));
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
        ("logout", vec!["ALLOWED_ORIGINS", "LOGOUT_KEYS_ID"]),
        ("rotate-keys", vec!["KEY_RING_ID", "SIGNING_ALGORITHM", "VERIFIER_CACHE_TTL", "SESSION_IDLE_TTL"]),
        ("profile", vec!["VERIFICATION_KEYS_ID", "AUDIENCE"]),
    ] {
        let output = start(function, &BTreeMap::new()).wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(names.iter().all(|name| errors.contains(name)), "{function}: {errors}");
    }
}
