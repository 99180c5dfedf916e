//! The binaries as Lambda runs them: started with an environment, fed through the Runtime API.
//!
//! With `MOTO_URL` their secrets come from moto's Secrets Manager, without it from the environment.

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use local::{client::http_client, cloud, secrets, server::Server};
use serde_json::{Value, json};

/// Gives one event and takes the answer.
#[derive(Clone, Default)]
struct Runtime {
    event: Arc<Mutex<Option<String>>>,
    answer: Arc<Mutex<Option<Value>>>,
}

async fn next(State(runtime): State<Runtime>) -> Response {
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

/// Puts a secret where the function reads it, and tells its environment where that is.
async fn put_secret(url: &str, secret: &Value, environment: &mut BTreeMap<String, String>) {
    let id = format!("secret-{}", shared::random::up_to(u64::MAX - 1));
    let request = http_client().post(url).header("x-amz-target", "secretsmanager.CreateSecret");
    let body = json!({"Name": id, "SecretString": secret.to_string(), "ClientRequestToken": "0".repeat(36)});
    let credential = "AWS4-HMAC-SHA256 Credential=x/20260101/ap-northeast-2/secretsmanager/aws4_request";
    let request = request.header("content-type", "application/x-amz-json-1.1").header("authorization", credential);
    assert_eq!(request.body(body.to_string()).send().await.unwrap().status(), 200);
    environment.insert("SECRET_ID".to_owned(), id);
    environment.insert("AWS_ENDPOINT_URL_SECRETSMANAGER".to_owned(), url.to_owned());
    environment.insert("STAGE".to_owned(), "prod".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_binary_answers_its_recorded_event() {
    let template = cloud::template(&BTreeMap::new()).unwrap();
    let secrets = secrets::generate("secret", "");
    for (function, status) in [("kakao-login", 503), ("refresh", 401), ("logout", 200), ("profile", 401)] {
        let event =
            std::fs::read_to_string(format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut event = event.replace("https://www.example.com", "http://localhost:9000");
        let runtime = Runtime::default();
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(take))
            .with_state(runtime.clone());
        let server = Server::start_anywhere(routes).await.unwrap();

        let mut environment = cloud::environment(&template, function, &secrets, &BTreeMap::new());
        if let Ok(url) = env::var("MOTO_URL") {
            for name in secrets[function].as_object().unwrap().keys() {
                environment.remove(name);
            }
            // The stage is not local then, so Kakao would be the real one: a request that never gets that far.
            event = event.replace("access_token", "another_token");
            put_secret(&url, &secrets[function], &mut environment).await;
        } else {
            // Nobody listens there: a function that cannot reach Kakao says so and goes on.
            environment.insert("KAKAO_AUTH_URL".to_owned(), "http://127.0.0.1:1".to_owned());
            environment.insert("KAKAO_API_URL".to_owned(), "http://127.0.0.1:1".to_owned());
        }
        for (name, value) in [
            ("AWS_LAMBDA_RUNTIME_API", server.url().trim_start_matches("http://")),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", "ap-northeast-2"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
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
        let status = if environment.contains_key("SECRET_ID") && status == 503 { 400 } else { status };
        assert_eq!(answer["statusCode"], status, "{function}: {answer}");
        assert_eq!(answer["headers"]["cache-control"], "no-store");
        if function == "refresh" || function == "logout" {
            assert!(answer["cookies"][0].as_str().unwrap().contains("Max-Age=0"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_binary_without_its_settings_names_all_of_them_and_ends() {
    for (function, names) in [
        ("kakao-login", vec!["KAKAO_APP_ID", "REDIRECT_URIS", "TABLE_NAME", "SIGNING_KEYS", "SESSION_MAX_TTL"]),
        ("refresh", vec!["ALLOWED_ORIGINS", "ISSUER", "SESSION_SECRETS", "ROTATION_WINDOW", "COOKIE_SAMESITE"]),
        ("logout", vec!["ALLOWED_ORIGINS", "SESSION_SECRETS", "PSEUDONYM_KEY"]),
        ("profile", vec!["VERIFICATION_KEYS", "AUDIENCE"]),
    ] {
        let output = start(function, &BTreeMap::new()).wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(names.iter().all(|name| errors.contains(name)), "{function}: {errors}");
    }
}
