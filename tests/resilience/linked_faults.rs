//! DynamoDB down, throttled, silent, denying access, or failing after a write, while a linked session is renewed: its client repeats
//! the request at any time later.

use std::time::{Duration, Instant};

use local::server::End;
use reqwest::StatusCode;
use serde_json::json;
use shared::session::LINK_PACE;
use tests::{
    Chain, Stack,
    chain::{confirmed, link, parts},
    fault_proxy::{Fault, Moment},
};

const FAULTS: [Fault; 5] = [Fault::Down, Fault::Hang, Fault::Throttle, Fault::Deny, Fault::FailAfter];
/// Almost the time after which a session ends if it is not used.
const SILENCE: Duration = Duration::from_hours(7 * 24 - 1);

#[tokio::test]
async fn a_renewal_fails_with_503_in_time_and_is_repeated_days_later() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let mut chain = stack.log_in_linked().await;
        for _ in 0..2 {
            stack.advance(LINK_PACE);
            stack.table_proxy.fail(fault);
            let started = Instant::now();
            let response = chain.ask(&stack).await;
            assert!(started.elapsed() < Duration::from_secs(5), "{fault:?} took {:?}", started.elapsed());
            // The SDK's retry recognises a write that succeeded before the 500.
            let is_expected = fault == Fault::FailAfter || response.status == StatusCode::SERVICE_UNAVAILABLE;
            assert!(is_expected, "{fault:?}: {} {}", response.status, response.body);
            assert_eq!(response.cookie, None, "{fault:?}");
            stack.table_proxy.heal();
            stack.advance(SILENCE);
            let repeated = chain.renew(&stack).await;
            assert_eq!(repeated.status, StatusCode::OK, "{fault:?}: {}", repeated.body);
            // A repetition does not postpone the end of the session, so the client refreshes once more.
            assert_eq!(chain.renew(&stack).await.status, StatusCode::OK, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_first_renewal_by_the_login_s_link_fails_with_503_and_is_repeated_days_later() {
    for fault in FAULTS {
        let stack = Stack::start().await;
        let (user, first) = (stack.kakao.new_user().await, link());
        let login = json!({"access_token": stack.kakao.token(&user).await, "link": first});
        // Only the cookie of its response arrives.
        let token = stack.login(&login).await.token();
        let mut chain = Chain { token, prev: None, next: first, access: String::new() };
        stack.table_proxy.fail(fault);
        assert_eq!(chain.ask(&stack).await.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
        stack.table_proxy.heal();
        stack.advance(SILENCE);
        for grown in 0..2 {
            let response = chain.renew(&stack).await;
            assert_eq!(response.status, StatusCode::OK, "{fault:?}: {}", response.body);
            assert_eq!(confirmed(&response).map(|link| parts(&link).0), Some(grown), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn the_sdks_own_retry_of_a_growth_that_succeeded_is_recognised() {
    for fault in [Fault::LoseResponses(1), Fault::LoseResponses(2)] {
        let stack = Stack::start().await;
        let mut chain = stack.log_in_linked().await;
        for grown in 1..4 {
            stack.advance(LINK_PACE);
            stack.table_proxy.fail(fault);
            let response = chain.renew(&stack).await;
            stack.table_proxy.heal();
            assert_eq!(response.status, StatusCode::OK, "{}", response.body);
            assert_eq!(confirmed(&response).map(|link| parts(&link).0), Some(grown));
        }
    }
}

/// A delayed first attempt arrives when the chain has gone on.
#[tokio::test]
async fn a_delayed_write_undoes_no_growth_of_a_chain() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_linked_as(&user).await;
    let mut chain = stack.log_in_linked_as(&user).await;
    let begun = stack.table_proxy.copy_of_last("PutItem");
    let mut writes = vec![begun];
    for _ in 0..3 {
        stack.advance(LINK_PACE);
        assert_eq!(chain.renew(&stack).await.status, StatusCode::OK);
        writes.push(stack.table_proxy.copy_of_last("UpdateItem"));
        stack.advance(Duration::from_hours(1));
        for write in &writes {
            let status = stack.table_proxy.arrive(write).await.unwrap();
            assert_eq!(status, StatusCode::BAD_REQUEST, "its condition fails");
        }
    }
}

/// The session is ended by a request of its own. If it fails, the next refresh of either party finds the two links again.
#[tokio::test]
async fn two_links_that_follow_the_same_one_are_found_again_if_the_session_could_not_be_ended() {
    for is_owner_next in [true, false] {
        let stack = Stack::start().await;
        let mut owner = stack.log_in_linked().await;
        let mut thief = Chain { next: link(), ..owner.clone() };
        stack.advance(LINK_PACE);
        assert_eq!(thief.renew(&stack).await.status, StatusCode::OK);
        stack.table_proxy.fail(Fault::DenyOnly("DeleteItem"));
        assert_eq!(owner.ask(&stack).await.status, StatusCode::SERVICE_UNAVAILABLE);
        stack.table_proxy.heal();
        if !is_owner_next {
            // The thief goes on, so the owner's link is an old one: its client logs out, for both.
            stack.advance(LINK_PACE);
            assert_eq!(thief.renew(&stack).await.status, StatusCode::OK);
            assert_eq!(owner.ask(&stack).await.code(), "link_stale");
            assert_eq!(stack.logout(&owner.token).await.status, StatusCode::OK);
        }
        assert_eq!(owner.renew(&stack).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(thief.renew(&stack).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_renewal_in_flight_does_not_undo_a_logout() {
    for (moment, everywhere) in
        [(Moment::Before, false), (Moment::Before, true), (Moment::After, false), (Moment::After, true)]
    {
        let stack = Stack::start().await;
        let mut chain = stack.log_in_linked().await;
        stack.advance(LINK_PACE);
        let mut held = stack.table_proxy.hold(0, moment);
        let (functions, asking) = ((*stack).clone(), chain.clone());
        let renewal = tokio::spawn(async move { asking.ask(&functions).await });
        held.arrived().await;
        let path = if everywhere { "/auth/logout?scope=all" } else { "/auth/logout" };
        let log_out = stack.send(chain.request(&stack, path, &json!({"link": chain.links()}))).await;
        assert_eq!(log_out.status, StatusCode::OK, "{moment:?}: {}", log_out.body);
        held.release();
        let late = renewal.await.unwrap();
        assert_eq!(stack.count("SESSION#").await, 0, "{moment:?}: the session is back");
        chain.take(&late);
        assert_eq!(chain.renew(&stack).await.status, StatusCode::UNAUTHORIZED, "{moment:?}");
    }
}

/// It fails at the query or at a deletion. The session of the request itself is deleted last.
#[tokio::test]
async fn a_logout_everywhere_by_links_that_fails_midway_can_be_retried() {
    const SESSIONS: usize = 5;
    for failing in [0, 1, SESSIONS - 1, SESSIONS] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let mut chains = Vec::new();
        for _ in 0..SESSIONS {
            chains.push(stack.log_in_linked_as(&user).await);
        }
        let mut own = chains.swap_remove(2);
        let everywhere =
            |chain: &Chain| chain.request(&stack, "/auth/logout?scope=all", &json!({"link": chain.links()}));
        stack.table_proxy.fail_after(failing, Fault::Deny);
        let response = stack.send(everywhere(&own)).await;
        assert_eq!((response.status, response.cookie), (StatusCode::SERVICE_UNAVAILABLE, None), "{failing}");
        stack.table_proxy.heal();
        assert_eq!(own.renew(&stack).await.status, StatusCode::OK, "{failing}");
        assert_eq!(stack.send(everywhere(&own)).await.status, StatusCode::OK, "{failing}");
        assert_eq!(stack.count("SESSION#").await, 0, "{failing}");
    }
}

/// A function that was frozen may find its connections closed, or dropped without notice.
#[tokio::test]
async fn closed_connections_cause_no_error_of_a_renewal() {
    for end in [End::Closed, End::Forgotten] {
        let stack = Stack::start().await;
        let mut chain = stack.log_in_linked().await;
        for _ in 0..2 {
            stack.advance(LINK_PACE);
            stack.table_proxy.end_connections(end);
            assert_eq!(chain.renew(&stack).await.status, StatusCode::OK, "{end:?}");
        }
    }
}
