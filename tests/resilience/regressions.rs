//! Bugs of other projects, as tests. `docs/regressions.md` lists all of them, including those that other tests cover.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::{
    Stack,
    client::{cookie_pair, jwt_part},
    fault_proxy::Moment,
};

const WINDOW: Duration = Duration::from_secs(31);

/// <https://github.com/better-auth/better-auth/issues/11073>, <https://github.com/keycloak/keycloak/issues/51312>,
/// <https://github.com/ayunis-core/ayunis-core/pull/1047>: a refresh in flight brings the session back.
#[tokio::test]
async fn a_refresh_in_flight_does_not_undo_a_logout() {
    for (moment, everywhere) in
        [(Moment::Before, false), (Moment::Before, true), (Moment::After, false), (Moment::After, true)]
    {
        let stack = Stack::start().await;
        let token = stack.log_in().await.token();
        stack.advance(WINDOW);
        let mut held = stack.table_proxy.hold(0, moment);
        let (functions, cookie) = ((*stack).clone(), token.clone());
        let refresh = tokio::spawn(async move { functions.refresh(&cookie).await });
        held.arrived().await;
        let log_out = if everywhere { stack.logout_everywhere(&token).await } else { stack.logout(&token).await };
        assert_eq!(log_out.status, 200);
        held.release();
        let late = refresh.await.unwrap();
        assert_eq!(stack.count("SESSION#").await, 0, "{moment:?}: the session is back");
        for cookie in late.cookie.into_iter().chain([token]).filter(|cookie| !cookie.is_empty()) {
            assert_eq!(stack.refresh(&cookie).await.status, 401, "{moment:?}");
        }
    }
}

/// <https://github.com/keycloak/keycloak/issues/50999>: tokens are distinguished only by the second in which they were issued.
#[tokio::test]
async fn tokens_issued_in_the_same_second_differ() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (one, other) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    assert_ne!(one.token(), other.token());
    assert_ne!(jwt_part(one.access(), 1)["jti"], jwt_part(other.access(), 1)["jti"]);
    stack.advance(WINDOW);
    let first = stack.refresh(&one.token()).await.token();
    // In the second of its rotation, a token from two rotations ago is theft; the parent is not.
    assert_eq!(stack.refresh(&one.token()).await.token(), first);
    stack.advance(WINDOW);
    let second = stack.refresh(&first).await.token();
    assert_eq!(stack.refresh(&one.token()).await.status, 401, "the grandparent, in the second of the rotation");
    assert_eq!(stack.refresh(&second).await.status, 401, "its session has ended");
    assert_eq!(stack.refresh(&other.token()).await.status, 200, "the other session is alive");
}

/// <https://github.com/tymondesigns/jwt-auth/issues/1087>, <https://github.com/tymondesigns/jwt-auth/issues/602>: ids made of the
/// user and the second, so that a new token equals the one that was just revoked.
#[tokio::test]
async fn a_login_within_a_second_of_a_logout_works() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for _ in 0..5 {
        let logged_in = stack.log_in_as(&user).await;
        assert_eq!(stack.profile(logged_in.access()).await.status, 200);
        stack.logout(&logged_in.token()).await;
        assert_eq!(stack.profile(logged_in.access()).await.status, 401);
    }
}

/// <https://github.com/opendefender/OpenRisk/issues/700>, <https://github.com/letsrevel/revel-frontend/issues/950>: of tabs that
/// refresh at once all but one get a 401, whose `Set-Cookie` clears the winner's cookie.
#[tokio::test]
async fn three_tabs_that_refresh_at_once_stay_logged_in() {
    let stack = Stack::start().await;
    let mut cookie = stack.log_in().await.token();
    for _ in 0..5 {
        stack.advance(WINDOW);
        let responses = stack.refresh_at_once(&cookie, 3).await;
        for response in &responses {
            assert_eq!(response.status, 200);
            assert_ne!(response.cookie.as_deref(), Some(""), "the winner's cookie is cleared");
        }
        cookie = responses[2].token();
    }
}

