//! Tokens and links of keys that no longer issue, and of a table that was restored.

use std::time::Duration;

use reqwest::StatusCode;
use rotate_keys::document::Reason;
use tests::{
    Settings, Stack,
    chain::{confirmed, parts, refusal},
};

use super::growth::PACE;
use crate::{
    recorder::{Log, line_of},
    rotate_keys::rotation::STALE,
};

const DAY: Duration = Duration::from_hours(24);
const ENDED: (StatusCode, &str, Option<&str>) = (StatusCode::UNAUTHORIZED, "token_not_valid", None);

/// Its token is never tagged anew, and a client may be silent as long as its session may last.
#[tokio::test]
async fn token_and_links_of_an_earlier_key_are_accepted_until_the_session_ends() {
    let environment = [("SESSION_IDLE_TTL".to_owned(), "2592000".to_owned())].into();
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let mut chains = [stack.log_in_linked().await, stack.log_in_linked().await, stack.log_in_linked().await];
    stack.advance(PACE);
    chains[1].renew(&stack).await;
    let [silent, grown, lost] = &mut chains;
    lost.ask(&stack).await;
    stack.rotate(Reason::Schedule).await;
    stack.advance(29 * DAY);
    // Another rotation leaves out the keys that have retired.
    stack.rotate(Reason::Schedule).await;
    stack.advance(DAY.saturating_sub(PACE + Duration::from_secs(20)));
    for (chain, number) in [(silent, 1), (grown, 2), (lost, 1)] {
        let before = chain.next.clone();
        let response = chain.renew(&stack).await;
        assert_eq!(response.status, StatusCode::OK, "{number}: {}", response.body);
        assert_eq!(parts(&confirmed(&response).unwrap()), (number, before));
        stack.advance(Duration::from_secs(5));
        assert_eq!(chain.ask(&stack).await.status, StatusCode::OK, "with a link of the new key");
    }
}

#[tokio::test]
async fn a_leaked_key_that_is_replaced_ends_the_session_and_leaves_the_cookie_alone() {
    let stack = Stack::start().await;
    let chain = stack.log_in_linked().await;
    stack.rotate(Reason::RefreshTokenKeys).await;
    stack.advance(STALE);
    let _ = stack.table_proxy.take_traffic();
    assert_eq!(refusal(&chain.ask(&stack).await), ENDED);
    assert_eq!(refusal(&stack.refresh(&chain.token).await), ENDED);
    assert!(stack.table_proxy.take_traffic().operations.is_empty());
    let mut after = stack.log_in_linked().await;
    stack.advance(PACE);
    assert!(confirmed(&after.renew(&stack).await).is_some());
}

#[tokio::test]
async fn links_ahead_of_a_restored_table_are_a_401_and_nothing_is_deleted() {
    let log = Log::start();
    for growths in 1..=3 {
        let stack = Stack::start().await;
        let mut chain = stack.log_in_linked().await;
        stack.advance(PACE);
        chain.renew(&stack).await;
        let backup = stack.dump().await;
        stack.advance(PACE);
        let at_backup = chain.clone();
        for _ in 0..growths {
            chain.renew(&stack).await;
            stack.advance(PACE);
        }
        stack.restore(&backup).await;
        for _ in 0..2 {
            let response = chain.ask(&stack).await;
            assert_eq!(refusal(&response), ENDED, "{growths}");
            assert_eq!(line_of(&log, &response)["outcome"], "ahead");
            assert_eq!(stack.dump().await, backup, "{growths}");
        }
        assert!(confirmed(&at_backup.ask(&stack).await).is_some(), "a client of that time goes on");
        // Now another link stands where this client's was.
        if growths == 1 {
            stack.restore(&backup).await;
            let mut other = tests::Chain { next: tests::chain::link(), ..at_backup };
            other.renew(&stack).await;
            stack.advance(PACE);
            let before = stack.dump().await;
            assert_eq!(refusal(&chain.ask(&stack).await), ENDED);
            assert_eq!(stack.dump().await, before);
        }
    }
}
