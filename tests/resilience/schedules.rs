//! Random schedules of sessions against the real handlers: one user with a rotating session, a linked one, or both. Concurrent
//! refreshes, requests and responses that are lost, late, repeated or reordered, DynamoDB failing before and after the write, writes
//! that arrive late, silence, repeated logins, logouts, rotations of the keys, and thieves. The responses are checked against the
//! promises of both kinds of session.
//!
//! `SCHEDULES` sets how many, `SEED` the first seed. A failure prints the seed of its schedule; `SCHEDULES=1 SEED=…` runs it again.

mod account;
mod faults;
mod linked;
mod linked_logins;
mod rotating;
mod thieves;

use std::time::Duration;

use rotate_keys::document::Reason;
use tests::Stack;

use self::{account::Account, linked::Linked, rotating::Rotating};
use crate::luck::{self, Luck};

const WEEK: u64 = 7 * 86_400;

async fn schedule(stack: &'static Stack, seed: u64) {
    let luck = &mut Luck::new(seed);
    let mut account = Account::new(stack).await;
    let kinds = luck.below(3);
    let mut rotating = if kinds == 1 { None } else { Some(Rotating::new(&mut account).await) };
    let mut linked = if kinds == 0 { None } else { Some(Linked::new(&mut account, luck).await) };
    for _ in 0..3 + luck.below(5) {
        match (&mut rotating, &mut linked) {
            _ if luck.below(16) == 0 => stack.rotate(Reason::Schedule).await,
            (Some(rotating), None) => rotating.step(&mut account, luck).await,
            (Some(rotating), Some(_)) if luck.below(2) == 0 => rotating.step(&mut account, luck).await,
            (_, Some(linked)) => linked.step(&mut account, luck).await,
            (None, None) => {}
        }
        // As long as a session lives without being used, at most.
        account.pass(Duration::from_secs(luck.of(&[0, 1, 14, 15, 16, 29, 30, 31, 300, 3_600, 86_400, WEEK])));
    }
    if let Some(rotating) = &mut rotating {
        rotating.again(&mut account).await;
        account.check(&rotating.session).await;
    }
    if let Some(linked) = &mut linked {
        linked.come_to_rest(&mut account, luck).await;
    }
    if luck.below(8) == 0 {
        account.stay_away();
        if let Some(rotating) = &mut rotating {
            rotating.again(&mut account).await;
        }
        if let Some(linked) = &mut linked {
            linked.again(&mut account).await;
        }
    }
    stack.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_random_schedule_keeps_the_protocols_promises() {
    luck::run("SCHEDULES", 200, schedule).await;
}
