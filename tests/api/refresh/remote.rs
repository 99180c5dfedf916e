//! `POST /auth/refresh`: what does not need the stack's clock.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    ORIGIN, Remote,
    client::{COOKIE_NAME, cookie_pair},
};

#[tokio::test]
async fn the_cookie_gives_a_new_access_token() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    let refreshed = stack.refresh(&logged_in.token()).await;
    assert_eq!((refreshed.status, refreshed.cookie.as_deref()), (StatusCode::OK, None));
    assert_ne!(refreshed.access(), logged_in.access());
    assert_eq!(stack.profile(refreshed.access()).await.body, logged_in.body["user"]);
}

#[tokio::test]
async fn a_refresh_without_a_valid_cookie_is_a_401() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let mut forged = token.clone();
    forged.replace_range(60..61, if &token[60..61] == "A" { "B" } else { "A" });
    let cookies = [
        None,
        Some(String::new()),
        Some(COOKIE_NAME.to_owned()),
        Some(cookie_pair("")),
        Some(cookie_pair("x")),
        Some(cookie_pair(&forged)),
        Some(cookie_pair(&"A".repeat(119))),
        Some(cookie_pair(&format!("{token}A"))),
        Some(cookie_pair(&format!("\"{token}\""))),
        Some(format!("refresh_token={token}")),
        Some(format!("{}; {}", cookie_pair("x"), cookie_pair(&forged))),
        Some(format!("__host-http-refresh_token={token}")),
        Some(format!("theme=dark; x{}", cookie_pair(&token))),
    ];
    for cookie in cookies {
        let mut request = stack.request(Method::POST, "/auth/refresh");
        if let Some(cookie) = &cookie {
            request = request.header("cookie", cookie);
        }
        let response = stack.send(request).await;
        assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{cookie:?}");
        let of_our_name = |pair: &str| pair.split('=').next() == Some(COOKIE_NAME);
        let is_presented = cookie.as_deref().is_some_and(|cookie| cookie.split("; ").any(of_our_name));
        let cleared = "__Host-Http-refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=";
        let (partitioned, usual) = (format!("{cleared}None; Partitioned"), format!("{cleared}Strict"));
        let expected = if is_presented { vec![partitioned.as_str(), usual.as_str()] } else { vec![] };
        assert_eq!(response.set_cookies(), expected, "{cookie:?}: only a cookie that was sent is cleared");
    }
    assert_eq!(stack.refresh(&token).await.status, StatusCode::OK, "the session is unchanged");
}

/// After `CookieSameSite` was changed a browser may hold a partitioned cookie and another one. Whatever is sent beside the
/// valid cookie, before or after it, a value that we did not issue is never used.
#[tokio::test]
async fn a_valid_cookie_is_found_among_any_others() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let dead = stack.log_in().await.token();
    assert_eq!(stack.logout(&dead).await.status, StatusCode::OK);
    let mut forged = token.clone();
    forged.replace_range(60..61, if &token[60..61] == "A" { "B" } else { "A" });
    let garbage = vec![cookie_pair("x"); 20].join("; ");
    for other in [
        cookie_pair("planted"),
        cookie_pair(""),
        cookie_pair(&forged),
        cookie_pair(&token),
        cookie_pair(&dead),
        format!("{}; {}", cookie_pair(&dead), cookie_pair("x")),
        garbage,
        format!("__host-http-refresh_token={forged}"),
        format!("__HOST-HTTP-REFRESH_TOKEN={dead}"),
    ] {
        for cookies in [format!("{other}; {}", cookie_pair(&token)), format!("{}; {other}", cookie_pair(&token))] {
            let request = stack.request(Method::POST, "/auth/refresh").header("cookie", &cookies);
            let response = stack.send(request).await;
            assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::OK, None), "{cookies}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_in_the_body_or_the_url_is_ignored() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let in_body = stack.request(Method::POST, "/auth/refresh").json(&json!({"refresh": token}));
    assert_eq!(stack.send(in_body).await.status, StatusCode::UNAUTHORIZED);
    let in_query = stack.request(Method::POST, &format!("/auth/refresh?refresh={token}&refresh_token={token}"));
    assert_eq!(stack.send(in_query).await.status, StatusCode::UNAUTHORIZED);
    let as_bearer = stack.request(Method::POST, "/auth/refresh").bearer_auth(&token);
    assert_eq!(stack.send(as_bearer).await.status, StatusCode::UNAUTHORIZED);

    let good = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
    let response = stack.send(good.json(&json!({"refresh": "other"}))).await;
    assert_eq!(response.status, StatusCode::OK, "the body never overrides the cookie");
}

