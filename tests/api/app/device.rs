//! `device` at a login: what the list of sessions shows of it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Stack, client::unique};

use super::login::of_app;
use crate::recorder::Log;

async fn shown(stack: &Stack, device: &Value) -> Value {
    let mut body = of_app(&json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await}), None);
    body["device"] = device.clone();
    let response = stack.login(&body).await;
    assert_eq!(response.status, StatusCode::OK, "{device}: {}", response.body);
    stack.sessions(response.access()).await.body["sessions"][0]["device"].clone()
}

#[tokio::test]
async fn the_list_of_sessions_shows_what_the_login_said_about_its_device() {
    let stack = Stack::start().await;
    for (device, expected) in [
        (
            json!({"name": "라이언의 폰", "platform": "iOS 26.1"}),
            json!({"name": "라이언의 폰", "platform": "iOS 26.1"}),
        ),
        (json!({"name": "Ryan's"}), json!({"name": "Ryan's", "platform": null})),
        (json!({"platform": "Android 16", "model": "x"}), json!({"name": null, "platform": "Android 16"})),
    ] {
        assert_eq!(shown(&stack, &device).await, expected);
    }
}

#[tokio::test]
async fn a_browser_may_name_its_device_too() {
    let stack = Stack::start().await;
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let device = json!({"name": "laptop", "platform": "Linux"});
    let response = stack.login(&json!({"access_token": token, "device": device})).await;
    assert_eq!(stack.sessions(response.access()).await.body["sessions"][0]["device"], device);
    let export = stack.export(response.access()).await.body;
    assert!(export.to_string().contains("laptop"), "the export has everything that is stored: {export}");
}

#[tokio::test]
async fn a_devices_name_is_not_logged() {
    let stack = Stack::start().await;
    let log = Log::start();
    let name = unique();
    shown(&stack, &json!({"name": name, "platform": name})).await;
    assert!(!log.text().contains(&name));
}

#[tokio::test]
async fn no_device_fails_a_login() {
    let stack = Stack::start().await;
    for device in [
        json!(null),
        json!("phone"),
        json!([1, 2]),
        json!({}),
        json!({"name": 5, "platform": ["x"]}),
        json!({"name": "", "platform": " "}),
        json!({"name": "\u{0}\u{202e}", "platform": "안드로이드"}),
    ] {
        assert_eq!(shown(&stack, &device).await, json!(null), "{device}");
    }
    let long = shown(&stack, &json!({"name": "가".repeat(1_000), "platform": "x".repeat(1_000)})).await;
    assert_eq!(long, json!({"name": "가".repeat(64), "platform": "x".repeat(32)}));
}

#[tokio::test]
async fn a_repeated_login_keeps_the_device_of_the_first() {
    let stack = Stack::start().await;
    let mut body = of_app(&stack.kakao.code_body(&stack.kakao.new_user().await).await, None);
    body["device"] = json!({"name": "first"});
    stack.login(&body).await;
    body["device"] = json!({"name": "second"});
    let request = stack.request(Method::POST, "/auth/kakao").json(&body);
    let again = stack.send(request).await;
    let sessions = stack.sessions(again.access()).await.body;
    assert_eq!(sessions["sessions"][0]["device"]["name"], "first");
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
}
