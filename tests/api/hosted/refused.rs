//! A callback that this browser did not begin, or that brings no code of its login.

use std::time::Duration;

use reqwest::Url;
use serde_json::json;
use tests::{ORIGIN, Stack};

use super::visitor::{Visitor, assert_failed, choose, hosted, location, parameter, with_parameter};
use crate::recorder::{Log, line_of};

/// Asserts that a callback is refused before Kakao or DynamoDB is asked.
async fn assert_unknown(log: &Log, stack: &Stack, visitor: &Visitor, callback: &Url, case: &str) {
    let response = visitor.clone().finish(stack, callback).await;
    assert_failed(&response, "/", "state", case);
    let line = line_of(log, &response);
    assert_eq!((&line["outcome"], &line["calls"]), (&json!("login_state_unknown"), &json!([])), "{case}");
    assert_eq!((&line["http_status"], &line["level"]), (&json!(303), &json!("INFO")));
}

#[tokio::test]
async fn a_callback_that_this_browser_did_not_begin_logs_nobody_in_and_does_not_spend_the_code() {
    let log = Log::start();
    let stack = hosted().await;
    let (mut owner, mut other) = (Visitor::default(), Visitor::default());
    let page = owner.begin(&stack, "?next=/shop").await;
    let callback = choose(&page, &stack.kakao.new_user().await).await;
    let others_page = other.begin(&stack, "?next=/shop").await;
    assert_unknown(&log, &stack, &Visitor::default(), &callback, "no cookie").await;
    assert_unknown(&log, &stack, &other, &callback, "another browser's cookie").await;
    let garbage = Visitor { seed: "x".repeat(43), ..Visitor::default() };
    assert_unknown(&log, &stack, &garbage, &callback, "garbage").await;
    let state = parameter(&callback, "state");
    let last = if state.ends_with('A') { 'B' } else { 'A' };
    let head = &state[1..state.len() - 1];
    for wrong in
        ["", "x", ".", head, &format!("{state}A"), &format!("x{head}{last}"), &parameter(&others_page, "state")]
    {
        assert_unknown(&log, &stack, &owner, &with_parameter(&callback, "state", wrong), wrong).await;
    }
    let bare: Url = format!("{ORIGIN}/auth/kakao/callback?code={}", parameter(&callback, "code")).parse().unwrap();
    assert_unknown(&log, &stack, &owner, &bare, "no state").await;
    let cancelled: Url = format!("{ORIGIN}/auth/kakao/callback?error=access_denied").parse().unwrap();
    assert_unknown(&log, &stack, &owner, &cancelled, "an error without a state").await;
    assert_eq!(stack.count("SESSION#").await, 0);
    assert_eq!(location(&owner.finish(&stack, &callback).await).as_str(), format!("{ORIGIN}/shop"), "the code is good");
}

