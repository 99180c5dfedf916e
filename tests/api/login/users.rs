//! `POST /auth/kakao`: concurrent logins, outages of Kakao, and what is stored of a user.

use std::time::{Duration, Instant};

use local::table::Item;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::Stack;

#[tokio::test]
async fn fifty_concurrent_first_logins_create_one_user_with_twenty_sessions() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let mut requests = Vec::new();
    for _ in 0..50 {
        let (functions, token) = ((*stack).clone(), stack.kakao.token(&user).await);
        requests.push(tokio::spawn(async move { functions.login(&json!({"access_token": token})).await }));
    }
    let mut users = Vec::new();
    for request in requests {
        let response = request.await.unwrap();
        if response.status == StatusCode::TOO_MANY_REQUESTS {
            continue;
        }
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        assert_eq!(stack.refresh(&response.token()).await.status, StatusCode::OK);
        users.push(response.body["user"]["pk"].clone());
    }
    assert_eq!(users.len(), 20, "the limit for one user in a minute");
    users.dedup();
    assert_eq!(users.len(), 1, "one user");
    assert_eq!((stack.count("KAKAO#").await, stack.count("PROFILE").await, stack.count("SESSION#").await), (1, 1, 20));
}

#[tokio::test]
async fn a_token_of_another_app_creates_no_user() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.foreign_token(&user).await;
    let before = stack.kakao.calls().await;
    assert_eq!(stack.login(&json!({"access_token": token})).await.code(), "kakao_wrong_app");
    assert!(stack.dump().await.is_empty());
    assert_eq!(stack.kakao.calls().await - before, 1, "user/me is not called");
}

#[tokio::test]
async fn a_refused_access_token_costs_no_further_call_for_a_minute() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let foreign = stack.kakao.foreign_token(&user).await;
    let calls_of = async |token: &str, code: &str| {
        let before = stack.kakao.calls().await;
        assert_eq!(stack.login(&json!({"access_token": token})).await.code(), code, "{token}");
        stack.kakao.calls().await - before
    };
    for (token, code) in [("never-issued", "kakao_rejected"), (&foreign, "kakao_wrong_app")] {
        assert_eq!([calls_of(token, code).await, calls_of(token, code).await], [1, 0], "{code}");
        stack.advance(Duration::from_secs(59));
        assert_eq!(calls_of(token, code).await, 0, "{code}");
        stack.advance(Duration::from_secs(1));
        assert_eq!(calls_of(token, code).await, 1, "{code}");
    }
    let good = stack.kakao.token(&user).await;
    for fault in [json!({"kind": "down"}), json!({"kind": "quota"}), json!({"kind": "nonsense"})] {
        stack.kakao.fail("/v1/user/access_token_info", &fault).await;
        assert!(calls_of(&good, "unavailable").await > 0);
        stack.kakao.heal().await;
        assert_eq!(
            stack.login(&json!({"access_token": good})).await.status,
            StatusCode::OK,
            "{fault} is not remembered as a refusal"
        );
        stack.advance(Duration::from_secs(10));
    }
    stack.kakao.fail("/v2/user/me", &json!({"kind": "api_code", "code": -401})).await;
    assert_eq!(calls_of(&good, "kakao_rejected").await, 2);
    stack.kakao.heal().await;
    assert_eq!(calls_of(&good, "").await, 2, "access_token_info had accepted the token");
}

#[tokio::test]
async fn a_kakao_outage_is_a_503_in_time_and_creates_no_user() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let faults = [
        json!({"kind": "slow", "milliseconds": 20_000}),
        json!({"kind": "down"}),
        json!({"kind": "quota"}),
        json!({"kind": "nonsense"}),
        json!({"kind": "wrong_types"}),
        json!({"kind": "truncated"}),
        json!({"kind": "huge"}),
        json!({"kind": "redirect"}),
        json!({"kind": "api_code", "code": -1}),
        json!({"kind": "api_code", "code": -7}),
        json!({"kind": "api_code", "code": -603}),
        json!({"kind": "api_code", "code": -9798}),
        json!({"kind": "api_code", "code": -31_337}),
    ];
    for fault in faults {
        let token = stack.kakao.token(&user).await;
        for endpoint in ["*", "/v2/user/me", "/v1/user/access_token_info"] {
            stack.kakao.fail(endpoint, &fault).await;
            let started = Instant::now();
            let response = stack.login(&json!({"access_token": token})).await;
            assert!(started.elapsed() < Duration::from_secs(4), "{fault} took {:?}", started.elapsed());
            assert_eq!(
                (response.status, response.code()),
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
                "{fault} {endpoint}"
            );
            stack.kakao.heal().await;
        }
        assert!(stack.dump().await.is_empty(), "{fault}");
        assert_eq!(stack.login(&json!({"access_token": token})).await.status, StatusCode::OK, "{fault} has passed");
        stack.clear().await;
    }
}

