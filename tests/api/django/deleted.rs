//! Deleting an account ends what its tokens from Django have started, and could still start.

use reqwest::StatusCode;
use serde_json::json;
use tests::Stack;

use super::once::{assert_logged_out, exchange};

#[tokio::test]
async fn a_deleted_users_tokens_start_no_session_at_any_time() {
    let stack = Stack::from_django().await;
    let person = stack.kakao.user(&json!({"id": 1_700_000_001})).await;
    let [used, unused] = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17)];
    let session = exchange(&stack, &used).await.token();
    let logged_in = stack.log_in_at_kakao(&person).await;
    assert_eq!(stack.delete_account(logged_in.access()).await.status, StatusCode::ACCEPTED);
    let assert_out = async |case: &str| {
        for token in [&used, &unused] {
            assert_logged_out(&exchange(&stack, token).await, case);
        }
        assert_logged_out(&stack.refresh(&session).await, case);
    };
    assert_out("marked").await;
    let refused = exchange(&stack, &unused).await;
    assert!(refused.set_cookie().starts_with("refresh_token=; Max-Age=0"), "for good: {}", refused.set_cookie());
    for wait in [0, 60, 3_600] {
        stack.advance(std::time::Duration::from_secs(wait));
        stack.finish_deletions().await.unwrap();
    }
    assert_eq!(stack.count("USER#").await, 0);
    assert_out("gone").await;
    // The same person comes back as a new user.
    let back = stack.log_in_as(&person).await;
    assert_ne!(back.body["user"]["pk"], 17);
    assert_out("back").await;
}
