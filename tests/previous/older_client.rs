//! The release before linked sessions's client, which sends no links, at this release's functions.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{Chain, Credential, chain::confirmed};

use crate::rollout::{Release, Rollout, version};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_links_gets_a_rotating_session_and_everything_as_before() {
    let rollout = Rollout::start().await;
    let auto = rollout.deploy(Release::Auto).await;
    for kind in [Credential::AccessToken, Credential::Code, Credential::IdToken] {
        let user = rollout.kakao.new_user().await;
        let login = auto.login(&rollout.kakao.credential(&user, kind).await).await;
        assert_eq!((login.status, confirmed(&login), version(&login.token())), (StatusCode::OK, None, 2), "{kind:?}");
        let mut token = login.token();
        for _ in 0..3 {
            let kept = auto.refresh_with_user(&token).await;
            assert_eq!(
                (kept.status, kept.cookie),
                (StatusCode::OK, None),
                "{kind:?}: inside the window the cookie stays"
            );
            rollout.pass(Duration::from_secs(31)).await;
            // The process of before has the machine's clock, and remembers that the token is not due.
            let auto = rollout.deploy(Release::Auto).await;
            let rotated = auto.refresh_with_user(&token).await;
            assert_eq!((rotated.status, confirmed(&rotated)), (StatusCode::OK, None), "{kind:?}");
            assert!(rotated.body["user"].is_object() && rotated.token() != token, "{kind:?}");
            assert_eq!(auto.refresh(&token).await.cookie, rotated.cookie, "{kind:?}: another tab, or a lost response");
            token = rotated.token();
        }
        assert_eq!(auto.logout_others(&token).await.status, StatusCode::OK, "{kind:?}");
        assert_eq!(auto.logout_everywhere(&token).await.status, StatusCode::OK, "{kind:?}");
        assert_eq!(auto.refresh(&token).await.status, StatusCode::UNAUTHORIZED, "{kind:?}");
    }
    assert_eq!((rollout.count("SESSION#").await, rollout.linked_sessions().await), (0, 0));
}

/// An old page that is still open beside a new one has its cookie, and not its links.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_page_beside_a_new_one_gets_403_and_disturbs_nothing() {
    let rollout = Rollout::start().await;
    let auto = rollout.deploy(Release::Auto).await;
    let user = rollout.kakao.new_user().await;
    let mut chain = Chain::begun(&auto.login_with_link(&rollout.kakao.code_body(&user).await).await);
    for _ in 0..3 {
        rollout.pass(Duration::from_secs(16)).await;
        let stored = rollout.dump().await;
        for (path, body) in [
            ("/auth/refresh", json!({})),
            ("/auth/refresh", json!({"user": true})),
            ("/auth/logout?scope=all", json!({})),
            ("/auth/logout?scope=others", json!({})),
        ] {
            let refused = auto.ask(chain.request(&auto, path, &body)).await.unwrap();
            assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "link_required"), "{path}");
            assert_eq!(refused.cookie, None, "{path}");
        }
        assert_eq!(rollout.dump().await, stored);
        assert_eq!(chain.renew(&auto).await.status, StatusCode::OK, "the new page goes on");
    }
    // What the old page decides by itself ends the session: its logout, and its login.
    let login = auto.with_cookie("/auth/kakao", &chain.token).json(&rollout.kakao.code_body(&user).await);
    let token = auto.send(login).await.token();
    assert_eq!((version(&token), rollout.linked_sessions().await), (2, 0));
    let chain = Chain::begun(&auto.login_with_link(&rollout.kakao.code_body(&user).await).await);
    let logout = auto.logout(&chain.token).await;
    assert_eq!((logout.status, logout.cookie.as_deref()), (StatusCode::OK, Some("")));
    assert_eq!((rollout.count("SESSION#").await, rollout.linked_sessions().await), (1, 0));
}
