//! API Gateway events for whole functions: a 4xx, or a 503 as DynamoDB is down; never a 500, and input is never echoed.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex},
};

use account::Account;
use kakao_events::KakaoEvents;
use kakao_login::KakaoLogin;
use lambda_http::{Body, Context, Request, Response};
use logout::Logout;
use profile::Profile;
use refresh::Refresh;
use serde_json::{Value, json};
use sessions::Sessions;
use shared::{
    clock::{Clock, Timestamp},
    config::Config,
    function::{Function, Guarded},
    http::Event,
};
use tokio::runtime::Runtime;
use verify::Verify;

use super::{NOW, document, server, tokens::KNOWN};

const SECRET: &str = "KfM3vPq7";

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(NOW)
    }
}

type Handling = Pin<Box<dyn Future<Output = Response<Body>>>>;
type Handler = Box<dyn Fn(Request) -> Handling>;

struct World {
    runtime: Runtime,
    functions: Vec<Handler>,
}

static AWS: LazyLock<String> = LazyLock::new(|| {
    server::start(Arc::new(Mutex::new(Box::new(|_: &str, body: &str| {
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        let name = request["Key"]["name"]["S"].as_str().unwrap_or_default();
        if name.is_empty() {
            return (
                400,
                br#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"no"}"#.to_vec(),
            );
        }
        (200, json!({"Item": {"name": {"S": name}, "document": {"S": document(name)}}}).to_string().into_bytes())
    }))))
});

thread_local! {
    static WORLD: World = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let functions = runtime.block_on(async { functions() });
        World { runtime, functions }
    };
}