/// A code exchange is never retried, as the code may be spent.
#[tokio::test]
async fn a_code_is_sent_to_kakao_once_even_if_kakao_fails() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for (fault, expected) in [
        (json!({"kind": "down"}), "unavailable"),
        (json!({"kind": "quota"}), "unavailable"),
        (json!({"kind": "nonsense"}), "unavailable"),
        (json!({"kind": "auth_code", "code": "KOE003", "error": "server_error"}), "unavailable"),
        (json!({"kind": "auth_code", "code": "KOE010", "error": "invalid_client"}), "unavailable"),
        (json!({"kind": "auth_code", "code": "KOE101", "error": "invalid_client"}), "unavailable"),
        (json!({"kind": "auth_code", "code": "KOE303", "error": "invalid_grant"}), "kakao_rejected"),
        (json!({"kind": "auth_code", "code": "KOE320", "error": "invalid_grant"}), "kakao_rejected"),
    ] {
        let body = stack.kakao.code_body(&user).await;
        stack.kakao.fail("/oauth/token", &fault).await;
        let before = stack.kakao.calls().await;
        let response = stack.login(&body).await;
        assert_eq!(response.code(), expected, "{fault}");
        assert_eq!(stack.kakao.calls().await - before, 1, "{fault}");
        stack.kakao.heal().await;
    }
}

#[tokio::test]
async fn wrong_kakao_settings_are_a_503_and_not_a_rejected_credential() {
    for (name, value) in [
        ("KAKAO_CLIENT_SECRET", "AnotherClientSecretOfTheShop0009"),
        ("KAKAO_REST_API_KEY", "ffffffffffffffffffffffffffffffff"),
    ] {
        let stack = Stack::with_setting(name, value).await;
        let user = stack.kakao.new_user().await;
        let response = stack.login(&stack.kakao.code_body(&user).await).await;
        assert_eq!((response.status, response.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{name}");
    }
}

#[tokio::test]
async fn refresh_profile_and_logout_work_without_kakao() {
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    stack.kakao.fail("*", &json!({"kind": "down"})).await;
    assert_eq!(stack.refresh(&logged_in.token()).await.status, StatusCode::OK);
    assert_eq!(stack.profile(logged_in.access()).await.status, StatusCode::OK);
    assert_eq!(stack.logout(&logged_in.token()).await.status, StatusCode::OK);
}

/// Kakao's response can lack `kakao_account` while Kakao is degraded.
#[tokio::test]
async fn profile_fields_that_kakao_omits_are_kept_and_withdrawn_ones_removed() {
    let stack = Stack::start().await;
    let user = async |account: Value| {
        let named = stack.kakao.user(&json!({"id": 4_242_424_242_i64, "account": account})).await;
        stack.log_in_as(&named).await.body["user"].clone()
    };
    let full = json!({"profile": {"nickname": "라이언"}, "email": "r@example.com", "is_email_valid": true, "is_email_verified": true});
    let first = user(full).await;
    assert_eq!((&first["nickname"], &first["email"]), (&json!("라이언"), &json!("r@example.com")));
    assert_eq!(user(Value::Null).await, first, "omitted fields are kept");
    let taken = json!({"profile": {"nickname": "라이언"}, "email": "r***@example.com", "is_email_valid": false, "is_email_verified": true});
    assert_eq!(user(taken).await["email"], "", "the address belongs to another user now");
    let withdrawn = json!({"profile_nickname_needs_agreement": true});
    let last = user(withdrawn).await;
    assert_eq!((&last["nickname"], &last["username"]), (&Value::Null, &json!("")));
    assert_eq!((&last["pk"], &last["created_at"]), (&first["pk"], &first["created_at"]));
}

#[tokio::test]
async fn a_session_stores_its_device_and_nothing_more() {
    let stack = Stack::start().await;
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let request = stack.request(Method::POST, "/auth/kakao").header("user-agent", "Mozilla/5.0 (iPhone; 한글)");
    stack.send(request.header("x-forwarded-for", "203.0.113.9").json(&json!({"access_token": token}))).await;
    let dump = stack.dump().await;
    let session = dump.iter().find(|item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("SESSION#"))).unwrap();
    assert_eq!(session["user_agent"].as_s().unwrap(), "Mozilla/5.0 (iPhone; 한글)");
    assert_eq!(
        session["ip_prefix"].as_s().unwrap(),
        "127.0.0.0/24",
        "the address that the gateway reports, not the client's header"
    );
    let mut names: Vec<&str> = session.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "absolute_expires_at",
        "created_at",
        "expires_at",
        "generation",
        "ip_prefix",
        "last_used_at",
        "pk",
        "rotated_at",
        "sk",
        "token_hash",
        "user_agent",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_profile_names_its_user_at_kakao_from_the_next_login_on() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let kakao_id = async || {
        let items = stack.dump().await;
        let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let with_key = |sk: &str| items.iter().find(|item| text(item, "sk").as_deref() == Some(sk)).unwrap();
        let identity = text(with_key("IDENTITY"), "pk").unwrap();
        (text(with_key("PROFILE"), "kakao_id"), identity.strip_prefix("KAKAO#").map(ToOwned::to_owned))
    };
    stack.log_in_as(&user).await;
    let (in_profile, identity) = kakao_id().await;
    assert!(identity.is_some());
    assert_eq!(in_profile, identity);

    let mut items = stack.dump().await;
    for item in &mut items {
        item.remove("kakao_id");
    }
    stack.restore(&items).await;
    assert_eq!(kakao_id().await.0, None, "a profile of an earlier release");
    stack.log_in_as(&user).await;
    assert_eq!(kakao_id().await.0, identity);
}
