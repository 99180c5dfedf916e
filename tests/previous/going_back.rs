//! Going back: what becomes of linked sessions.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::COOKIE};
use serde_json::json;
use tests::{
    Chain,
    client::{Functions, Response, cookie_pair},
};

use crate::rollout::{Deployment, Release, Rollout, session, version};

const PACE: Duration = Duration::from_secs(16);

/// A user with a linked session.
async fn linked(rollout: &Rollout, auto: &Deployment) -> (String, Chain, Response) {
    let user = rollout.kakao.new_user().await;
    let response = auto.login_with_link(&rollout.kakao.code_body(&user).await).await;
    (user, Chain::begun(&response), response)
}

async fn post(functions: &Functions, path: &str, chain: &Chain) -> Response {
    functions.send(chain.request(functions, path, &json!({"link": chain.links()}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_session_links_is_off_again_linked_sessions_go_on_and_no_new_ones_begin() {
    let rollout = Rollout::start().await;
    let (auto, off) = (rollout.deploy(Release::Auto).await, rollout.deploy(Release::Off).await);
    let (user, mut chain, _) = linked(&rollout, &auto).await;
    for _ in 0..3 {
        rollout.pass(PACE).await;
        let prev = chain.prev.clone();
        let renewed = chain.renew(&off).await;
        assert_eq!(renewed.status, StatusCode::OK);
        assert!(chain.prev != prev, "its chain grows");
    }
    let response = off.login_with_link(&rollout.kakao.code_body(&user).await).await;
    assert_eq!((version(&response.token()), rollout.linked_sessions().await), (2, 1));
    assert_eq!(post(&off, "/auth/logout?scope=all", &chain).await.status, StatusCode::OK);
    assert_eq!(rollout.count("SESSION#").await, 0);
}

/// So does a login that begins a linked session before the older functions are replaced: hence the first deployment.
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_session_that_meets_a_release_without_links_is_logged_out_and_its_cookie_cleared() {
    let rollout = Rollout::start().await;
    let (auto, previous) = (rollout.deploy(Release::Auto).await, rollout.deploy(Release::BeforeLinks).await);
    let half =
        rollout.deploy_each(|name| if name == "kakao-login" { Release::Auto } else { Release::BeforeLinks }).await;
    for begun_at in [&auto, &half] {
        let (_, chain, _) = linked(&rollout, begun_at).await;
        let stored = rollout.dump().await;
        let refused = post(&previous, "/auth/refresh", &chain).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
        assert_eq!(refused.cookie.as_deref(), Some(""), "the browser forgets the token");
        assert_eq!(rollout.dump().await, stored, "the session stays in the table until it expires");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn back_at_this_release_a_linked_session_that_the_older_one_never_met_goes_on() {
    let rollout = Rollout::start().await;
    let auto = rollout.deploy(Release::Auto).await;
    let (user, mut chain, _) = linked(&rollout, &auto).await;
    let previous = rollout.deploy(Release::BeforeLinks).await;
    // Another device of the user, meanwhile.
    let other = previous.login_with_link(&rollout.kakao.code_body(&user).await).await;
    assert_eq!(version(&other.token()), 1);
    rollout.pass(PACE).await;
    assert_eq!(chain.renew(&auto).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_or_login_at_a_release_without_links_leaves_a_linked_session_in_the_table() {
    let rollout = Rollout::start().await;
    let (auto, previous) = (rollout.deploy(Release::Auto).await, rollout.deploy(Release::BeforeLinks).await);
    let (user, mut chain, _) = linked(&rollout, &auto).await;
    for path in ["/auth/logout", "/auth/logout?scope=all"] {
        let response = post(&previous, path, &chain).await;
        assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, Some("")), "{path}");
    }
    assert_eq!(post(&previous, "/auth/logout?scope=others", &chain).await.status, StatusCode::UNAUTHORIZED);
    let body = rollout.kakao.code_body(&user).await;
    let login = previous.send(previous.with_cookie("/auth/kakao", &chain.token).json(&body)).await;
    assert_eq!(login.status, StatusCode::OK);
    assert_eq!(rollout.linked_sessions().await, 1);
    rollout.pass(PACE).await;
    assert_eq!(chain.renew(&auto).await.status, StatusCode::OK, "a copy of cookie and links is good again");
    // Its user can end it at the release before linked sessions too: by a logout everywhere from another session, or as a device.
    assert_eq!(previous.logout_everywhere(&login.token()).await.status, StatusCode::OK);
    assert_eq!(rollout.count("SESSION#").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_without_links_accepts_access_tokens_of_linked_sessions_and_can_end_these_as_devices() {
    let rollout = Rollout::start().await;
    let (auto, previous) = (rollout.deploy(Release::Auto).await, rollout.deploy(Release::BeforeLinks).await);
    let (_, chain, response) = linked(&rollout, &auto).await;
    assert_eq!(previous.profile(&chain.access).await.status, StatusCode::OK);
    assert_eq!(previous.verify(&chain.access).await.status, StatusCode::OK);
    let devices = previous.sessions(&chain.access).await.body;
    assert_eq!(devices["sessions"].as_array().map(Vec::len), Some(1), "{devices}");
    for at in [&previous, &auto] {
        let export = at.export(&chain.access).await;
        assert_eq!(export.status, StatusCode::OK);
        assert!(!export.body.to_string().contains("\"l0\""), "no links leave the table: {}", export.body);
    }
    let id = session(&response);
    let path = format!("/auth/sessions/{}", id.as_str().unwrap());
    let end = previous.request(Method::DELETE, &path).bearer_auth(&chain.access).header(COOKIE, cookie_pair("x"));
    assert_eq!(previous.ask(end).await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(post(&auto, "/auth/refresh", &chain).await.status, StatusCode::UNAUTHORIZED);
}
