//! `PATCH /auth/profile`, `PATCH` and `PUT /dj-rest-auth/user/`: the names that a person chooses here.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Stack, client::Response, fault_proxy::Fault};

const DJANGOS: &str = "/dj-rest-auth/user/";

async fn put(stack: &Stack, access: &str, body: &Value) -> Response {
    stack.send(stack.request(Method::PUT, DJANGOS).bearer_auth(access).json(body)).await
}

fn names(user: &Value) -> [&str; 3] {
    ["username", "first_name", "last_name"].map(|name| user[name].as_str().unwrap())
}

#[tokio::test]
async fn a_change_shows_in_every_response_with_the_user() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let nickname = logged_in.body["user"]["nickname"].as_str().unwrap();
    for (method, path, body, expected) in [
        (Method::PATCH, "/auth/profile", json!({"first_name": "길동"}), [nickname, "길동", ""]),
        (Method::PATCH, DJANGOS, json!({"last_name": "홍"}), [nickname, "길동", "홍"]),
        (Method::PUT, DJANGOS, json!({"username": "춘식이 🐱"}), ["춘식이 🐱", "길동", "홍"]),
        (Method::PUT, DJANGOS, json!({"username": "x", "first_name": "", "last_name": "L"}), ["x", "", "L"]),
        (Method::PATCH, "/auth/profile/", json!({"username": " y\n", "last_name": " "}), ["y", "", ""]),
    ] {
        let request = stack.request(method, path).bearer_auth(logged_in.access());
        let changed = stack.send(request.json(&body)).await;
        assert_eq!((changed.status, names(&changed.body)), (StatusCode::OK, expected), "{body}");
        assert_eq!(stack.profile(logged_in.access()).await.body, changed.body, "{body}");
        assert_eq!(changed.body["nickname"], nickname, "Kakao's nickname stays");
        stack.advance(Duration::from_secs(30));
    }
    let refreshed = stack.refresh_with_user(&logged_in.token()).await;
    assert_eq!(names(&refreshed.body["user"]), ["y", "", ""]);
}

#[tokio::test]
async fn a_username_that_was_set_outlasts_a_login_with_another_nickname_and_one_that_was_not_follows_it() {
    let stack = Stack::start().await;
    // One Kakao user, with this nickname.
    let log_in = async |nickname: &str| {
        let account = json!({"profile": {"nickname": nickname}});
        let user = stack.kakao.user(&json!({"id": 4_646_464_646_i64, "account": account})).await;
        stack.log_in_as(&user).await
    };
    let access = log_in("라이언").await.access().to_owned();
    assert_eq!(stack.change_profile(&access, &json!({"first_name": "F"})).await.status, StatusCode::OK);
    assert_eq!(names(&log_in("어피치").await.body["user"]), ["어피치", "F", ""]);
    assert_eq!(stack.change_profile(&access, &json!({"username": "me"})).await.status, StatusCode::OK);
    let shown = log_in("무지").await.body["user"].clone();
    assert_eq!((names(&shown), &shown["nickname"]), (["me", "F", ""], &json!("무지")));
}

/// A form sends all its fields. Otherwise the nickname in it would stop following Kakao.
#[tokio::test]
async fn sending_back_what_the_profile_shows_changes_and_writes_nothing() {
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"account": {"profile": {"nickname": "라이언 🦁"}}})).await;
    let access = stack.log_in_as(&user).await.access().to_owned();
    assert_eq!(stack.profile(&access).await.body["username"], "라이언 🦁");
    stack.change_profile(&access, &json!({"first_name": "F"})).await;
    let (shown, before) = (stack.profile(&access).await.body, stack.dump().await);
    for body in [&json!({}), &shown] {
        assert_eq!(stack.change_profile(&access, body).await.body, shown);
    }
    assert_eq!(put(&stack, &access, &shown).await.body, shown);
    for body in ["", "null"] {
        let request = stack.request(Method::PATCH, DJANGOS).bearer_auth(&access);
        let response = stack.send(request.header("content-type", "application/json").body(body)).await;
        assert_eq!((response.status, &response.body), (StatusCode::OK, &shown), "{body:?}");
    }
    assert_eq!(stack.dump().await, before);
}

#[tokio::test]
async fn members_that_are_not_names_are_ignored() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let access = logged_in.access();
    let body = json!({
        "username": "x", "pk": "AAAAAAAAAAAAAAAAAAAAAA", "sk": "IDENTITY", "email": "evil@example.com", "nickname": "evil",
        "profile_image": "https://evil.example/", "email_verified": true, "roles": ["admin"], "kakao_id": "1", "deleted_at": 1, "logins": 7,
        "created_at": "2000-01-01T00:00:00Z", "is_staff": true, "fetched_at": 0,
    });
    let mut expected = logged_in.body["user"].clone();
    expected["username"] = json!("x");
    let mut before = stack.dump().await;
    for response in [stack.change_profile(access, &body).await, put(&stack, access, &body).await] {
        assert_eq!((response.status, &response.body), (StatusCode::OK, &expected));
    }
    let mut after = stack.dump().await;
    for item in before.iter_mut().chain(&mut after) {
        item.remove("username");
        // Each write raises it.
        item.remove("revision");
    }
    assert_eq!(after, before, "the username and nothing else");
}

