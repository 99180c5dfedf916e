//! Keys and the log at TRACE: what our code logs, what the libraries log, and what a function's process lets through.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use local::{
    iam::access_key,
    lambda::{Invocation, Runtime, Work},
    table,
};
use rotate_keys::{Event, document::Reason, new_attempt};
use serde_json::{Value, json};
use shared::keys::{DOCUMENT, Document};
use tests::{Settings, Stack, binary, client::unique, fault_proxy::Fault};
use tokio::sync::oneshot;
use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt};

/// The crates of this project that are part of a function.
const OURS: [&str; 11] = [
    "account",
    "jwks",
    "kakao_events",
    "kakao_login",
    "logout",
    "profile",
    "refresh",
    "rotate_keys",
    "sessions",
    "shared",
    "verify",
];
/// The embedded DynamoDB, which runs in this process and in no function.
const SERVER: &str = "dynoxide";

/// What was logged: target, level and text without white space.
static EVENTS: Mutex<BTreeSet<(String, Level, String)>> = Mutex::new(BTreeSet::new());

fn note(target: &str, level: Level, text: &str) {
    if target.starts_with(SERVER) {
        return;
    }
    let text = text.split_whitespace().collect();
    EVENTS.lock().unwrap().insert((target.to_owned(), level, text));
}

/// Records everything, spans too.
struct Recorder;

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?};").unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, "{field}={value};").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        note(event.metadata().target(), *event.metadata().level(), &text.0);
    }

    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut text = Text::default();
        span.record(&mut text);
        note(span.metadata().target(), *span.metadata().level(), &text.0);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        values.record(&mut text);
        note("a span's later values", Level::ERROR, &text.0);
    }
}

