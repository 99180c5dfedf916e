//! rotate-keys is killed at each of its calls: the old or the new keys are complete, and the next run succeeds.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use local::{
    iam::access_key,
    lambda::{Invocation, Lambda},
    table,
};
use rotate_keys::{ROTATE_AFTER, new_attempt};
use serde_json::{Value, json};
use shared::keys::{DOCUMENT, Document};
use tests::{Settings, Stack, binary, fault_proxy::Moment};

const RING: [Document; 4] = [Document::Issuing, Document::Verifying, Document::Logout, Document::Marker];

/// When the request arrives during which the process was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrives {
    /// DynamoDB carries it out; no process reads the response.
    Before,
    Never,
    /// After the next run.
    Late,
}

/// What the table holds before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    NoKeys,
    Keys,
    KeysThatAreDue,
    /// The ring was deleted.
    Lost,
}

async fn stack(start: Start) -> Stack {
    let stack = Stack::with(Settings { without_keys: start == Start::NoKeys, ..Settings::default() }).await;
    match start {
        Start::NoKeys | Start::Keys => {}
        Start::Lost => stack.delete_keys(Document::Issuing).await,
        Start::KeysThatAreDue => {
            // The process has the machine's clock, so the ring is made older. The rest of its item stays.
            let client = table::client_as(&access_key("rotate-keys"), stack.keys_proxy.url());
            let name = &stack.template().keys.name;
            let get = client.get_item().table_name(name).set_key(Some(Document::Issuing.key())).consistent_read(true);
            let mut item = get.send().await.unwrap().item.unwrap();
            let mut ring: Value = serde_json::from_str(item[DOCUMENT].as_s().unwrap()).unwrap();
            ring["created_at"] = json!(ring["created_at"].as_u64().unwrap() - ROTATE_AFTER.as_secs());
            item.insert(DOCUMENT.to_owned(), AttributeValue::S(ring.to_string()));
            client.put_item().table_name(name).set_item(Some(item)).send().await.unwrap();
        }
    }
    stack
}

fn rotate_keys(stack: &Stack) -> Arc<Lambda> {
    Arc::new(Lambda::new("rotate-keys", binary("rotate-keys"), stack.environment("rotate-keys")))
}

async fn invoke(lambda: &Lambda, command: &Value) -> Option<Value> {
    let request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
    lambda.invoke(Invocation { event: command.clone(), request_id, timeout: Duration::from_secs(30) }).await.ok()
}

async fn documents(stack: &Stack) -> Vec<Option<String>> {
    let mut documents = Vec::new();
    for document in RING {
        documents.push(stack.key_document(document).await);
    }
    documents
}

/// The version of all documents.
fn version(documents: &[Option<String>]) -> u64 {
    let version =
        |text: &Option<String>| serde_json::from_str::<Value>(text.as_ref().unwrap()).unwrap()["version"].as_u64();
    let ring = version(&documents[0]).unwrap();
    assert_eq!((version(&documents[1]), version(&documents[2])), (Some(ring), Some(ring)), "they are of one rotation");
    assert!(documents[3].is_some(), "the marker");
    ring
}

/// The calls of a run.
async fn calls(start: Start, command: &Value) -> Vec<String> {
    let stack = stack(start).await;
    let _ = stack.keys_proxy.take_traffic();
    assert_eq!(invoke(&rotate_keys(&stack), command).await, Some(json!("rotated")), "{start:?} {command}");
    stack.keys_proxy.take_traffic().operations
}

async fn kill(start: Start, command: &Value, at: usize, operation: &str, arrives: Arrives) {
    let context = format!("{start:?} {command}: call {at}, {operation}, arrives {arrives:?}");
    let stack = stack(start).await;
    let before = documents(&stack).await;
    let lambda = rotate_keys(&stack);
    let moment = if arrives == Arrives::Before { Moment::After } else { Moment::Before };
    let mut held = stack.keys_proxy.hold(at, moment);
    let run = tokio::spawn({
        let (lambda, command) = (Arc::clone(&lambda), command.clone());
        async move { invoke(&lambda, &command).await }
    });
    held.arrived().await;
    for process in lambda.environments() {
        process.kill();
        process.end().await;
    }
    assert_eq!(run.await.unwrap(), None, "{context}: it was killed");
    held.discard();
    let late = (arrives == Arrives::Late).then(|| stack.keys_proxy.copy_of_last(operation));
    let killed = documents(&stack).await;
    let is_written = operation == "TransactWriteItems" && arrives == Arrives::Before;
    if is_written {
        assert_ne!(killed, before, "{context}");
        version(&killed);
    } else {
        assert_eq!(killed, before, "{context}: nothing is changed");
    }

    let lambda = rotate_keys(&stack);
    let outcome = if is_written && command["command"] == "rotate_if_due" { "not_due" } else { "rotated" };
    assert_eq!(invoke(&lambda, command).await, Some(json!(outcome)), "{context}: the next run");
    let done = documents(&stack).await;
    version(&done);
    if is_written {
        assert_eq!(done, killed, "{context}: it was done, and the same command does not do it again");
    }
    if let Some(late) = late {
        let refused = stack.keys_proxy.arrive(&late).await.unwrap();
        assert_eq!(refused, 400, "{context}: its condition fails");
        assert_eq!(documents(&stack).await, done, "{context}: what arrives late changes nothing");
    }
    stack.advance(Duration::from_mins(11));
    assert_eq!(stack.log_in().await.status, 200, "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_at_any_call_leaves_whole_keys_and_the_next_run_completes() {
    let attempt = new_attempt();
    for (start, command, reads) in [
        (Start::NoKeys, json!({"command": "rotate_if_due"}), 4),
        (Start::KeysThatAreDue, json!({"command": "rotate_if_due"}), 1),
        (Start::Keys, json!({"command": "replace", "keys": "signing_keys", "attempt": attempt}), 1),
        (Start::Keys, json!({"command": "replace", "keys": "session_secrets", "attempt": attempt}), 1),
        (Start::Lost, json!({"command": "begin_afresh", "attempt": attempt}), 2),
    ] {
        let operations = calls(start, &command).await;
        let mut expected = vec!["GetItem"; reads];
        expected.push("TransactWriteItems");
        assert_eq!(operations, expected, "{start:?} {command}");
        for (at, operation) in operations.iter().enumerate() {
            for arrives in [Arrives::Before, Arrives::Never] {
                kill(start, &command, at, operation, arrives).await;
            }
            if operation == "TransactWriteItems" {
                kill(start, &command, at, operation, Arrives::Late).await;
            }
        }
    }
}
