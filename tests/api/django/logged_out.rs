//! A logout and a login spend the tokens from Django that they present.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::{clock::Timestamp, id::UserId, simplejwt::SimplejwtId, store::Spent};
use tests::{
    ORIGIN, Stack,
    client::{cookie_pair, jwt_part},
    django::django_pair,
    fault_proxy::Fault,
};

use super::once::{assert_logged_out, exchange};
use crate::recorder::{Log, line_of, lines_with};

const LOGOUT: &str = "/dj-rest-auth/logout/";

#[tokio::test]
async fn a_token_that_was_logged_out_starts_no_session_and_its_cookie_is_cleared() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let logged_out = stack.send(stack.with_django_cookie(LOGOUT, &token)).await;
    assert_eq!(logged_out.status, StatusCode::OK);
    assert_eq!(logged_out.set_cookie(), "refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(line_of(&log, &logged_out)["outcome"], "logged_out");
    assert_logged_out(&exchange(&stack, &token).await, "logged out");
    let again = stack.send(stack.with_django_cookie(LOGOUT, &token)).await;
    assert_eq!((again.status, &line_of(&log, &again)["outcome"]), (StatusCode::OK, &json!("no_session")));
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_logout_ends_the_session_that_the_token_has_started() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let session = exchange(&stack, &token).await.token();
    // The response to the exchange was lost, so the browser still has Django's cookie only.
    stack.send(stack.with_django_cookie(LOGOUT, &token)).await;
    assert_logged_out(&stack.refresh(&session).await, "logged out");
    assert_logged_out(&exchange(&stack, &token).await, "logged out");
}

#[tokio::test]
async fn a_logout_with_the_session_alone_is_enough_and_djangos_token_does_not_start_it_again() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let session = exchange(&stack, &token).await.token();
    stack.logout(&session).await;
    assert_logged_out(&exchange(&stack, &token).await, "logged out");
}

#[tokio::test]
async fn a_token_in_the_body_is_spent_too() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let request = stack.request(Method::POST, LOGOUT).header("origin", ORIGIN).json(&json!({"refresh": token}));
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
    assert_logged_out(&exchange(&stack, &token).await, "logged out");
}

/// A token of ours in the body is another client's than the cookies.
#[tokio::test]
async fn an_apps_logout_leaves_djangos_cookie_alone() {
    let stack = Stack::from_django().await;
    let [app, browser] = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17)];
    let app = stack.post("/api/token/refresh/", &json!({"refresh": app})).await.body_token();
    let request = stack.with_django_cookie(LOGOUT, &browser).json(&json!({"refresh": app}));
    assert_eq!(stack.send(request).await.set_cookies().len(), 0);
    assert_eq!(exchange(&stack, &browser).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_spent_token_that_logs_out_is_reported() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    for path in [LOGOUT, "/auth/kakao"] {
        let token = if path == LOGOUT { token.clone() } else { stack.django_token(17) };
        let session = exchange(&stack, &token).await.token();
        stack.advance(Duration::from_secs(30));
        assert_eq!(stack.refresh(&session).await.status, StatusCode::OK);
        let credential = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await});
        let response = stack.send(stack.with_django_cookie(path, &token).json(&credential)).await;
        assert_eq!(line_of(&log, &response)["refresh_reuse"], true, "{path}");
    }
    assert_eq!(stack.count("SESSION#").await, 1, "that of the login");
}

#[tokio::test]
async fn a_login_spends_djangos_cookie_and_clears_it() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let credential = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await});
    let logged_in = stack.send(stack.with_django_cookie("/dj-rest-auth/kakao/", &token).json(&credential)).await;
    let [cleared, set] = logged_in.set_cookies()[..] else { panic!("{:?}", logged_in.set_cookies()) };
    assert!(cleared.starts_with("refresh_token=; Max-Age=0") && set.starts_with("__Host-Http-refresh_token=A"));
    assert_logged_out(&exchange(&stack, &token).await, "another user has logged in with this browser");
}

