//! `DELETE /auth/account` and `GET /auth/account`

use reqwest::{Method, StatusCode};
use tests::{Remote, client::cookie_pair};

#[tokio::test]
async fn an_account_is_exported_and_then_deleted() {
    let stack = Remote::start().await;
    let logged_in = stack.log_in_at_kakao().await;
    let exported = stack.export(logged_in.access()).await;
    assert_eq!((exported.status, &exported.body["user"]), (StatusCode::OK, &logged_in.body["user"]));
    let request = stack.request(Method::DELETE, "/auth/account").bearer_auth(logged_in.access());
    let deleted = stack.send(request.header("cookie", cookie_pair(&logged_in.token()))).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED, "{}", deleted.body);
    assert_eq!((&deleted.body["id"], deleted.cookie.as_deref()), (&logged_in.body["user"]["pk"], Some("")));
    for gone in [
        stack.profile(logged_in.access()).await,
        stack.export(logged_in.access()).await,
        stack.refresh(&logged_in.token()).await,
    ] {
        assert_eq!((gone.status, gone.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{}", gone.body);
    }
    let drop_in = stack.request(Method::DELETE, "/dj-rest-auth/user/").bearer_auth(logged_in.access());
    let repeated = stack.send(drop_in).await;
    assert_eq!((repeated.status, &repeated.body), (StatusCode::ACCEPTED, &deleted.body));
    assert_eq!(repeated.cookie, None, "a cookie that was not sent is not cleared");
}

#[tokio::test]
async fn both_need_a_bearer_token_of_this_server() {
    let stack = Remote::start().await;
    for (method, path) in
        [(Method::GET, "/auth/account"), (Method::DELETE, "/auth/account"), (Method::DELETE, "/dj-rest-auth/user/")]
    {
        for (header, code) in [
            (None, "not_authenticated"),
            (Some("Basic eDp5"), "not_authenticated"),
            (Some("Bearer x"), "token_not_valid"),
            (Some("Bearer a.b.c"), "token_not_valid"),
        ] {
            let mut request = stack.request(method.clone(), path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let response = stack.send(request).await;
            assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, code), "{method} {header:?}");
        }
    }
}
