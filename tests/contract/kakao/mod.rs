//! The stand-in refuses what Kakao refuses, with Kakao's error codes and formats.

mod api;
mod browser;
mod control;
mod oauth;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local::{
    client::http_client,
    kakao::{Kakao, SHOP},
};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock};
use tests::clock::ManualClock;
use tokio::net::TcpListener;

const REDIRECT_URI: &str = "http://localhost:9000/";

struct Test {
    kakao: Kakao,
    client: Client,
    clock: Arc<ManualClock>,
}

impl Test {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kakao = Kakao::start(listener, Arc::<ManualClock>::clone(&clock), vec![REDIRECT_URI.to_owned()]).unwrap();
        Self { kakao, client: http_client(), clock }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.kakao.url()))
    }

    async fn control(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}/control/{path}", self.kakao.url())).json(body);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn code(&self, more: &Value) -> String {
        let mut body = json!({"user": "ryan", "redirect_uri": REDIRECT_URI});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.control("codes", &body).await["code"].as_str().unwrap().to_owned()
    }

    async fn token(&self, body: &Value) -> String {
        self.control("tokens", body).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn exchange(&self, changes: &[(&str, &str)]) -> (u16, Value) {
        let code = self.code(&json!({})).await;
        self.exchange_code(&code, changes).await
    }

    async fn exchange_code(&self, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("client_id", SHOP.rest_api_key),
            ("client_secret", SHOP.client_secret),
            ("redirect_uri", REDIRECT_URI),
            ("code", code),
        ]);
        form.extend(changes.iter().copied());
        form.retain(|_, value| !value.is_empty());
        response(self.client.post(format!("{}/oauth/token", self.kakao.url())).form(&form)).await
    }
}

async fn response(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}
