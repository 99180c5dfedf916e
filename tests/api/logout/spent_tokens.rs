//! `POST /auth/logout`: which sessions a token ends that is no longer the current one.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tests::{Stack, client::cookie_pair};

const WINDOW: Duration = Duration::from_secs(30);

/// Otherwise a thief with an old token could log its owner out everywhere, again and again.
#[tokio::test]
async fn a_spent_token_logs_out_only_its_own_session() {
    for rotations in [1, 2, 3] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let spent = stack.log_in_as(&user).await.token();
        let laptop = stack.log_in_as(&user).await.token();
        let mut current = spent.clone();
        for _ in 0..rotations {
            stack.advance(WINDOW);
            current = stack.refresh(&current).await.token();
        }
        stack.advance(WINDOW);
        let response = stack.logout_everywhere(&spent).await;
        assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, Some("")), "{rotations}");
        assert_eq!(stack.refresh(&current).await.status, StatusCode::UNAUTHORIZED, "{rotations}: its own");
        assert_eq!(stack.refresh(&laptop).await.status, StatusCode::OK, "{rotations}: the laptop's");
    }
}

/// A page that has not received its successor, because the response was lost, is not a thief.
#[tokio::test]
async fn a_token_that_can_still_be_refreshed_logs_out_everywhere() {
    for age in [Duration::ZERO, Duration::from_secs(29)] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let parent = stack.log_in_as(&user).await.token();
        let laptop = stack.log_in_as(&user).await.token();
        stack.advance(WINDOW);
        let current = stack.refresh(&parent).await.token();
        stack.advance(age);
        assert_eq!(stack.logout_everywhere(&parent).await.status, StatusCode::OK);
        for token in [&current, &laptop] {
            assert_eq!(stack.refresh(token).await.status, StatusCode::UNAUTHORIZED, "{age:?}");
        }
    }
}

/// Whether a token newer than its session was spent before the table was restored cannot be known.
#[tokio::test]
async fn a_token_ahead_of_a_restored_table_logs_out_only_its_own_session() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await.token();
    let laptop = stack.log_in_as(&user).await.token();
    let backup = stack.dump().await;
    stack.advance(WINDOW);
    let ahead = stack.refresh(&first).await.token();
    stack.restore(&backup).await;
    assert_eq!(stack.logout_everywhere(&ahead).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&first).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::OK);
}

/// After `CookieSameSite` was changed, a spent cookie may be sent beside the current one, also before it.
#[tokio::test]
async fn a_spent_cookie_beside_the_current_one_changes_nothing() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let spent = stack.log_in_as(&user).await.token();
    let laptop = stack.log_in_as(&user).await.token();
    stack.advance(WINDOW);
    let current = stack.refresh(&spent).await.token();
    stack.advance(WINDOW);
    let cookies = format!("{}; {}", cookie_pair(&spent), cookie_pair(&current));
    let request = stack.request(Method::POST, "/auth/logout?scope=all").header("cookie", cookies);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::UNAUTHORIZED);
}
