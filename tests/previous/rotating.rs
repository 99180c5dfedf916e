//! The first deployment, with `SessionLinks=off`: nobody notices it, in whatever order it replaces the functions.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{Credential, chain::confirmed};

use crate::rollout::{Mix, Release, Rollout, session, version};

/// After so long a token is rotated.
const WINDOW: Duration = Duration::from_secs(31);

#[tokio::test(flavor = "multi_thread")]
async fn sessions_begun_by_either_release_go_on_in_every_mix_and_back() {
    let rollout = Rollout::start().await;
    let (before, after) = (rollout.deploy(Release::BeforeLinks).await, rollout.deploy(Release::Off).await);
    for mix in Mix::all() {
        let during = rollout.deploy_each(|function| mix.release_of(function)).await;
        for begun_at in [&before, &during, &after] {
            let user = rollout.kakao.new_user().await;
            let response = begun_at.login_with_link(&rollout.kakao.code_body(&user).await).await;
            let (first, begun) = (response.token(), session(&response));
            let mut token = first.clone();
            // Forward, back, and forward again.
            for (at, other) in [(&during, &before), (&before, &after), (&after, &during), (&during, &after)] {
                rollout.pass(WINDOW).await;
                let rotated = at.refresh_with_user(&token).await;
                assert_eq!((rotated.status, session(&rotated)), (StatusCode::OK, begun.clone()), "{mix:?}");
                assert!(rotated.token() != token && version(&rotated.token()) == version(&first), "{mix:?}");
                // Its response is lost, and the repetition meets the other deployment.
                let repeated = other.refresh(&token).await;
                assert_eq!(repeated.cookie, rotated.cookie, "{mix:?}: {}", repeated.body);
                assert_eq!(other.profile(rotated.access()).await.status, StatusCode::OK, "{mix:?}");
                assert_eq!(other.sessions(rotated.access()).await.body["sessions"].as_array().map(Vec::len), Some(1));
                assert_eq!(other.verify(rotated.access()).await.status, StatusCode::OK, "{mix:?}");
                token = rotated.token();
            }
            // A stolen token, two generations old, is noticed.
            let other = rollout.kakao.new_user().await;
            let bystander = begun_at.login_with_link(&rollout.kakao.code_body(&other).await).await.token();
            assert_eq!(during.refresh(&first).await.status, StatusCode::UNAUTHORIZED, "{mix:?}");
            assert_eq!(after.refresh(&token).await.status, StatusCode::UNAUTHORIZED, "{mix:?}: ended for both");
            assert_eq!(during.refresh(&bystander).await.status, StatusCode::OK, "{mix:?}");
        }
    }
    assert_eq!(rollout.linked_sessions().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_in_every_mix_ends_sessions_of_both_releases() {
    let rollout = Rollout::start().await;
    let (before, after) = (rollout.deploy(Release::BeforeLinks).await, rollout.deploy(Release::Off).await);
    for mix in Mix::all() {
        let during = rollout.deploy_each(|function| mix.release_of(function)).await;
        let user = rollout.kakao.new_user().await;
        let mut tokens = Vec::new();
        for begun_at in [&before, &after, &during, &before, &after] {
            let response = begun_at.login_with_link(&rollout.kakao.code_body(&user).await).await;
            tokens.push(response.token());
        }
        let living = async |tokens: &[String]| {
            let mut living = Vec::new();
            for token in tokens {
                living.push(after.refresh(token).await.status == StatusCode::OK);
            }
            living
        };
        assert_eq!(during.logout(&tokens[0]).await.status, StatusCode::OK);
        assert_eq!(during.logout(&tokens[1]).await.status, StatusCode::OK);
        assert_eq!(living(&tokens).await, [false, false, true, true, true], "{mix:?}");
        assert_eq!(during.logout_others(&tokens[3]).await.status, StatusCode::OK);
        assert_eq!(living(&tokens).await, [false, false, false, true, false], "{mix:?}");
        // A login ends the session that the browser had, whichever release began it.
        let body = rollout.kakao.code_body(&user).await;
        let response = during.send(during.with_cookie("/auth/kakao", &tokens[3]).json(&body)).await;
        assert_eq!(living(&[tokens[3].clone(), response.token()]).await, [false, true], "{mix:?}");
        assert_eq!(during.logout_everywhere(&response.token()).await.status, StatusCode::OK);
        assert_eq!(living(&[response.token()]).await, [false], "{mix:?}");
        assert_eq!(rollout.count("SESSION#").await, 0, "{mix:?}");
    }
}

/// The version that a release issues is accepted by the one before.
#[tokio::test(flavor = "multi_thread")]
async fn no_login_begins_a_linked_session_before_the_second_deployment() {
    let rollout = Rollout::start().await;
    for (release, issued) in [(Release::BeforeLinks, 1), (Release::Off, 2)] {
        let deployment = rollout.deploy(release).await;
        for kind in [Credential::AccessToken, Credential::Code, Credential::IdToken] {
            let user = rollout.kakao.new_user().await;
            let response = deployment.login_with_link(&rollout.kakao.credential(&user, kind).await).await;
            assert_eq!((confirmed(&response), version(&response.token())), (None, issued), "{release:?} {kind:?}");
        }
    }
    assert_eq!((rollout.count("SESSION#").await, rollout.linked_sessions().await), (6, 0));
}
