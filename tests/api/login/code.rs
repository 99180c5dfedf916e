//! `POST /auth/kakao` with a code: codes that are sent twice, and Kakao with faults.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{REDIRECT_URI, Stack, client::Response};

pub(crate) async fn at_once(stack: &Stack, bodies: &[Value]) -> Vec<Response> {
    let requests: Vec<_> = bodies
        .iter()
        .map(|body| {
            let (functions, body) = ((**stack).clone(), body.clone());
            tokio::spawn(async move { functions.login(&body).await })
        })
        .collect();
    let mut responses = Vec::new();
    for request in requests {
        responses.push(request.await.unwrap());
    }
    responses
}

/// React's `StrictMode` runs effects twice, and users tap twice.
#[tokio::test]
async fn the_same_code_posted_at_once_is_one_session_and_one_exchange() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = stack.kakao.code_body(&user).await;
    let before = stack.kakao.calls().await;
    let responses = at_once(&stack, &vec![body; 5]).await;
    let mut tokens: Vec<String> = responses.iter().map(Response::token).collect();
    assert!(responses.iter().all(|response| response.body["user"] == responses[0].body["user"]));
    tokens.dedup();
    assert_eq!((tokens.len(), stack.count("SESSION#").await), (1, 1));
    assert_eq!(stack.kakao.calls().await - before, 2, "one exchange, one user/me");
    assert_eq!(stack.refresh(&tokens[0]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_same_code_posted_later_is_the_same_session_for_thirty_seconds() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = stack.kakao.code_body(&user).await;
    let first = stack.login(&body).await;
    stack.advance(Duration::from_secs(29));
    let request = stack.request(reqwest::Method::POST, "/auth/kakao").json(&body);
    let again = stack.send(request.header("cookie", tests::client::cookie_pair(&first.token()))).await;
    assert_eq!((again.status, again.token()), (StatusCode::OK, first.token()));
    assert_eq!(stack.refresh(&first.token()).await.status, StatusCode::OK, "a retry does not end its own session");
    stack.advance(Duration::from_secs(1));
    assert_eq!(stack.login(&body).await.code(), "kakao_rejected");
}

#[tokio::test]
async fn an_intercepted_code_cannot_be_replayed() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = stack.kakao.code_body(&user).await;
    let mut without = body.clone();
    without.as_object_mut().unwrap().remove("code_verifier");
    without["nonce"] = json!("anything");
    let mut other = body.clone();
    other["code_verifier"] = json!("x".repeat(43));
    stack.login(&body).await;
    for body in [without, other] {
        let response = stack.login(&body).await;
        assert_eq!((response.code(), response.cookie.as_deref()), ("kakao_rejected", None), "{body}");
    }
}

#[tokio::test]
async fn a_code_that_never_reached_kakao_can_be_sent_again() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = stack.kakao.code_body(&user).await;
    stack.kakao.fail("/oauth/token", &json!({"kind": "down"})).await;
    let responses = at_once(&stack, &vec![body.clone(); 3]).await;
    assert!(responses.iter().all(|response| response.status == StatusCode::SERVICE_UNAVAILABLE));
    stack.kakao.heal().await;
    assert_eq!(stack.login(&body).await.status, StatusCode::OK, "the code never reached Kakao");
}

#[tokio::test]
async fn after_five_failures_logins_fail_fast_and_recover_by_themselves() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let body = json!({"access_token": stack.kakao.token(&user).await});
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(json!({"access_token": stack.kakao.token(&user).await}));
    }
    stack.kakao.fail("*", &json!({"kind": "slow", "milliseconds": 20_000})).await;
    at_once(&stack, &others).await;
    let (before, started) = (stack.kakao.calls().await, Instant::now());
    let response = stack.login(&body).await;
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!((response.code(), &response.headers["retry-after"]), ("unavailable", &"10".parse().unwrap()));
    assert_eq!(stack.kakao.calls().await, before, "Kakao is not called");

    stack.kakao.heal().await;
    assert_eq!(stack.login(&body).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.advance(Duration::from_secs(10));
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_exhausted_kakao_quota_sets_retry_after() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    stack.kakao.fail("*", &json!({"kind": "quota"})).await;
    let response = stack.login(&json!({"access_token": token})).await;
    assert_eq!((response.code(), &response.headers["retry-after"]), ("unavailable", &"600".parse().unwrap()));
}

#[tokio::test]
async fn a_redirect_from_kakao_is_not_followed() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    stack.kakao.fail("/v2/user/me", &json!({"kind": "redirect", "to": "/landed"})).await;
    let before = stack.kakao.calls().await;
    assert_eq!(stack.login(&json!({"access_token": token})).await.code(), "unavailable");
    assert_eq!(stack.kakao.calls().await - before, 2, "access_token_info and user/me; the redirect was not followed");
}

