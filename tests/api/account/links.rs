//! The account of a user with a linked session.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Chain, Stack,
    chain::{link, refusal},
    client::cookie_pair,
};

const PACE: Duration = Duration::from_secs(15);

/// A session that began at Kakao's page and has grown three times, so that its item has three links.
async fn with_three_links(stack: &Stack) -> Chain {
    let mut body = stack.kakao.code_body(&stack.kakao.new_user().await).await;
    body["link"] = json!(link());
    let mut chain = Chain::begun(&stack.login(&body).await);
    for _ in 0..3 {
        stack.advance(PACE);
        chain.renew(stack).await;
    }
    chain
}

#[tokio::test]
async fn no_response_has_a_hash_of_a_link() {
    let stack = Stack::start().await;
    let chain = with_three_links(&stack).await;
    let items = stack.dump().await;
    let session = items.iter().find(|item| item.contains_key("l2")).expect("a session with three links");
    let hashes: Vec<&AttributeValue> = ["l0", "l1", "l2", "token_hash"].iter().map(|name| &session[*name]).collect();
    let renewal = chain.request(&stack, "/auth/refresh", &json!({"link": chain.links(), "user": true}));
    for response in [
        stack.export(&chain.access).await,
        stack.sessions(&chain.access).await,
        stack.profile(&chain.access).await,
        stack.change_profile(&chain.access, &json!({"nickname": "라이언"})).await,
        stack.verify(&chain.access).await,
        stack.send(renewal).await,
        stack.refresh(&chain.token).await,
    ] {
        let text = response.body.to_string();
        for name in ["\"l0\"", "\"l1\"", "\"l2\"", "token_hash"] {
            assert!(!text.contains(name), "{text}");
        }
        for hash in &hashes {
            let hash = hash.as_b().unwrap();
            assert_eq!(hash.as_ref().len(), 32);
            for encoded in [BASE64_STANDARD.encode(hash), BASE64_URL_SAFE_NO_PAD.encode(hash)] {
                assert!(!text.contains(&encoded), "{text}");
            }
        }
    }
}

/// A linked session is exported like any other.
#[tokio::test]
async fn an_export_shows_of_both_kinds_of_session_the_same() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let mut chain = stack.log_in_linked_as(&user).await;
    for _ in 0..3 {
        stack.advance(PACE);
        chain.renew(&stack).await;
    }
    let export = stack.export(&chain.access).await;
    let sessions = export.body["sessions"].as_array().unwrap();
    let names = |session: &Value| session.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((sessions.len(), names(&sessions[0])), (2, names(&sessions[1])), "{}", export.body);
    assert_eq!(sessions[0]["current"], true, "used last");
    assert_eq!(sessions[0]["generation"], 3, "how often its chain has grown");
}

#[tokio::test]
async fn deleting_the_account_ends_a_linked_session_at_once() {
    let stack = Stack::start().await;
    let chain = with_three_links(&stack).await;
    let delete = stack.request(Method::DELETE, "/auth/account").bearer_auth(&chain.access);
    let deleted = stack.send(delete.header("cookie", cookie_pair(&chain.token))).await;
    assert_eq!((deleted.status, deleted.cookie.as_deref()), (StatusCode::ACCEPTED, Some("")));
    stack.advance(PACE);
    assert_eq!(refusal(&chain.ask(&stack).await), (StatusCode::UNAUTHORIZED, "token_not_valid", None));
    assert_eq!(stack.profile(&chain.access).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.count("SESSION#").await, 0);
}
