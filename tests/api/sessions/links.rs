//! Linked sessions in the list of sessions.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{Chain, Stack, chain::refusal};

use super::remote::ids;

const PACE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_hours(24);

async fn listed(stack: &Stack, chain: &Chain) -> Value {
    let list = stack.sessions(&chain.access).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.body);
    list.body["sessions"].as_array().unwrap().iter().find(|session| session["id"] == chain.session()).unwrap().clone()
}

#[tokio::test]
async fn a_linked_session_was_used_last_when_its_chain_grew() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let began = stack.now();
    stack.advance(DAY);
    let sent = chain.clone();
    chain.renew(&stack).await;
    let grown = stack.now();
    let expected = json!({
        "id": chain.session(),
        "user_agent": "",
        "ip_prefix": "127.0.0.0/24",
        "device": null,
        "created_at": began.to_rfc3339(),
        "last_used_at": grown.to_rfc3339(),
        "expires_at": (grown + 7 * DAY).to_rfc3339(),
        "current": true,
    });
    assert_eq!(listed(&stack, &chain).await, expected);
    stack.advance(Duration::from_secs(10));
    assert_eq!(chain.ask(&stack).await.status, StatusCode::OK, "stayed");
    assert_eq!(listed(&stack, &chain).await, expected);
    stack.advance(DAY);
    let mut repeated = sent;
    assert_eq!(repeated.renew(&stack).await.status, StatusCode::OK);
    assert_eq!(listed(&stack, &repeated).await, expected, "a repetition writes nothing");
    repeated.renew(&stack).await;
    assert_eq!(listed(&stack, &repeated).await["last_used_at"], stack.now().to_rfc3339());
}

#[tokio::test]
async fn a_linked_session_can_be_ended_from_another_device() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, mut here) = (stack.log_in_linked_as(&user).await, stack.log_in_linked_as(&user).await);
    stack.advance(PACE);
    here.renew(&stack).await;
    let list = stack.sessions(&here.access).await.body;
    assert_eq!(ids(&list), [here.session(), phone.session()], "the one that was used last comes first");
    assert_eq!(stack.end_session(&here.access, &phone.session()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refusal(&phone.ask(&stack).await), (StatusCode::UNAUTHORIZED, "token_not_valid", None));
    assert_eq!(stack.profile(&phone.access).await.status, StatusCode::UNAUTHORIZED);
    stack.advance(PACE);
    assert_eq!(here.renew(&stack).await.status, StatusCode::OK);
}
