//! Keys that either release made, read by the other.

use std::time::Duration;

use local::{kakao::SHOP, lambda::Invocation};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::keys::Document;
use tests::Settings;

use crate::rollout::{Release, Rollout};

/// Has rotate-keys of a release carry out a command.
async fn command(rollout: &Rollout, release: Release, event: Value) {
    let invocation = Invocation {
        event: event.clone(),
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        timeout: Duration::from_mins(1),
    };
    let outcome = rollout.lambda(release, "rotate-keys").invoke(invocation).await;
    assert!(outcome.as_ref().is_ok_and(Value::is_string), "{release:?} {event}: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_secrets_that_either_release_stored_serve_both() {
    let older = [Release::BeforeLinks, Release::Previous];
    for (older, makes, rotates) in
        older.into_iter().flat_map(|older| [(older, older, Release::Auto), (older, Release::Auto, older)])
    {
        let rollout = Rollout::with(Settings { without_keys: true, ..Settings::default() }).await;
        rollout.delete_keys(Document::Kakao).await;
        let secrets = json!({"client_secret": SHOP.client_secret, "admin_key": SHOP.admin_key});
        let put = json!({"command": "put_kakao_secrets", "client_secret": secrets["client_secret"], "admin_key": secrets["admin_key"]});
        command(&rollout, makes, put).await;
        command(&rollout, makes, json!({"command": "rotate_if_due"})).await;
        let mut tokens = Vec::new();
        for rotated in [false, true] {
            if rotated {
                let attempt = rotate_keys::new_attempt();
                let replace = json!({"command": "replace", "keys": "schedule", "attempt": attempt});
                command(&rollout, rotates, replace).await;
            }
            // Their processes start after the rotation.
            let (previous, this) = (rollout.deploy(older).await, rollout.deploy(Release::Off).await);
            for (at, other) in [(&previous, &this), (&this, &previous)] {
                let user = rollout.kakao.new_user().await;
                let response = at.login(&rollout.kakao.code_body(&user).await).await;
                assert_eq!(other.profile(response.access()).await.status, StatusCode::OK, "{makes:?}");
                assert_eq!(other.verify(response.access()).await.status, StatusCode::OK, "{makes:?}");
                tokens.push(response.token());
            }
            assert_eq!(previous.jwks().await, this.jwks().await, "{makes:?}");
            for token in &tokens {
                for at in [&previous, &this] {
                    assert_eq!(at.refresh(token).await.status, StatusCode::OK, "{makes:?}, rotated: {rotated}");
                }
            }
        }
        let this = rollout.deploy(Release::Auto).await;
        assert!(tokens.len() == 4, "begun by either release, before and after the rotation");
        for token in &tokens {
            assert_eq!(this.logout(token).await.status, StatusCode::OK);
        }
        assert_eq!(rollout.count("SESSION#").await, 0, "{makes:?}");
    }
}
