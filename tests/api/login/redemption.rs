//! `POST /auth/kakao` with a code or an ID token that is sent twice, late, or after a failed request: one rule for both.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    Stack,
    chain::{confirmed, link},
    client::Response,
    fault_proxy::Fault,
};

/// base64url(SHA-256("preimage")).
const NONCE: &str = "EHZhE08h_HwCIj1Qq56zYAvD_8NxJCOh5Hux-anb9V8";
const ABANDONED_AFTER: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    IdToken,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Code, Kind::IdToken];

/// A login that only the client that started it can send.
pub(crate) async fn login_of(stack: &Stack, user: &str, kind: Kind) -> Value {
    match kind {
        Kind::Code => stack.kakao.code_body(user).await,
        Kind::IdToken => {
            let token = stack.kakao.id_token(user, &json!({"nonce": NONCE})).await;
            json!({"id_token": token, "nonce": "preimage"})
        }
    }
}

/// The same credential, sent by a stranger who intercepted it.
fn from_a_stranger(login: &Value) -> Value {
    let mut login = login.clone();
    if login.get("code").is_some() {
        login["code_verifier"] = json!("x".repeat(43));
    } else {
        login["nonce"] = json!(NONCE);
    }
    login
}

fn assert_refused(response: &Response, case: &str) {
    assert_eq!(
        (response.status, response.code(), response.cookie.as_deref()),
        (StatusCode::BAD_REQUEST, "kakao_rejected", None),
        "{case}: {}",
        response.body
    );
}

/// A stack with a known user who is logged out.
async fn with_a_user() -> (Stack, String) {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.log_in_as(&user).await.token();
    stack.logout(&token).await;
    (stack, user)
}

#[tokio::test]
async fn after_a_logout_the_same_login_sent_again_is_refused_at_once() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let login = login_of(&stack, &user, kind).await;
        let first = stack.login(&login).await;
        assert_eq!(first.status, StatusCode::OK, "{kind:?}: {}", first.body);
        stack.logout(&first.token()).await;
        let (_, calls) = (stack.table_proxy.take_traffic(), stack.kakao.calls().await);

        assert_refused(&stack.login(&login).await, &format!("{kind:?}"));
        let mut operations = stack.table_proxy.take_traffic().operations;
        operations.retain(|operation| kind == Kind::Code || operation != "GetItem");
        assert_eq!(operations, ["PutItem", "BatchGetItem"], "{kind:?}: it does not wait");
        assert_eq!((stack.kakao.calls().await, stack.count("SESSION#").await), (calls, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn after_a_logout_a_delayed_write_does_not_bring_the_session_back() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let login = login_of(&stack, &user, kind).await;
        let first = stack.login(&login).await;
        stack.logout(&first.token()).await;
        for late in ["PutItem", "TransactWriteItems"] {
            let status = stack.table_proxy.repeat_last(late).await.unwrap();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{kind:?} {late}: its condition fails");
        }
        assert_eq!(stack.count("SESSION#").await, 0, "{kind:?}");
        assert_refused(&stack.login(&login).await, &format!("{kind:?}"));
        assert_eq!(stack.refresh(&first.token()).await.status, StatusCode::UNAUTHORIZED, "{kind:?}");
    }
}

/// Kakao is down for the first request, which cancels its redemption. A copy of that write arrives after the credential was used.
#[tokio::test]
async fn a_used_credential_stays_used_when_an_earlier_cancellation_arrives_late() {
    for kind in KINDS {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let login = login_of(&stack, &user, kind).await;
        stack
            .kakao
            .fail(if kind == Kind::Code { "/oauth/token" } else { "/v2/user/me" }, &json!({"kind": "down"}))
            .await;
        assert_eq!(stack.login(&login).await.code(), "unavailable", "{kind:?}");
        let given_back = stack.table_proxy.copy_of_last("UpdateItem");
        stack.kakao.heal().await;

        let first = stack.login(&login).await;
        assert_eq!(first.status, StatusCode::OK, "{kind:?}: {}", first.body);
        assert_eq!(stack.table_proxy.arrive(&given_back).await.unwrap(), StatusCode::BAD_REQUEST, "{kind:?}");
        assert_refused(&stack.login(&from_a_stranger(&login)).await, &format!("{kind:?}"));
        assert_eq!(stack.login(&login).await.token(), first.token(), "{kind:?}");
        assert_eq!(stack.count("SESSION#").await, 1, "{kind:?}");
    }
}

