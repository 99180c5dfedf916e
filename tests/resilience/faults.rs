//! DynamoDB down, throttled, silent, denying access, or failing after a write: no user is logged out by it.

use std::time::{Duration, Instant};

use local::server::End;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    Stack,
    client::{Functions, cookie_pair},
    fault_proxy::{Fault, Moment},
};

const FAULTS: [Fault; 5] = [Fault::Down, Fault::Hang, Fault::Throttle, Fault::Deny, Fault::FailAfter];
const WINDOW: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_refresh_fails_with_503_in_time_and_the_cookie_stays_valid() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let token = stack.log_in().await.token();
        stack.advance(WINDOW);
        stack.table_proxy.fail(fault);
        let started = Instant::now();
        let response = stack.refresh(&token).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{fault:?} took {:?}", started.elapsed());
        // The SDK's retry recognises a write that succeeded before the 500.
        let expected = if fault == Fault::FailAfter { None } else { Some(StatusCode::SERVICE_UNAVAILABLE) };
        assert!(expected.is_none_or(|status| status == response.status), "{fault:?}: {}", response.status);
        assert_ne!(response.cookie.as_deref(), Some(""), "{fault:?} must not clear the cookie");
        stack.table_proxy.heal();
        assert_eq!(stack.refresh(&token).await.status, StatusCode::OK, "{fault:?}: the cookie is still valid");
    }
}

#[tokio::test]
async fn a_login_fails_with_503_in_time_and_can_be_retried() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let token = stack.kakao.token(&user).await;
        stack.table_proxy.fail(fault);
        let started = Instant::now();
        let response = stack.login(&json!({"access_token": token})).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{fault:?} took {:?}", started.elapsed());
        assert_eq!((response.status, response.cookie), (StatusCode::SERVICE_UNAVAILABLE, None), "{fault:?}");
        stack.table_proxy.heal();
        assert_eq!(stack.login(&json!({"access_token": token})).await.status, StatusCode::OK, "{fault:?}");
        assert_eq!(stack.count("KAKAO#").await, 1, "{fault:?}: one user");
    }
}

#[tokio::test]
async fn a_profile_fails_with_503_in_time() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let access = stack.log_in().await.access().to_owned();
        stack.table_proxy.fail(fault);
        let started = Instant::now();
        let response = stack.profile(&access).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{fault:?} took {:?}", started.elapsed());
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
        stack.table_proxy.heal();
        assert_eq!(stack.profile(&access).await.status, StatusCode::OK, "{fault:?}");
    }
}

#[tokio::test]
async fn a_logout_always_succeeds_and_one_everywhere_can_be_retried() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let (here, everywhere) = (stack.log_in().await.token(), stack.log_in().await.token());
        stack.table_proxy.fail(fault);
        let started = Instant::now();
        let response = stack.logout(&here).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{fault:?} took {:?}", started.elapsed());
        assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, Some("")), "{fault:?}");
        let response = stack.logout_everywhere(&everywhere).await;
        assert_eq!((response.status, response.cookie), (StatusCode::SERVICE_UNAVAILABLE, None), "{fault:?}");
        stack.table_proxy.heal();
        assert_eq!(stack.logout_everywhere(&everywhere).await.status, StatusCode::OK);
        assert_eq!(stack.refresh(&everywhere).await.status, StatusCode::UNAUTHORIZED, "{fault:?}");
    }
}

#[tokio::test]
async fn an_unprocessed_dynamodb_batch_is_a_503() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    stack.table_proxy.fail(Fault::Unprocessed);
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.table_proxy.heal();
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::OK);
}

/// It fails at the query or at a deletion of either round. The session of the request itself is deleted last.
#[tokio::test]
async fn a_logout_everywhere_that_fails_midway_can_be_retried() {
    const SESSIONS: usize = 10;
    for failing in [0, 1, 5, SESSIONS - 1, SESSIONS] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let mut cookies = Vec::new();
        for _ in 0..SESSIONS {
            cookies.push(stack.log_in_as(&user).await.token());
        }
        let own = cookies[3].clone();
        let mut held = stack.table_proxy.hold(failing, Moment::Before);
        let (functions, cookie) = (Functions::clone(&stack), own.clone());
        let asked = tokio::spawn(async move { functions.logout_everywhere(&cookie).await });
        held.arrived().await;
        stack.table_proxy.fail(Fault::DenyOnly("DeleteItem"));
        held.discard();
        let response = asked.await.unwrap();
        assert_eq!((response.status, response.cookie), (StatusCode::SERVICE_UNAVAILABLE, None), "{failing}");
        stack.table_proxy.heal();
        assert_eq!(stack.refresh(&own).await.status, StatusCode::OK, "{failing}");
        assert_eq!(stack.logout_everywhere(&own).await.status, StatusCode::OK, "{failing}");
        assert_eq!(stack.count("SESSION#").await, 0, "{failing}");
    }
}

