//! Where a hosted login returns to: a page of an allowed origin, whatever was asked for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Url;
use tests::{CALLBACK_URI, ORIGIN, Settings, Stack};

use super::visitor::{Visitor, assert_failed, choose, hosted, location, parameter, with_parameter};

const OTHER: &str = "https://m.example.com";

async fn with_two_origins() -> Stack {
    let origins = format!("{ORIGIN},{OTHER}");
    let environment = [("CALLBACK_URI", CALLBACK_URI), ("ALLOWED_ORIGINS", &origins)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Stack::with(Settings { environment, ..Settings::default() }).await
}

/// `next` as the state carries it.
fn next_in(page: &Url) -> String {
    let state = parameter(page, "state");
    let next = BASE64_URL_SAFE_NO_PAD.decode(state.split_once('.').unwrap().1).unwrap();
    String::from_utf8(next).unwrap()
}

#[tokio::test]
async fn another_address_than_one_of_an_allowed_origin_leads_to_the_default_page() {
    let stack = with_two_origins().await;
    for (next, page) in [
        ("?next=/shop", format!("{ORIGIN}/shop")),
        ("?next=https://m.example.com/shop", format!("{OTHER}/shop")),
        ("?next=%2Fshop%3Fa=1%26b=2", format!("{ORIGIN}/shop?a=1&b=2")),
        ("?next=/first&next=https://evil.example/", format!("{ORIGIN}/first")),
        ("", format!("{ORIGIN}/")),
        ("?next=", format!("{ORIGIN}/")),
        ("?next=https://evil.example/", format!("{ORIGIN}/")),
        ("?next=//evil.example", format!("{ORIGIN}/")),
        ("?next=/%5Cevil.example", format!("{ORIGIN}/")),
        ("?next=/%09/evil.example", format!("{ORIGIN}/")),
        ("?next=%0d%0alocation:https://evil.example", format!("{ORIGIN}/")),
        ("?next=https://m.example.com@evil.example/", format!("{ORIGIN}/")),
        ("?next=javascript:alert(1)", format!("{ORIGIN}/")),
        ("?next=blob:http://localhost:9000/1", format!("{ORIGIN}/")),
        ("?next=/auth/kakao/login", format!("{ORIGIN}/")),
    ] {
        assert_eq!(next_in(&Visitor::default().begin(&stack, next).await), page, "{next}");
    }
}

#[tokio::test]
async fn a_page_whose_origin_is_no_longer_allowed_is_not_returned_to() {
    let stack = with_two_origins().await;
    let user = stack.kakao.new_user().await;
    let after = stack.with_other_setting("ALLOWED_ORIGINS", ORIGIN).await;
    for (functions, expected) in [(&*stack, format!("{OTHER}/shop")), (&after, format!("{ORIGIN}/"))] {
        let mut visitor = Visitor::default();
        let page = visitor.begin(&stack, "?next=https://m.example.com/shop").await;
        let callback = choose(&page, &user).await;
        let response = visitor.finish(functions, &callback).await;
        assert_eq!(location(&response).as_str(), expected);
        assert_eq!(stack.refresh(&response.token()).await.status, 200);
        let page = visitor.begin(&stack, "?next=https://m.example.com/shop").await;
        let cancelled = choose(&page, "nobody").await;
        assert_eq!(
            location(&visitor.finish(functions, &cancelled).await).as_str(),
            format!("{expected}?login_error=denied")
        );
    }
}

#[tokio::test]
async fn a_page_in_the_state_cannot_be_replaced_not_even_by_an_allowed_one() {
    let stack = hosted().await;
    let mut visitor = Visitor::default();
    let page = visitor.begin(&stack, "?next=/shop").await;
    let callback = choose(&page, &stack.kakao.new_user().await).await;
    let state = parameter(&callback, "state");
    for next in ["https://evil.example/", "http://localhost:9000/other", "http://localhost:9000/shop?x", ""] {
        let head = state.split_once('.').unwrap().0;
        let other = format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(next));
        let response = visitor.finish(&stack, &with_parameter(&callback, "state", &other)).await;
        assert_failed(&response, "/", "state", next);
    }
    assert_eq!(location(&visitor.finish(&stack, &callback).await).as_str(), format!("{ORIGIN}/shop"));
}

#[tokio::test]
async fn a_page_that_asks_again_after_a_failure_is_not_told_of_it_again() {
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let response = Visitor::default().log_in(&stack, &user, "/shop%3Fa=1%26login_error=denied").await;
    assert_eq!(location(&response).as_str(), format!("{ORIGIN}/shop?a=1"));
}