#[tokio::test]
async fn an_imported_user_who_logs_in_keeps_the_number() {
    let stack = Stack::from_django().await;
    let user = stack.kakao.user(&json!({"id": 1_700_000_001})).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let credential = json!({"access_token": stack.kakao.token(&user).await});
    let logged_in = stack.send(stack.with_django_cookie("/auth/kakao", &token).json(&credential)).await;
    assert_eq!(
        (&logged_in.body["user"]["pk"], jwt_part(logged_in.access(), 1)["sub"].as_str()),
        (&json!(17), Some("17"))
    );
    assert_logged_out(&exchange(&stack, &token).await, "spent by the login");
    assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::OK);
}

/// A login that fails leaves the browser as it was.
#[tokio::test]
async fn a_login_that_is_refused_spends_nothing() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let request = stack.with_django_cookie("/auth/kakao", &token).json(&json!({"access_token": "unknown"}));
    let refused = stack.send(request).await;
    assert_eq!((refused.code(), refused.set_cookies().len()), ("kakao_rejected", 0));
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
}

/// The login has succeeded by then.
#[tokio::test]
async fn a_login_succeeds_although_djangos_key_is_missing_which_is_logged() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    stack.delete_keys(shared::keys::Document::Django).await;
    let credential = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await});
    let logged_in = stack.send(stack.with_django_cookie("/auth/kakao", &token).json(&credential)).await;
    assert_eq!(logged_in.status, StatusCode::OK, "{}", logged_in.body);
    assert!(lines_with(&log, "django_token_stays").iter().any(|line| line["level"] == "ERROR"));
}

#[tokio::test]
async fn a_logout_always_succeeds_and_clears_djangos_cookie_although_the_table_is_down() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    assert_eq!(exchange(&stack, &stack.django_token(17)).await.status, StatusCode::OK);
    stack.table_proxy.fail(Fault::Down);
    let logged_out = stack.send(stack.with_django_cookie(LOGOUT, &token)).await;
    assert_eq!(logged_out.status, StatusCode::OK, "{}", logged_out.body);
    assert!(logged_out.set_cookie().starts_with("refresh_token=; Max-Age=0"), "{}", logged_out.set_cookie());
}

/// Not even one that was given out before the session of the same browser.
#[tokio::test]
async fn both_cookies_of_a_browser_are_logged_out_together() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let ours = stack.log_in().await.token();
    let cookies = format!("{}; {}", cookie_pair(&ours), django_pair(&token));
    let logged_out = stack.send(stack.request(Method::POST, LOGOUT).header("cookie", cookies)).await;
    assert_eq!(logged_out.set_cookies().len(), 3, "{:?}", logged_out.set_cookies());
    assert_logged_out(&exchange(&stack, &token).await, "Django's");
    assert_logged_out(&stack.refresh(&ours).await, "ours");
}

/// An import names the tokens that Django had revoked. It may be repeated, and come after somebody has used one of them.
#[tokio::test]
async fn tokens_that_django_had_revoked_start_no_session_and_what_one_has_started_ends() {
    let stack = Stack::from_django().await;
    let tokens = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17), stack.django_token(17)];
    let revoked: Vec<_> = tokens[..2]
        .iter()
        .map(|token| {
            let claims = jwt_part(token, 1);
            let expires_at = Timestamp::from_unix_seconds(claims["exp"].as_i64().unwrap());
            (SimplejwtId::of_jti(claims["jti"].as_str().unwrap()).unwrap(), expires_at)
        })
        .collect();
    let started = exchange(&stack, &tokens[0]).await.token();
    let spend = async || stack.operators_store().spend_all_carried(&revoked, stack.now()).await.unwrap();
    let user = UserId::from_number(17).unwrap();
    let [Spent::WithSession(of, Some(_)), Spent::Now] = spend().await[..] else { panic!("the first was exchanged") };
    assert_eq!((of, spend().await), (user, vec![Spent::WithSession(user, None), Spent::Before]), "again");
    assert_logged_out(&stack.refresh(&started).await, "its token was revoked");
    for token in &tokens[..2] {
        assert_logged_out(&exchange(&stack, token).await, "revoked at Django");
    }
    assert_eq!(exchange(&stack, &tokens[2]).await.status, StatusCode::OK, "another one of the same user");
}