fn functions() -> Vec<Handler> {
    let values = [
        ("STAGE", "local"),
        ("AWS_REGION", "ap-northeast-2"),
        ("TABLE_NAME", "T"),
        ("ISSUER", "https://a.example"),
        ("AUDIENCE", "api"),
        ("ALLOWED_ORIGINS", "https://a.example"),
        ("REDIRECT_URIS", "https://a.example/"),
        ("CREDENTIALS", "access_token,code,id_token"),
        ("REQUIRE_BINDING", "true"),
        ("KEYS_TABLE_NAME", "K"),
        ("KAKAO_APP_ID", "42"),
        ("KAKAO_REST_API_KEY", "k"),
        ("KAKAO_APP_KEYS", ""),
        // Of the key `abc`.
        ("KAKAO_ADMIN_KEY_HASHES", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("ID_TOKEN_MAX_AGE", "600"),
        ("KAKAO_AUTH_URL", "http://127.0.0.1:1"),
        ("KAKAO_API_URL", "http://127.0.0.1:1"),
        ("ACCESS_TTL", "300"),
        ("SESSION_IDLE_TTL", "604800"),
        ("SESSION_MAX_TTL", "2592000"),
        ("ROTATION_WINDOW", "30"),
        ("COOKIE_SAMESITE", "Strict"),
        ("SESSION_LINKS", "on"),
        ("USER_IDS", "numbers"),
        ("DJANGO_REFRESH_UNTIL", ""),
        ("DJANGO_REFRESH_COOKIE", "refresh_token"),
        ("NATIVE_CLIENTS", "true"),
        ("COMPATIBILITY", "dj-rest-auth"),
        ("ORIGIN_SECRET_HASHES", ""),
        ("CALLBACK_URI", "https://a.example/auth/kakao/callback"),
        ("AWS_ENDPOINT_URL_DYNAMODB", AWS.as_str()),
    ];
    let values: BTreeMap<String, String> = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let config = Config::from_pairs(values);
    vec![
        handler::<KakaoLogin>(&config),
        handler::<Refresh>(&config),
        handler::<Logout>(&config),
        handler::<Profile>(&config),
        handler::<Verify>(&config),
        handler::<KakaoEvents>(&config),
        handler::<Sessions>(&config),
        handler::<Account>(&config),
    ]
}

fn handler<F: Function>(config: &Config) -> Handler {
    let guarded = Arc::new(Guarded::<F>::from_config(config, Arc::new(Still)).expect("settings"));
    Box::new(move |request| {
        let guarded = Arc::clone(&guarded);
        Box::pin(async move { guarded.respond(request).await })
    })
}

/// The first byte selects the function; the rest is an event or, if it is not one, the body of one. `REFRESH`, `REFRESH2`, `LINKED`,
/// `APP`, `APPLINKED`, `PAGE` and `ACCESS` in it stand for tokens that are good, `PREV` for a confirmed link of the session, and `SECRET`
/// for a text that no response may repeat.
pub fn event(data: &[u8]) {
    let [function, data @ ..] = data else { return };
    let [one, two, linked, app, app_linked, page] = &KNOWN.refresh;
    let text = String::from_utf8_lossy(data).replace("REFRESH2", two).replace("REFRESH", one);
    let text = text.replace("APPLINKED", app_linked).replace("APP", app).replace("PAGE", page);
    let text = text.replace("LINKED", linked).replace("PREV", &KNOWN.confirmed).replace("ACCESS", &KNOWN.access());
    let text = text.replace("SECRET", SECRET);
    let event: Event = serde_json::from_str(&text).unwrap_or_else(|_| with_body(text.as_bytes()));
    let request = event.into_request(Context::default());
    let is_get = request.method() == "GET";
    WORLD.with(|world| {
        let function = &world.functions[usize::from(*function) % world.functions.len()];
        let response = world.runtime.block_on(function(request));
        let status = response.status().as_u16();
        if status == 204 {
            // `GET /auth/kakao` only starts the function.
            assert!(is_get && response.body().is_empty() && !response.headers().contains_key("set-cookie"));
            return;
        }
        if status == 303 {
            // A hosted login begins at Kakao, or fails and goes back to a page.
            let location = response.headers()["location"].to_str().expect("a URL is visible ASCII");
            let begins = location.starts_with("http://127.0.0.1:1/oauth/authorize?");
            let fails = location.starts_with("https://a.example/") && location.contains("login_error=");
            assert!(is_get && response.body().is_empty() && (begins || fails), "{location}");
            assert_eq!(response.headers().contains_key("set-cookie"), begins, "let in");
            assert!(!location.contains(SECRET), "the response repeats what was sent: {location}");
            return;
        }
        assert!(matches!(status, 200 | 400 | 401 | 403 | 404 | 413 | 415 | 503), "{status}");
        let body: Value = serde_json::from_slice(response.body()).expect("every response is JSON");
        let is_error = body["code"].is_string() && body["detail"].is_string();
        let names_the_session = body.get("session").is_some();
        assert_eq!(names_the_session, body["code"] == "link_required", "{body}");
        assert!(!names_the_session || status == 403 && body["session"] == KNOWN.session.to_string(), "{status} {body}");
        let is_of_an_event = status == 400 && body["err"].is_string() && body["description"].is_string();
        assert!(status == 200 || is_error || is_of_an_event, "{status} {body}");
        // DynamoDB fails, so no login succeeds; logout, verify and the unlink webhook work without DynamoDB.
        assert!(status != 200 || body["detail"] == "Successfully logged out." || body == json!({}), "let in: {body}");
        assert!(!body.to_string().contains(SECRET), "the response repeats what was sent: {body}");
    });
}

fn with_body(body: &[u8]) -> Event {
    let body = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, body);
    let event = json!({
        "version": "2.0", "routeKey": "POST /x", "rawPath": "/x", "rawQueryString": "", "isBase64Encoded": true, "body": body,
        "headers": {"content-type": "application/json", "host": "a.example"},
        "requestContext": {"accountId": "1", "apiId": "a", "http": {"method": "POST", "path": "/x", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.1", "userAgent": "a"}, "requestId": "r", "routeKey": "POST /x", "stage": "$default", "time": "t", "timeEpoch": 1},
    });
    serde_json::from_value(event).expect("the event is valid")
}
