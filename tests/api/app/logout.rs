//! `POST /auth/logout` of an app: `{"refresh": …}`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Stack,
    chain::{confirmed, link},
    client::{Response, cookie_pair},
};

use super::login::log_in;

const WINDOW: Duration = Duration::from_secs(30);

/// A successful logout, which never touches a cookie.
fn assert_done(response: &Response, case: &str) {
    assert_eq!(response.status, StatusCode::OK, "{case}: {}", response.body);
    assert_eq!(response.body, json!({"detail": "Successfully logged out."}), "{case}");
    assert!(response.set_cookies().is_empty(), "{case}");
}

/// A login of this app, with the body of its requests.
async fn app(stack: &Stack, user: &str, linked: bool) -> (String, Value) {
    let link = linked.then(link);
    let response = log_in(stack, user, link.as_deref()).await;
    let mut body = json!({"refresh": response.body_token()});
    if let Some(confirmed) = confirmed(&response) {
        body["link"] = json!({"prev": confirmed, "next": tests::chain::link()});
    }
    (response.access().to_owned(), body)
}

async fn is_alive(stack: &Stack, access: &str) -> bool {
    stack.profile(access).await.status == StatusCode::OK
}

#[tokio::test]
async fn an_app_ends_its_session_by_its_token_alone_and_no_cookies_session() {
    let stack = Stack::start().await;
    for linked in [false, true] {
        let user = stack.kakao.new_user().await;
        let browser = stack.log_in_as(&user).await;
        let ((here, body), (there, _)) = (app(&stack, &user, linked).await, app(&stack, &user, linked).await);
        for case in ["the first time", "again"] {
            let request = stack.request(Method::POST, "/auth/logout").header("cookie", cookie_pair(&browser.token()));
            let response = stack.send(request.json(&json!({"refresh": body["refresh"]}))).await;
            assert_done(&response, case);
            assert!(!is_alive(&stack, &here).await, "{case}");
            assert!(is_alive(&stack, &there).await && is_alive(&stack, browser.access()).await, "{case}");
        }
        assert_eq!(stack.post("/auth/refresh", &body).await.status, StatusCode::UNAUTHORIZED, "linked: {linked}");
    }
}

#[tokio::test]
async fn an_app_logs_out_everywhere_or_everywhere_else() {
    let stack = Stack::start().await;
    for linked in [false, true] {
        let user = stack.kakao.new_user().await;
        let browser = stack.log_in_as(&user).await;
        let ((here, body), (there, _)) = (app(&stack, &user, linked).await, app(&stack, &user, linked).await);
        assert_done(&stack.post("/auth/logout?scope=others", &body).await, "others");
        assert!(is_alive(&stack, &here).await, "linked: {linked}");
        assert!(!is_alive(&stack, &there).await && !is_alive(&stack, browser.access()).await, "linked: {linked}");

        let browser = stack.log_in_as(&user).await;
        assert_done(&stack.post("/auth/logout?scope=all", &body).await, "all");
        assert!(!is_alive(&stack, &here).await && !is_alive(&stack, browser.access()).await, "linked: {linked}");
    }
}

#[tokio::test]
async fn without_a_living_session_an_app_cannot_log_out_the_others_and_no_cookie_is_cleared() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let browser = stack.log_in_as(&user).await;
    let (_, ended) = app(&stack, &user, false).await;
    stack.post("/auth/logout", &ended).await;
    let (_, spent) = app(&stack, &user, false).await;
    stack.advance(WINDOW);
    assert_eq!(stack.post("/auth/refresh", &spent).await.status, StatusCode::OK);
    stack.advance(WINDOW);
    let garbage = json!({"refresh": format!("BA{}", "x".repeat(118))});
    for (case, body) in [("ended", ended), ("spent", spent), ("garbage", garbage)] {
        let request = stack.request(Method::POST, "/auth/logout?scope=others");
        let response = stack.send(request.header("cookie", cookie_pair(&browser.token())).json(&body)).await;
        let expected = (StatusCode::UNAUTHORIZED, "token_not_valid", vec![]);
        assert_eq!((response.status, response.code(), response.set_cookies()), expected, "{case}");
        assert!(is_alive(&stack, browser.access()).await, "{case}");
    }
}

#[tokio::test]
async fn an_apps_linked_token_logs_out_others_only_with_its_links() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let ((here, body), (there, _)) = (app(&stack, &user, true).await, app(&stack, &user, true).await);
    for scope in ["all", "others"] {
        let path = format!("/auth/logout?scope={scope}");
        let response = stack.post(&path, &json!({"refresh": body["refresh"]})).await;
        assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "link_required"), "{scope}");
    }
    assert!(is_alive(&stack, &here).await && is_alive(&stack, &there).await);
}

#[tokio::test]
async fn a_logout_ignores_a_token_of_another_type_or_server() {
    let stack = Stack::start().await;
    let browser = stack.log_in().await;
    for refresh in [json!(5), json!([]), json!({}), json!(null), json!("eyJhbGciOiJIUzI1NiJ9.e30.x")] {
        assert_done(&stack.post("/auth/logout", &json!({"refresh": refresh})).await, &refresh.to_string());
    }
    let request = stack.request(Method::POST, "/auth/logout").header("cookie", cookie_pair(&browser.token()));
    let response = stack.send(request.json(&json!({"refresh": "eyJhbGciOiJIUzI1NiJ9.e30.x"}))).await;
    assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, Some("")), "the cookie decides");
    assert!(!is_alive(&stack, browser.access()).await);
}

#[tokio::test]
async fn an_apps_logout_during_an_outage_succeeds_and_is_reported() {
    let stack = Stack::start().await;
    let (_, body) = app(&stack, &stack.kakao.new_user().await, false).await;
    stack.table_proxy.fail(tests::fault_proxy::Fault::Down);
    assert_done(&stack.post("/auth/logout", &body).await, "the app forgets its token");
}