/// Libraries that use the crate `log` (reqwest, rustls).
impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // No function has a logger for these, so they are held to the level TRACE, which the log does not let through.
        note(record.target(), Level::TRACE, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Each form of a key that a log could have: parts of the text, in base64, in hex and as `Debug` prints bytes.
fn parts_of(text: &str) -> Vec<String> {
    // An excerpt that is twice as long has one of them whole.
    let pieces = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks_exact(12).map(|piece| piece.iter().collect::<String>()).collect::<Vec<_>>()
    };
    let mut parts = pieces(text);
    let mut all = vec![text.as_bytes().to_vec()];
    all.extend(BASE64_URL_SAFE_NO_PAD.decode(text));
    for bytes in all {
        for start in 0..3 {
            parts.extend(pieces(&BASE64_STANDARD_NO_PAD.encode(&bytes[start..])));
            parts.extend(pieces(&BASE64_URL_SAFE_NO_PAD.encode(&bytes[start..])));
        }
        for bytes in bytes.chunks_exact(8) {
            parts.push(bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")));
            parts.push(bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}")));
            parts.push(bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(","));
            parts.push(format!("{bytes:02x?}").replace([' ', '[', ']'], ""));
            parts.push(bytes.escape_ascii().to_string());
        }
    }
    parts
}

/// The secret texts of a key ring.
fn secrets_of(ring: &Value) -> Vec<String> {
    let signing = ring["signing_keys"].as_array().unwrap().iter().map(|key| &key["jwk"]["d"]);
    let refresh = ring["session_secrets"].as_array().unwrap().iter().map(|key| &key["secret"]);
    let texts = signing.chain(refresh).chain([&ring["pseudonym_key"]]);
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

async fn ring(stack: &Stack) -> Value {
    serde_json::from_str(&stack.key_document(Document::Issuing).await.unwrap()).unwrap()
}

/// Uses every key document, with every fault of their table.
async fn use_keys(stack: &Stack) -> Vec<String> {
    let mut secrets = secrets_of(&ring(stack).await);
    let all = async || {
        let user = stack.kakao.new_user().await;
        let body = stack.kakao.code_body(&user).await;
        let response = stack.login(&body).await;
        let token = response.cookie.unwrap_or_default();
        stack.advance(Duration::from_secs(30));
        stack.refresh_with_user(&token).await;
        stack.profile("x.y.z").await;
        stack.verify("x.y.z").await;
        stack.logout(&token).await;
    };
    all().await;
    for reason in [Reason::Schedule, Reason::SigningKeys, Reason::RefreshTokenKeys] {
        let replace = || Event::Replace { keys: reason, attempt: new_attempt() };
        for fault in [Fault::Throttle, Fault::Deny, Fault::LoseResponses(1), Fault::Truncate] {
            for spared in [0, 1] {
                stack.keys_proxy.fail_after(spared, fault);
                let _ = stack.rotate_with(replace()).await;
                stack.keys_proxy.heal();
                secrets.extend(secrets_of(&ring(stack).await));
            }
        }
        stack.advance(Duration::from_mins(11));
        all().await;
    }
    for fault in [Fault::Throttle, Fault::Deny, Fault::FailBefore] {
        stack.keys_proxy.fail(fault);
        stack.advance(Duration::from_mins(11));
        all().await;
        stack.keys_proxy.heal();
    }
    let good = stack.key_document(Document::Issuing).await.unwrap();
    // Cut off in the middle of a key, with other members, and with other types.
    let secret = ring(stack).await["session_secrets"][0]["secret"].as_str().unwrap().to_owned();
    let cut = &good[..good.find(&secret).unwrap() + 20];
    let client = table::client_as(&access_key("rotate-keys"), stack.keys_proxy.url());
    for text in [cut.to_owned(), good.replace("\"secret\"", "\"mints_from\""), json!({"version": secret}).to_string()] {
        for document in [Document::Issuing, Document::Verifying, Document::Logout, Document::Kakao] {
            stack.overwrite_keys(document, &text).await;
        }
        stack.advance(Duration::from_mins(11));
        all().await;
        let _ = stack.rotate_with(Event::RotateIfDue).await;
        let _ = stack.rotate_with(Event::Describe).await;
        let _ = stack.rotate_with(Event::CarryOver { ring: text.into() }).await;
    }
    for value in [AttributeValue::B(Blob::new(good.as_bytes())), AttributeValue::Ss(vec![good.clone()])] {
        for document in [Document::Issuing, Document::Verifying, Document::Logout, Document::Kakao] {
            let put = client.put_item().table_name(&stack.template().keys.name).set_item(Some(document.key()));
            put.item(DOCUMENT, value.clone()).send().await.unwrap();
        }
        stack.advance(Duration::from_mins(11));
        all().await;
        let _ = stack.rotate_with(Event::RotateIfDue).await;
    }
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn our_code_logs_no_part_of_a_key_and_the_sdks_trace_events_are_filtered() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Recorder)).unwrap();
    log::set_logger(&Recorder).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let (client_secret, admin_key) = ("CanaryOfTheClientSecretNumber001", "cacacacacacacacacacacacacacaca01");
    let settings = [("KAKAO_CLIENT_SECRET", client_secret), ("KAKAO_ADMIN_KEY", admin_key)];
    let environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let mut secrets = use_keys(&stack).await;
    secrets.extend([client_secret.to_owned(), admin_key.to_owned()]);
    let parts: BTreeSet<String> = secrets.iter().flat_map(|secret| parts_of(secret)).collect();

    let events = std::mem::take(&mut *EVENTS.lock().unwrap());
    let is_secret = |text: &str| parts.iter().any(|part| text.contains(part.as_str()));
    assert!(
        is_secret(&format!("{:?}", &secrets[0][5..30]))
            && is_secret(&format!("x={:?}", secrets[1].as_bytes()).replace(' ', ""))
    );
    let levels = shared::log::levels(&[]);
    let mut printed_by = BTreeSet::new();
    for (target, level, text) in &events {
        let its_crate = target.split("::").next().unwrap();
        if !is_secret(text) {
            continue;
        }
        assert!(!OURS.contains(&its_crate), "{target} prints a part of a key at {level}");
        assert!(!levels.would_enable(target, level), "{target} prints a part of a key at {level}, which is logged");
        printed_by.insert((its_crate.to_owned(), *level));
    }
    let crates: BTreeSet<&str> = events.iter().map(|(target, ..)| target.split("::").next().unwrap()).collect();
    for name in ["aws_smithy_runtime", "hyper_util", "shared", "rotate_keys"] {
        assert!(crates.contains(name), "{name} is heard: {crates:?}");
    }
    let request = events.iter().any(|(.., text)| text.contains("transmittingrequest"));
    assert!(request, "the SDK logs each request; `bench gates` looks for this message in the release binaries");
    assert_eq!(printed_by, BTreeSet::from([("aws_smithy_runtime".to_owned(), Level::TRACE)]), "docs/keys.md says so");
}

/// The names that Rust programs and Lambda's advanced logging controls have for a level.
#[tokio::test(flavor = "multi_thread")]
async fn no_variable_of_the_environment_makes_a_function_log_at_trace() {
    let stack = Stack::start().await;
    let event = json!({"command": "replace", "keys": "schedule", "attempt": new_attempt()});
    let (work, runtime) = Runtime::new();
    let server = runtime.serve().unwrap();
    let (given, _given) = oneshot::channel();
    let (answer, answered) = oneshot::channel();
    let invocation = Invocation { event, request_id: unique(), timeout: Duration::from_mins(1) };
    work.send(Work { invocation, given, answer }).unwrap();
    let mut command = Command::new(binary("rotate-keys"));
    command.env_clear().envs(stack.environment("rotate-keys")).env("AWS_LAMBDA_FUNCTION_NAME", "rotate-keys");
    command.envs([("AWS_LAMBDA_FUNCTION_VERSION", "1"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")]);
    command.env("AWS_REGION", "ap-northeast-2");
    command.env("AWS_LAMBDA_RUNTIME_API", server.url().trim_start_matches("http://"));
    for name in ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL", "LOG_LEVEL", "RUST_LOG_LEVEL", "SDK_LOG_LEVEL"] {
        command.env(name, "trace");
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let response = answered.await.unwrap().response;
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(response, Ok(json!("rotated")));
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("A key command was carried out"), "the log is heard: {text}");
    assert!(!text.contains("TRACE") && !text.contains("DEBUG"), "{text}");
    for secret in secrets_of(&ring(&stack).await) {
        assert!(!text.contains(&secret), "a key is in the log");
    }
}
