//! Keys of each algorithm.

use reqwest::StatusCode;
use rotate_keys::{Event, document::Reason};
use serde_json::{Value, json};
use tests::{Stack, client::jwt_part};

use super::rotation::key_ring;

#[tokio::test]
async fn rsa_keys_are_created_sign_and_are_published() {
    let stack = Stack::with_setting("SIGNING_ALGORITHM", "RS256").await;
    let logged_in = stack.log_in().await;
    assert_eq!(jwt_part(logged_in.access(), 0)["alg"], "RS256");
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::OK);
    let set = stack.jwks().await;
    let members: Vec<&String> = set["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(set["keys"][0]["n"].as_str().unwrap().len(), 342, "2048 bits");
    assert!(set.to_string().len() < 4_096);
}

#[tokio::test]
async fn a_symmetric_key_is_never_published_and_replaced_only_by_command() {
    let stack = Stack::with_setting("SIGNING_ALGORITHM", "HS256").await;
    let logged_in = stack.log_in().await;
    assert_eq!(jwt_part(logged_in.access(), 0)["alg"], "HS256");
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::OK);
    assert_eq!(stack.jwks().await, json!({"keys": []}));
    let exported = serde_json::to_value(stack.rotate_with(Event::ExportSymmetricKeys).await.unwrap()).unwrap();
    assert_eq!(exported["exported"], json!([key_ring(&stack).await["signing_keys"][0]["jwk"]]));
    let key = |ring: &Value| ring["signing_keys"][0]["jwk"]["kid"].clone();
    let before = key(&key_ring(&stack).await);
    stack.rotate(Reason::Schedule).await;
    assert_eq!(key(&key_ring(&stack).await), before, "verifiers hold copies of it");
    stack.rotate(Reason::SigningKeys).await;
    assert_ne!(key(&key_ring(&stack).await), before);
}
