//! Refresh tokens of rotating sessions: of version 2, which name their key, and of version 1, which sessions of earlier releases have.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use rotate_keys::document::Reason;
use serde_json::json;
use shared::{
    config::Config,
    id::UserId,
    keys::{Document, IssuingKeys},
    roles::Roles,
    session::Version,
    store::{Device, SessionStart},
};
use tests::{
    Stack,
    client::{cookie_pair, jwt_part},
};

use crate::rotate_keys::rotation::audience;

const WINDOW: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_hours(24);
/// Those that browsers carry in a cookie.
const VERSIONS: [Version; 2] = [Version::One, Version::Two];

/// A new session of this user with a token of this version.
async fn begin_session(stack: &Stack, user: &str, version: Version) -> String {
    let user: UserId = jwt_part(stack.log_in_as(user).await.access(), 1)["sub"].as_str().unwrap().parse().unwrap();
    let ring = stack.key_document(Document::Issuing).await.unwrap();
    let (_, keys) = IssuingKeys::read(&ring, &audience(), DAY).unwrap();
    let now = stack.now();
    let first = keys.refresh_tokens.issue(version, user, keys.refresh_tokens.new_session(None, now), now + DAY, now);
    let store = Config::from_pairs(stack.environment("kakao-login")).store().unwrap();
    let start = SessionStart {
        first: &first,
        device: &Device::default(),
        link: None,
        authenticated_at: None,
            roles: &Roles::default(),
        expires_at: now + DAY,
        now,
    };
    store.start_session(&start).await.unwrap();
    first.expose().to_owned()
}

#[tokio::test]
async fn a_new_session_has_a_token_of_version_2_which_the_release_before_accepts() {
    let token = Stack::start().await.log_in().await.token();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
    assert_eq!((token.len(), bytes[0]), (Version::Two.text_length(), 2));
}

#[tokio::test]
async fn a_refresh_accepts_both_versions_and_keeps_the_version() {
    for version in VERSIONS {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let mut token = begin_session(&stack, &user, version).await;
        let kind = token[..2].to_owned();
        for _ in 0..3 {
            let parent = token.clone();
            stack.advance(WINDOW);
            let response = stack.refresh(&parent).await;
            assert_eq!(response.status, StatusCode::OK, "{version:?}");
            token = response.token();
            assert_eq!((token.len(), &token[..2]), (version.text_length(), kind.as_str()));
            assert_eq!(stack.refresh(&parent).await.token(), token, "a retry gets the same token");
            assert_eq!(stack.profile(response.access()).await.status, StatusCode::OK);
        }
        let spent = token.clone();
        stack.advance(WINDOW);
        token = stack.refresh(&spent).await.token();
        stack.advance(WINDOW);
        assert_eq!(stack.refresh(&spent).await.status, StatusCode::UNAUTHORIZED, "{version:?}: a reuse");
        assert_eq!(stack.refresh(&token).await.status, StatusCode::UNAUTHORIZED, "{version:?}: it ended the session");
    }
}

#[tokio::test]
async fn a_session_goes_on_in_its_version_when_the_keys_are_rotated() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let mut tokens = Vec::new();
    for version in VERSIONS {
        tokens.push((version, begin_session(&stack, &user, version).await));
    }
    stack.rotate(Reason::Schedule).await;
    for _ in 0..4 {
        stack.advance(Duration::from_mins(20));
        for (version, token) in &mut tokens {
            let response = stack.refresh(token).await;
            assert_eq!(response.status, StatusCode::OK, "{version:?}");
            *token = response.token();
            assert_eq!(token.len(), version.text_length());
        }
    }
    let ring = stack.key_document(Document::Issuing).await.unwrap();
    let mut ring: serde_json::Value = serde_json::from_str(&ring).unwrap();
    ring["session_secrets"].as_array_mut().unwrap().remove(0);
    let (_, newest) = IssuingKeys::read(&ring.to_string(), &audience(), DAY).unwrap();
    for (version, token) in &tokens {
        assert!(
            newest.refresh_tokens.verify(token).is_ok(),
            "{version:?} is tagged with the newest secret, and names it"
        );
    }
}

#[tokio::test]
async fn a_logout_accepts_both_token_versions() {
    for version in VERSIONS {
        for everywhere in [false, true] {
            let stack = Stack::start().await;
            let user = stack.kakao.new_user().await;
            let laptop = begin_session(&stack, &user, Version::One).await;
            let phone = begin_session(&stack, &user, version).await;
            let response = if everywhere { stack.logout_everywhere(&phone).await } else { stack.logout(&phone).await };
            assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, Some("")), "{version:?}");
            assert_eq!(stack.refresh(&phone).await.status, StatusCode::UNAUTHORIZED, "{version:?}");
            let left = if everywhere { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
            assert_eq!(stack.refresh(&laptop).await.status, left, "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_login_ends_the_session_before_it_in_both_versions() {
    for version in VERSIONS {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let previous = begin_session(&stack, &user, version).await;
        let body = json!({"access_token": stack.kakao.token(&user).await});
        let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&previous));
        let response = stack.send(request.json(&body)).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        assert_eq!(stack.refresh(&previous).await.status, StatusCode::UNAUTHORIZED, "{version:?}");
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_token_of_version_2_with_another_key_id_or_version_is_refused_without_a_request_to_the_table() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let [one, two] =
        [begin_session(&stack, &user, Version::One).await, begin_session(&stack, &user, Version::Two).await];
    let _ = stack.table_proxy.take_traffic();
    for changed in [
        // The second and the third character have the key id's bits.
        format!("{}{}{}", &two[..2], if &two[2..3] == "A" { "B" } else { "A" }, &two[3..]),
        format!("AQ{}", &two[2..]),
        format!("Ag{}", &one[2..]),
        format!("Aw{}", &two[2..]),
        two[..two.len() - 1].to_owned(),
        format!("{two}A"),
    ] {
        let response = stack.refresh(&changed).await;
        let cleared = if changed.starts_with("Aw") { None } else { Some("") };
        assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::UNAUTHORIZED, cleared), "{changed}");
        assert_eq!(stack.logout(&changed).await.status, StatusCode::OK);
    }
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    for token in [one, two] {
        assert_eq!(stack.refresh(&token).await.status, StatusCode::OK);
    }
}
