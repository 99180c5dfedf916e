//! `POST /auth/logout`

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{Remote, client::cookie_pair};

#[tokio::test]
async fn a_logout_ends_the_session_at_once_and_clears_the_cookie() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    let response = stack.logout(&logged_in.token()).await;
    assert_eq!((response.status, response.body), (StatusCode::OK, json!({"detail": "Successfully logged out."})));
    assert_eq!(response.cookie.as_deref(), Some(""));
    assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED, "a copied cookie is refused");
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::UNAUTHORIZED, "the access token is refused");
}

#[tokio::test]
async fn a_logout_always_succeeds() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    stack.logout(&token).await;
    for scope in ["", "?scope=local", "?scope=all"] {
        let path = format!("/auth/logout{scope}");
        for cookie in [None, Some(token.as_str()), Some("garbage"), Some("")] {
            let mut request = stack.request(Method::POST, &path).bearer_auth("expired");
            if let Some(cookie) = cookie {
                request = request.header("cookie", cookie_pair(cookie));
            }
            let response = stack.send(request).await;
            assert_eq!(
                (response.status, response.cookie.as_deref()),
                (StatusCode::OK, cookie.map(|_| "")),
                "{path} {cookie:?}: what was not presented is not cleared"
            );
        }
    }
}

#[tokio::test]
async fn a_logout_everywhere_ends_every_session_of_this_user_and_no_others() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    let somebody_else = stack.log_in().await;
    assert_eq!(stack.logout_everywhere(&phone.token()).await.status, StatusCode::OK);
    for session in [&phone, &laptop] {
        assert_eq!(stack.refresh(&session.token()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stack.profile(session.access()).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stack.refresh(&somebody_else.token()).await.status, StatusCode::OK);
}

/// After `CookieSameSite` was changed a browser may hold two cookies; the sessions of both are ended.
#[tokio::test]
async fn a_logout_with_two_cookies_ends_both_sessions() {
    for (path, ends_the_phone) in [("/auth/logout", false), ("/auth/logout?scope=all", true)] {
        let stack = Remote::start().await;
        let user = stack.kakao.new_user().await;
        let (one, other) = (stack.log_in_as(&user).await.token(), stack.log_in().await.token());
        let phone = stack.log_in_as(&user).await.token();
        let cookies = [cookie_pair("planted"), cookie_pair(&one), cookie_pair(&other)].join("; ");
        let response = stack.send(stack.request(Method::POST, path).header("cookie", cookies)).await;
        assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, Some("")), "{path}");
        for token in [&one, &other] {
            assert_eq!(stack.refresh(token).await.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        assert_eq!(stack.refresh(&phone).await.status == StatusCode::UNAUTHORIZED, ends_the_phone, "{path}");
    }
}

/// Otherwise an old cookie, once stolen, could log its owner out for ever.
#[tokio::test]
async fn an_ended_session_cannot_log_out_the_users_other_sessions() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (dead, alive) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    stack.logout(&dead).await;
    assert_eq!(stack.logout_everywhere(&dead).await.status, StatusCode::OK);
    assert_eq!(stack.refresh(&alive).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_scope_is_refused_and_ends_nothing() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let request = stack.request(Method::POST, "/auth/logout?scope=global").header("cookie", cookie_pair(&token));
    let response = stack.send(request).await;
    assert_eq!(
        (response.status, response.code(), response.cookie.as_deref()),
        (StatusCode::BAD_REQUEST, "invalid_request", None)
    );
    assert_eq!(stack.refresh(&token).await.status, StatusCode::OK);
}
