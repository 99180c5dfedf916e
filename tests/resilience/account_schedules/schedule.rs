//! Random schedules of one person's account against the real handlers: logins with every kind of credential, some of them late,
//! refreshes, deletions, unlinking at Kakao, webhooks that are late, repeated or lost, and the worker. Requests and runs are killed
//! at any call, responses are lost, and writes arrive late. At the end the promises of `docs/accounts.md` are checked.
//!
//! `ACCOUNT_SCHEDULES` sets how many, `SEED` the first seed. A failure prints the seed of its schedule.

use std::time::Duration;

use tests::Stack;

use super::person::Person;
use crate::luck::{self, Luck};

async fn schedule(stack: &Stack, seed: u64) {
    let luck = &mut Luck::new(seed);
    let mut person = Person::new(stack, seed).await;
    person.log_in(luck).await;
    for _ in 0..6 + luck.below(8) {
        match luck.below(16) {
            0..4 => person.log_in(luck).await,
            4..6 => person.refresh(luck).await,
            6..8 => person.delete(luck).await,
            8 => person.unlink_at_kakao(luck).await,
            9 => person.receive_webhook(luck).await,
            10 => person.receive_event(luck).await,
            11 => person.late_request(luck).await,
            12 => person.while_the_worker_runs(luck).await,
            13 => person.delete_while_logging_in(luck).await,
            _ => person.run_worker(luck).await,
        }
        stack.advance(Duration::from_secs(luck.of(&[0, 1, 5, 30, 61, 61, 120, 301, 601])));
    }
    person.come_to_rest(luck).await;
    person.check().await;
    stack.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_random_schedule_of_an_account_keeps_its_promises() {
    luck::run("ACCOUNT_SCHEDULES", 50, schedule).await;
}
