//! `DELETE /auth/account`: what is gone at once, and who may not delete.

use std::time::Duration;

use local::table::Item;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Credential, ORIGIN, Stack,
    client::{Response, cookie_pair},
    fault_proxy::Fault,
};

use crate::recorder::{Log, line_of, lines_with};

/// A new user's login.
async fn log_in(stack: &Stack) -> Response {
    stack.log_in_at_kakao(&stack.kakao.new_user().await).await
}

fn id(logged_in: &Response) -> &str {
    logged_in.body["user"]["pk"].as_str().unwrap()
}

fn sk(item: &Item) -> &str {
    item["sk"].as_s().unwrap()
}

#[tokio::test]
async fn a_deleted_user_is_gone_at_once() {
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"nickname": "라이언", "email": "ryan@example.com"})).await;
    let (phone, laptop) = (stack.log_in_as(&user).await, stack.log_in_at_kakao(&user).await);
    let request = stack.request(Method::DELETE, "/auth/account").bearer_auth(laptop.access());
    let deleted = stack.send(request.header("cookie", cookie_pair(&laptop.token()))).await;
    let receipt = json!({"id": id(&laptop), "deleted_at": stack.now().to_rfc3339()});
    assert_eq!((deleted.status, &deleted.body), (StatusCode::ACCEPTED, &receipt));
    assert_eq!(deleted.cookie.as_deref(), Some(""));
    for device in [&phone, &laptop] {
        for gone in [
            stack.profile(device.access()).await,
            stack.refresh_with_user(&device.token()).await,
            stack.export(device.access()).await,
        ] {
            assert_eq!((gone.status, gone.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{}", gone.body);
        }
    }
    let dump = stack.dump().await;
    assert!(!dump.iter().any(|item| sk(item).starts_with("SESSION#")), "{dump:?}");
    let profile = dump.iter().find(|item| sk(item) == "PROFILE").unwrap();
    let mut left: Vec<_> = profile.keys().map(String::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["deleted_at", "pk", "sk"]);
    assert!(!format!("{dump:?}").contains("ryan@example.com") && !format!("{dump:?}").contains("라이언"));
}

#[tokio::test]
async fn a_repeat_gets_the_same_receipt_until_the_access_token_expires() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack).await;
    let deleted = stack.delete_account(logged_in.access()).await;
    let left = stack.dump().await;
    for (method, path) in [(Method::DELETE, "/auth/account"), (Method::DELETE, "/dj-rest-auth/user/")] {
        stack.advance(Duration::from_mins(1));
        let request = stack.request(method, path).bearer_auth(logged_in.access());
        let repeated = stack.send(request.header("cookie", cookie_pair(&logged_in.token()))).await;
        assert_eq!((repeated.status, &repeated.body), (StatusCode::ACCEPTED, &deleted.body), "{path}");
        assert_eq!(repeated.cookie.as_deref(), Some(""), "{path}");
    }
    assert_eq!(stack.dump().await, left, "a repeat writes nothing");
    stack.advance(Duration::from_mins(3));
    assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_requests_at_once_get_one_receipt() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack).await;
    let requests = (0..10).map(|_| {
        let (functions, access) = ((*stack).clone(), logged_in.access().to_owned());
        tokio::spawn(async move { functions.delete_account(&access).await })
    });
    for request in requests.collect::<Vec<_>>() {
        let response = request.await.unwrap();
        assert_eq!((response.status, &response.body["id"]), (StatusCode::ACCEPTED, &json!(id(&logged_in))));
        assert_eq!(response.body["deleted_at"], stack.now().to_rfc3339());
    }
    assert_eq!(stack.count("WORK#").await, 1);
}

