//! `GET /auth/kakao/callback`: the redirect from Kakao, and on to the page with a session.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{CALLBACK_URI, Credential, ORIGIN, Settings, Stack};

use super::visitor::{Visitor, assert_failed, choose, hosted, location, parameter};
use crate::recorder::{Log, line_of};

#[tokio::test]
async fn a_visitor_comes_back_to_their_page_with_a_session() {
    let log = Log::start();
    for (same_site, attribute) in
        [("Strict", "SameSite=Strict"), ("Lax", "SameSite=Lax"), ("None", "SameSite=None; Partitioned")]
    {
        let environment = [("CALLBACK_URI", CALLBACK_URI), ("COOKIE_SAMESITE", same_site)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
        let user = stack.kakao.user(&json!({"nickname": "라이언"})).await;
        let response = Visitor::default().log_in(&stack, &user, "/shop%3Fitem=7%23reviews").await;
        let expected = format!("{ORIGIN}/shop?item=7#reviews");
        assert_eq!(location(&response).as_str(), expected, "no token and no code is in the address");
        assert_eq!((&response.body, response.headers.get("content-type")), (&json!(null), None));
        assert_eq!(response.headers["referrer-policy"], "no-referrer", "the code is not in Referer");
        let attributes = format!("; Max-Age=604800; Path=/; Secure; HttpOnly; {attribute}");
        assert!(response.set_cookie().ends_with(&attributes), "{}", response.set_cookie());
        let line = line_of(&log, &response);
        assert_eq!((&line["outcome"], &line["http_status"]), (&json!("logged_in"), &json!(303)));
        let refreshed = stack.refresh_with_user(&response.token()).await;
        assert_eq!(refreshed.body["user"]["nickname"], "라이언");
        assert_eq!(stack.profile(refreshed.access()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_addresses_of_allauth_log_in_too() {
    let callback_uri = format!("{ORIGIN}/accounts/kakao/login/callback/");
    for path in ["/accounts/kakao/login/callback/", "/accounts/kakao/login/callback", "/auth/kakao/callback/"] {
        // The stand-in knows one callback. Which of the paths it is makes no difference to the function.
        let stack = hosted().await;
        let mut visitor = Visitor::default();
        let page = visitor.begin(&stack, "?next=/").await;
        let mut callback = choose(&page, &stack.kakao.new_user().await).await;
        callback.set_path(path);
        assert_eq!(stack.refresh(&visitor.finish(&stack, &callback).await.token()).await.status, 200, "{path}");
    }
    let stack = Stack::with_setting("CALLBACK_URI", &callback_uri).await;
    let page = Visitor::default().begin(&stack, "").await;
    assert_eq!(parameter(&page, "redirect_uri"), callback_uri);
}

#[tokio::test]
async fn any_number_of_tabs_can_log_in_at_once_in_any_order() {
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let mut visitor = Visitor::default();
    let mut callbacks = Vec::new();
    for number in 0..8 {
        let page = visitor.begin(&stack, &format!("?next=/{number}")).await;
        callbacks.push((number, choose(&page, &user).await));
    }
    for (number, callback) in callbacks.iter().rev() {
        // A Strict cookie does not come with Kakao's redirect.
        visitor.session.clear();
        let response = visitor.finish(&stack, callback).await;
        assert_eq!(location(&response).as_str(), format!("{ORIGIN}/{number}"));
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
    }
    assert_eq!(stack.count("SESSION#").await, 8);
}

#[tokio::test]
async fn the_browsers_previous_session_ends_if_its_cookie_comes_along() {
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let mut visitor = Visitor::default();
    let first = visitor.log_in(&stack, &user, "/").await.token();
    let second = visitor.log_in(&stack, &user, "/").await.token();
    assert_eq!(stack.refresh(&first).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.refresh(&second).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_reload_within_thirty_seconds_is_the_same_session_and_a_later_one_ends_nothing() {
    let log = Log::start();
    let stack = hosted().await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&stack, "?next=/shop").await;
    let callback = choose(&page, &stack.kakao.new_user().await).await;
    let first = visitor.finish(&stack, &callback).await;
    stack.advance(Duration::from_secs(29));
    for session in [String::new(), first.token()] {
        visitor.session = session;
        let again = visitor.finish(&stack, &callback).await;
        assert_eq!((location(&again), again.token()), (location(&first), first.token()));
        assert_eq!(line_of(&log, &again)["outcome"], "logged_in_again");
    }
    stack.advance(Duration::from_secs(1));
    assert_failed(&visitor.finish(&stack, &callback).await, "/shop", "rejected", "later");
    assert_eq!((stack.count("SESSION#").await, stack.refresh(&first.token()).await.status), (1, StatusCode::OK));
}

/// A page can choose neither the credential of a hosted login nor its binding, so the settings about them do not apply.
#[tokio::test]
async fn a_hosted_login_works_whatever_pages_may_send_and_no_page_can_redeem_its_code() {
    let environment = [("CALLBACK_URI", CALLBACK_URI), ("CREDENTIALS", "code"), ("COMPATIBILITY", "dj-rest-auth")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let without_codes = stack.with_other_setting("CREDENTIALS", "id_token").await;
    let user = stack.kakao.new_user().await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&without_codes, "?next=/").await;
    let callback = choose(&page, &user).await;
    let body = json!({
        "code": parameter(&callback, "code"), "redirect_uri": CALLBACK_URI, "code_verifier": "a".repeat(43), "nonce": "x",
    });
    let posted = stack.login(&body).await;
    assert_eq!(posted.body["detail"], "`redirect_uri` is not one of this app's.");
    let response = visitor.finish(&without_codes, &callback).await;
    assert_eq!(
        stack.refresh(&response.token()).await.status,
        StatusCode::OK,
        "also in compatibility mode it is a cookie"
    );
}

#[tokio::test]
async fn the_session_rotates_and_is_in_the_list_of_devices_like_any_other() {
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let hosted = Visitor::default().log_in(&stack, &user, "/").await.token();
    let posted = stack.login(&stack.kakao.credential(&user, Credential::Code).await).await;
    let list = stack.sessions(posted.access()).await;
    assert_eq!(list.body["sessions"].as_array().map(Vec::len), Some(2), "{}", list.body);
    stack.advance(Duration::from_secs(31));
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", tests::client::cookie_pair(&hosted));
    let rotated = stack.send(request.json(&json!({"link": Value::Null}))).await;
    assert!(rotated.status == StatusCode::OK && rotated.token() != hosted);
}
