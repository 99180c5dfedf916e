//! `SESSION_LINKS`: whether a login with a link begins a linked session.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{
    Chain, Settings, Stack,
    chain::{confirmed, link},
};

use super::{
    links::{version, with_link},
    redemption::{KINDS, login_of},
};

async fn begins(setting: &str, origins: &str) -> u8 {
    let environment = [("SESSION_LINKS", setting), ("ALLOWED_ORIGINS", origins)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let response = stack.login(&json!({"access_token": token, "link": link()})).await;
    if version(&response) == 2 {
        assert!(response.set_cookie().contains("; Max-Age=604800;"), "{}", response.set_cookie());
        stack.advance(Duration::from_secs(30));
        assert_eq!(version(&stack.refresh(&response.token()).await), 2);
    }
    version(&response)
}

/// Pages of several origins share the cookie, and not the storage in which they keep their links.
#[tokio::test]
async fn sessions_rotate_if_that_is_set_or_if_several_origins_share_the_cookie() {
    let (one, two) = ("https://www.example.com", "https://www.example.com,https://admin.example.com");
    let (and_local, local) = ("https://www.example.com,http://localhost:5173", "http://localhost:5173");
    for (setting, origins, expected) in [
        ("auto", one, 3),
        ("auto", two, 2),
        ("auto", and_local, 3),
        ("auto", local, 3),
        ("auto", "http://localhost:5173,http://localhost:9000", 2),
        ("on", one, 3),
        ("on", two, 3),
        ("off", one, 2),
        ("off", local, 2),
    ] {
        assert_eq!(begins(setting, origins).await, expected, "{setting} {origins}");
    }
}

/// During a deployment one function may begin the session, and another one get the repetition.
#[tokio::test]
async fn a_login_that_is_repeated_after_the_setting_changed_keeps_the_kind_of_its_session() {
    for (before, after, expected) in [("on", "off", 3), ("off", "on", 2), ("auto", "off", 2)] {
        let stack = Stack::with_setting("SESSION_LINKS", before).await;
        let changed = stack.with_other_setting("SESSION_LINKS", after).await;
        for kind in KINDS {
            let body = with_link(&login_of(&stack, &stack.kakao.new_user().await, kind).await, &link());
            let first = stack.login(&body).await;
            assert_eq!(version(&first), expected, "{before} {kind:?}");
            let again = changed.login(&body).await;
            assert_eq!((version(&again), again.token()), (expected, first.token()), "{before} to {after} {kind:?}");
            assert_eq!(confirmed(&again), confirmed(&first));
            stack.advance(Duration::from_secs(30));
            if expected == 3 {
                assert!(confirmed(&Chain::begun(&again).renew(&changed).await).is_some(), "whatever the setting says");
            } else {
                assert_eq!(version(&changed.refresh(&again.token()).await), 2);
            }
        }
        let token = stack.kakao.token(&stack.kakao.new_user().await).await;
        let new = changed.login(&json!({"access_token": token, "link": link()})).await;
        assert_eq!(version(&new), if after == "on" { 3 } else { 2 });
    }
}

#[tokio::test]
async fn a_linked_session_stays_linked_after_its_setting_was_turned_off() {
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    let off = stack.with_other_setting("SESSION_LINKS", "off").await;
    stack.advance(Duration::from_secs(15));
    assert!(confirmed(&chain.renew(&off).await).is_some());
    assert_eq!(off.refresh(&chain.token).await.code(), "link_required");
    let request = chain.request(&off, "/auth/logout?scope=all", &json!({"link": chain.links()}));
    assert_eq!(off.send(request).await.status, StatusCode::OK);
}
