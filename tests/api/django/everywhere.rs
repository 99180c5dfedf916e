//! A logout of other devices covers those that still have a token from Django.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{Stack, django::django_pair, fault_proxy::Fault};

use super::once::{REFRESH, assert_logged_out, exchange};
use crate::recorder::{Log, line_of};

#[tokio::test]
async fn devices_that_have_not_come_here_yet_are_logged_out_with_the_others() {
    let stack = Stack::from_django().await;
    for (number, kakao, scope, stays) in [(17, 1_700_000_017, "all", false), (18, 1_700_000_018, "others", true)] {
        let here = stack.import_one(number, kakao).await;
        let (there, elsewhere) = (stack.django_token(number), stack.django_token(number));
        let here = exchange(&stack, &here).await.token();
        let there_now = exchange(&stack, &there).await.token();
        let path = format!("/auth/logout?scope={scope}");
        let request = stack.request(Method::POST, &path).header("cookie", tests::client::cookie_pair(&here));
        assert_eq!(stack.send(request).await.status, StatusCode::OK, "{scope}");
        assert_logged_out(&exchange(&stack, &elsewhere).await, scope);
        assert_logged_out(&exchange(&stack, &there).await, scope);
        assert_logged_out(&stack.refresh(&there_now).await, scope);
        assert_eq!(stack.refresh(&here).await.status == StatusCode::OK, stays, "{scope}");
    }
    let other = stack.import_one(19, 1_700_000_019).await;
    assert_eq!(exchange(&stack, &other).await.status, StatusCode::OK, "another user");
}

/// Otherwise a thief could log the owner's other devices out with it.
#[tokio::test]
async fn a_spent_token_does_not_log_out_devices_that_have_not_come_here_yet() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let spent = exchange(&stack, &token).await.token();
    for _ in 0..2 {
        stack.advance(Duration::from_secs(30));
        stack.refresh(&spent).await;
    }
    assert_eq!(stack.logout_everywhere(&spent).await.status, StatusCode::OK);
    let request = stack.with_django_cookie("/auth/logout?scope=all", &token);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
    assert_eq!(exchange(&stack, &stack.django_token(17)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn with_djangos_token_alone_a_logout_everywhere_ends_all_sessions_of_its_user() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let [there, elsewhere] = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17)];
    let here = stack.django_token(17);
    let there = exchange(&stack, &there).await.token();
    let request = || stack.with_django_cookie("/auth/logout?scope=all", &here);
    // It fails after the sessions have ended and before the token is spent, and is repeated.
    stack.table_proxy.fail(Fault::Down);
    assert_eq!(stack.send(request()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.table_proxy.heal();
    let logged_out = stack.send(request()).await;
    assert_eq!(logged_out.status, StatusCode::OK, "{}", logged_out.body);
    assert_eq!(line_of(&log, &logged_out)["outcome"], "logged_out_everywhere");
    for token in [&here, &elsewhere] {
        assert_logged_out(&exchange(&stack, token).await, "logged out everywhere");
    }
    assert_logged_out(&stack.refresh(&there).await, "logged out everywhere");
}

/// It has started no session yet, so nothing would stay.
#[tokio::test]
async fn with_djangos_token_alone_the_others_cannot_be_logged_out() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let refused = stack.send(stack.with_django_cookie("/auth/logout?scope=others", &token)).await;
    assert_eq!((refused.status, refused.set_cookies().len()), (StatusCode::UNAUTHORIZED, 0));
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
}

/// A stranger's number, as in `misuse`.
#[tokio::test]
async fn a_token_of_a_number_that_was_given_out_here_logs_nobody_out() {
    let stack = Stack::from_django_with(&[("USER_IDS", "numbers")]).await;
    let theirs = stack.log_in().await;
    let token = stack.django_token(theirs.body["user"]["pk"].as_u64().unwrap());
    let request = stack.request(Method::POST, "/auth/logout?scope=all").header("cookie", django_pair(&token));
    assert_eq!(stack.send(request.json(&json!({}))).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&theirs.token()).await.status, StatusCode::OK, "{REFRESH}");
}

/// Kakao has ended its sessions too: an account was disabled, or somebody else had it.
#[tokio::test]
async fn what_kakao_reports_of_an_account_covers_devices_that_have_not_come_here_yet() {
    let stack = Stack::from_django().await;
    let person = stack.kakao.user(&json!({"id": 1_700_000_001})).await;
    let [used, unused] = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17)];
    let session = exchange(&stack, &used).await.token();
    stack.kakao.send_event(&person, "sessions-revoked").await;
    stack.finish_deletions().await.unwrap();
    for token in [&used, &unused] {
        assert_logged_out(&exchange(&stack, token).await, "Kakao has revoked the sessions");
    }
    assert_logged_out(&stack.refresh(&session).await, "Kakao has revoked the sessions");
}
