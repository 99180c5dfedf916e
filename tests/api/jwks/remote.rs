//! `GET /.well-known/jwks.json` and `/.well-known/openid-configuration`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::Remote;

#[tokio::test]
async fn the_key_of_an_access_token_is_published_without_its_private_half() {
    let stack = Remote::start().await;
    let access = stack.log_in().await.access().to_owned();
    let header = tests::client::jwt_part(&access, 0);
    let set = stack.jwks().await;
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("EC"), &json!("ES256"), &json!("sig")));
    let members: Vec<&String> = key.as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
}

#[tokio::test]
async fn the_metadata_names_the_issuer_of_the_tokens_and_where_its_keys_are() {
    let stack = Remote::start().await;
    let access = stack.log_in().await.access().to_owned();
    let response = stack.request(Method::GET, "/.well-known/openid-configuration").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let metadata: Value = response.json().await.unwrap();
    let issuer = tests::client::jwt_part(&access, 1)["iss"].clone();
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["jwks_uri"], format!("{}/.well-known/jwks.json", issuer.as_str().unwrap()));
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["ES256"]));
}

#[tokio::test]
async fn both_are_cacheable_for_five_minutes_and_can_be_revalidated() {
    let stack = Remote::start().await;
    for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        let first = stack.request(Method::GET, path).send().await.unwrap();
        assert_eq!(first.headers()["cache-control"], "public, max-age=300");
        assert_eq!(first.headers()["content-type"], "application/json");
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = stack.request(Method::GET, path).header("if-none-match", &known).send().await.unwrap();
            assert_eq!(
                (again.status(), again.headers()["etag"].to_str().unwrap()),
                (StatusCode::NOT_MODIFIED, &*tag),
                "{known}"
            );
            assert!(again.bytes().await.unwrap().is_empty());
        }
        let other = stack.request(Method::GET, path).header("if-none-match", "\"other\"").send().await.unwrap();
        assert_eq!(other.status(), StatusCode::OK);
    }
}
