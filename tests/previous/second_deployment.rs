//! The second deployment, which removes `SessionLinks=off`: logins begin linked sessions, and every function accepts them already.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{Chain, Credential};

use crate::rollout::{Release, Rollout, version};

/// After so long a linked session gets its next link.
const PACE: Duration = Duration::from_secs(16);

#[tokio::test(flavor = "multi_thread")]
async fn logins_begin_linked_sessions_which_functions_of_both_deployments_renew() {
    let rollout = Rollout::start().await;
    let (first, second) = (rollout.deploy(Release::Off).await, rollout.deploy(Release::Auto).await);
    for kind in [Credential::AccessToken, Credential::Code, Credential::IdToken] {
        let user = rollout.kakao.new_user().await;
        let response = second.login_with_link(&rollout.kakao.credential(&user, kind).await).await;
        let mut chain = Chain::begun(&response);
        assert_eq!(version(&chain.token), 3, "{kind:?}");
        for (at, other) in [(&first, &second), (&second, &first), (&first, &second)] {
            rollout.pass(PACE).await;
            let lost = chain.ask(at).await;
            let repeated = chain.renew(other).await;
            assert_eq!((repeated.status, &repeated.body["link"]), (StatusCode::OK, &lost.body["link"]), "{kind:?}");
            assert!(repeated.body["link"].is_string(), "{kind:?}");
        }
        let logout = chain.request(&first, "/auth/logout?scope=all", &serde_json::json!({"link": chain.links()}));
        assert_eq!(first.send(logout).await.status, StatusCode::OK, "{kind:?}");
    }
    assert_eq!(rollout.count("SESSION#").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_rotated_before_it_go_on_rotating() {
    let rollout = Rollout::start().await;
    let second = rollout.deploy(Release::Auto).await;
    for (release, issued) in [(Release::BeforeLinks, 1), (Release::Off, 2)] {
        let user = rollout.kakao.new_user().await;
        let begun_at = rollout.deploy(release).await;
        let mut token = begun_at.login_with_link(&rollout.kakao.code_body(&user).await).await.token();
        for _ in 0..3 {
            rollout.pass(Duration::from_secs(31)).await;
            let chain = Chain { token, prev: None, next: tests::chain::link(), access: String::new() };
            let rotated = chain.ask(&second).await;
            assert_eq!((rotated.status, &rotated.body["link"]), (StatusCode::OK, &serde_json::Value::Null));
            assert!(rotated.token() != chain.token && version(&rotated.token()) == issued);
            token = rotated.token();
        }
    }
    assert_eq!(rollout.linked_sessions().await, 0);
}
