//! `GET /auth/session` and `GET /dj-rest-auth/user`: the user of the session's cookie.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    ORIGIN, Settings, Stack,
    client::{Response, cookie_pair, jwt_part},
};

const PATHS: [&str; 4] = ["/auth/session", "/auth/session/", "/dj-rest-auth/user", "/dj-rest-auth/user/"];
const WINDOW: Duration = Duration::from_secs(30);
const NOT_VALID: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "token_not_valid");

async fn read(stack: &Stack, cookies: &str) -> Response {
    let response = stack.send(stack.request(Method::GET, "/auth/session").header("cookie", cookies)).await;
    assert!(response.set_cookies().is_empty(), "a read sets and clears no cookie");
    response
}

fn refusal(response: &Response) -> (StatusCode, &str) {
    (response.status, response.code())
}

#[tokio::test]
async fn the_cookie_shows_its_user_and_stays() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let before = stack.dump().await;
    for path in PATHS {
        for _ in 0..5 {
            let request = stack.request(Method::GET, path).header("cookie", cookie_pair(&logged_in.token()));
            let response = stack.send(request).await;
            assert_eq!((response.status, &response.body), (StatusCode::OK, &logged_in.body["user"]), "{path}");
            assert!(response.set_cookies().is_empty(), "{path}");
        }
    }
    assert_eq!(stack.dump().await, before, "nothing is written, so the session is not extended");
}

#[tokio::test]
async fn the_parent_of_the_current_token_is_read_inside_the_window_only() {
    let stack = Stack::start().await;
    let parent = stack.log_in().await.token();
    stack.advance(WINDOW);
    let current = stack.refresh(&parent).await.token();
    for token in [&parent, &current] {
        assert_eq!(read(&stack, &cookie_pair(token)).await.status, StatusCode::OK);
    }
    stack.advance(WINDOW);
    let before = stack.dump().await;
    assert_eq!(refusal(&read(&stack, &cookie_pair(&parent)).await), NOT_VALID);
    assert_eq!(stack.dump().await, before, "a read ends nothing");
    let refreshed = stack.refresh(&current).await;
    assert_eq!(refreshed.status, StatusCode::OK, "the owner goes on");
    assert_eq!(refusal(&stack.refresh(&parent).await), NOT_VALID);
    assert_eq!(refusal(&read(&stack, &cookie_pair(&refreshed.token())).await), NOT_VALID, "the refresh ended it");
}

#[tokio::test]
async fn without_a_living_session_there_is_no_user() {
    let stack = Stack::start().await;
    assert_eq!(
        refusal(&stack.send(stack.request(Method::GET, "/auth/session")).await),
        (StatusCode::UNAUTHORIZED, "not_authenticated")
    );
    for garbage in ["__Host-Http-refresh_token=x".to_owned(), cookie_pair(&"A".repeat(120))] {
        assert_eq!(refusal(&read(&stack, &garbage).await), NOT_VALID);
    }
    let token = stack.log_in().await.token();
    stack.logout(&token).await;
    assert_eq!(refusal(&read(&stack, &cookie_pair(&token)).await), NOT_VALID);
    let idle = stack.log_in().await.token();
    stack.advance(Duration::from_hours(24 * 7));
    assert_eq!(refusal(&read(&stack, &cookie_pair(&idle)).await), NOT_VALID);
}

/// Its cookie proves nothing without links.
#[tokio::test]
async fn a_linked_session_is_not_readable_by_its_cookie() {
    let stack = Stack::start().await;
    let linked = stack.log_in_linked().await;
    let response = read(&stack, &cookie_pair(&linked.token)).await;
    assert_eq!(refusal(&response), (StatusCode::FORBIDDEN, "link_required"));
    assert_eq!(response.body["session"], linked.session());
    let rotating = stack.log_in().await;
    for cookies in [[&linked.token, &rotating.token()], [&rotating.token(), &linked.token]] {
        let response = read(&stack, &cookies.map(|token| cookie_pair(token)).join("; ")).await;
        assert_eq!((response.status, &response.body), (StatusCode::OK, &rotating.body["user"]));
    }
}

