//! A login whose first request meets one instance of kakao-login, and whose repetition within `RotationWindow` another.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::chain::{confirmed, link};

use crate::rollout::{Release, Rollout, session, version};

/// base64url(SHA-256("preimage")).
const NONCE: &str = "EHZhE08h_HwCIj1Qq56zYAvD_8NxJCOh5Hux-anb9V8";

/// The bodies of two new users' logins with a link, which they can prove to have begun: by code and by ID token.
async fn logins(rollout: &Rollout) -> [Value; 2] {
    let user = rollout.kakao.new_user().await;
    let mut by_code = rollout.kakao.code_body(&user).await;
    by_code["link"] = json!(link());
    let user = rollout.kakao.new_user().await;
    let id_token = rollout.kakao.id_token(&user, &json!({"nonce": NONCE})).await;
    [by_code, json!({"id_token": id_token, "nonce": "preimage", "link": link()})]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_repeated_at_another_deployment_gets_the_same_session() {
    let rollout = Rollout::start().await;
    for (first, second, issued) in [
        (Release::BeforeLinks, Release::Off, 1),
        (Release::Off, Release::BeforeLinks, 2),
        (Release::Off, Release::Auto, 2),
        (Release::Auto, Release::Off, 3),
        // Without the deployment between them.
        (Release::BeforeLinks, Release::Auto, 1),
    ] {
        let case = format!("{first:?}, then {second:?}");
        let (first, second) = (rollout.deploy(first).await, rollout.deploy(second).await);
        for body in logins(&rollout).await {
            let lost = first.login(&body).await;
            assert_eq!((lost.status, version(&lost.token())), (StatusCode::OK, issued), "{case}: {}", lost.body);
            assert_eq!(confirmed(&lost).is_some(), issued == 3, "{case}");
            let repeated = second.login(&body).await;
            assert_eq!(repeated.status, StatusCode::OK, "{case}: {}", repeated.body);
            assert_eq!((session(&repeated), confirmed(&repeated)), (session(&lost), confirmed(&lost)), "{case}");
            // The browser has either cookie.
            if issued < 3 {
                for token in [lost.token(), repeated.token()] {
                    assert_eq!(first.refresh(&token).await.status, StatusCode::OK, "{case}");
                    assert_eq!(second.refresh(&token).await.status, StatusCode::OK, "{case}");
                }
            } else {
                assert_eq!(repeated.token(), lost.token(), "{case}");
            }
        }
    }
}

/// A linked session must not be given to a client without its link, and the release before linked sessions reads no link.
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_login_repeated_with_another_link_or_at_a_release_without_links_is_refused() {
    let rollout = Rollout::start().await;
    let [previous, off, auto] =
        [Release::BeforeLinks, Release::Off, Release::Auto].map(|release| rollout.deploy(release));
    let (previous, off, auto) = tokio::join!(previous, off, auto);
    for body in logins(&rollout).await {
        assert!(confirmed(&auto.login(&body).await).is_some());
        let mut with_another = body.clone();
        with_another["link"] = json!(link());
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove("link");
        for (at, body) in
            [(&previous, &body), (&off, &with_another), (&auto, &with_another), (&off, &without), (&auto, &without)]
        {
            let response = at.login(body).await;
            assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"), "{body}");
            assert_eq!(response.cookie, None);
        }
        assert_eq!(auto.login(&body).await.status, StatusCode::OK, "its own client may repeat it");
    }
    assert_eq!(rollout.linked_sessions().await, 2);
}
