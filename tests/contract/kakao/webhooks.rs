//! Tests of the stand-in's webhooks.

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::Uri};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use shared::clock::Clock;
use tests::client::jwt_part;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;

const TARGET: [(&str, &str); 2] = [("target_id_type", "user_id"), ("target_id", "1029384756")];

/// A webhook as an app receives it.
struct Received {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// A server of an app, which answers every webhook with 202.
async fn receiver() -> (local::server::Server, UnboundedReceiver<Received>) {
    async fn receive(
        State(sender): State<UnboundedSender<Received>>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> (axum::http::StatusCode, &'static str) {
        sender.send(Received { method, uri, headers, body }).unwrap();
        (axum::http::StatusCode::ACCEPTED, "thanks")
    }
    let (sender, received) = unbounded_channel();
    let routes = Router::new().fallback(receive).with_state(sender);
    (local::server::Server::start_on_free_port(routes).await.unwrap(), received)
}

impl Test {
    async fn register(&self, registration: &Value) -> u16 {
        let request = self.client.post(format!("{}/control/webhooks", self.kakao.url())).json(registration);
        request.send().await.unwrap().status().as_u16()
    }

    /// Kakao's code for a question about ryan with the admin key, or `None` if ryan is linked.
    async fn refusal(&self) -> Option<i64> {
        let request = self.get("/v2/user/me").header("authorization", format!("KakaoAK {}", SHOP.admin_key));
        response(request.query(&TARGET)).await.1["code"].as_i64()
    }
}

#[tokio::test]
async fn a_person_is_unlinked_and_the_app_is_told_as_registered() {
    let test = Test::start().await;
    let (server, mut received) = receiver().await;
    let url = format!("{}/unlinked", server.url());
    let expected = "app_id=1234567&referrer_type=UNLINK_FROM_APPS&user_id=1029384756";
    for (method, in_query) in [("GET", true), ("POST", false)] {
        let token = test.token(&json!({"user": "ryan"})).await;
        assert_eq!(test.refusal().await, None);
        assert_eq!(test.register(&json!({"unlink_url": url, "unlink_method": method})).await, 204);
        let webhook = test.control("webhooks/unlink", &json!({"user": "ryan"})).await;
        assert_eq!(test.refusal().await, Some(-101));
        assert_eq!(response(test.get("/v2/user/me").bearer_auth(&token)).await.1["code"], -401, "its token has ended");
        let got = received.try_recv().unwrap();
        assert_eq!((got.method.as_str(), got.uri.path()), (method, "/unlinked"));
        assert_eq!(got.headers["authorization"], format!("KakaoAK {}", SHOP.admin_key));
        let query = got.uri.query().unwrap_or_default();
        let body = std::str::from_utf8(&got.body).unwrap();
        assert_eq!((query, body), if in_query { (expected, "") } else { ("", expected) });
        assert_eq!(
            (&webhook["attempts"][0]["status"], &webhook["attempts"][0]["body"]),
            (&json!(202), &json!("thanks"))
        );
    }
}

#[tokio::test]
async fn an_unlink_by_the_app_itself_sends_no_webhook() {
    let test = Test::start().await;
    let (server, mut received) = receiver().await;
    test.kakao.send_webhooks_to(server.url());
    let request = test.client.post(format!("{}/v1/user/unlink", test.kakao.url()));
    let request = request.header("authorization", format!("KakaoAK {}", SHOP.admin_key)).form(&TARGET);
    assert_eq!(response(request).await.0, 200);
    assert_eq!(test.refusal().await, Some(-101));
    assert!(received.try_recv().is_err());
    assert_eq!(response(test.get("/control/webhooks")).await.1, json!({"webhooks": []}));
}

#[tokio::test]
async fn an_event_is_a_token_with_kakaos_claims_signed_with_a_published_key() {
    let test = Test::start().await;
    let (server, mut received) = receiver().await;
    test.kakao.send_webhooks_to(server.url());
    let body =
        json!({"user": "ryan", "events": ["user-scope-withdraw", "sessions-revoked"], "scopes": ["account_email"]});
    test.control("webhooks/events", &body).await;
    let got = received.try_recv().unwrap();
    assert_eq!((got.method.as_str(), got.uri.path()), ("POST", "/webhooks/kakao/account-status"));
    assert_eq!(got.headers["content-type"], "application/secevent+jwt");
    assert!(!got.headers.contains_key("authorization"));
    let token = std::str::from_utf8(&got.body).unwrap();
    let (header, claims) = (jwt_part(token, 0), jwt_part(token, 1));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("secevent+jwt"), &json!("RS256")));
    let now = test.clock.now().unix_seconds();
    for (name, expected) in [
        ("iss", json!("https://kauth.kakao.com")),
        ("aud", json!(SHOP.rest_api_key)),
        ("app_id", json!(SHOP.app_id)),
        ("sub", json!("1029384756")),
        ("iat", json!(now)),
        ("toe", json!(now)),
    ] {
        assert_eq!(claims[name], expected, "{name}");
    }
    assert!(claims["jti"].is_string() && claims.get("exp").is_none());
    let subject = json!({"subject_type": "iss-sub", "iss": "https://kauth.kakao.com", "sub": "1029384756"});
    let events = json!({
        "https://schemas.openid.net/secevent/oauth/event-type/user-scope-withdraw": {"subject": subject, "scopes": ["account_email"]},
        "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked": {"subject": subject},
    });
    assert_eq!(claims["events"], events);
    let keys = response(test.get("/.well-known/jwks.json")).await.1;
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let [n, e] = ["n", "e"].map(|name| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = RsaPublicKeyComponents { n, e };
    assert!(key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature).is_ok());
    assert_eq!(test.refusal().await, None, "an event changes nothing at Kakao");
}