/// A request that failed may have started its session.
#[tokio::test]
async fn a_login_whose_dynamodb_responses_were_lost_gets_the_same_session_on_retry() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let login = login_of(&stack, &user, kind).await;
        let mut held = stack.table_proxy.hold(2, tests::fault_proxy::Moment::Before);
        let request = tokio::spawn({
            let (functions, login) = ((*stack).clone(), login.clone());
            async move { functions.login(&login).await }
        });
        held.arrived().await;
        stack.table_proxy.fail(Fault::FailAfter);
        held.discard();
        assert_eq!(request.await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE, "{kind:?}");
        stack.table_proxy.heal();

        let again = stack.login(&login).await;
        assert_eq!(again.status, StatusCode::OK, "{kind:?}: {}", again.body);
        assert_eq!(stack.count("SESSION#").await, 1, "{kind:?}");
        assert_eq!(stack.refresh(&again.token()).await.status, StatusCode::OK, "{kind:?}");
    }
}

/// A redemption that was written before its function failed; Kakao never received the code.
async fn redeemed_in_vain(kind: Kind) -> (Stack, Value) {
    let (stack, user) = with_a_user().await;
    let login = login_of(&stack, &user, kind).await;
    stack.table_proxy.fail(Fault::FailAfter);
    assert_eq!(stack.login(&login).await.code(), "unavailable", "{kind:?}");
    stack.table_proxy.heal();
    (stack, login)
}

#[tokio::test]
async fn an_abandoned_redemption_can_be_taken_over_after_fifteen_seconds() {
    for kind in KINDS {
        let (stack, login) = redeemed_in_vain(kind).await;
        stack.advance(ABANDONED_AFTER);
        // Kakao refuses a stranger's verifier, which spends the code.
        if kind == Kind::IdToken {
            assert_refused(&stack.login(&from_a_stranger(&login)).await, "from a stranger");
        }
        let response = stack.login(&login).await;
        assert_eq!(response.status, StatusCode::OK, "{kind:?}: {}", response.body);
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK, "{kind:?}");
        assert_eq!(stack.login(&login).await.token(), response.token(), "{kind:?}");
    }
}

/// Without a preimage the client cannot be told from a stranger, so the first request is accepted.
#[tokio::test]
async fn an_abandoned_redemption_of_an_id_token_without_a_preimage_can_be_taken_over() {
    let (stack, user) = with_a_user().await;
    let login = json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "n"})).await, "nonce": "n"});
    stack.table_proxy.fail(Fault::FailAfter);
    assert_eq!(stack.login(&login).await.code(), "unavailable");
    stack.table_proxy.heal();
    stack.advance(ABANDONED_AFTER);
    assert_eq!(stack.login(&login).await.status, StatusCode::OK);
    assert_refused(&stack.login(&login).await, "used");
}

#[tokio::test]
async fn a_retry_before_that_gets_503_after_at_most_eleven_requests() {
    let (stack, login) = redeemed_in_vain(Kind::Code).await;
    let _ = stack.table_proxy.take_traffic();
    let response = stack.login(&login).await;
    assert_eq!((response.code(), &response.headers["retry-after"]), ("unavailable", &"1".parse().unwrap()));
    let operations = stack.table_proxy.take_traffic().operations;
    assert_eq!((operations[0].as_str(), operations.len()), ("PutItem", 11), "{operations:?}");
    assert!(operations[1..].iter().all(|operation| operation == "GetItem"), "{operations:?}");
}

/// The request failed or was taken over before its session was written.
#[tokio::test]
async fn a_delayed_session_write_fails_if_its_request_lost_the_redemption() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let login = login_of(&stack, &user, kind).await;
        if kind == Kind::Code {
            stack.kakao.fail("/v2/user/me", &json!({"kind": "down"})).await;
        }
        stack.table_proxy.fail(Fault::DenyOnly("TransactWriteItems"));
        stack.login(&login).await;
        let late = stack.table_proxy.copy_of_last("TransactWriteItems");
        stack.table_proxy.heal();
        stack.kakao.heal().await;
        assert_eq!(stack.table_proxy.arrive(&late).await.unwrap(), StatusCode::BAD_REQUEST, "{kind:?}, given back");
        assert_eq!(stack.count("SESSION#").await, 0, "{kind:?}");
        // Kakao accepts a code once.
        if kind == Kind::IdToken {
            let response = stack.login(&login).await;
            assert_eq!(stack.table_proxy.arrive(&late).await.unwrap(), StatusCode::BAD_REQUEST, "{kind:?}, taken over");
            stack.logout(&response.token()).await;
            assert_eq!(stack.table_proxy.arrive(&late).await.unwrap(), StatusCode::BAD_REQUEST, "{kind:?}, logged out");
            assert_eq!(stack.count("SESSION#").await, 0, "{kind:?}");
        }
    }
}

