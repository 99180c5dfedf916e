//! `EventBridge` fails, the function dies, and events are published all the same: at least once, and in order for each user.

use std::{collections::BTreeMap, time::Duration};

use local::streams::Step;
use serde_json::{Value, json};
use tests::{Stack, fault_proxy::Fault};

use super::changes::{about, publishing};
use crate::recorder::{Log, lines_with};

/// What a consumer has in the end that takes events by their versions, as `docs/user-events.md` says.
fn consumed(stack: &Stack) -> BTreeMap<String, (u64, String, Value)> {
    let mut users = BTreeMap::<String, (u64, String, Value)>::new();
    for (kind, detail) in stack.user_events() {
        let version = detail["version"].as_u64().unwrap();
        let seen = users.entry(detail["id"].to_string()).or_default();
        if version > seen.0 {
            *seen = (version, kind, detail["user"].clone());
        }
    }
    users
}

/// Logs in so many people, and returns their ids.
async fn join(stack: &Stack, people: usize) -> Vec<Value> {
    let mut ids = Vec::new();
    for _ in 0..people {
        ids.push(stack.log_in().await.body["user"]["pk"].clone());
    }
    ids
}

#[tokio::test]
async fn an_event_that_eventbridge_refuses_among_others_is_sent_again() {
    let stack = publishing().await;
    let ids = join(&stack, 13).await;
    stack.event_bus().refuse(ids[4].as_str().unwrap(), "InternalFailure", 2);
    for attempt in 0..2 {
        assert_eq!(stack.publish_user_events().await, Step::Unfinished);
        assert!(about(&stack, &ids[4]).is_empty());
        // First in another request, which is not made then, and later in that of the refused event.
        assert_eq!(about(&stack, &ids[12]).len(), attempt);
        assert_eq!(about(&stack, &ids[3]).len(), 1, "those before it are not sent again");
    }
    assert_eq!(stack.publish_user_events().await, Step::Idle);
    for id in &ids {
        assert_eq!(about(&stack, id)[0], ("user.created".to_owned(), 1));
    }
    assert!(stack.given_up_user_events().await.is_empty());
}

