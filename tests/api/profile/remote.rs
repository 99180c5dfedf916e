//! `GET /auth/profile`

use reqwest::{Method, StatusCode};
use tests::Remote;

#[tokio::test]
async fn an_access_token_shows_its_user() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    let response = stack.profile(logged_in.access()).await;
    assert_eq!((response.status, &response.body), (StatusCode::OK, &logged_in.body["user"]));
    assert_eq!(response.cookie, None);
}

#[tokio::test]
async fn the_scheme_is_case_insensitive() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER"] {
        let request = stack.request(Method::GET, "/auth/profile");
        let response = stack.send(request.header("authorization", format!("{scheme} {}", logged_in.access()))).await;
        assert_eq!(response.status, StatusCode::OK, "{scheme}");
    }
}

#[tokio::test]
async fn a_profile_needs_a_bearer_token() {
    let stack = Remote::start().await;
    for header in [None, Some(""), Some("Bearer"), Some("Basic eDp5"), Some("Token abc"), Some("한글 토큰")] {
        let mut request = stack.request(Method::GET, "/auth/profile");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = stack.send(request).await;
        assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "not_authenticated"), "{header:?}");
        assert_eq!(response.headers["www-authenticate"], "Bearer");
    }
}

#[tokio::test]
async fn a_token_that_we_did_not_issue_is_not_valid() {
    let stack = Remote::start().await;
    let access = stack.log_in().await.access().to_owned();
    let (message, _) = access.rsplit_once('.').unwrap();
    for token in ["x", "a.b.c", "..", &format!("{message}."), &format!("{access}A"), &access[1..], &"a".repeat(3_000)] {
        let response = stack.profile(token).await;
        assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{token}");
        assert_eq!(response.headers["www-authenticate"], r#"Bearer error="invalid_token""#);
    }
}