#[tokio::test]
async fn a_webhook_can_be_sent_late_again_or_never() {
    let test = Test::start().await;
    let (server, mut received) = receiver().await;
    test.kakao.send_webhooks_to(server.url());
    let late = test.control("webhooks/unlink", &json!({"user": "ryan", "send": false})).await;
    let never =
        test.control("webhooks/events", &json!({"user": "muzi", "events": ["user-linked"], "send": false})).await;
    assert_eq!((test.refusal().await, received.try_recv().is_err()), (Some(-101), true));
    for attempts in [1, 2] {
        let sent = test.control("webhooks/send", &json!({"number": late["number"]})).await;
        assert_eq!(sent["attempts"].as_array().unwrap().len(), attempts);
        assert_eq!(received.try_recv().unwrap().uri.path(), "/webhooks/kakao/unlink");
    }
    let list = response(test.get("/control/webhooks")).await.1;
    let users: Vec<&Value> = list["webhooks"].as_array().unwrap().iter().map(|webhook| &webhook["user"]).collect();
    assert_eq!((users, &list["webhooks"][1]), (vec![&json!("ryan"), &json!("muzi")], &never));
    assert_eq!(list["webhooks"][0]["content"]["unlink"]["user_id"], "1029384756");

    // A server that is gone, and a webhook that is not registered.
    drop(server);
    let sent = test.control("webhooks/send", &json!({"number": late["number"]})).await;
    assert_eq!(sent["attempts"][2]["status"], Value::Null);
    assert_eq!(test.register(&json!({})).await, 204);
    let sent = test.control("webhooks/send", &json!({"number": late["number"]})).await;
    assert_eq!(sent["attempts"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_does_not_exist_is_refused() {
    let test = Test::start().await;
    let status = async |path: &str, body: Value| {
        let request = test.client.post(format!("{}/control/{path}", test.kakao.url())).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    for (path, body, expected) in [
        ("webhooks", json!({"app": "nobody"}), 404),
        ("webhooks", json!({"unlink_url": 7}), 422),
        ("webhooks/unlink", json!({"user": "nobody"}), 404),
        ("webhooks/unlink", json!({"user": "ryan", "app": "nobody"}), 404),
        ("webhooks/unlink", json!({"user": "ryan", "send_later": true}), 422),
        ("webhooks/events", json!({"user": "nobody", "events": []}), 404),
        ("webhooks/events", json!({"user": "ryan", "events": ["user-gone"]}), 400),
        ("webhooks/events", json!({"user": "ryan", "events": ["user-linked"], "kind": "bad"}), 404),
        ("webhooks/send", json!({"number": 7}), 404),
    ] {
        assert_eq!(status(path, body.clone()).await, expected, "{path} {body}");
    }
    assert_eq!(test.refusal().await, None);
}

#[tokio::test]
async fn the_home_page_has_a_button_for_each_webhook_and_shows_the_responses() {
    let test = Test::start().await;
    let (server, _received) = receiver().await;
    test.kakao.send_webhooks_to(server.url());
    test.control("webhooks/unlink", &json!({"user": "ryan"})).await;
    let page = test.get("/").send().await.unwrap().text().await.unwrap();
    for text in [
        "<button data-unlink>앱 연결 끊기",
        "data-event=\"user-unlinked\"",
        "data-event=\"account-credential-change-required\"",
        "<option value=\"ryan\">라이언 (ryan)</option>",
        "ryan unlink: 202 (",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains(SHOP.admin_key));
}