#[tokio::test]
async fn later_events_of_a_user_wait_for_the_one_that_was_refused() {
    let stack = publishing().await;
    let login = stack.log_in().await;
    let id = &login.body["user"]["pk"];
    for name in ["one", "two", "three"] {
        stack.change_profile(login.access(), &json!({"first_name": name})).await;
    }
    let created = ("user.created".to_owned(), 1);
    let updated = |version| ("user.updated".to_owned(), version);
    stack.event_bus().refuse(r#""first_name":"one""#, "ThrottlingException", 3);
    for _ in 0..3 {
        assert_eq!(stack.publish_user_events().await, Step::Unfinished);
        assert_eq!(about(&stack, id), std::slice::from_ref(&created));
    }
    assert_eq!(stack.publish_user_events().await, Step::Idle);
    assert_eq!(about(&stack, id), [created, updated(2), updated(3), updated(4)]);
}

#[tokio::test]
async fn nothing_is_lost_while_eventbridge_fails_in_whatever_way() {
    for fault in [
        Fault::Down,
        Fault::Throttle,
        Fault::Deny,
        Fault::FailBefore,
        Fault::FailAfter,
        Fault::LoseResponses(9),
        Fault::Truncate,
    ] {
        let stack = publishing().await;
        let ids = join(&stack, 2).await;
        stack.event_bus_proxy().fail(fault);
        assert_eq!(stack.publish_user_events().await, Step::Unfinished, "{fault:?}");
        stack.event_bus_proxy().heal();
        assert_eq!(stack.publish_user_events().await, Step::Idle, "{fault:?}");
        for id in &ids {
            assert_eq!(consumed(&stack)[&id.to_string()].1, "user.created", "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_function_that_dies_after_it_has_published_publishes_again() {
    let stack = publishing().await;
    let ids = join(&stack, 5).await;
    stack.crash_after_publishing(4);
    for _ in 0..4 {
        assert_eq!(stack.publish_user_events().await, Step::Unfinished);
    }
    assert_eq!(stack.publish_user_events().await, Step::Idle);
    for id in &ids {
        let events = about(&stack, id);
        assert!(
            !events.is_empty() && events.iter().all(|event| *event == ("user.created".to_owned(), 1)),
            "{events:?}"
        );
    }
    assert!(stack.user_events().len() > ids.len());
}

#[tokio::test]
async fn a_consumer_has_the_same_after_everything_was_published_twice() {
    let stack = publishing().await;
    let login = stack.log_in_at_kakao(&stack.kakao.new_user().await).await;
    let leaving = stack.log_in_at_kakao(&stack.kakao.new_user().await).await;
    stack.change_profile(login.access(), &json!({"first_name": "F"})).await;
    stack.publish_user_events().await;
    assert_eq!(stack.delete_account(leaving.access()).await.status, 202);
    stack.change_profile(login.access(), &json!({"first_name": "G"})).await;
    stack.publish_user_events().await;
    let (events, before) = (stack.user_events().len(), consumed(&stack));
    stack.restart_user_events().await;
    assert_eq!(stack.publish_user_events().await, Step::Idle);
    assert_eq!((stack.user_events().len(), consumed(&stack)), (2 * events, before.clone()));
    let of = |id: &Value| &before[&id.to_string()];
    assert_eq!(of(&login.body["user"]["pk"]).2["first_name"], "G");
    assert_eq!(of(&leaving.body["user"]["pk"]).1, "user.deleted");
}

#[tokio::test]
async fn events_that_were_refused_for_22_hours_go_to_the_queue_and_later_ones_go_on() {
    let stack = publishing().await;
    let [lost, late] = [join(&stack, 1).await, join(&stack, 1).await].map(|mut ids| ids.remove(0));
    stack.event_bus_proxy().fail(Fault::Deny);
    assert_eq!(stack.publish_user_events().await, Step::Unfinished);
    stack.advance(Duration::from_secs(79_199));
    assert_eq!(stack.publish_user_events().await, Step::Unfinished);
    stack.advance(Duration::from_secs(1));
    assert_eq!(stack.publish_user_events().await, Step::GivenUp);
    stack.event_bus_proxy().heal();
    let new = join(&stack, 1).await.remove(0);
    assert_eq!(stack.publish_user_events().await, Step::Idle);
    assert!(about(&stack, &lost).is_empty() && about(&stack, &late).is_empty());
    assert_eq!(about(&stack, &new).len(), 1);
    let [message] = stack.given_up_user_events().await.try_into().unwrap();
    let place = &message["DDBStreamBatchInfo"];
    assert_eq!(place["batchSize"], 2);
    assert!(place["startSequenceNumber"].as_str().unwrap() < place["endSequenceNumber"].as_str().unwrap());
}

#[tokio::test]
async fn a_batch_that_is_not_published_is_in_the_log_with_the_reason_and_without_the_user() {
    let log = Log::start();
    let stack = publishing().await;
    let nickname = format!("nickname-{}", tests::client::unique());
    let account = json!({"profile": {"nickname": nickname}});
    let id = shared::random::up_to(1 << 40) + 1;
    stack.log_in_as(&stack.kakao.user(&json!({"id": id, "account": account})).await).await;
    for (fault, code, level) in
        [(Fault::Throttle, "ThrottlingException", "WARN"), (Fault::Deny, "AccessDeniedException", "ERROR")]
    {
        stack.event_bus_proxy().fail(fault);
        stack.publish_user_events().await;
        let lines = lines_with(&log, &format!("PutEvents: {code}"));
        let line = lines.last().unwrap();
        assert_eq!((&line["level"], &line["outcome"]), (&json!(level), &json!("not_published")), "{line}");
    }
    stack.event_bus_proxy().heal();
    stack.publish_user_events().await;
    assert!(!lines_with(&log, r#""outcome":"published""#).is_empty());
    assert!(!log.text().contains(&nickname));
}