#[tokio::test]
async fn kakao_responses_that_name_two_users_are_refused() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let (token, by_code) = (stack.kakao.token(&user).await, stack.kakao.code_body(&user).await);
    stack.kakao.fail("/v2/user/me", &json!({"kind": "answer", "status": 200, "body": r#"{"id": 1029384756}"#})).await;
    for body in [json!({"access_token": token}), by_code] {
        assert_eq!(stack.login(&body).await.code(), "kakao_rejected", "{body}");
    }
    let users = (stack.count("KAKAO#").await, stack.count("USER#").await, stack.count("SESSION#").await);
    assert_eq!(users, (0, 0, 0));
}

async fn login_by(stack: &Stack, user: &str, kind: &str) -> Value {
    match kind {
        "access_token" => json!({"access_token": stack.kakao.token(user).await}),
        "code" => {
            let code = stack.kakao.code_with(user, &json!({"nonce": "n"})).await;
            json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"})
        }
        "id_token" => {
            let nonce = tests::client::unique();
            json!({"id_token": stack.kakao.id_token(user, &json!({"nonce": nonce})).await, "nonce": nonce})
        }
        _ => stack.kakao.code_body(user).await,
    }
}

/// Every credential, user and fault of Kakao: never a 500, a wrong or second user, or more calls to Kakao than expected.
#[tokio::test]
async fn no_kakao_fault_causes_a_500_a_wrong_user_or_extra_calls() {
    let faults = [
        None,
        Some(json!({"kind": "down"})),
        Some(json!({"kind": "quota"})),
        Some(json!({"kind": "nonsense"})),
        Some(json!({"kind": "wrong_types"})),
        Some(json!({"kind": "truncated"})),
        Some(json!({"kind": "redirect"})),
        Some(json!({"kind": "api_code", "code": -1})),
        Some(json!({"kind": "api_code", "code": -401})),
        Some(json!({"kind": "api_code", "code": -9798})),
    ];
    let ids = [
        ("ryan", "1029384756"),
        ("choonsik", "1376016924429759228"),
        ("apeach", "2000000001"),
        ("muzi", "2000000002"),
        ("frodo", "2000000003"),
        ("con", "2000000004"),
        ("neo", "2000000005"),
    ];
    let stack = Stack::start().await;
    let mut known = std::collections::BTreeMap::<String, Value>::new();
    // Whether the user is known, and whether user/me was last called a day ago.
    for (known_already, outdated) in [(false, false), (true, false), (true, true)] {
        for (user, id) in ids {
            for kind in ["access_token", "code", "code with a verifier", "id_token"] {
                for fault in &faults {
                    if outdated && !kind.starts_with("code") {
                        continue;
                    }
                    if !known_already {
                        stack.clear().await;
                        known.clear();
                    }
                    if outdated {
                        stack.log_in_as(user).await;
                        stack.advance(Duration::from_hours(24));
                    }
                    let body = login_by(&stack, user, kind).await;
                    // The usual case: Kakao's keys are cached and the circuit breaker is closed.
                    warm_up(&stack).await;
                    if known_already && !outdated {
                        known.entry(user.to_owned()).or_insert(stack.log_in_as(user).await.body["user"]["pk"].clone());
                    }
                    if let Some(fault) = fault {
                        stack.kakao.fail("/v2/user/me", fault).await;
                    }
                    let before = stack.kakao.calls().await;
                    let response = stack.login(&body).await;
                    let calls = stack.kakao.calls().await - before;
                    stack.kakao.heal().await;

                    let case = format!(
                        "{kind}, {user}, {known_already} {outdated}, {fault:?}: {} {}",
                        response.status, response.body
                    );
                    let hiccup = fault.as_ref().is_some_and(|fault| fault["kind"] == "down" || fault["code"] == -1);
                    let tries = if hiccup { 2 } else { 1 };
                    let expected_calls = match kind {
                        "access_token" => 1 + tries,
                        "id_token" => {
                            if known_already {
                                0
                            } else {
                                tries
                            }
                        }
                        _ => {
                            if known_already && !outdated {
                                1
                            } else {
                                1 + tries
                            }
                        }
                    };
                    assert_eq!(calls, expected_calls, "{case}");
                    let refused_token = fault.as_ref().is_some_and(|fault| fault["code"] == -401);
                    let needs_user_me = match kind {
                        "access_token" => true,
                        "id_token" => !known_already,
                        _ => !known_already || outdated && refused_token,
                    };
                    let expected = match fault {
                        None => StatusCode::OK,
                        Some(_) if !needs_user_me => StatusCode::OK,
                        // With the admin key, a refusal is about that key.
                        Some(_) if refused_token && kind != "id_token" => StatusCode::BAD_REQUEST,
                        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
                    };
                    assert_eq!(response.status, expected, "{case}");
                    if response.status == StatusCode::OK {
                        let pk = &response.body["user"]["pk"];
                        assert!(known.get(user).is_none_or(|known| known == pk), "another user: {case}");
                        assert_eq!(stack.count(&format!("KAKAO#{id}")).await, 1, "{case}");
                    } else if !known_already {
                        assert_eq!(stack.count(&format!("KAKAO#{id}")).await, 0, "{case}");
                    }
                }
            }
        }
    }
}

async fn warm_up(stack: &Stack) {
    stack.advance(Duration::from_secs(11));
    let nonce = tests::client::unique();
    let token = stack.kakao.id_token("tube", &json!({"nonce": nonce})).await;
    // An underage user: Kakao responds, and no user is created.
    assert_eq!(stack.login(&json!({"id_token": token, "nonce": nonce})).await.code(), "kakao_underage");
}