/// As recorded of dj-rest-auth, with our `code` and `detail`.
#[tokio::test]
async fn a_name_that_cannot_be_is_refused_in_djangos_words_and_nothing_is_written() {
    const BLANK: &str = "This field may not be blank.";
    const NULL: &str = "This field may not be null.";
    const NO_STRING: &str = "Not a valid string.";
    const LONG: &str = "Ensure this field has no more than 150 characters.";
    const CONTROL: &str = "Control characters are not allowed.";
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    let before = stack.dump().await;
    for (body, wrong) in [
        (json!({"username": ""}), json!({"username": [BLANK]})),
        (json!({"username": " \u{3000}\n"}), json!({"username": [BLANK]})),
        (json!({"username": null}), json!({"username": [NULL]})),
        (json!({"last_name": null}), json!({"last_name": [NULL]})),
        (json!({"first_name": 5}), json!({"first_name": [NO_STRING]})),
        (json!({"first_name": true}), json!({"first_name": [NO_STRING]})),
        (json!({"first_name": ["a"]}), json!({"first_name": [NO_STRING]})),
        (json!({"first_name": {"a": 1}}), json!({"first_name": [NO_STRING]})),
        (json!({"username": "가".repeat(151)}), json!({"username": [LONG]})),
        (json!({"last_name": "🦁".repeat(151)}), json!({"last_name": [LONG]})),
        (json!({"username": "a\u{0}b"}), json!({"username": [CONTROL]})),
        (json!({"first_name": "a\nb"}), json!({"first_name": [CONTROL]})),
        (json!({"last_name": "a\u{9f}b"}), json!({"last_name": [CONTROL]})),
        (
            json!({"username": "", "first_name": null, "last_name": "good"}),
            json!({"username": [BLANK], "first_name": [NULL]}),
        ),
    ] {
        for response in [stack.change_profile(&access, &body).await, put(&stack, &access, &with_username(&body)).await]
        {
            assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{body}");
            let mut members = response.body.as_object().unwrap().clone();
            members.retain(|name, _| !["code", "detail", "non_field_errors"].contains(&name.as_str()));
            assert_eq!(Value::Object(members), wrong, "{body}");
        }
    }
    let response = stack.change_profile(&access, &json!({"username": "", "last_name": 1})).await;
    assert_eq!(response.body["detail"], format!("`username`: {BLANK} `last_name`: {NO_STRING}"));
    assert_eq!(response.body["non_field_errors"], json!([response.body["detail"]]));
    assert_eq!(stack.dump().await, before);
    let longest = json!({"username": "가".repeat(150), "first_name": format!("  {}  ", "🦁".repeat(150))});
    assert_eq!(stack.change_profile(&access, &longest).await.status, StatusCode::OK);
}

/// The same body for `PUT`, which requires a username.
fn with_username(body: &Value) -> Value {
    let mut body = body.clone();
    if body.get("username").is_none() {
        body["username"] = json!("x");
    }
    body
}

#[tokio::test]
async fn a_put_needs_a_username() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    for body in [json!({}), json!({"first_name": "x"}), Value::Null] {
        let response = put(&stack, &access, &body).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{body}");
        assert_eq!(response.body["username"], json!(["This field is required."]), "{body}");
    }
    assert_eq!(names(&stack.profile(&access).await.body)[1], "");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    for (content_type, body, status) in [
        ("application/json", "{".to_owned(), 400),
        ("application/json", "[1]".to_owned(), 400),
        ("application/json", "\"x\"".to_owned(), 400),
        ("application/json", r#"{"username":"\ud800"}"#.to_owned(), 400),
        ("multipart/form-data; boundary=x", "username=x".to_owned(), 415),
        ("text/plain", "{}".to_owned(), 415),
        ("application/json", " ".repeat(16 * 1024 + 1), 413),
    ] {
        for (method, path) in [(Method::PATCH, "/auth/profile"), (Method::PATCH, DJANGOS), (Method::PUT, DJANGOS)] {
            let request = stack.request(method, path).bearer_auth(&access).header("content-type", content_type);
            let response = stack.send(request.body(body.clone())).await;
            assert_eq!(response.status, status, "{path} {content_type}");
        }
    }
}

#[tokio::test]
async fn a_change_needs_a_living_session() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (dead, expired) = (stack.log_in_as(&user).await, stack.log_in_as(&user).await);
    stack.logout(&dead.token()).await;
    let before = stack.dump().await;
    let body = json!({"username": "x"});
    for response in [stack.change_profile(dead.access(), &body).await, put(&stack, dead.access(), &body).await] {
        assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    }
    for (token, code) in [("x.y.z", "token_not_valid"), ("", "not_authenticated")] {
        assert_eq!(stack.change_profile(token, &body).await.code(), code);
    }
    stack.advance(Duration::from_mins(5));
    assert_eq!(stack.change_profile(expired.access(), &body).await.code(), "token_not_valid");
    assert_eq!(stack.dump().await, before);
}

/// A name that was changed a moment ago must not seem to be what it was, or the way back would be lost.
#[tokio::test]
async fn a_change_back_right_after_a_change_is_made() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    stack.table_proxy.fail(Fault::Stale);
    for name in ["A", "B"].into_iter().cycle().take(40) {
        let changed = stack.change_profile(&access, &json!({"last_name": name})).await;
        assert_eq!(names(&changed.body)[2], name);
        let stored: Vec<_> = stack.dump().await.iter().filter_map(|item| item.get("last_name").cloned()).collect();
        assert_eq!(stored, [AttributeValue::S(name.to_owned())]);
    }
}

#[tokio::test]
async fn without_dynamodb_a_change_is_a_503_and_can_be_repeated() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    let body = json!({"username": "x"});
    for fault in [Fault::Down, Fault::Deny, Fault::DenyOnly("UpdateItem")] {
        stack.table_proxy.fail(fault);
        assert_eq!(stack.change_profile(&access, &body).await.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
        stack.table_proxy.heal();
    }
    stack.table_proxy.fail(Fault::LoseResponses(2));
    assert_eq!(stack.change_profile(&access, &body).await.status, StatusCode::OK);
}
