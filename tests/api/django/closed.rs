//! While tokens from Django are not exchanged, they are as if they were not there.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::keys::Document;
use tests::{
    Stack,
    client::{Functions, cookie_pair},
    django::{OPEN_FOR, SECRET_KEY, claims, django_pair, signed},
    fault_proxy::{Fault, Traffic},
};

use super::once::{REFRESH, assert_logged_out, exchange};
use crate::recorder::{Log, line_of};

const DAY: Duration = Duration::from_hours(24);

/// Each route answers as it does without the token, sets nothing for Django's cookie, and asks neither table.
async fn assert_closed(stack: &Stack, functions: &Functions, token: &str, case: &str) {
    // Reads the keys that a function without any would read now.
    functions.refresh("garbage").await;
    functions.logout("garbage").await;
    let _ = (stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic());
    for (path, expected) in [(REFRESH, StatusCode::UNAUTHORIZED), ("/auth/logout", StatusCode::OK)] {
        for body in [json!({}), json!({"refresh": token})] {
            let request = functions.with_django_cookie(path, token).json(&body);
            let response = functions.send(request).await;
            assert_eq!((response.status, response.set_cookies()), (expected, vec![]), "{case} {path} {body}");
        }
    }
    let traffic = (stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic());
    assert_eq!(traffic, (Traffic::default(), Traffic::default()), "{case}");
}

#[tokio::test]
async fn without_an_end_or_with_one_that_is_over_or_too_far_ahead_nothing_is_exchanged() {
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    for (case, until) in [
        ("off", String::new()),
        ("over", stack.now().to_rfc3339()),
        ("too far ahead", (stack.now() + 30 * DAY + Duration::from_secs(1)).to_rfc3339()),
    ] {
        let functions = stack.with_other_setting("DJANGO_REFRESH_UNTIL", &until).await;
        assert_closed(&stack, &functions, &token, case).await;
    }
    let just = stack.with_other_setting("DJANGO_REFRESH_UNTIL", &(stack.now() + 30 * DAY).to_rfc3339()).await;
    assert_eq!(exchange(&just, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn at_the_end_tokens_stop_being_exchanged_and_the_sessions_they_started_go_on() {
    let stack = Stack::from_django().await;
    let until = stack.now() + OPEN_FOR;
    stack.import_one(17, 1_700_000_001).await;
    stack.advance(Duration::from_secs(OPEN_FOR.as_secs() - 31));
    let [used, unused] = [(), ()].map(|()| signed(&claims(17, until + DAY)));
    let session = exchange(&stack, &used).await.token();
    stack.advance(Duration::from_secs(30));
    assert_eq!(exchange(&stack, &used).await.token(), session, "the last second");
    stack.advance(Duration::from_secs(1));
    assert_closed(&stack, &stack, &unused, "over").await;
    assert_logged_out(&exchange(&stack, &used).await, "not even a repeat");
    stack.advance(Duration::from_secs(30));
    assert_ne!(stack.refresh(&session).await.token(), session, "it rotates as any other");
}

#[tokio::test]
async fn a_session_of_ours_is_refreshed_with_one_write_while_tokens_are_exchanged() {
    let stack = Stack::from_django().await;
    let django = stack.import_one(17, 1_700_000_001).await;
    let ours = stack.log_in().await.token();
    stack.advance(Duration::from_secs(30));
    let _ = (stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic());
    let request = stack.request(Method::POST, REFRESH);
    let both = request.header("cookie", format!("{}; {}", django_pair(&django), cookie_pair(&ours)));
    let refreshed = stack.send(both).await;
    assert_ne!(refreshed.token(), ours);
    assert_eq!(refreshed.set_cookies().len(), 1, "Django's cookie is not touched");
    assert_eq!(stack.table_proxy.take_traffic().operations, ["UpdateItem"]);
    assert_eq!(stack.count("SIMPLEJWT#").await, 0);
}

/// An operator has set the end, and not yet stored the key: nobody is logged out for that.
#[tokio::test]
async fn without_djangos_key_an_exchange_is_a_503_and_the_cookie_stays() {
    let log = Log::start();
    let stack = Stack::from_django().await;
    let token = stack.import_one(17, 1_700_000_001).await;
    stack.delete_keys(Document::Django).await;
    let failed = exchange(&stack, &token).await;
    assert_eq!((failed.status, failed.set_cookies()), (StatusCode::SERVICE_UNAVAILABLE, vec![]));
    assert_eq!(line_of(&log, &failed)["level"], "ERROR", "an operator must act");
    stack.put_django_key(SECRET_KEY).await;
    assert_eq!(exchange(&stack, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_was_removed_stops_counting_within_ten_minutes() {
    let stack = Stack::from_django().await;
    let [first, second] = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17)];
    assert_eq!(exchange(&stack, &first).await.status, StatusCode::OK);
    stack.put_django_key("").await;
    stack.advance(Duration::from_mins(10));
    let refused = exchange(&stack, &second).await;
    assert_logged_out(&refused, "removed");
    assert_eq!(refused.set_cookies().len(), 0, "the cookie stays, as nothing of it was verified");
    stack.keys_proxy.fail(Fault::Down);
    stack.advance(Duration::from_mins(10));
    assert_logged_out(&exchange(&stack, &second).await, "and is not remembered");
}
