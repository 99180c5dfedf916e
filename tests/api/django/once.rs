//! A refresh token from Django is exchanged once.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{
    Stack,
    client::{Functions, Response, jwt_part},
    django::TOKEN_TTL,
    fault_proxy::Fault,
};

use crate::{
    app::login::version,
    recorder::{Log, line_of},
};

pub(super) const REFRESH: &str = "/dj-rest-auth/token/refresh/";
const WINDOW: Duration = Duration::from_secs(30);

/// A refresh with Django's cookie.
pub(crate) async fn exchange(functions: &Functions, token: &str) -> Response {
    functions.send(functions.with_django_cookie(REFRESH, token)).await
}

pub(crate) fn assert_logged_out(response: &Response, case: &str) {
    let refused = (response.status, response.code(), &response.body["detail"]);
    let expected = json!("The session has ended. Log in again.");
    assert_eq!(refused, (StatusCode::UNAUTHORIZED, "token_not_valid", &expected), "{case}");
}

#[tokio::test]
async fn djangos_cookie_becomes_a_session_of_the_same_user_and_is_cleared() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let exchanged = exchange(&stack, &token).await;
    assert_eq!(exchanged.status, StatusCode::OK, "{}", exchanged.body);
    let [cleared, set] = exchanged.set_cookies()[..] else { panic!("{:?}", exchanged.set_cookies()) };
    assert_eq!(cleared, "refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert!(set.starts_with("__Host-Http-refresh_token=") && set.contains("; Max-Age=604800;"), "{set}");
    assert_eq!((version(&exchanged.token()), &exchanged.body["refresh"]), (2, &json!("")));
    let claims = jwt_part(exchanged.access(), 1);
    assert_eq!((&claims["sub"], &claims["user_id"]), (&json!("17"), &json!("17")));
    assert_eq!(claims["auth_time"], 0, "it is no recent login");
    let profile = stack.profile(exchanged.access()).await;
    assert_eq!((&profile.body["pk"], &profile.body["username"]), (&json!(17), &json!("from-django")));
    let line = line_of(&log, &exchanged);
    assert_eq!(line["outcome"], "exchanged");
    assert!(!log.text().contains(&token[token.len() - 9..]), "the token is in the log");

    let mut cookie = exchanged.token();
    for _ in 0..2 {
        stack.advance(WINDOW);
        let refreshed = stack.refresh_with_user(&cookie).await;
        assert_eq!((&refreshed.body["user"]["pk"], refreshed.set_cookies().len()), (&json!(17), 1));
        assert_eq!(jwt_part(refreshed.access(), 1)["auth_time"], 0);
        cookie = refreshed.token();
    }
}

#[tokio::test]
async fn every_path_that_refreshes_exchanges_and_can_return_the_user() {
    let stack = Stack::from_django().await;
    for (number, kakao, path) in
        [(1, 1_700_000_001, "/auth/refresh"), (2, 1_700_000_002, REFRESH), (3, 1_700_000_003, "/api/token/refresh/")]
    {
        let token = stack.import_one(number, kakao).await;
        let request = stack.with_django_cookie(path, &token).json(&json!({"user": true}));
        let exchanged = stack.send(request).await;
        assert_eq!((exchanged.status, &exchanged.body["user"]["pk"]), (StatusCode::OK, &json!(number)), "{path}");
    }
}

#[tokio::test]
async fn a_lost_response_is_repeated_at_any_time_until_the_session_goes_on() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let first = exchange(&stack, &token).await;
    for pause in [0, 29, 31, 3_600, 86_400] {
        stack.advance(Duration::from_secs(pause));
        let again = exchange(&stack, &token).await;
        assert_eq!(again.token(), first.token(), "after {pause} s more");
        assert_eq!(line_of(&log, &again)["outcome"], "exchanged_again");
        assert_eq!(jwt_part(again.access(), 1)["auth_time"], 0);
    }
    assert_eq!(stack.count("SESSION#").await, 1);
    let again = exchange(&stack, &token).await;
    assert!(again.set_cookie().contains("; Max-Age=604800;"), "as any refresh postpones it: {}", again.set_cookie());
    assert_eq!(stack.refresh(&first.token()).await.cookie, None, "it counts as new, for tabs that are slower");

    stack.advance(WINDOW);
    let next = stack.refresh(&first.token()).await.token();
    assert_logged_out(&exchange(&stack, &token).await, "two parties hold the token");
    assert_logged_out(&stack.refresh(&next).await, "and the session has ended for both");
    assert_eq!(stack.count("SESSION#").await, 0);
    assert_logged_out(&exchange(&stack, &token).await, "for good");
}

#[tokio::test]
async fn a_reuse_of_djangos_token_is_reported_like_any_other() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let first = exchange(&stack, &token).await.token();
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&first).await.status, StatusCode::OK);
    let line = line_of(&log, &exchange(&stack, &token).await);
    assert_eq!((&line["outcome"], &line["refresh_reuse"]), (&json!("reuse"), &json!(true)));
}

#[tokio::test]
async fn tabs_that_exchange_at_once_get_one_session() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let requests: Vec<_> = (0..6)
        .map(|_| {
            let (functions, token) = (Functions::clone(&stack), token.clone());
            tokio::spawn(async move { functions.ask(functions.with_django_cookie(REFRESH, &token)).await.unwrap() })
        })
        .collect();
    let mut tokens = Vec::new();
    for request in requests {
        let response = request.await.unwrap();
        // Of several transactions on one item, DynamoDB refuses some: the client tries again.
        match response.status {
            StatusCode::OK => tokens.push(response.token()),
            other => assert_eq!(other, StatusCode::SERVICE_UNAVAILABLE, "{}", response.body),
        }
    }
    tokens.push(exchange(&stack, &token).await.token());
    tokens.dedup();
    assert_eq!((tokens.len(), stack.count("SESSION#").await), (1, 1));
}

#[tokio::test]
async fn a_dynamodb_that_fails_ends_nothing_and_the_next_try_succeeds() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    for fault in [Fault::Down, Fault::Throttle, Fault::FailAfter] {
        stack.table_proxy.fail(fault);
        let failed = exchange(&stack, &token).await;
        assert_eq!((failed.status, failed.set_cookies().len()), (StatusCode::SERVICE_UNAVAILABLE, 0), "{fault:?}");
        stack.table_proxy.heal();
    }
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
    assert_eq!(stack.count("SESSION#").await, 1);
}

#[tokio::test]
async fn a_session_that_has_expired_is_not_started_again() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
    stack.advance(Duration::from_hours(7 * 24));
    assert!(TOKEN_TTL > Duration::from_hours(7 * 24), "the token itself is good");
    let refused = exchange(&stack, &token).await;
    assert_logged_out(&refused, "idle for seven days");
    assert!(refused.set_cookie().starts_with("refresh_token=;"), "{}", refused.set_cookie());
}

/// `DELETE /auth/account` needs somebody who was at Kakao's page a moment ago.
#[tokio::test]
async fn an_exchange_is_no_login_with_which_an_account_could_be_deleted() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let exchanged = exchange(&stack, &token).await;
    let refused = stack.delete_account(exchanged.access()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "login_required"));
    let list = stack.sessions(exchanged.access()).await.body;
    assert_eq!(list["sessions"][0]["created_at"], stack.now().to_rfc3339(), "when the device came here");
}
