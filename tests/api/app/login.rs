//! `POST /auth/kakao` of an app: `{"transport": "body"}`.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Credential, ORIGIN, Settings, Stack,
    chain::{confirmed, link, parts},
    client::{Response, cookie_pair},
};

use crate::login::redemption::{KINDS, login_of};

const CREDENTIALS: [Credential; 3] = [Credential::AccessToken, Credential::Code, Credential::IdToken];
const DAY: Duration = Duration::from_hours(24);

/// The body of an app's login, with a link if it has one.
pub(crate) fn of_app(credential: &Value, link: Option<&str>) -> Value {
    let mut body = credential.clone();
    body["transport"] = json!("body");
    if let Some(link) = link {
        body["link"] = json!(link);
    }
    body
}

/// The version of a refresh token.
pub(crate) fn version(token: &str) -> u8 {
    BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()[0]
}

/// Logs this user in by an app.
pub(crate) async fn log_in(stack: &Stack, user: &str, link: Option<&str>) -> Response {
    let credential = json!({"access_token": stack.kakao.token(user).await});
    let response = stack.login(&of_app(&credential, link)).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    response
}

fn used_before(response: &Response) -> bool {
    let refused = (response.status, response.code(), response.cookie.as_deref());
    refused == (StatusCode::BAD_REQUEST, "kakao_rejected", None)
}

#[tokio::test]
async fn an_apps_login_has_its_refresh_token_in_the_body_and_sets_no_cookie() {
    let stack = Stack::start().await;
    for kind in CREDENTIALS {
        for link in [None, Some(link())] {
            let user = stack.kakao.new_user().await;
            for case in ["a first login", "a known user's"] {
                let credential = stack.kakao.credential(&user, kind).await;
                let response = stack.login(&of_app(&credential, link.as_deref())).await;
                assert_eq!(response.status, StatusCode::OK, "{kind:?} {case}: {}", response.body);
                let token = response.body_token();
                let (expected, life) = if link.is_some() { (5, 30 * DAY) } else { (4, 7 * DAY) };
                assert_eq!((token.len(), version(&token)), (120, expected), "{kind:?} {case}");
                assert_eq!(response.body["refresh_expiration"], (stack.now() + life).to_rfc3339(), "{kind:?} {case}");
                let confirmed = confirmed(&response).map(|confirmed| parts(&confirmed));
                assert_eq!(confirmed, link.clone().map(|link| (0, link)), "{kind:?} {case}");

                let by_cookie = stack.log_in_as(&user).await;
                let members = |body: &Value| -> Vec<String> {
                    let members = body.as_object().unwrap().keys();
                    members.filter(|name| !["link", "refresh_expiration"].contains(&name.as_str())).cloned().collect()
                };
                assert_eq!(members(&response.body), members(&by_cookie.body), "otherwise as for a browser");
                assert_eq!(response.body["user"], by_cookie.body["user"]);
                assert_eq!(stack.profile(response.access()).await.body, response.body["user"]);
            }
        }
    }
}

#[tokio::test]
async fn an_app_that_repeats_its_login_gets_the_same_session_and_by_cookie_it_gets_none() {
    let stack = Stack::start().await;
    for kind in KINDS {
        for link in [None, Some(link())] {
            let credential = login_of(&stack, &stack.kakao.new_user().await, kind).await;
            let body = of_app(&credential, link.as_deref());
            let first = stack.login(&body).await;
            stack.advance(Duration::from_secs(20));
            let again = stack.login(&body).await;
            assert_eq!(again.body_token(), first.body_token(), "{kind:?}");
            assert_eq!(confirmed(&again), confirmed(&first), "{kind:?}");

            for transport in [json!("cookie"), json!(null)] {
                let mut by_cookie = body.clone();
                by_cookie["transport"] = transport;
                assert!(used_before(&stack.login(&by_cookie).await), "{kind:?}");
            }
        }
    }
}

