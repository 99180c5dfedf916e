//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tests::{Remote, client::jwt_part};

const NOT_A_SESSION: (StatusCode, &str) = (StatusCode::NOT_FOUND, "not_found");

/// The ids of a list, in its order.
pub(super) fn ids(list: &Value) -> Vec<&str> {
    list["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_has_the_sessions_of_this_user_and_no_others_and_marks_the_current_one() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    stack.log_in().await;
    let list = stack.sessions(phone.access()).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.body);
    for (device, is_current) in [(&phone, true), (&laptop, false)] {
        let id = jwt_part(device.access(), 1)["sid"].clone();
        let listed = list.body["sessions"].as_array().unwrap().iter().find(|session| session["id"] == id);
        assert_eq!(listed.unwrap()["current"], is_current);
    }
    assert_eq!(ids(&list.body).len(), 2, "{}", list.body);
    assert_eq!(list.cookie, None);
}

#[tokio::test]
async fn an_ended_session_is_refused_at_once_and_the_others_stay() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (phone, laptop) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    let id = jwt_part(phone.access(), 1)["sid"].as_str().unwrap().to_owned();
    let ended = stack.end_session(laptop.access(), &id).await;
    assert_eq!((ended.status, ended.cookie), (StatusCode::NO_CONTENT, None));
    assert_eq!(stack.refresh(&phone.token()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.profile(phone.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.sessions(phone.access()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ids(&stack.sessions(laptop.access()).await.body).len(), 1);
    assert_eq!(stack.refresh(&laptop.token()).await.status, StatusCode::OK);
    let again = stack.end_session(laptop.access(), &id).await;
    assert_eq!((again.status, again.code()), NOT_A_SESSION);
}

#[tokio::test]
async fn the_current_session_can_be_ended_too() {
    let stack = Remote::start().await;
    let here = stack.log_in().await;
    let id = jwt_part(here.access(), 1)["sid"].as_str().unwrap().to_owned();
    assert_eq!(stack.end_session(here.access(), &id).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stack.refresh(&here.token()).await.status, StatusCode::UNAUTHORIZED);
    let again = stack.end_session(here.access(), &id).await;
    assert_eq!((again.status, again.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
}

/// Otherwise a device that was shown out could show out its owner for as long as its access token lasts.
#[tokio::test]
async fn an_ended_session_can_neither_list_nor_end_the_users_other_sessions() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (thief, owner) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    let [thiefs, owners] = [&thief, &owner].map(|one| jwt_part(one.access(), 1)["sid"].as_str().unwrap().to_owned());
    assert_eq!(stack.end_session(owner.access(), &thiefs).await.status, StatusCode::NO_CONTENT);
    let response = stack.end_session(thief.access(), &owners).await;
    assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    assert_eq!(stack.sessions(thief.access()).await.code(), "token_not_valid");
    assert_eq!(stack.refresh(&owner.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_users_session_and_what_is_not_an_id_are_not_found_with_the_same_body() {
    let stack = Remote::start().await;
    let (here, somebody_else) = (stack.log_in().await, stack.log_in().await);
    let theirs = jwt_part(somebody_else.access(), 1)["sid"].as_str().unwrap().to_owned();
    let unknown = shared::id::SessionId::generate().to_string();
    let unknown_body = stack.end_session(here.access(), &unknown).await.body;
    let long = "A".repeat(2_000);
    for id in
        [theirs.as_str(), "x", "%00", "%F0%9F%A6%81", "PROFILE", "SESSION%23x", "..%2f..", "%20", "*", "null", &long]
    {
        let response = stack.end_session(here.access(), id).await;
        assert_eq!((response.status, response.code()), NOT_A_SESSION, "{id}");
        assert_eq!(response.body, unknown_body, "{id}");
    }
    assert_eq!(stack.refresh(&somebody_else.token()).await.status, StatusCode::OK);
    assert_eq!(stack.profile(here.access()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn both_need_an_access_token() {
    let stack = Remote::start().await;
    let id = shared::id::SessionId::generate().to_string();
    for (method, path) in [(Method::GET, "/auth/sessions".to_owned()), (Method::DELETE, format!("/auth/sessions/{id}"))]
    {
        let response = stack.send(stack.request(method.clone(), &path)).await;
        assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "not_authenticated"), "{method}");
        let response = stack.send(stack.request(method.clone(), &path).bearer_auth("x.y.z")).await;
        assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{method}");
    }
}

#[tokio::test]
async fn a_body_is_ignored_where_none_is_due() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let (here, other) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    let id = jwt_part(other.access(), 1)["sid"].as_str().unwrap().to_owned();
    let path = format!("/auth/sessions/{id}");
    for (method, path, status) in [(Method::GET, "/auth/sessions", 200), (Method::DELETE, &path, 204)] {
        let request = stack.request(method, path).bearer_auth(here.access()).header("content-type", "text/plain");
        assert_eq!(stack.ask(request.body("{")).await.unwrap().status, status, "{path}");
    }
}
