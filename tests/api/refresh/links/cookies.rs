//! No response to a refresh touches the cookie of a linked session. (The client of these tests checks it for each success.)

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::session::Version;
use tests::{
    Stack,
    chain::{link, refusal},
};

use super::growth::PACE;
use crate::recorder::{Log, line_of};

const ENDED: (StatusCode, &str, Option<&str>) = (StatusCode::UNAUTHORIZED, "token_not_valid", None);

/// Whatever is wrong with it: a login of another tab may have set the cookie since.
#[tokio::test]
async fn a_cookie_that_claims_to_be_of_a_linked_session_is_never_cleared() {
    let stack = Stack::start().await;
    let chain = stack.log_in_linked().await;
    let elsewhere = Stack::start().await.log_in_linked().await;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&chain.token).unwrap();
    assert_eq!((bytes[0], chain.token.len()), (3, Version::Three.text_length()));
    let changed = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    };
    let _ = stack.table_proxy.take_traffic();
    let (short, long) = (&chain.token[..40], format!("{}A", chain.token));
    for token in [changed(1), changed(2), changed(60), changed(89), short.to_owned(), long, elsewhere.token] {
        let broken = tests::Chain { token, ..chain.clone() };
        let response = broken.ask(&stack).await;
        assert_eq!(refusal(&response), ENDED, "{}", broken.token);
        assert_eq!(refusal(&stack.logout_others(&broken.token).await), ENDED, "{}", broken.token);
    }
    // With another version it does not claim that.
    for version in [1, 2] {
        let mut bytes = bytes.clone();
        bytes[0] = version;
        let response = stack.refresh(&BASE64_URL_SAFE_NO_PAD.encode(bytes)).await;
        assert_eq!(refusal(&response), (StatusCode::UNAUTHORIZED, "token_not_valid", Some("")));
    }
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    let cookies = format!("{}; {}", tests::client::cookie_pair("garbage"), tests::client::cookie_pair(&changed(89)));
    let request = stack.request(reqwest::Method::POST, "/auth/refresh").header("cookie", cookies);
    assert_eq!(refusal(&stack.send(request).await), ENDED, "beside garbage");
}

#[tokio::test]
async fn a_logout_clears_it() {
    for scope in ["", "?scope=local", "?scope=all"] {
        let stack = Stack::start().await;
        let chain = stack.log_in_linked().await;
        let path = format!("/auth/logout{scope}");
        let response = stack.send(chain.request(&stack, &path, &json!({"link": chain.links()}))).await;
        assert_eq!(refusal(&response), (StatusCode::OK, "", Some("")), "{scope}");
        let ended = stack.send(chain.request(&stack, "/auth/logout", &json!({}))).await;
        assert_eq!(refusal(&ended), (StatusCode::OK, "", Some("")), "{scope}");
    }
}

#[tokio::test]
async fn a_session_whose_user_is_gone_is_a_401() {
    let log = Log::start();
    let stack = Stack::start().await;
    let chain = stack.log_in_linked().await;
    let mut items = stack.dump().await;
    items.retain(|item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("SESSION#")));
    stack.clear().await;
    stack.restore(&items).await;
    for age in [0, 1] {
        stack.advance(age * PACE);
        let body = json!({"link": chain.links(), "user": true});
        let response = stack.send(chain.request(&stack, "/auth/refresh", &body)).await;
        assert_eq!(refusal(&response), ENDED);
        assert_eq!(line_of(&log, &response)["error_reason"], "no session to renew: the user is gone");
    }
}

/// An older front end does not know links, and a newer one may send them with an older session's cookie.
#[tokio::test]
async fn the_token_of_a_rotating_session_ignores_links() {
    let stack = Stack::start().await;
    let linked = stack.log_in_linked().await;
    let mut token = stack.log_in().await.token();
    let garbage: Vec<Value> =
        vec![json!(5), json!("x"), json!({}), json!({"next": 5}), json!({"prev": 1, "next": "x"})];
    for link in garbage.into_iter().chain([json!(null), linked.links(), json!({"next": link()})]) {
        stack.advance(2 * PACE);
        let rotating = tests::Chain { token: token.clone(), ..linked.clone() };
        let response = stack.send(rotating.request(&stack, "/auth/refresh", &json!({"link": link}))).await;
        assert_eq!(response.status, StatusCode::OK, "{link}: {}", response.body);
        assert_eq!(response.body.get("link"), None, "{link}");
        assert_ne!(token, response.token(), "{link}: it rotates");
        token = response.token();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap()[0], 2, "it stays rotating");
    }
}
