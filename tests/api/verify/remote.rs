//! `POST /auth/verify`, with the responses of simplejwt's `TokenVerifyView`.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::Remote;

#[tokio::test]
async fn a_good_access_token_is_verified_with_an_empty_object() {
    let stack = Remote::start().await;
    let access = stack.log_in().await.access().to_owned();
    let response = stack.verify(&access).await;
    assert_eq!((response.status, response.body), (StatusCode::OK, json!({})));
}

#[tokio::test]
async fn anything_else_is_not_a_valid_token() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    let cut = &logged_in.access()[1..];
    for token in
        [json!("garbage"), json!(cut), json!(logged_in.token()), json!("한글"), json!(7), json!("a".repeat(9_000))]
    {
        let request = stack.request(Method::POST, "/dj-rest-auth/token/verify/").json(&json!({"token": token}));
        let response = stack.send(request).await;
        let expected = json!({"code": "token_not_valid", "detail": "Token is invalid"});
        assert_eq!((response.status, response.body), (StatusCode::UNAUTHORIZED, expected), "{token}");
    }
}

#[tokio::test]
async fn without_a_token_the_field_is_named_as_django_names_it() {
    let stack = Remote::start().await;
    for body in [json!({}), json!({"token": null}), json!({"token": ""})] {
        let response = stack.send(stack.request(Method::POST, "/auth/verify").json(&body)).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{body}");
        assert_eq!(response.body["token"], json!(["This field is required."]));
    }
    let form = stack.request(Method::POST, "/auth/verify").form(&[("token", "")]);
    assert_eq!(stack.send(form).await.body["token"], json!(["This field is required."]));
}