#[tokio::test]
async fn an_ended_session_deletes_nothing() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (ended, _other) = (stack.log_in_at_kakao(&user).await, stack.log_in_at_kakao(&user).await);
    stack.logout(&ended.token()).await;
    let before = stack.dump().await;
    let response = stack.delete_account(ended.access()).await;
    assert_eq!((response.status, response.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"));
    assert_eq!(stack.dump().await, before);
}

/// DynamoDB deletes an expired item only later.
#[tokio::test]
async fn an_expired_session_deletes_and_exports_nothing() {
    let stack = Stack::with_setting("ACCESS_TTL", "3600").await;
    let logged_in = log_in(&stack).await;
    let dump = stack.dump().await;
    let mut session = dump.iter().find(|item| sk(item).starts_with("SESSION#")).unwrap().clone();
    for (in_seconds, is_alive) in [(1, true), (0, false)] {
        let expires_at = (stack.now().unix_seconds() + in_seconds).to_string();
        session.insert("expires_at".to_owned(), aws_sdk_dynamodb::types::AttributeValue::N(expires_at));
        stack.restore(&[session.clone()]).await;
        assert_eq!(stack.export(logged_in.access()).await.status == StatusCode::OK, is_alive);
        if !is_alive {
            assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn another_users_deletion_touches_nobody_else() {
    let stack = Stack::start().await;
    let (leaving, staying) = (log_in(&stack).await, log_in(&stack).await);
    let of = |dump: &[Item]| {
        let others: Vec<Item> =
            dump.iter().filter(|item| format!("{item:?}").contains(id(&staying))).cloned().collect();
        others
    };
    let before = of(&stack.dump().await);
    // The browser has the cookie of one user, and the page the access token of another.
    let request = stack.request(Method::DELETE, "/auth/account").bearer_auth(leaving.access());
    let deleted = stack.send(request.header("cookie", cookie_pair(&staying.token()))).await;
    assert_eq!((deleted.status, &deleted.body["id"]), (StatusCode::ACCEPTED, &json!(id(&leaving))));
    let after = of(&stack.dump().await);
    assert_eq!((after.len(), after), (4, before), "identity, profile, session, and the redemption of the login");
    assert_eq!(stack.refresh(&staying.token()).await.status, StatusCode::OK);
    assert_eq!(stack.profile(staying.access()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_an_admin_key_nobody_is_deleted() {
    let log = Log::start();
    let stack = Stack::with_setting("KAKAO_ADMIN_KEY_HASHES", "").await;
    let logged_in = log_in(&stack).await;
    let before = stack.dump().await;
    let response = stack.delete_account(logged_in.access()).await;
    assert_eq!((response.status, response.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert_eq!(stack.dump().await, before);
    let line = line_of(&log, &response);
    assert_eq!(line["level"], "ERROR", "{line}");
    assert!(line["error_reason"].as_str().unwrap().contains("KakaoAdminKeyHashes"), "{line}");
}

#[tokio::test]
async fn a_login_during_a_deletion_is_told_to_wait() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_at_kakao(&user).await;
    stack.delete_account(logged_in.access()).await;
    for credential in [Credential::AccessToken, Credential::Code, Credential::IdToken] {
        let response = stack.login(&stack.kakao.credential(&user, credential).await).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::CONFLICT, "account_being_deleted"),
            "{credential:?}"
        );
        assert_eq!((response.headers["retry-after"].as_bytes(), response.cookie), (b"60".as_slice(), None));
    }
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_page_that_is_not_allowed_deletes_nothing() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack).await;
    let delete = async |name: &str, value: &str| {
        let request = stack.request(Method::DELETE, "/auth/account").bearer_auth(logged_in.access());
        stack.send(request.header(name, value)).await
    };
    let before = stack.dump().await;
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let response = delete(name, value).await;
        assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"), "{name} {value}");
    }
    assert_eq!(stack.dump().await, before);
    assert_eq!(delete("origin", ORIGIN).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_body_is_ignored() {
    let stack = Stack::start().await;
    for (content_type, body) in [
        ("application/json", r#"{"id": "other", "force": true}"#),
        ("application/json", "not json"),
        ("application/json", "[]"),
        ("text/plain", "x"),
        ("application/octet-stream", "\0"),
    ] {
        let logged_in = log_in(&stack).await;
        let request = stack.request(Method::DELETE, "/auth/account").bearer_auth(logged_in.access());
        let response = stack.send(request.header("content-type", content_type).body(body)).await;
        assert_eq!((response.status, &response.body["id"]), (StatusCode::ACCEPTED, &json!(id(&logged_in))), "{body}");
    }
}

#[tokio::test]
async fn the_log_has_the_receipt_once_for_each_response() {
    let log = Log::start();
    let stack = Stack::start().await;
    let logged_in = log_in(&stack).await;
    let receipts = || -> Vec<Value> {
        let lines = lines_with(&log, id(&logged_in)).into_iter();
        lines.filter(|line| line["event"] == "account_deleted").collect()
    };
    assert_eq!(receipts().len(), 0);
    let at = stack.now().unix_seconds();
    for (times, outcome) in [(1, "account_deleted"), (2, "account_deleted_before")] {
        let response = stack.delete_account(logged_in.access()).await;
        assert_eq!(line_of(&log, &response)["outcome"], outcome);
        let receipts = receipts();
        assert_eq!(receipts.len(), times);
        assert!(
            receipts.iter().all(|line| line["user_id"] == id(&logged_in) && line["level"] == "INFO"),
            "{receipts:?}"
        );
        assert!(receipts.iter().all(|line| line["deleted_at"] == at), "{receipts:?}");
        stack.advance(Duration::from_secs(1));
    }
}

/// A read that DynamoDB may answer with an older state would not find a session that has just begun.
#[tokio::test]
async fn a_new_session_can_delete_and_export_at_once() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack).await;
    stack.table_proxy.fail(Fault::Stale);
    assert_eq!(stack.export(logged_in.access()).await.status, StatusCode::OK);
    assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::ACCEPTED);
}

/// The mark is what counts: the worker ends the sessions that are left.
#[tokio::test]
async fn a_deletion_whose_sessions_do_not_end_has_its_receipt_all_the_same() {
    let log = Log::start();
    let stack = Stack::start().await;
    for (denied, level) in [("Query", "ERROR"), ("DeleteItem", "ERROR")] {
        let logged_in = log_in(&stack).await;
        stack.table_proxy.fail(Fault::DenyOnly(denied));
        let before = lines_with(&log, "deleted_sessions_stay").len();
        let response = stack.delete_account(logged_in.access()).await;
        stack.table_proxy.heal();
        assert_eq!(response.status, StatusCode::ACCEPTED, "{denied}");
        let event = lines_with(&log, "deleted_sessions_stay").split_off(before).pop().unwrap();
        assert_eq!(event["level"], level, "{event}");
        assert_eq!(stack.count("SESSION#").await, 1, "{denied}");
        for gone in [stack.profile(logged_in.access()).await, stack.export(logged_in.access()).await] {
            assert_eq!(gone.status, StatusCode::UNAUTHORIZED, "{denied}");
        }
        assert_eq!(stack.delete_account(logged_in.access()).await.body, response.body);
        assert_eq!(stack.count("SESSION#").await, 0, "the repeat ends them");
    }
}

#[tokio::test]
async fn a_conflict_with_another_write_is_tried_again_and_then_a_503() {
    let stack = Stack::start().await;
    let logged_in = log_in(&stack).await;
    let before = stack.dump().await;
    stack.table_proxy.fail_after(1, Fault::Refuse("TransactionConflictException"));
    let response = stack.delete_account(logged_in.access()).await;
    stack.table_proxy.heal();
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{}", response.body);
    assert_eq!((response.headers["retry-after"].as_bytes(), stack.dump().await), (b"1".as_slice(), before));
    stack.table_proxy.fail(Fault::ConflictOnce("TransactWriteItems"));
    assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::ACCEPTED);
}
