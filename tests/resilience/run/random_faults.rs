//! Random faults, one after another, for as long as a soak lasts.

use std::{sync::Arc, time::Duration};

use local::{lambda::Environment, server::End};
use serde_json::json;
use shared::random;
use tests::{
    Stack,
    fault_proxy::{Fault, FaultRates, Moment},
};

use crate::visitor::{Notes, one_of};

const DYNAMODB: [(&str, Fault); 13] = [
    ("DynamoDB closes connections", Fault::Down),
    ("DynamoDB never responds", Fault::Hang),
    ("DynamoDB throttles", Fault::Throttle),
    ("DynamoDB denies access", Fault::Deny),
    ("DynamoDB denies UpdateItem", Fault::DenyOnly("UpdateItem")),
    ("DynamoDB returns 500 before the write", Fault::FailBefore),
    ("DynamoDB returns 500 after the write", Fault::FailAfter),
    ("DynamoDB resets connections after the write", Fault::Reset),
    ("DynamoDB's responses drip", Fault::Drip),
    ("DynamoDB's responses are cut off", Fault::Truncate),
    ("DynamoDB's reads are stale", Fault::Stale),
    ("DynamoDB's responses are lost after the write", Fault::LoseResponses(30)),
    ("DynamoDB leaves batches unprocessed", Fault::Unprocessed),
];

const KAKAO: [&str; 6] = ["down", "quota", "nonsense", "wrong_types", "truncated", "no_id"];

/// Injects one fault after another, for ever. None lasts longer than eight seconds, as a browser whose response was lost has a
/// rotation window's time to retry.
pub async fn inject(stack: &Stack, notes: &Notes) {
    loop {
        tokio::time::sleep(Duration::from_millis(200 + random::up_to(1_300))).await;
        let lasts = Duration::from_millis(500 + random::up_to(5_500));
        match random::up_to(9) {
            0..3 => {
                let (name, fault) = *one_of(&DYNAMODB);
                notes.count(&format!("fault {name}"));
                stack.table_proxy.fail(fault);
                tokio::time::sleep(lasts).await;
                stack.table_proxy.heal();
            }
            3 => {
                notes.count("fault DynamoDB is slow and fails now and then");
                let delay = Duration::from_millis(random::up_to(30));
                stack.table_proxy.set_rates(FaultRates { delay, slow: 20, throttled: 20, failed_after: 50, lost: 50 });
                tokio::time::sleep(lasts).await;
                stack.table_proxy.heal();
            }
            4 => {
                let (name, end) = *one_of(&[("closed", End::Closed), ("forgotten", End::Forgotten)]);
                notes.count(&format!("fault open connections are {name}"));
                stack.end_connections(end);
            }
            5 => {
                let kind = *one_of(&KAKAO);
                notes.count(&format!("fault Kakao: {kind}"));
                stack.kakao.fail("*", &json!({"kind": kind})).await;
                tokio::time::sleep(lasts).await;
                stack.kakao.heal().await;
            }
            6 => {
                let (name, fault) = *one_of(&[("closes connections", Fault::Down), ("never responds", Fault::Hang)]);
                notes.count(&format!("fault table of keys: {name}"));
                stack.keys_proxy.fail(fault);
                tokio::time::sleep(lasts).await;
                stack.keys_proxy.heal();
            }
            7 => stop(stack, notes, lasts).await,
            _ => kill(stack, notes).await,
        }
    }
}

/// SIGKILL while a request to DynamoDB or its response is under way. The oldest process of each function is spared, as its
/// memory is sampled.
async fn kill(stack: &Stack, notes: &Notes) {
    let moment = *one_of(&[Moment::Before, Moment::After]);
    let mut held = stack.table_proxy.hold(usize::try_from(random::up_to(5)).unwrap_or_default(), moment);
    if tokio::time::timeout(Duration::from_secs(3), held.arrived()).await.is_err() {
        return;
    }
    let busy: Vec<_> = victims(stack).into_iter().filter(|one| one.is_busy()).collect();
    for victim in busy {
        notes.count(match moment {
            Moment::Before => "fault SIGKILL before DynamoDB has done it",
            Moment::After => "fault SIGKILL after DynamoDB has done it",
        });
        victim.kill();
        victim.end().await;
    }
    tokio::time::sleep(Duration::from_millis(random::up_to(3_000))).await;
    held.release();
}

/// SIGSTOP for a while, like a frozen function. Lambda ends a process that works longer than its timeout.
async fn stop(stack: &Stack, notes: &Notes, lasts: Duration) {
    let victims = victims(stack);
    if let Some(victim) = (!victims.is_empty()).then(|| one_of(&victims)) {
        notes.count("fault SIGSTOP for some seconds");
        // It may have just ended.
        let _ = victim.signal("STOP").await;
        tokio::time::sleep(lasts).await;
        let _ = victim.signal("CONT").await;
    }
}

fn victims(stack: &Stack) -> Vec<Arc<Environment>> {
    stack.lambdas().values().flat_map(|lambda| lambda.environments().into_iter().skip(1)).collect()
}
