//! `DELETE /auth/account` needs a login at Kakao's page that is less than ten minutes old.

use std::time::Duration;

use local::table::Item;
use reqwest::StatusCode;
use serde_json::json;
use tests::{Stack, client::Response};

/// The items of the user who got this response.
fn items_of<'a>(dump: &'a [Item], logged_in: &'a Response) -> impl Iterator<Item = &'a Item> {
    let pk = format!("USER#{}", logged_in.body["user"]["pk"].as_str().unwrap());
    dump.iter().filter(move |item| item["pk"].as_s().is_ok_and(|found| *found == pk))
}

async fn assert_refused(stack: &Stack, access: &str, why: &str) {
    let before = stack.dump().await;
    let response = stack.delete_account(access).await;
    assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "login_required"), "{why}");
    assert_eq!(stack.dump().await, before, "{why}");
}

#[tokio::test]
async fn a_login_by_access_token_does_not_suffice() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_as(&user).await;
    assert_refused(&stack, logged_in.access(), "an access token does not say when the user was at Kakao").await;
    let at_kakao = stack.log_in_at_kakao(&user).await;
    assert_eq!(stack.delete_account(at_kakao.access()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_session_that_began_ten_minutes_ago_is_too_old_however_often_it_is_refreshed() {
    let stack = Stack::start().await;
    for (age, expected) in [(599, StatusCode::ACCEPTED), (600, StatusCode::FORBIDDEN)] {
        let logged_in = stack.log_in_at_kakao(&stack.kakao.new_user().await).await;
        stack.advance(Duration::from_secs(age));
        let refreshed = stack.refresh(&logged_in.token()).await;
        assert_eq!(stack.delete_account(refreshed.access()).await.status, expected, "{age} s");
    }
}

#[tokio::test]
async fn a_new_session_of_somebody_who_was_at_kakao_ten_minutes_ago_does_not_suffice() {
    let stack = Stack::start().await;
    for (claims, why) in [
        (json!({"/auth_time": (stack.now().unix_seconds() - 600).to_string()}), "ten minutes ago"),
        (json!({"/auth_time": (stack.now().unix_seconds() + 600).to_string()}), "in ten minutes"),
        (json!({"/auth_time": "null"}), "unknown"),
    ] {
        let user = stack.kakao.new_user().await;
        let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "claims": claims})).await;
        let logged_in = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
        assert_refused(&stack, logged_in.access(), why).await;
    }
    let user = stack.kakao.new_user().await;
    let claims = json!({"/auth_time": (stack.now().unix_seconds() - 599).to_string()});
    let token = stack.kakao.id_token(&user, &json!({"nonce": "n", "claims": claims})).await;
    let logged_in = stack.login(&json!({"id_token": token, "nonce": "n"})).await;
    assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::ACCEPTED);
}

/// Profiles of earlier releases do not name the person at Kakao, whom the deletion has to unlink.
#[tokio::test]
async fn a_profile_of_an_earlier_release_needs_a_login() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_at_kakao(&user).await;
    let dump = stack.dump().await;
    let mut profile = items_of(&dump, &logged_in).find(|item| item.contains_key("kakao_id")).unwrap().clone();
    profile.remove("kakao_id");
    stack.restore(&[profile]).await;
    assert_refused(&stack, logged_in.access(), "kakao_id").await;
    let again = stack.log_in_at_kakao(&user).await;
    assert_eq!(stack.delete_account(again.access()).await.status, StatusCode::ACCEPTED);
}