#[tokio::test]
async fn a_login_whose_dynamodb_responses_were_lost_creates_no_second_user() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let token = stack.kakao.token(&user).await;
    stack.table_proxy.fail(Fault::LoseResponses(3));
    let response = stack.login(&json!({"access_token": token})).await;
    stack.table_proxy.heal();
    if response.status == StatusCode::OK {
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
    }
    assert_eq!(stack.count("KAKAO#").await, 1);
}

/// A delayed first attempt arrives after its session has been rotated.
#[tokio::test]
async fn a_delayed_write_does_not_undo_a_rotation() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let first = stack.log_in_as(&user).await.token();
    stack.advance(WINDOW);
    let second = stack.refresh(&first).await.token();
    for late in ["PutItem", "UpdateItem"] {
        assert_eq!(
            stack.table_proxy.repeat_last(late).await.unwrap(),
            StatusCode::BAD_REQUEST,
            "{late}: its condition fails"
        );
    }
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&second).await.status, StatusCode::OK);
}

/// The redemption of a credential is written first: our own retry of that write must not take it for another request's.
#[tokio::test]
async fn a_retried_redemption_write_is_recognised_as_our_own() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let by_code = stack.kakao.code_body(&user).await;
    let by_id_token = json!({"id_token": stack.kakao.id_token(&user, &json!({"nonce": "n"})).await, "nonce": "n"});
    for (body, lost) in [(by_code, 1), (by_id_token, 2)] {
        stack.table_proxy.fail(Fault::LoseResponses(lost));
        let response = stack.login(&body).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        stack.table_proxy.heal();
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
    }
}

/// A thief who has a used ID token waits for its owner's retry to fail.
#[tokio::test]
async fn a_failed_retry_does_not_make_a_used_id_token_valid_again() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    // base64url(SHA-256("preimage")).
    let claim = "EHZhE08h_HwCIj1Qq56zYAvD_8NxJCOh5Hux-anb9V8";
    let token = stack.kakao.id_token(&user, &json!({"nonce": claim})).await;
    let owner = json!({"id_token": token, "nonce": "preimage"});
    assert_eq!(stack.login(&owner).await.status, StatusCode::OK);
    stack.table_proxy.fail(Fault::DenyOnly("BatchGetItem"));
    assert_eq!(stack.login(&owner).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.table_proxy.heal();
    let thief = json!({"id_token": token, "nonce": claim});
    assert_eq!(stack.login(&thief).await.code(), "kakao_rejected");
}

#[tokio::test]
async fn a_failed_login_keeps_the_browsers_previous_session() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let before = stack.log_in_as(&user).await.token();
    let log_in_again = async || {
        let token = stack.kakao.token(&user).await;
        let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&before));
        stack.send(request.json(&json!({"access_token": token}))).await
    };
    for refused in ["PutItem", "UpdateItem", "GetItem"] {
        stack.table_proxy.fail(Fault::DenyOnly(refused));
        assert_eq!(log_in_again().await.status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
        stack.table_proxy.heal();
        assert_eq!(stack.refresh(&before).await.status, StatusCode::OK, "{refused}");
    }
    stack.table_proxy.fail(Fault::DenyOnly("DeleteItem"));
    assert_eq!(log_in_again().await.status, StatusCode::OK, "the login succeeds all the same");
    stack.table_proxy.heal();
    assert_eq!(log_in_again().await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&before).await.status, StatusCode::UNAUTHORIZED);
}

/// A function that was frozen may find its connections closed, or dropped without notice.
#[tokio::test]
async fn closed_connections_cause_no_error() {
    for end in [End::Closed, End::Forgotten] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let (mut token, access) = (stack.log_in_as(&user).await.token(), stack.kakao.token(&user).await);
        for _ in 0..2 {
            stack.advance(WINDOW);
            stack.table_proxy.end_connections(end);
            let refreshed = stack.refresh(&token).await;
            assert_eq!(refreshed.status, StatusCode::OK, "{end:?}");
            stack.table_proxy.end_connections(end);
            assert_eq!(stack.profile(refreshed.access()).await.status, StatusCode::OK, "{end:?}");
            token = refreshed.token();
        }
        stack.advance(WINDOW);
        stack.end_connections(end);
        let logged_in = stack.login(&json!({"access_token": access})).await;
        assert_eq!(logged_in.status, StatusCode::OK, "{end:?} at Kakao: {}", logged_in.body);
        stack.end_connections(end);
        assert_eq!(stack.logout(&token).await.status, StatusCode::OK, "{end:?}");
    }
}

/// An eventually consistent read may miss a very recent write: the user or the session of a login a moment ago.
#[tokio::test]
async fn a_stale_read_after_a_login_logs_nobody_out() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    stack.table_proxy.fail(Fault::Stale);
    assert_eq!(stack.profile(logged_in.access()).await.status, 200);
    let refreshed = stack.refresh_with_user(&logged_in.token()).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
}
