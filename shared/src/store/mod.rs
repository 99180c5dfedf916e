//! The main DynamoDB table. Each method is one event in the life of a user or a session, done in conditional writes that are safe to
//! repeat.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | identity | `KAKAO#<kakao id>` | `IDENTITY` |
//! | user | `USER#<user id>` | `PROFILE` |
//! | session | `USER#<user id>` | `SESSION#<session id>` |
//! | mark of an import | `IMPORTED#<user id>` | `IMPORTED` |
//! | counter of numeric ids | `COUNTER` | `USERS` |
//! | redemption | `CLAIM#<hash of a credential>` | `CLAIM` |
//! | token from Django | `SIMPLEJWT#<hash of its jti>` | `SIMPLEJWT` |
//! | work that is left | `OUTBOX` | `WORK#<id>` |
//! | security event token | `OUTBOX` | `SEEN#<jti>` |

mod account;
mod answers;
mod carried;
mod deletions;
mod devices;
mod due_work;
mod exports;
mod fixed;
mod identities;
mod image;
mod imports;
mod item;
mod links;
mod numbers;
mod operators;
mod outbox;
mod people;
mod person;
mod profile;
mod profile_changes;
mod prune;
mod redemptions;
mod sessions;
mod settling;
mod sweep;
mod transaction;
mod users;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use lambda_http::BoxFuture;

pub use self::{
    carried::{Exchange, Spent},
    deletions::{Closed, Marked},
    devices::DeviceSession,
    due_work::{DueWork, Unreadable},
    exports::{Exported, ExportedUser, Position},
    fixed::FixedRenewal,
    image::ProfileImage,
    imports::{IMPORT_BATCH, ImportStanding, ImportedUser},
    links::Renewal,
    operators::Change,
    outbox::{Lease, Release, Work, WorkKey},
    people::Person,
    person::NameChange,
    profile::Login,
    profile_changes::Owner,
    redemptions::RedemptionKey,
    sessions::{Device, Ended, Others, Rotation, SessionStart},
    settling::Settled,
};
use crate::log;

/// Stores users and their sessions.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

/// Why DynamoDB did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was slow, throttled or down. Whether a write happened is unknown.
    #[error("DynamoDB {operation} failed: {reason}")]
    Unavailable {
        /// The operation's name.
        operation: &'static str,
        /// DynamoDB's error code or the kind of failure; never a key or an item.
        reason: String,
    },
    /// It refuses: the role lacks a permission, or the table does not exist. A retry does not help.
    #[error("DynamoDB refuses {operation}: {code}")]
    Refused {
        /// The operation's name.
        operation: &'static str,
        /// DynamoDB's error code.
        code: String,
    },
    /// An item lacks an attribute or has it in another type.
    #[error("an item's attribute {0} is missing or of another type")]
    Corrupt(&'static str),
}

impl StoreError {
    /// Whether an operator must act, as this does not pass by itself.
    #[must_use]
    pub const fn needs_an_operator(&self) -> bool {
        match self {
            Self::Unavailable { .. } => false,
            Self::Refused { .. } | Self::Corrupt(_) => true,
        }
    }
}

/// DynamoDB's errors that a retry can pass:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>.
const PASSING: [&str; 11] = [
    "InternalFailure",
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The error for a code of DynamoDB's.
fn failure(operation: &'static str, code: Option<&str>) -> StoreError {
    match code {
        Some(code) if !PASSING.contains(&code) => StoreError::Refused { operation, code: code.to_owned() },
        code => StoreError::Unavailable { operation, reason: code.unwrap_or("unnamed error").to_owned() },
    }
}

impl Store {
    /// A store in this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

/// Awaits a call, times it for the log, and reduces a failure to its name.
///
/// The SDK's futures are large, so each is boxed before it becomes part of another future.
fn call<'a, T, E, R>(
    operation: &'static str,
    request: impl Future<Output = Result<T, SdkError<E, R>>> + Send + 'a,
) -> BoxFuture<'a, Result<Result<T, E>, StoreError>>
where
    T: 'a,
    E: ProvideErrorMetadata + 'a,
    R: 'a,
{
    Box::pin(async move { name_failure(operation, log::timed(operation, request).await) })
}

/// Reduces a failure to its name. The service errors of conditions are left to the caller.
fn name_failure<T, E: ProvideErrorMetadata, R>(
    operation: &'static str,
    result: Result<T, SdkError<E, R>>,
) -> Result<Result<T, E>, StoreError> {
    match result {
        Ok(output) => Ok(Ok(output)),
        Err(SdkError::ServiceError(error)) => {
            let error = error.into_err();
            match error.code() {
                Some(
                    "ConditionalCheckFailedException" | "TransactionCanceledException" | "TransactionConflictException",
                ) => Ok(Err(error)),
                code => Err(failure(operation, code)),
            }
        }
        Err(error) => {
            let reason = match error {
                SdkError::TimeoutError(_) => "timed out",
                SdkError::DispatchFailure(_) => "no connection",
                SdkError::ResponseError(_) => "unreadable response",
                _ => "request not built",
            };
            Err(StoreError::Unavailable { operation, reason: reason.to_owned() })
        }
    }
}

/// Makes every service error a failure, for calls without a condition and for errors that no condition explains.
fn unconditional<T, E: ProvideErrorMetadata>(operation: &'static str, result: Result<T, E>) -> Result<T, StoreError> {
    result.map_err(|error| failure(operation, error.code()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

    use super::*;
    use crate::{
        aws::{Endpoint, dynamodb, https_client},
        id::UserId,
    };

    /// The first connection reads the pinned roots, and would fail differently if one were unreadable.
    #[tokio::test]
    async fn the_pinned_roots_are_readable() {
        let endpoint = Endpoint {
            region: "ap-northeast-2".to_owned(),
            url: Some("https://127.0.0.1:1".to_owned()),
            credentials: SharedCredentialsProvider::new(Credentials::new("x", "x", None, None, "test")),
            http_client: https_client(None, 1),
            time_factor: 1,
        };
        let store = Store::new(dynamodb::client(endpoint), "table".to_owned());
        let refused = store.user(UserId::generate()).await.unwrap_err().to_string();
        assert_eq!(refused, "DynamoDB GetItem failed: no connection");
    }
}
