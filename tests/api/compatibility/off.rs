//! `COMPATIBILITY` turned off again: tokens of pages are no longer read, and users of cookies notice nothing.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    client::{cookie_pair, jwt_part},
    fault_proxy::Traffic,
};

use super::login::{log_in_as, stack};

#[tokio::test]
async fn a_pages_token_is_not_read_and_its_session_is_listed_until_it_expires() {
    let stack = stack().await;
    let off = stack.with_other_setting("COMPATIBILITY", "none").await;
    let page = log_in_as(&stack, &stack.kakao.new_user().await).await;
    let token = page.body_token();
    let _ = stack.table_proxy.take_traffic();
    let refused = off.refresh_in_body(&token).await;
    let expected = (StatusCode::UNAUTHORIZED, "token_not_valid", vec![]);
    assert_eq!((refused.status, refused.code(), refused.set_cookies()), expected);
    for path in ["/auth/logout", "/auth/logout?scope=all"] {
        let response = off.post(path, &json!({"refresh": token})).await;
        assert_eq!((response.status, response.set_cookies()), (StatusCode::OK, vec![]), "{path}");
    }
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
    let sessions = off.sessions(page.access()).await.body;
    let id = sessions["sessions"][0]["id"].as_str().unwrap();
    assert_eq!(off.end_session(page.access(), id).await.status, StatusCode::NO_CONTENT, "its owner can end it");
}

#[tokio::test]
async fn users_of_cookies_notice_neither_that_the_mode_is_turned_on_nor_off() {
    let on = stack().await;
    let off = on.with_other_setting("COMPATIBILITY", "none").await;
    let user = on.kakao.new_user().await;
    let before = off.login(&json!({"access_token": on.kakao.token(&user).await})).await;
    let mut cookie = before.token();
    for functions in [&on, &off, &on, &off] {
        on.advance(Duration::from_secs(30));
        let refreshed = functions.refresh(&cookie).await;
        assert_eq!(refreshed.status, StatusCode::OK);
        assert_eq!(refreshed.body["refresh"], "");
        cookie = refreshed.token();
        assert_eq!(functions.logout_others(&cookie).await.status, StatusCode::OK);
    }
    assert_eq!(off.logout(&cookie).await.cookie.as_deref(), Some(""));
}

/// A page's own code may still hold a token of the mode in its storage.
#[tokio::test]
async fn beside_a_pages_token_the_cookie_decides() {
    let stack = stack().await;
    let off = stack.with_other_setting("COMPATIBILITY", "none").await;
    let user = stack.kakao.new_user().await;
    let page = log_in_as(&stack, &user).await;
    let by_cookie = off.login(&json!({"access_token": stack.kakao.token(&user).await})).await;
    let ask = async |path: &str| {
        let request = off.request(Method::POST, path).header("cookie", cookie_pair(&by_cookie.token()));
        off.send(request.json(&json!({"refresh": page.body_token()}))).await
    };
    let refreshed = ask("/auth/refresh").await;
    assert_eq!(jwt_part(refreshed.access(), 1)["sid"], jwt_part(by_cookie.access(), 1)["sid"]);
    assert_eq!(refreshed.body["refresh"], "");
    assert_eq!(ask("/auth/logout").await.cookie.as_deref(), Some(""));
    assert_eq!(off.refresh(&by_cookie.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh_in_body(&page.body_token()).await.status, StatusCode::OK, "the page's session goes on");
}
