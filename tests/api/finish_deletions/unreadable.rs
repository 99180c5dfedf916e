//! Items of the outbox that somebody has edited.

use aws_sdk_dynamodb::types::AttributeValue;
use finish_deletions::WorkError;
use tests::Stack;

use super::person::{Person, items_of};

#[tokio::test]
async fn an_item_that_cannot_be_read_stops_none_of_the_others_and_is_reported_each_time() {
    for (attribute, fails) in
        [("kind", true), ("due_at", true), ("marked_at", true), ("user_id", false), ("failures", false)]
    {
        let stack = Stack::start().await;
        let [broken, person] = [Person::join(&stack, 3_100_000_001).await, Person::join(&stack, 3_100_000_002).await];
        broken.delete(&stack).await;
        for mut item in items_of(&stack, "OUTBOX").await {
            item.insert(attribute.to_owned(), AttributeValue::Bool(true));
            stack.restore(&[item]).await;
        }
        person.delete_and_wait(&stack).await;
        for run in 0..2 {
            let result = stack.finish_deletions().await;
            assert_eq!(matches!(result, Err(WorkError::Unreadable(1))), fails, "{attribute} {run}: {result:?}");
        }
        assert!(!person.is_linked(&stack).await, "{attribute}");
        assert!(broken.is_linked(&stack).await, "{attribute}");
    }
}
