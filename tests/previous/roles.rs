//! Roles and disabled people, of which the release before knows nothing.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{Chain, Settings, client::jwt_part};

use crate::rollout::{Release, Rollout};

/// After so long a session of either kind is renewed.
const WINDOW: Duration = Duration::from_secs(31);

/// Sets attributes of all items of a kind.
async fn set(rollout: &Rollout, kind: &str, attributes: &[(&str, AttributeValue)]) {
    let mut items = rollout.dump().await;
    items.retain(|item| item["sk"].as_s().unwrap().starts_with(kind));
    assert!(!items.is_empty(), "{kind}");
    for item in &mut items {
        item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    rollout.restore(&items).await;
}

/// Gives roles to everybody, as an operator does.
async fn give_roles(rollout: &Rollout, roles: &Value) {
    for kind in ["PROFILE", "IDENTITY", "SESSION#"] {
        set(rollout, kind, &[("roles", AttributeValue::S(roles.to_string()))]).await;
    }
}

fn roles(access: &str) -> Value {
    jwt_part(access, 1)["roles"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_missing_in_tokens_of_the_previous_release_and_come_back_with_this_one() {
    let rollout = Rollout::start().await;
    let (previous, this) = (rollout.deploy(Release::Previous).await, rollout.deploy(Release::Auto).await);
    let user = rollout.kakao.new_user().await;
    let mut token = this.login(&rollout.kakao.code_body(&user).await).await.token();
    let mut chain = Chain::begun(&this.login_with_link(&rollout.kakao.code_body(&user).await).await);
    give_roles(&rollout, &json!(["staff"])).await;
    // Answers that did not renew it, by the limit of this release.
    set(&rollout, "SESSION#", &[("answers", AttributeValue::N("3".to_owned()))]).await;
    for (at, expected) in
        [(&this, json!(["staff"])), (&previous, Value::Null), (&previous, Value::Null), (&this, json!(["staff"]))]
    {
        // Inside of the window, and after it.
        for time in [Duration::ZERO, WINDOW] {
            rollout.pass(time).await;
            let rotated = at.refresh_with_user(&token).await;
            assert_eq!((rotated.status, roles(rotated.access())), (StatusCode::OK, expected.clone()), "{time:?}");
            token = rotated.cookie.clone().unwrap_or(token);
            let renewed = chain.renew(at).await;
            assert_eq!((renewed.status, roles(&chain.access)), (StatusCode::OK, expected.clone()), "{time:?}");
        }
    }
    // A login at the previous release knows none, and its session gets none before it logs in again.
    let login = previous.login(&rollout.kakao.code_body(&user).await).await;
    assert_eq!((login.status, roles(login.access())), (StatusCode::OK, Value::Null));
    assert_eq!(roles(this.refresh(&login.token()).await.access()), Value::Null);
    let again = this.login(&rollout.kakao.code_body(&user).await).await;
    assert_eq!(roles(again.access()), json!(["staff"]), "the previous release left them on the person");
}

/// Until the release before is gone, roles have to stay short. A signature of RS256 is 256 characters longer than one of ES256, with
/// which a token of all roles fits if issuer and audience are short.
#[tokio::test(flavor = "multi_thread")]
async fn the_previous_release_refuses_a_token_that_long_roles_make_too_long_for_it() {
    let environment = [("SIGNING_ALGORITHM".to_owned(), "RS256".to_owned())].into();
    let rollout = Rollout::with(Settings { environment, ..Settings::default() }).await;
    let (previous, this) = (rollout.deploy(Release::Previous).await, rollout.deploy(Release::Auto).await);
    let user = rollout.kakao.new_user().await;
    let token = this.login(&rollout.kakao.code_body(&user).await).await.token();
    for (size, accepted) in [(700, StatusCode::OK), (1_024, StatusCode::UNAUTHORIZED)] {
        // Of 60 characters each, with quotes and a comma.
        let names: Vec<String> = (0..size / 63).map(|number| format!("{:r<58}{number:02}", "")).collect();
        give_roles(&rollout, &json!(names)).await;
        let access = this.refresh(&token).await.access().to_owned();
        assert_eq!(roles(&access), json!(names), "{size}");
        for at in [previous.profile(&access).await, previous.sessions(&access).await, previous.verify(&access).await] {
            assert_eq!(at.status, accepted, "{size}, a token of {}: {}", access.len(), at.body);
        }
        for at in [this.profile(&access).await, this.sessions(&access).await, this.verify(&access).await] {
            assert_eq!(at.status, StatusCode::OK, "{size}: {}", at.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_person_gets_in_at_the_previous_release_only() {
    let rollout = Rollout::start().await;
    let (previous, this) = (rollout.deploy(Release::Previous).await, rollout.deploy(Release::Auto).await);
    let user = rollout.kakao.new_user().await;
    assert_eq!(this.login(&rollout.kakao.code_body(&user).await).await.status, StatusCode::OK);
    for kind in ["PROFILE", "IDENTITY"] {
        set(&rollout, kind, &[("disabled_at", AttributeValue::N("1700000000".to_owned()))]).await;
    }
    assert_eq!(previous.login(&rollout.kakao.code_body(&user).await).await.status, StatusCode::OK);
    let refused = this.login(&rollout.kakao.code_body(&user).await).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "account_disabled"));
}
