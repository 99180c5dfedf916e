//! What a canary does: for some minutes a request of a session meets this release or the one before, and after a rollback the one before
//! again, with all that this one has written.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{Chain, Settings};

use crate::rollout::{Mix, Release, Rollout, session};

/// After so long a session of either kind is renewed.
const WINDOW: Duration = Duration::from_secs(31);

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_both_kinds_go_on_at_every_mix_of_two_releases_and_after_a_rollback() {
    let rollout = Rollout::start().await;
    let (before, after) = (rollout.deploy(Release::Previous).await, rollout.deploy(Release::Auto).await);
    for mix in Mix::all() {
        let release = |function: &str| if mix.has_replaced(function) { Release::Auto } else { Release::Previous };
        let during = rollout.deploy_each(release).await;
        for begun_at in [&before, &during, &after] {
            let user = rollout.kakao.new_user().await;
            let begun = begun_at.login(&rollout.kakao.code_body(&user).await).await;
            let (mut token, id) = (begun.token(), session(&begun));
            let mut chain = Chain::begun(&begun_at.login_with_link(&rollout.kakao.code_body(&user).await).await);
            for (at, other) in [(&during, &before), (&before, &after), (&after, &during), (&during, &before)] {
                rollout.pass(WINDOW).await;
                let rotated = at.refresh_with_user(&token).await;
                assert_eq!(
                    (rotated.status, session(&rotated)),
                    (StatusCode::OK, id.clone()),
                    "{mix:?}: {}",
                    rotated.body
                );
                // Its response is lost, and the repetition meets the other release.
                assert_eq!(other.refresh(&token).await.cookie, rotated.cookie, "{mix:?}");
                for path in [other.profile(rotated.access()).await, other.sessions(rotated.access()).await] {
                    assert_eq!(path.status, StatusCode::OK, "{mix:?}: {}", path.body);
                }
                assert_eq!(other.verify(rotated.access()).await.status, StatusCode::OK, "{mix:?}");
                token = rotated.token();
                let lost = chain.ask(at).await;
                let renewed = chain.renew(other).await;
                assert_eq!((renewed.status, &renewed.body["link"]), (StatusCode::OK, &lost.body["link"]), "{mix:?}");
                assert!(renewed.body["link"].is_string(), "{mix:?}");
            }
            assert_eq!(during.logout_everywhere(&token).await.status, StatusCode::OK, "{mix:?}");
            assert_eq!(chain.ask(&after).await.status, StatusCode::UNAUTHORIZED, "{mix:?}");
        }
    }
    assert_eq!(rollout.count("SESSION#").await, 0);
}

/// So a canary needs no order of edge and functions, and a rollback opens the API's own host until the next deployment.
#[tokio::test(flavor = "multi_thread")]
async fn the_previous_release_does_not_ask_for_the_secret_of_the_edge() {
    let hashes = ("ORIGIN_SECRET_HASHES".to_owned(), "0".repeat(64));
    let rollout = Rollout::with(Settings { environment: [hashes].into(), ..Settings::default() }).await;
    let (previous, this) = (rollout.deploy(Release::Previous).await, rollout.deploy(Release::Auto).await);
    let user = rollout.kakao.new_user().await;
    assert_eq!(previous.login(&rollout.kakao.code_body(&user).await).await.status, StatusCode::OK);
    let refused = this.login(&rollout.kakao.code_body(&user).await).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "wrong_address"));
}
