//! `POST /auth/refresh` of an app: `{"refresh": …}`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::session::LINK_PACE;
use tests::{
    Stack,
    chain::{confirmed, link, parts},
    client::{Response, cookie_pair, jwt_part},
    fault_proxy::Traffic,
};

use super::login::{log_in, version};

const WINDOW: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_hours(24);
const ALMOST_FIVE_DAYS: Duration = Duration::from_secs(5 * 24 * 3_600 - 1);

/// A refresh that leaves the app's token as it is: its response has no `refresh`, not even an empty one.
fn assert_keeps_its_token(response: &Response, case: &str) {
    assert_eq!(response.status, StatusCode::OK, "{case}: {}", response.body);
    assert!(response.body.get("refresh").is_none(), "{case}: {}", response.body);
    assert!(response.body.get("refresh_expiration").is_none(), "{case}: {}", response.body);
    assert!(response.set_cookies().is_empty(), "{case}");
    assert!(!response.access().is_empty(), "{case}");
}

fn assert_logged_out(response: &Response, case: &str) {
    let refused = (response.status, response.code(), response.set_cookies());
    assert_eq!(refused, (StatusCode::UNAUTHORIZED, "token_not_valid", vec![]), "{case}");
}

#[tokio::test]
async fn an_apps_token_rotates_in_the_body_and_otherwise_the_response_leaves_it_out() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = log_in(&stack, &user, None).await;
    let mut token = logged_in.body_token();
    for rotation in 1..=3 {
        assert_keeps_its_token(&stack.refresh_in_body(&token).await, "inside the window");
        stack.advance(WINDOW);
        let rotated = stack.refresh_in_body(&token).await;
        let successor = rotated.body_token();
        assert_eq!((version(&successor), successor.len()), (4, 120), "{rotation}");
        assert_ne!(successor, token, "{rotation}");
        assert_eq!(rotated.body["refresh_expiration"], (stack.now() + 7 * DAY).to_rfc3339(), "{rotation}");
        assert_eq!(stack.profile(rotated.access()).await.body, logged_in.body["user"], "{rotation}");
        let repeated = stack.refresh_in_body(&token).await;
        assert_eq!(repeated.body_token(), successor, "{rotation}: the response was lost");
        assert_eq!(repeated.body["refresh_expiration"], rotated.body["refresh_expiration"], "{rotation}");
        token = successor;
    }
}

#[tokio::test]
async fn a_spent_token_of_an_app_ends_its_session() {
    let stack = Stack::start().await;
    let spent = log_in(&stack, &stack.kakao.new_user().await, None).await.body_token();
    stack.advance(WINDOW);
    let current = stack.refresh_in_body(&spent).await.body_token();
    stack.advance(WINDOW);
    assert_logged_out(&stack.refresh_in_body(&spent).await, "reuse");
    assert_logged_out(&stack.refresh_in_body(&current).await, "for both");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn an_apps_linked_session_renews_with_its_links_and_keeps_its_token() {
    let stack = Stack::start().await;
    let first = link();
    let logged_in = log_in(&stack, &stack.kakao.new_user().await, Some(&first)).await;
    let (token, mut prev) = (logged_in.body_token(), confirmed(&logged_in).unwrap());
    let ask = async |links: &Value| stack.post("/auth/refresh", &json!({"refresh": token, "link": links})).await;
    let lost = ask(&json!({"next": first})).await;
    assert_keeps_its_token(&lost, "the login's response was lost");
    assert_eq!(confirmed(&lost), Some(prev.clone()));
    for number in 1..=3 {
        stack.advance(LINK_PACE);
        let next = link();
        for case in ["grown", "repeated"] {
            let renewed = ask(&json!({"prev": prev, "next": next})).await;
            assert_keeps_its_token(&renewed, case);
            assert_eq!(parts(&confirmed(&renewed).unwrap()), (number, next.clone()), "{case}");
        }
        let renewed = ask(&json!({"prev": prev, "next": next})).await;
        let before = std::mem::replace(&mut prev, confirmed(&renewed).unwrap());
        if number == 3 {
            stack.advance(LINK_PACE);
            let fork = ask(&json!({"prev": before, "next": link()})).await;
            assert_logged_out(&fork, "two parties hold the links");
            assert_eq!(stack.count("SESSION#").await, 0);
        }
    }
}

#[tokio::test]
async fn an_apps_linked_token_without_its_links_is_a_403_that_names_the_session_and_with_old_ones_a_409() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack, &stack.kakao.new_user().await, Some(&link())).await;
    let token = logged_in.body_token();
    let mut prevs = vec![confirmed(&logged_in).unwrap()];
    for _ in 0..3 {
        stack.advance(LINK_PACE);
        let links = json!({"prev": prevs.last(), "next": link()});
        let renewed = stack.post("/auth/refresh", &json!({"refresh": token, "link": links})).await;
        prevs.push(confirmed(&renewed).unwrap());
    }
    let session = jwt_part(logged_in.access(), 1)["sid"].clone();
    for links in [json!(null), json!({"prev": "made up", "next": link()})] {
        let response = stack.post("/auth/refresh", &json!({"refresh": token, "link": links})).await;
        assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "link_required"), "{links}");
        assert_eq!((&response.body["session"], response.set_cookies()), (&session, vec![]), "{links}");
    }
    let old = json!({"refresh": token, "link": {"prev": prevs[0], "next": link()}});
    let response = stack.post("/auth/refresh", &old).await;
    assert_eq!((response.status, response.code()), (StatusCode::CONFLICT, "link_stale"));
    let links = json!({"prev": prevs.last(), "next": link()});
    assert_keeps_its_token(
        &stack.post("/auth/refresh", &json!({"refresh": token, "link": links})).await,
        "nothing ended",
    );
}

