//! The binaries as Lambda runs them: started with an environment, with events from the Runtime API.
//!
//! With `MOTO_URL` their tables are in moto's DynamoDB, without it in that of a local stack.

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use local::{
    assemble::TEMPLATE,
    lambda::{Invocation, Lambda},
};
use serde_json::{Value, json};
use shared::keys::Document;
use tests::{Settings, Stack, binary};

/// A stack whose tables may be in moto's DynamoDB.
async fn stack() -> Stack {
    Stack::with(Settings { dynamodb: env::var("MOTO_URL").ok(), ..Settings::default() }).await
}

/// A function of this stack, with a Kakao address that refuses connections.
fn lambda(function: &str, stack: &Stack) -> Lambda {
    let mut environment = stack.environment(function);
    for name in ["KAKAO_AUTH_URL", "KAKAO_API_URL"] {
        environment.insert(name.to_owned(), "http://127.0.0.1:1".to_owned());
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

#[tokio::test(flavor = "multi_thread")]
async fn every_binary_answers_its_recorded_event() {
    let stack = stack().await;
    for (function, status) in [
        ("kakao-login", 503),
        ("refresh", 401),
        ("logout", 200),
        ("profile", 401),
        ("sessions", 401),
        ("account", 401),
        ("verify", 401),
        ("jwks", 200),
        ("kakao-events", 200),
    ] {
        let event = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
        let event = serde_json::from_str(&std::fs::read_to_string(event).unwrap()).unwrap();
        let response = invoke(&lambda(function, &stack), event).await;
        assert_eq!(response["statusCode"], status, "{function}: {response}");
        let kept = if function == "jwks" { "public, max-age=300" } else { "no-store" };
        assert_eq!(response["headers"]["cache-control"], kept);
        if function == "refresh" || function == "logout" {
            assert!(response["cookies"][0].as_str().unwrap().contains("Max-Age=0"), "{response}");
        }
    }
}

/// DNS, TCP and TLS belong to the start, which has the whole processor and delays no request.
#[tokio::test(flavor = "multi_thread")]
async fn every_binary_reads_its_keys_with_one_request_before_the_first_invocation() {
    for (function, operation) in [
        ("kakao-login", "BatchGetItem"),
        ("refresh", "GetItem"),
        ("logout", "GetItem"),
        ("profile", "GetItem"),
        ("sessions", "GetItem"),
        ("account", "GetItem"),
        ("verify", "GetItem"),
        ("jwks", "GetItem"),
    ] {
        let stack = stack().await;
        let _ = (stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic());
        lambda(function, &stack).warm().await.unwrap();
        assert_eq!(stack.keys_proxy.take_traffic().operations, [operation], "{function}");
        assert!(stack.table_proxy.take_traffic().operations.is_empty(), "{function}");
    }
}

/// A start does not wait for the keys longer than 300 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_binary_accepts_requests_although_dynamodb_hangs() {
    let stack = stack().await;
    stack.keys_proxy.fail(tests::fault_proxy::Fault::Hang);
    lambda("refresh", &stack).warm().await.expect("the binary starts");
}

/// The event of the template's schedule, sent to the binary.
#[tokio::test(flavor = "multi_thread")]
async fn the_rotate_keys_binary_creates_the_first_keys() {
    let stack =
        Stack::with(Settings { dynamodb: env::var("MOTO_URL").ok(), without_keys: true, ..Settings::default() });
    let stack = stack.await;
    assert!(TEMPLATE.contains(r#"Input: '{"command":"rotate_if_due"}'"#));
    let rotate_keys = lambda("rotate-keys", &stack);
    for outcome in ["rotated", "not_due"] {
        assert_eq!(invoke(&rotate_keys, json!({"command": "rotate_if_due"})).await, outcome);
    }
    assert!(stack.key_document(Document::Issuing).await.is_some());
}

#[tokio::test]
async fn a_binary_without_its_settings_names_all_of_them_and_exits() {
    for (function, names) in [
        ("kakao-login", vec!["KAKAO_APP_ID", "REDIRECT_URIS", "TABLE_NAME", "KEYS_TABLE_NAME", "SESSION_MAX_TTL"]),
        ("refresh", vec!["ALLOWED_ORIGINS", "ISSUER", "KEYS_TABLE_NAME", "ROTATION_WINDOW", "COOKIE_SAMESITE"]),
        ("logout", vec!["ALLOWED_ORIGINS", "KEYS_TABLE_NAME", "ROTATION_WINDOW"]),
        (
            "rotate-keys",
            vec!["KEYS_TABLE_NAME", "FIRST_KEYS", "SIGNING_ALGORITHM", "VERIFIER_CACHE_TTL", "SESSION_MAX_TTL"],
        ),
        ("profile", vec!["KEYS_TABLE_NAME", "AUDIENCE"]),
        ("sessions", vec!["TABLE_NAME", "KEYS_TABLE_NAME", "AUDIENCE"]),
        ("account", vec!["TABLE_NAME", "KEYS_TABLE_NAME", "ALLOWED_ORIGINS", "KAKAO_ADMIN_KEY_HASHES"]),
    ] {
        let mut command = Command::new(binary(function));
        let output = command.env_clear().stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(names.iter().all(|name| errors.contains(name)), "{function}: {errors}");
    }
}