/// The attacker logs in with a browser of their own, and lets the victim's browser follow the link that Kakao sent the attacker.
#[tokio::test]
async fn a_link_with_somebody_elses_code_logs_nobody_in() {
    let log = Log::start();
    let stack = hosted().await;
    let (mut attacker, mut victim) = (Visitor::default(), Visitor::default());
    let page = attacker.begin(&stack, "?next=/").await;
    let link = choose(&page, &stack.kakao.new_user().await).await;
    victim.begin(&stack, "?next=/").await;
    assert_unknown(&log, &stack, &victim, &link, "the attacker's link").await;
    // With the state of a login of the victim's own, Kakao refuses the code: it belongs to another verifier.
    let page = victim.begin(&stack, "?next=/").await;
    let injected = with_parameter(&link, "state", &parameter(&page, "state"));
    assert_failed(&victim.finish(&stack, &injected).await, "/", "rejected", "the attacker's code");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_code_of_one_tab_is_no_good_with_the_state_of_another() {
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    let mut visitor = Visitor::default();
    let pages = [visitor.begin(&stack, "?next=/a").await, visitor.begin(&stack, "?next=/b").await];
    let callback = choose(&pages[0], &user).await;
    let mixed = with_parameter(&callback, "state", &parameter(&pages[1], "state"));
    assert_failed(&visitor.finish(&stack, &mixed).await, "/b", "rejected", "mixed");
    // Also where Kakao does not check the verifier: the nonce differs.
    let challenge = parameter(&pages[1], "code_challenge");
    let unchecked = choose(&with_parameter(&pages[0], "code_challenge", &challenge), &user).await;
    let mixed = with_parameter(&unchecked, "state", &parameter(&pages[1], "state"));
    assert_failed(&visitor.finish(&stack, &mixed).await, "/b", "rejected", "another nonce");
    // And where only the verifier differs.
    let nonce = parameter(&pages[1], "nonce");
    let unchecked = choose(&with_parameter(&pages[0], "nonce", &nonce), &user).await;
    let mixed = with_parameter(&unchecked, "state", &parameter(&pages[1], "state"));
    assert_failed(&visitor.finish(&stack, &mixed).await, "/b", "rejected", "another verifier");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_login_may_take_ten_minutes_at_kakao() {
    let log = Log::start();
    let stack = hosted().await;
    let user = stack.kakao.new_user().await;
    for (seconds, passes) in [(599, true), (600, false)] {
        let mut visitor = Visitor::default();
        let page = visitor.begin(&stack, "?next=/shop").await;
        stack.advance(Duration::from_secs(seconds));
        // A browser drops the cookie after ten minutes, unless another login has renewed it.
        visitor.begin(&stack, "?next=/").await;
        let callback = choose(&page, &user).await;
        if passes {
            assert_eq!(location(&visitor.finish(&stack, &callback).await).as_str(), format!("{ORIGIN}/shop"));
        } else {
            assert_unknown(&log, &stack, &visitor, &callback, "late").await;
        }
    }
}

#[tokio::test]
async fn what_kakao_sends_instead_of_a_code_is_a_reason_for_the_page() {
    let log = Log::start();
    let stack = hosted().await;
    for (sent, reason, outcome) in [
        ("error=access_denied&error_description=User%20denied%20access", "denied", "login_denied"),
        ("error=access_denied&error_description=Not%20allowed%20under%20age%2014", "underage", "kakao_underage"),
        ("error=login_required", "interaction", "login_interaction"),
        ("error=consent_required&error_description=user%20consent%20required.", "interaction", "login_interaction"),
        ("error=server_error", "unavailable", "unavailable"),
        ("error=temporarily_unavailable", "unavailable", "unavailable"),
        ("error=invalid_client&error_description=canary", "rejected", "kakao_rejected"),
        ("error=canary", "rejected", "kakao_rejected"),
        ("error=", "rejected", "kakao_rejected"),
        ("x=y", "rejected", "kakao_rejected"),
        ("code=", "rejected", "kakao_rejected"),
        ("code=%00", "rejected", "kakao_rejected"),
        (&format!("code={}", "a".repeat(1_025)), "rejected", "kakao_rejected"),
        ("code=x&error=access_denied", "denied", "login_denied"),
    ] {
        let mut visitor = Visitor::default();
        let page = visitor.begin(&stack, "?next=/shop%3Fa=1").await;
        let state = parameter(&page, "state");
        let callback = format!("{ORIGIN}/auth/kakao/callback?{sent}&state={state}").parse().unwrap();
        let response = visitor.finish(&stack, &callback).await;
        assert_failed(&response, "/shop?a=1", reason, sent);
        let line = line_of(&log, &response);
        assert_eq!((&line["outcome"], &line["calls"]), (&json!(outcome), &json!([])), "{sent}");
        assert_ne!(line["level"], "ERROR", "anybody can write such an address: {sent}");
    }
    let mut visitor = Visitor::default();
    let page = visitor.begin(&stack, "?next=/shop").await;
    assert_failed(&visitor.finish(&stack, &choose(&page, "nobody").await).await, "/shop", "denied", "cancelled");
}
