//! The cookie among other cookies, with each setting, and cookies of another installation.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::HeaderValue};
use serde_json::json;
use tests::{
    Stack,
    client::{COOKIE_NAME, cookie_pair},
};

#[tokio::test]
async fn other_cookies_of_any_bytes_are_ignored() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let junk = b"korean=\xed\x95\x9c; =; ;; bytes=\xff\xfe; a=b=c; ".as_slice();
    let cookie = HeaderValue::from_bytes(&[junk, cookie_pair(&token).as_bytes()].concat()).unwrap();
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn several_cookie_lines_are_read_as_one() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", "a=b");
    assert_eq!(stack.send(request.header("cookie", cookie_pair(&token))).await.status, StatusCode::OK);
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair("planted"));
    assert_eq!(stack.send(request.header("cookie", cookie_pair(&token))).await.status, StatusCode::OK);
}

/// A sibling domain may plant a cookie whose name only looks like ours: browsers enforce `__Host-` for the exact bytes.
#[tokio::test]
async fn a_cookie_whose_name_only_looks_like_ours_is_ignored() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    for (before, after) in [("\u{a0}", ""), ("", "\u{a0}"), ("", "\u{2003}"), ("\u{3000}", "\u{85}"), ("", "\u{b}")] {
        let planted = format!("{before}{COOKIE_NAME}{after}={token}");
        let Ok(cookie) = HeaderValue::from_bytes(planted.as_bytes()) else { continue };
        let alone = stack.send(stack.request(Method::POST, "/auth/refresh").header("cookie", cookie)).await;
        assert_eq!(alone.status, 401, "{planted:?}");
        let beside = format!("{before}{COOKIE_NAME}{after}=x; {}", cookie_pair(&token));
        let cookie = HeaderValue::from_bytes(beside.as_bytes()).unwrap();
        let beside = stack.send(stack.request(Method::POST, "/auth/refresh").header("cookie", cookie)).await;
        assert_eq!(beside.status, 200, "{planted:?}");
    }
}

#[tokio::test]
async fn the_cookie_follows_its_settings() {
    for (name, value, prefix, attributes) in [
        ("COOKIE_SAMESITE", "Lax", "__Host-Http-refresh_token=", "; Secure; HttpOnly; SameSite=Lax"),
        ("COOKIE_SAMESITE", "None", "__Host-Http-refresh_token=", "; Secure; HttpOnly; SameSite=None; Partitioned"),
        ("COOKIE_SECURE", "false", "refresh_token=", "; Path=/; HttpOnly; SameSite=Strict"),
    ] {
        let stack = Stack::with_setting(name, value).await;
        let logged_in = stack.log_in().await;
        let cookie = format!("{prefix}{}", logged_in.token());
        let log_out = stack.send(stack.request(Method::POST, "/auth/logout").header("cookie", cookie)).await;
        for set_cookie in [logged_in.set_cookie(), log_out.set_cookie()] {
            assert!(set_cookie.starts_with(prefix), "{value}: {set_cookie}");
            assert!(set_cookie.ends_with(attributes), "{value}: {set_cookie}");
        }
    }
}

const CLEARED: &str = "__Host-Http-refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=";

/// A browser keeps the partitioned cookie and the other one apart, so both have to be cleared, and the cookie that is set comes last.
#[tokio::test]
async fn if_two_cookies_were_sent_the_one_of_the_other_kind_is_cleared() {
    for (same_site, own, other) in [
        ("Strict", "Strict", "None; Partitioned"),
        ("Lax", "Lax", "None; Partitioned"),
        ("None", "None; Partitioned", "None"),
    ] {
        let stack = Stack::with_setting("COOKIE_SAMESITE", same_site).await;
        let user = stack.kakao.new_user().await;
        let (old, new) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
        let both = format!("{}; {}", cookie_pair(&old), cookie_pair(&new));
        let post = |path: &str| stack.request(Method::POST, path).header("cookie", &both);
        let cleared = [format!("{CLEARED}{other}"), format!("{CLEARED}{own}")];

        stack.advance(Duration::from_secs(30));
        let rotated = stack.send(post("/auth/refresh")).await;
        assert_eq!((rotated.status, rotated.set_cookies()[0]), (StatusCode::OK, &*cleared[0]), "{same_site}");
        assert!(rotated.set_cookie().ends_with(&format!("; Secure; HttpOnly; SameSite={own}")), "{same_site}");
        assert!(!rotated.token().is_empty() && rotated.set_cookies().len() == 2);

        let credential = json!({"access_token": stack.kakao.token(&user).await});
        let logged_in = stack.send(post("/auth/kakao").json(&credential)).await;
        assert_eq!((logged_in.status, logged_in.set_cookies()[0]), (StatusCode::OK, &*cleared[0]), "{same_site}");
        assert!(!logged_in.token().is_empty() && logged_in.set_cookies().len() == 2);
        for path in ["/auth/refresh", "/auth/logout"] {
            assert_eq!(stack.send(post(path)).await.set_cookies(), cleared, "{same_site} {path}");
        }
    }
    let stack = Stack::with_setting("COOKIE_SECURE", "false").await;
    let token = stack.log_in().await.token();
    let request = stack.request(Method::POST, "/auth/logout").header("cookie", format!("refresh_token={token}"));
    assert_eq!(stack.send(request).await.set_cookies().len(), 1, "without Secure there is only one kind of cookie");
}

/// A token is valid only at the installation that issued it.
#[tokio::test]
async fn tokens_of_another_installation_are_refused() {
    let (ours, theirs) = (Stack::start().await, Stack::start().await);
    let logged_in = theirs.log_in().await;
    assert_eq!(ours.profile(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ours.refresh(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED);
    let (good, theirs) = (cookie_pair(&ours.log_in().await.token()), cookie_pair(&logged_in.token()));
    for cookies in [format!("{theirs}; {good}"), format!("{good}; {theirs}")] {
        let request = ours.request(Method::POST, "/auth/refresh").header("cookie", cookies);
        assert_eq!(ours.send(request).await.status, StatusCode::OK, "a valid cookie beside it still works");
    }
}