/// Nobody turns the login of a browser into a token that a program can read.
#[tokio::test]
async fn a_browsers_login_that_an_app_repeats_was_used_before() {
    let stack = Stack::start().await;
    for kind in KINDS {
        for link in [None, Some(link())] {
            let credential = login_of(&stack, &stack.kakao.new_user().await, kind).await;
            let mut body = of_app(&credential, link.as_deref());
            body["transport"] = json!("cookie");
            let first = stack.login(&body).await;
            assert_eq!(first.status, StatusCode::OK, "{}", first.body);
            assert!(used_before(&stack.login(&of_app(&credential, link.as_deref())).await), "{kind:?}");
            assert_eq!(stack.login(&body).await.token(), first.token(), "{kind:?}: the browser may");
        }
    }
}

#[tokio::test]
async fn the_cookies_beside_an_apps_login_are_neither_read_nor_set_nor_cleared() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let browser = stack.log_in_as(&user).await.token();
    let body = of_app(&json!({"access_token": stack.kakao.token(&user).await}), None);
    let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&browser));
    let app = stack.send(request.json(&body)).await;
    assert_eq!(version(&app.body_token()), 4);
    assert_eq!(stack.refresh(&browser).await.status, StatusCode::OK, "the browser's session goes on");
    assert_eq!(stack.refresh_in_body(&app.body_token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_that_names_the_cookie_or_nothing_gets_a_cookie() {
    let stack = Stack::start().await;
    for transport in [json!("cookie"), json!(null), json!("")] {
        let token = stack.kakao.token(&stack.kakao.new_user().await).await;
        let response = stack.login(&json!({"access_token": token, "transport": transport})).await;
        assert_eq!((version(&response.token()), &response.body["refresh"]), (2, &json!("")), "{transport}");
        assert!(response.body.get("refresh_expiration").is_none(), "{}", response.body);
    }
}

#[tokio::test]
async fn an_unknown_transport_is_a_400_without_a_call_to_kakao() {
    let stack = Stack::start().await;
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    for transport in [json!("Body"), json!("header"), json!("b".repeat(100)), json!(true), json!(5), json!(["body"])] {
        let response = stack.login(&json!({"access_token": token, "transport": transport})).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{transport}");
    }
    assert!(stack.kakao_proxy.take_traffic().operations.is_empty());
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn without_native_clients_apps_cannot_log_in_and_those_that_are_logged_in_go_on() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (app, other) = (log_in(&stack, &user, None).await.body_token(), log_in(&stack, &user, None).await.body_token());
    let off = stack.with_other_setting("NATIVE_CLIENTS", "false").await;
    let credential = json!({"access_token": stack.kakao.token(&user).await});
    let refused = off.login(&of_app(&credential, None)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "invalid_request"));
    assert!(refused.body["detail"].as_str().unwrap().contains("NativeClients"), "{}", refused.body);
    assert_eq!(off.login(&credential).await.status, StatusCode::OK, "browsers can");
    stack.advance(Duration::from_secs(30));
    assert_eq!(version(&off.refresh_in_body(&app).await.body_token()), 4);
    assert_eq!(off.logout_in_body(&other).await.status, StatusCode::OK);
    assert_eq!(off.refresh_in_body(&other).await.status, StatusCode::UNAUTHORIZED);
}

/// An app has its token and its links in one place, so it does not matter how many origins share the cookie.
#[tokio::test]
async fn an_apps_session_is_linked_unless_that_is_turned_off() {
    for (setting, app, browser) in [("auto", 5, 2), ("on", 5, 3), ("off", 4, 2)] {
        let origins = format!("https://www.example.com,https://admin.example.com,{ORIGIN}");
        let environment = [("SESSION_LINKS", setting.to_owned()), ("ALLOWED_ORIGINS", origins)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
        let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
        let user = stack.kakao.new_user().await;
        let by_app = log_in(&stack, &user, Some(&link())).await;
        assert_eq!((version(&by_app.body_token()), confirmed(&by_app).is_some()), (app, app == 5), "{setting}");
        let credential = json!({"access_token": stack.kakao.token(&user).await, "link": link()});
        assert_eq!(version(&stack.login(&credential).await.token()), browser, "{setting}");
    }
}