/// Otherwise the same login, retried, would find a session without a profile.
#[tokio::test]
async fn a_new_user_whose_profile_cannot_be_written_has_no_session_and_logs_in_later() {
    for kind in KINDS {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let login = login_of(&stack, &user, kind).await;
        stack.table_proxy.fail(Fault::DenyOnly("UpdateItem"));
        assert_eq!(stack.login(&login).await.code(), "unavailable", "{kind:?}");
        stack.table_proxy.heal();
        assert_eq!(stack.count("SESSION#").await, 0, "{kind:?}");
        stack.advance(ABANDONED_AFTER);
        if kind == Kind::IdToken {
            assert_eq!(stack.login(&login).await.status, StatusCode::OK, "{kind:?}");
        }
    }
}

/// DynamoDB refuses a write while a transaction writes the same item.
#[tokio::test]
async fn a_transaction_conflict_does_not_fail_a_login() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let login = login_of(&stack, &user, kind).await;
        stack.table_proxy.fail(Fault::ConflictOnce("TransactWriteItems"));
        let first = stack.login(&login).await;
        assert_eq!(first.status, StatusCode::OK, "{kind:?}: {}", first.body);
        stack.table_proxy.fail(Fault::ConflictOnce("PutItem"));
        assert_eq!(stack.login(&login).await.token(), first.token(), "{kind:?}");
    }
}

/// Two releases run side by side during a deployment. The previous one did not complete the redemptions of ID tokens.
#[tokio::test]
async fn a_credential_that_the_previous_release_redeemed_is_not_taken_over() {
    let (stack, login) = redeemed_in_vain(Kind::IdToken).await;
    let mut items = stack.dump().await;
    let known: Vec<_> = items.iter_mut().filter_map(|item| item.remove("is_bound")).collect();
    assert_eq!(known.len(), 1);
    stack.restore(&items).await;
    stack.advance(ABANDONED_AFTER);
    assert_refused(&stack.login(&login).await, "redeemed by the previous release");
}

/// Its first request may have met an instance of kakao-login that begins no linked sessions. A request without a link could have had
/// the session, too.
#[tokio::test]
async fn a_login_repeated_with_a_link_gets_the_rotating_session_that_it_began_without() {
    for kind in KINDS {
        let (stack, user) = with_a_user().await;
        let mut login = login_of(&stack, &user, kind).await;
        let first = stack.login(&login).await;
        login["link"] = json!(link());
        let again = stack.login(&login).await;
        assert_eq!((again.token(), confirmed(&again)), (first.token(), None), "{kind:?}");
        let mut stranger = from_a_stranger(&login);
        assert_refused(&stack.login(&stranger).await, &format!("{kind:?}: a stranger"));
        stranger["link"] = json!(null);
        assert_refused(&stack.login(&stranger).await, &format!("{kind:?}: a stranger without a link"));
        assert_eq!(stack.count("SESSION#").await, 1, "{kind:?}");
    }
}

/// So does the previous release, which ignores links: an operator sets it while that is being replaced.
#[tokio::test]
async fn with_session_links_off_a_repeated_login_is_the_same_whatever_its_link() {
    for kind in KINDS {
        let stack = Stack::with_setting("SESSION_LINKS", "off").await;
        let user = stack.kakao.new_user().await;
        let mut login = login_of(&stack, &user, kind).await;
        login["link"] = json!(link());
        let first = stack.login(&login).await;
        assert_eq!((first.status, confirmed(&first)), (StatusCode::OK, None), "{kind:?}: {}", first.body);
        for link in [json!(link()), json!(null)] {
            login["link"] = link;
            let again = stack.login(&login).await;
            assert_eq!((again.status, again.cookie), (StatusCode::OK, first.cookie.clone()), "{kind:?}");
        }
    }
}