#[tokio::test]
async fn of_two_cookies_the_newest_living_session_counts() {
    let stack = Stack::start().await;
    let older = stack.log_in().await;
    stack.advance(Duration::from_secs(1));
    let newer = stack.log_in().await;
    let both = [cookie_pair(&older.token()), cookie_pair(&newer.token())].join("; ");
    assert_eq!(read(&stack, &both).await.body, newer.body["user"]);
    stack.logout(&newer.token()).await;
    assert_eq!(read(&stack, &both).await.body, older.body["user"]);
}

#[tokio::test]
async fn a_page_of_another_origin_or_site_gets_nothing() {
    let stack = Stack::start().await;
    let cookie = cookie_pair(&stack.log_in().await.token());
    for (name, value, expected) in [
        ("origin", ORIGIN, StatusCode::OK),
        ("origin", "https://elsewhere.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "cross-site", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "same-origin", StatusCode::OK),
        ("sec-fetch-site", "same-site", StatusCode::OK),
    ] {
        let request = stack.request(Method::GET, "/auth/session").header("cookie", &cookie).header(name, value);
        assert_eq!(stack.send(request).await.status, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn an_access_token_decides_alone() {
    let stack = Stack::start().await;
    let (one, other) = (stack.log_in().await, stack.log_in().await);
    for path in PATHS {
        let ask = |access: &str| {
            stack.request(Method::GET, path).header("cookie", cookie_pair(&one.token())).bearer_auth(access)
        };
        assert_eq!(stack.send(ask(other.access())).await.body, other.body["user"], "{path}");
        assert_eq!(refusal(&stack.send(ask("x.y.z")).await), NOT_VALID, "{path}: the cookie is no second try");
    }
}

#[tokio::test]
async fn a_cookie_changes_and_deletes_nothing_and_does_not_open_other_paths() {
    let stack = Stack::start().await;
    let cookie = cookie_pair(&stack.log_in().await.token());
    let before = stack.dump().await;
    for (method, path) in [
        (Method::GET, "/auth/profile"),
        (Method::GET, "/auth/profile/"),
        (Method::GET, "/api/profile"),
        (Method::PATCH, "/auth/profile"),
        (Method::PATCH, "/dj-rest-auth/user"),
        (Method::PUT, "/dj-rest-auth/user/"),
        (Method::DELETE, "/dj-rest-auth/user"),
        (Method::GET, "/auth/sessions"),
        (Method::GET, "/auth/account"),
    ] {
        let request = stack.request(method.clone(), path).header("cookie", &cookie).header("origin", ORIGIN);
        let response = stack.send(request.json(&json!({"username": "x"}))).await;
        assert_eq!(refusal(&response), (StatusCode::UNAUTHORIZED, "not_authenticated"), "{method} {path}");
    }
    assert_eq!(stack.dump().await, before);
}

#[tokio::test]
async fn the_token_of_an_app_or_of_another_page_is_garbage_in_a_cookie() {
    let settings = [("COMPATIBILITY", "dj-rest-auth")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let stack = Stack::with(Settings { environment: settings.into(), ..Settings::default() }).await;
    let user = stack.kakao.new_user().await;
    for transport in [json!("body"), json!(null)] {
        let body = json!({"access_token": stack.kakao.token(&user).await, "transport": transport});
        let logged_in = stack.login(&body).await;
        let token = logged_in.body["refresh"].as_str().unwrap().to_owned();
        assert_eq!(jwt_part(logged_in.access(), 1)["sub"], logged_in.body["user"]["pk"]);
        assert_eq!(refusal(&read(&stack, &cookie_pair(&token)).await), NOT_VALID, "{transport}");
    }
}