#[tokio::test]
async fn an_app_gets_the_user_if_it_asks() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack, &stack.kakao.new_user().await, None).await;
    let refreshed = stack.post("/auth/refresh", &json!({"refresh": logged_in.body_token(), "user": true})).await;
    assert_eq!(refreshed.body["user"], logged_in.body["user"]);
}

#[tokio::test]
async fn the_cookies_beside_an_apps_refresh_are_neither_used_nor_set_nor_cleared() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let browser = stack.log_in_as(&user).await.token();
    let app = log_in(&stack, &user, None).await.body_token();
    let ask = async |token: &str| {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&browser));
        stack.send(request.json(&json!({"refresh": token}))).await
    };
    stack.advance(WINDOW);
    let rotated = ask(&app).await;
    assert_eq!(version(&rotated.body_token()), 4);
    let before = stack.dump().await;
    stack.logout_in_body(&rotated.body_token()).await;
    for token in [&app, &rotated.body_token(), &format!("{}~", &app[..119])] {
        assert_logged_out(&ask(token).await, "the app is logged out, whatever the browser is");
    }
    assert_eq!(before.len(), stack.dump().await.len() + 1);
    assert_ne!(stack.refresh(&browser).await.token(), browser, "its own refresh was the first to rotate it");
}

#[tokio::test]
async fn a_refresh_token_of_another_type_is_a_400_and_null_is_none() {
    let stack = Stack::start().await;
    let browser = stack.log_in().await.token();
    let ask = async |refresh: &Value| {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&browser));
        stack.send(request.json(&json!({"refresh": refresh}))).await
    };
    for refresh in [json!(5), json!(true), json!([]), json!({}), json!([browser])] {
        let response = ask(&refresh).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{refresh}");
    }
    for refresh in [json!(null), json!("")] {
        assert_eq!(ask(&refresh).await.status, StatusCode::OK, "{refresh}");
        let alone = stack.post("/auth/refresh", &json!({"refresh": refresh})).await;
        assert_logged_out(&alone, "there is no session");
    }
}

#[tokio::test]
async fn an_app_is_logged_out_when_its_session_has_expired_or_reached_its_end() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let idle = log_in(&stack, &user, None).await.body_token();
    let mut renewed = log_in(&stack, &user, None).await.body_token();
    for _ in 0..6 {
        stack.advance(ALMOST_FIVE_DAYS);
        renewed = stack.refresh_in_body(&renewed).await.body_token();
    }
    assert_logged_out(&stack.refresh_in_body(&idle).await, "seven days");
    stack.advance(Duration::from_secs(6));
    let _ = stack.table_proxy.take_traffic();
    assert_logged_out(&stack.refresh_in_body(&renewed).await, "thirty days");
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
}
