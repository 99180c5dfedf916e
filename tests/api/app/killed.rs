//! Apps that are killed between any two steps of a login or a refresh, by phones whose requests get lost or arrive twice.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use shared::session::LINK_PACE;
use tests::{
    Stack,
    client::jwt_part,
    phone::{Network, Phone, Step},
};

use crate::login::redemption::{KINDS, login_of};

const WINDOW: Duration = Duration::from_secs(30);
/// How long the app stays away after it was killed.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), WINDOW, Duration::from_hours(1)];

/// Before each step, and after the last.
fn kills() -> impl Iterator<Item = Option<Step>> {
    Step::ALL.into_iter().map(Some).chain([None])
}

async fn logged_in(stack: &Stack, is_linked: bool) -> (Phone, String) {
    let credential = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await});
    let mut phone = Phone::default();
    let response = phone.log_in(stack, &credential, is_linked, Network::Works, None).await.unwrap();
    assert!(phone.is_logged_in(), "{}", response.body);
    (phone, session(response.access()))
}

fn session(access: &str) -> String {
    jwt_part(access, 1)["sid"].as_str().unwrap().to_owned()
}

/// One session lives through all of it.
#[tokio::test]
async fn an_app_with_links_that_is_killed_between_any_two_steps_twice_in_a_row_keeps_its_session() {
    let stack = Stack::start().await;
    let (mut phone, own) = logged_in(&stack, true).await;
    let pairs = || kills().flat_map(|first| kills().map(move |second| (first, second)));
    for (network, shift) in Network::ALL.into_iter().zip(0..) {
        for ((first, second), case) in pairs().zip(shift..) {
            let pause = PAUSES[case % PAUSES.len()];
            stack.advance(LINK_PACE);
            phone.refresh(&stack, network, first).await;
            stack.advance(pause);
            phone.refresh(&stack, network, second).await;
            stack.advance(pause);
            let case = format!("{network:?} {pause:?} {first:?} {second:?}");
            let response = phone.refresh(&stack, Network::Works, None).await.unwrap();
            assert_eq!(response.status, StatusCode::OK, "{case}: {}", response.body);
            assert_eq!(session(response.access()), own, "{case}");
        }
    }
    assert_eq!(stack.count("SESSION#").await, 1);
}

/// An app without links is logged out if it was killed before it stored its new token, and came back after the rotation window.
#[tokio::test]
async fn an_app_without_links_loses_its_session_only_if_a_new_token_is_not_stored_within_the_window() {
    let stack = Stack::start().await;
    for network in Network::ALL {
        for pause in PAUSES {
            for killed_before in kills() {
                let (mut phone, own) = logged_in(&stack, false).await;
                stack.advance(WINDOW);
                phone.refresh(&stack, network, killed_before).await;
                stack.advance(pause);
                let rotated = network.delivers() && killed_before.is_none_or(|killed| killed > Step::Send);
                let stored = network.responds() && killed_before.is_none();
                let expected = !rotated || stored || pause < WINDOW;
                let case = format!("{network:?} {pause:?} {killed_before:?}");
                let response = phone.refresh(&stack, Network::Works, None).await.unwrap();
                assert_eq!(response.status == StatusCode::OK, expected, "{case}: {}", response.body);
                assert_eq!(phone.is_logged_in(), expected, "{case}");
                if expected {
                    assert_eq!(session(response.access()), own, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_app_that_is_killed_during_its_login_gets_the_same_session_by_repeating_it() {
    let stack = Stack::start().await;
    for (kind, is_linked) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        for network in [Network::Works, Network::LosesRequest, Network::LosesResponse] {
            for killed_before in kills() {
                let sessions = stack.count("SESSION#").await;
                let credential = login_of(&stack, &stack.kakao.new_user().await, kind).await;
                let mut phone = Phone::default();
                phone.log_in(&stack, &credential, is_linked, network, killed_before).await;
                stack.advance(Duration::from_secs(20));
                let case = format!("{kind:?} {is_linked} {network:?} {killed_before:?}");
                if !phone.is_logged_in() {
                    let again = phone.log_in(&stack, &credential, is_linked, Network::Works, None).await.unwrap();
                    assert_eq!(again.status, StatusCode::OK, "{case}: {}", again.body);
                }
                assert_eq!(stack.count("SESSION#").await, sessions + 1, "{case}");
                let refreshed = phone.refresh(&stack, Network::Works, None).await.unwrap();
                assert_eq!(refreshed.status, StatusCode::OK, "{case}: {}", refreshed.body);
            }
        }
    }
}
