//! `POST /auth/logout?scope=others`: the session and the cookie stay, the user's other sessions end.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tests::{Stack, client::cookie_pair, fault_proxy::Fault};

use crate::recorder::{Log, line_of};

const WINDOW: Duration = Duration::from_secs(30);
const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "token_not_valid");

#[tokio::test]
async fn the_other_sessions_of_this_user_end_and_the_own_one_and_its_cookie_stay() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let [phone, laptop, here] =
        [stack.log_in_as(&user).await, stack.log_in_as(&user).await, stack.log_in_as(&user).await];
    let somebody_else = stack.log_in().await;
    let response = stack.logout_others(&here.token()).await;
    assert_eq!((response.status, response.set_cookie()), (StatusCode::OK, ""), "{}", response.body);
    assert_eq!(line_of(&log, &response)["outcome"], "logged_out_others");
    for other in [&phone, &laptop] {
        assert_eq!(stack.refresh(&other.token()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stack.profile(other.access()).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stack.profile(here.access()).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&somebody_else.token()).await.status, StatusCode::OK);
    assert_eq!(stack.logout_others(&here.token()).await.status, StatusCode::OK, "again, with nothing to end");
    stack.advance(WINDOW);
    assert_eq!(stack.refresh(&here.token()).await.status, StatusCode::OK);
}

/// A page whose last refresh was answered in vain still holds the parent.
#[tokio::test]
async fn a_token_that_can_still_be_refreshed_ends_the_others_and_stays_refreshable() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let parent = stack.log_in_as(&user).await.token();
    let laptop = stack.log_in_as(&user).await.token();
    stack.advance(WINDOW);
    let current = stack.refresh(&parent).await.token();
    assert_eq!(stack.logout_others(&parent).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&parent).await.token(), current);
}

#[tokio::test]
async fn without_a_living_session_it_is_a_401_that_clears_the_presented_cookies() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (dead, alive) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    stack.logout(&dead).await;
    for cookie in [dead.as_str(), "garbage", ""] {
        let response = stack.logout_others(cookie).await;
        assert_eq!((response.status, response.code()), REFUSED, "{cookie}");
        assert_eq!(response.cookie.as_deref(), Some(""), "{cookie}");
    }
    let response = stack.send(stack.request(Method::POST, "/auth/logout?scope=others")).await;
    assert_eq!(((response.status, response.code()), response.set_cookie()), (REFUSED, ""), "without a cookie");
    assert_eq!(stack.refresh(&alive).await.status, StatusCode::OK);
    stack.advance(Duration::from_hours(7 * 24));
    assert_eq!(stack.logout_others(&alive).await.code(), "token_not_valid", "expired, and not yet deleted");
}

/// Otherwise a thief with an old token could log its owner out of all other devices.
#[tokio::test]
async fn a_spent_token_ends_only_its_own_session_and_is_reported() {
    let log = Log::start();
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let spent = stack.log_in_as(&user).await.token();
    let laptop = stack.log_in_as(&user).await.token();
    stack.advance(WINDOW);
    let current = stack.refresh(&spent).await.token();
    stack.advance(WINDOW);
    let response = stack.logout_others(&spent).await;
    assert_eq!(((response.status, response.code()), response.cookie.as_deref()), (REFUSED, Some("")));
    assert_eq!(line_of(&log, &response)["refresh_reuse"], true);
    assert_eq!(stack.refresh(&current).await.status, StatusCode::UNAUTHORIZED, "its own");
    assert_eq!(stack.refresh(&laptop).await.status, StatusCode::OK, "the laptop's");
}

/// Whether it was spent before the table was restored cannot be known.
#[tokio::test]
async fn a_token_ahead_of_a_restored_table_ends_nothing() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await.token();
    let laptop = stack.log_in_as(&user).await.token();
    let backup = stack.dump().await;
    stack.advance(WINDOW);
    let ahead = stack.refresh(&first).await.token();
    stack.restore(&backup).await;
    let response = stack.logout_others(&ahead).await;
    assert_eq!((response.status, response.code()), REFUSED);
    for token in [&first, &laptop] {
        assert_eq!(stack.refresh(token).await.status, StatusCode::OK);
    }
}

/// After `CookieSameSite` was changed, a browser may hold two cookies: both are its own.
#[tokio::test]
async fn with_two_cookies_the_sessions_of_both_stay() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (one, other) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    let (phone, dead) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    stack.logout(&dead).await;
    for second in [&other, &dead] {
        for cookies in [[&one, second], [second, &one]] {
            let cookies = cookies.map(|token| cookie_pair(token)).join("; ");
            let request = stack.request(Method::POST, "/auth/logout?scope=others").header("cookie", cookies);
            let response = stack.send(request).await;
            assert_eq!((response.status, response.set_cookie()), (StatusCode::OK, ""));
        }
        assert_eq!(stack.refresh(&one).await.status, StatusCode::OK);
        assert_eq!(stack.refresh(&phone).await.status, StatusCode::UNAUTHORIZED);
        let stays = if second == &other { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(stack.refresh(second).await.status, stays);
        // The second round is without it.
        stack.logout(&other).await;
    }
}

#[tokio::test]
async fn what_failed_can_be_repeated_and_the_cookie_stays() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, here) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    for fault in [Fault::Down, Fault::DenyOnly("DeleteItem"), Fault::DenyOnly("Query")] {
        stack.table_proxy.fail(fault);
        let response = stack.logout_others(&here).await;
        assert_eq!((response.status, response.cookie), (StatusCode::SERVICE_UNAVAILABLE, None), "{fault:?}");
        stack.table_proxy.heal();
        assert_eq!(stack.refresh(&here).await.status, StatusCode::OK, "{fault:?}");
    }
    assert_eq!(stack.logout_others(&here).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&phone).await.status, StatusCode::UNAUTHORIZED);
}