#[tokio::test]
async fn access_tokens_and_refresh_tokens_are_not_interchangeable() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    assert_eq!(stack.refresh(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.profile(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED);
}

/// By forms and `no-cors` requests any page can call any server without CORS: to log its visitor out, or in as another user.
#[tokio::test]
async fn a_page_that_is_not_allowed_can_neither_log_in_nor_refresh_nor_log_out() {
    let stack = Remote::start().await;
    let (user, token) = (stack.kakao.new_user().await, stack.log_in().await.token());
    let credential = json!({"access_token": stack.kakao.token(&user).await});
    for path in ["/auth/kakao", "/auth/refresh", "/auth/logout", "/auth/logout?scope=all"] {
        for headers in [
            vec![("origin", "https://evil.example")],
            vec![("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            vec![("origin", "null")],
            vec![("origin", "null"), ("sec-fetch-site", "same-site")],
            vec![("origin", "http://localhost:9000.evil.example")],
            vec![("origin", "http://LOCALHOST:9000")],
            vec![("origin", "")],
            // A header that was sent twice, as an HTTP API joins it.
            vec![("origin", "http://localhost:9000,https://evil.example")],
            vec![("origin", "http://localhost:9000,http://localhost:9000")],
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "something-new")],
            vec![("sec-fetch-site", "same-origin,cross-site")],
        ] {
            let request = stack.request(Method::POST, path).header("cookie", cookie_pair(&token)).json(&credential);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let response = stack.send(request).await;
            let expected = (StatusCode::FORBIDDEN, "origin_not_allowed", None);
            assert_eq!((response.status, response.code(), response.cookie.as_deref()), expected, "{path} {headers:?}");
        }
    }
    assert_eq!(stack.refresh(&token).await.status, StatusCode::OK, "the session is unchanged");
}

/// Requests of a browser, and of a native app, which sends neither header. With `CookieSameSite=None` the page is on another
/// site than the API.
#[tokio::test]
async fn an_allowed_page_and_a_native_app_can_log_in_refresh_and_log_out() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    for headers in [
        vec![],
        vec![("origin", ORIGIN)],
        vec![("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
        vec![("origin", ORIGIN), ("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
    ] {
        let with_headers = |path: &str| {
            let request = stack.request(Method::POST, path);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let credential = json!({"access_token": stack.kakao.token(&user).await});
        let logged_in = stack.send(with_headers("/auth/kakao").json(&credential)).await;
        assert_eq!(logged_in.status, StatusCode::OK, "{headers:?}");
        for path in ["/auth/refresh", "/auth/logout"] {
            let request = with_headers(path).header("cookie", cookie_pair(&logged_in.token()));
            assert_eq!(stack.send(request).await.status, StatusCode::OK, "{path} {headers:?}");
        }
        assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
}

#[tokio::test]
async fn an_expired_bearer_is_ignored() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
    assert_eq!(stack.send(request.bearer_auth("expired")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nine_kilobytes_of_other_cookies_are_accepted() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let others: Vec<String> = (0..90).map(|number| format!("analytics{number:03}={}", "x".repeat(85))).collect();
    let cookie = format!("{}; {}", others.join("; "), cookie_pair(&token));
    assert!(cookie.len() > 9_000);
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie);
    assert_eq!(stack.send(request).await.status, StatusCode::OK);
}
