//! Transactions, and single writes to an item that a transaction is writing at the same time.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, TransactWriteItem},
};

use lambda_http::BoxFuture;

use super::{Store, StoreError, call, failure, unconditional};
use crate::random;

/// How often a write is tried that conflicts with another request's, and the longest pause between two tries.
const TRIES: u32 = 3;
const PAUSE: u64 = 100;

/// A transaction whose conditions failed: one reason for each write, in their order.
pub(super) struct Cancelled(Vec<CancellationReason>);

impl Cancelled {
    /// The item as it was, if the condition of the write at this position failed.
    pub(super) fn item(&self, position: usize) -> Option<&super::item::Item> {
        self.reason(position).and_then(CancellationReason::item)
    }

    /// Whether the condition of the write at this position failed.
    pub(super) fn is_refused(&self, position: usize) -> bool {
        self.reason(position).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
    }

    fn reason(&self, position: usize) -> Option<&CancellationReason> {
        self.0.get(position)
    }
}

impl Store {
    /// Writes all or nothing. A transaction that only conflicts with other requests is tried again.
    pub(super) async fn transact(&self, writes: &[TransactWriteItem]) -> Result<Result<(), Cancelled>, StoreError> {
        const OPERATION: &str = "TransactWriteItems";
        let mut tries = 0;
        loop {
            tries += 1;
            let write = self.client.transact_write_items().set_transact_items(Some(writes.to_vec()));
            let cancelled = match call(OPERATION, write.send()).await? {
                Ok(_) => return Ok(Ok(())),
                Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled,
                Err(error) => return unconditional(OPERATION, Err(error)),
            };
            let reasons = cancelled.cancellation_reasons.unwrap_or_default();
            let codes = || reasons.iter().filter_map(CancellationReason::code);
            if codes().any(|code| code == "ConditionalCheckFailed") {
                return Ok(Err(Cancelled(reasons)));
            }
            match codes().find(|code| !["None", "TransactionConflict"].contains(code)) {
                Some("ValidationError") => return Err(failure(OPERATION, Some("ValidationException"))),
                Some(code) => return Err(StoreError::Unavailable { operation: OPERATION, reason: code.to_owned() }),
                None if tries == TRIES => return Err(failure(OPERATION, Some("TransactionConflictException"))),
                None => pause().await,
            }
        }
    }
}

/// Tries a write again while a transaction of another request is writing the same item.
pub(super) async fn until_settled<'a, T, E: ProvideErrorMetadata>(
    write: impl Fn() -> BoxFuture<'a, Result<Result<T, E>, StoreError>>,
) -> Result<Result<T, E>, StoreError> {
    for _ in 1..TRIES {
        match write().await? {
            Err(error) if error.code() == Some("TransactionConflictException") => pause().await,
            result => return Ok(result),
        }
    }
    write().await
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(PAUSE / 2 + random::up_to(PAUSE / 2))).await;
}
