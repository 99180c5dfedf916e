//! `POST /auth/kakao` by code, of a user who is known: one call to Kakao, and `user/me` when the profile may have changed.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{REDIRECT_URI, Stack, client::unique};

const DAY: Duration = Duration::from_hours(24);

/// One Kakao user, with this picture and nickname.
async fn person(stack: &Stack, picture: &str, nickname: Option<&str>) -> String {
    let profile = json!({
        "nickname": nickname,
        "profile_image_url": format!("https://k.kakaocdn.net/dn/{picture}/img_640x640.jpg"),
        "thumbnail_image_url": format!("https://k.kakaocdn.net/dn/{picture}/img_110x110.jpg"),
    });
    let account = json!({"profile": profile, "profile_nickname_needs_agreement": nickname.is_none()});
    stack.kakao.user(&json!({"id": 4_545_454_545_i64, "account": account})).await
}

/// Logs in by code; returns the user and the number of calls to Kakao.
async fn by_code(stack: &Stack, user: &str) -> (Value, u64) {
    let body = stack.kakao.code_body(user).await;
    let before = stack.kakao.calls().await;
    let response = stack.login(&body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let calls = stack.kakao.calls().await - before;
    assert_eq!(stack.profile(response.access()).await.body, response.body["user"]);
    (response.body["user"].clone(), calls)
}

fn image(picture: &str) -> Value {
    json!(format!("https://k.kakaocdn.net/dn/{picture}/img_640x640.jpg"))
}

#[tokio::test]
async fn a_known_users_login_by_code_costs_one_call_while_the_profile_is_unchanged() {
    let stack = Stack::start().await;
    let user = person(&stack, "one", Some("라이언")).await;
    let (first, calls) = by_code(&stack, &user).await;
    assert_eq!((&first["profile_image"], calls), (&image("one"), 2), "a new user is fetched");
    for _ in 0..3 {
        let (again, calls) = by_code(&stack, &user).await;
        assert_eq!((&again, calls), (&first, 1));
        stack.advance(DAY * 10);
    }
    // The ID token carries the new nickname.
    let renamed = person(&stack, "one", Some("춘식이")).await;
    let (shown, calls) = by_code(&stack, &renamed).await;
    assert_eq!((&shown["nickname"], calls), (&json!("춘식이"), 1));
}

#[tokio::test]
async fn a_new_picture_is_fetched_at_most_once_a_day() {
    let stack = Stack::start().await;
    by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    stack.advance(Duration::from_secs(86_399));
    let other = person(&stack, "two", Some("라이언")).await;
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], calls), (&image("one"), 1), "fetched within the day before");
    stack.advance(Duration::from_secs(1));
    let _ = stack.table_proxy.take_traffic();
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], calls), (&image("two"), 2));
    stack.advance(DAY);
    assert_eq!(by_code(&stack, &other).await, (shown, 1), "the same profile again");
}

#[tokio::test]
async fn a_withdrawn_nickname_is_removed_within_a_day() {
    let stack = Stack::start().await;
    by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    let withdrawn = person(&stack, "one", None).await;
    assert_eq!(by_code(&stack, &withdrawn).await.0["nickname"], "라이언");
    stack.advance(DAY);
    let (shown, calls) = by_code(&stack, &withdrawn).await;
    assert_eq!((&shown["nickname"], calls), (&Value::Null, 2));
}

#[tokio::test]
async fn an_email_that_kakao_no_longer_vouches_for_is_removed_at_the_next_login_by_code() {
    let stack = Stack::start().await;
    let account = |valid: bool, verified: bool| {
        let email = json!({"email": "r@example.com", "is_email_valid": valid, "is_email_verified": verified});
        json!({"id": 4_646_464_646_i64, "account": email})
    };
    let good = stack.kakao.user(&account(true, true)).await;
    by_code(&stack, &good).await;
    for (valid, verified) in [(false, true), (true, false), (false, false)] {
        assert_eq!(by_code(&stack, &good).await.0["email"], "r@example.com");
        let taken = stack.kakao.user(&account(valid, verified)).await;
        let (shown, calls) = by_code(&stack, &taken).await;
        assert_eq!((&shown["email"], &shown["email_verified"], calls), (&json!(""), &json!(false), 1));
    }
}

#[tokio::test]
async fn while_user_me_fails_the_id_token_is_used_and_the_next_login_asks_again() {
    let stack = Stack::start().await;
    by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    stack.advance(DAY);
    let other = person(&stack, "two", Some("춘식이")).await;
    stack.kakao.fail("/v2/user/me", &json!({"kind": "quota"})).await;
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], &shown["nickname"], calls), (&image("one"), &json!("춘식이"), 2));
    stack.kakao.heal().await;
    let (shown, calls) = by_code(&stack, &other).await;
    assert_eq!((&shown["profile_image"], calls), (&image("two"), 2));
}

#[tokio::test]
async fn a_user_me_response_for_another_user_than_the_id_token_is_refused() {
    let stack = Stack::start().await;
    let (before, _) = by_code(&stack, &person(&stack, "one", Some("라이언")).await).await;
    let sessions = stack.count("SESSION#").await;
    stack.advance(DAY);
    let other = person(&stack, "two", Some("라이언")).await;
    let body = stack.kakao.code_body(&other).await;
    stack.kakao.fail("/v2/user/me", &json!({"kind": "answer", "status": 200, "body": r#"{"id": 1029384756}"#})).await;
    let response = stack.login(&body).await;
    assert_eq!((response.code(), response.set_cookie()), ("kakao_rejected", ""));
    assert_eq!((stack.count("SESSION#").await, stack.count("KAKAO#").await), (sessions, 1));
    stack.kakao.heal().await;
    let (after, _) = by_code(&stack, &other).await;
    assert_eq!(after["pk"], before["pk"]);
}

#[tokio::test]
async fn a_grant_without_an_id_token_costs_two_calls() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for _ in 0..2 {
        let challenge = json!({
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "scope": "account_email profile_nickname",
        });
        let code = stack.kakao.code_with(&user, &challenge).await;
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": verifier});
        let before = stack.kakao.calls().await;
        assert_eq!(stack.login(&body).await.status, StatusCode::OK);
        assert_eq!(stack.kakao.calls().await - before, 2);
    }
}

/// A picture fetched by a login with an access token is not taken for the picture of the last ID token.
#[tokio::test]
async fn a_picture_that_changed_twice_is_fetched_although_the_id_token_shows_an_earlier_one() {
    let stack = Stack::start().await;
    let one = person(&stack, "one", Some("라이언")).await;
    by_code(&stack, &one).await;
    let two = person(&stack, "two", Some("라이언")).await;
    assert_eq!(stack.log_in_as(&two).await.body["user"]["profile_image"], image("two"));
    stack.advance(DAY);
    let one_again = person(&stack, "one", Some("라이언")).await;
    assert_eq!(by_code(&stack, &one_again).await, (by_code(&stack, &one_again).await.0, 2));
    assert_eq!(by_code(&stack, &one_again).await.0["profile_image"], image("one"));
}

/// Mobile apps log in by ID token with a new nonce each time.
#[tokio::test]
async fn a_login_by_id_token_does_not_change_the_stored_picture() {
    let stack = Stack::start().await;
    let user = person(&stack, "one", Some("라이언")).await;
    let (first, _) = by_code(&stack, &user).await;
    let nonce = unique();
    let token = stack.kakao.id_token(&user, &json!({"nonce": nonce})).await;
    assert_eq!(stack.login(&json!({"id_token": token, "nonce": nonce})).await.body["user"], first);
    assert_eq!(by_code(&stack, &user).await, (first, 1));
}