/// <https://github.com/iMerica/dj-rest-auth/issues/515>, <https://github.com/vimalloc/flask-jwt-extended/pull/135>: an expired access
/// token makes logout a 401, and with the cookie that stays a login fails too.
#[tokio::test]
async fn an_expired_bearer_stops_neither_logout_nor_login() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_as(&user).await;
    stack.advance(Duration::from_mins(6));
    let request = stack.request(Method::POST, "/auth/logout").bearer_auth(logged_in.access());
    let response = stack.send(request.header("cookie", cookie_pair(&logged_in.token()))).await;
    assert_eq!((response.status.as_u16(), response.cookie.as_deref()), (200, Some("")));
    let credential = json!({"access_token": stack.kakao.token(&user).await});
    let request = stack.request(Method::POST, "/auth/kakao").bearer_auth(logged_in.access()).json(&credential);
    assert_eq!(stack.send(request.header("cookie", cookie_pair(&logged_in.token()))).await.status, 200);
}

/// <https://github.com/iMerica/dj-rest-auth/issues/246>, <https://github.com/iMerica/dj-rest-auth/issues/435>,
/// <https://github.com/strapi/strapi/pull/25106>, <https://github.com/gdg-hongik-univ/gdsc-server/pull/620>: a cookie is cleared with
/// other attributes than it was set with, so the browser keeps it.
#[tokio::test]
async fn the_cookie_is_cleared_with_the_attributes_that_it_was_set_with() {
    for same_site in ["Strict", "Lax", "None"] {
        let stack = Stack::with_setting("COOKIE_SAMESITE", same_site).await;
        let logged_in = stack.log_in().await;
        let log_out = stack.logout(&logged_in.token()).await;
        let refused = stack.refresh(&logged_in.token()).await;
        let attributes = |set_cookie: &str| {
            let (_, attributes) = set_cookie.split_once("; ").unwrap();
            let mut attributes: Vec<&str> = attributes.split("; ").filter(|one| !one.starts_with("Max-Age")).collect();
            attributes.retain(|one| !one.starts_with("Expires"));
            attributes.sort_unstable();
            attributes.join("; ")
        };
        for cleared in [log_out.set_cookie(), refused.set_cookie()] {
            assert!(cleared.contains("Max-Age=0"), "{cleared}");
            assert_eq!(attributes(cleared), attributes(logged_in.set_cookie()));
        }
    }
}

/// <https://github.com/TomBursch/kitchenowl/issues/414>: with half of all responses lost, retries look like theft.
#[tokio::test]
async fn lost_responses_are_not_taken_for_theft() {
    let stack = Stack::start().await;
    let mut cookie = stack.log_in().await.token();
    for round in 0..20 {
        stack.advance(WINDOW);
        // Two responses in a row are lost, each noticed after seven seconds.
        let lost = [stack.refresh(&cookie).await, stack.refresh(&cookie).await];
        stack.advance(Duration::from_secs(14));
        let arrived = stack.refresh(&cookie).await;
        assert_eq!(arrived.status, 200, "round {round}");
        assert_eq!(arrived.token(), lost[0].token());
        cookie = arrived.token();
    }
}

/// <https://github.com/iMerica/dj-rest-auth/issues/339>, <https://github.com/python-social-auth/social-core/issues/696>: the
/// provider's response is not JSON or lacks a member, and the function fails with a 500.
#[tokio::test]
async fn malformed_kakao_responses_never_cause_a_500() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for kind in ["nonsense", "wrong_types", "truncated", "no_id", "huge"] {
        stack.kakao.fail("*", &json!({"kind": kind, "times": 2})).await;
        let response = stack.login(&json!({"access_token": stack.kakao.token(&user).await})).await;
        assert_eq!(response.status, 503, "{kind}");
        stack.kakao.heal().await;
    }
    assert_eq!(stack.count("USER#").await, 0, "no user is created");
}
