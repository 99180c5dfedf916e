//! The one DynamoDB table. A method is something that happens, done in conditional writes that are safe to repeat.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | identity | `KAKAO#<kakao id>` | `IDENTITY` |
//! | user | `USER#<user id>` | `PROFILE` |
//! | session | `USER#<user id>` | `SESSION#<session id>` |
//! | redemption | `CLAIM#<hash of a credential>` | `CLAIM` |

mod item;
mod profile;
mod redemptions;
mod sessions;
mod users;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use lambda_http::BoxFuture;

pub use self::{
    profile::Login,
    redemptions::RedemptionKey,
    sessions::{Device, Ended, Rotation},
    users::Read,
};
use crate::log;

/// Keeps users and refresh sessions.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

/// DynamoDB did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was slow, throttled or down: whether a write happened is not known.
    #[error("DynamoDB {operation} failed: {reason}")]
    Unavailable {
        /// The operation's name.
        operation: &'static str,
        /// DynamoDB's error code or the kind of failure; never a key or an item.
        reason: String,
    },
    /// It refuses: the role lacks a permission, or the table is not there. Asking again does not help.
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
    /// Whether somebody must act, as this does not pass by itself.
    #[must_use]
    pub const fn needs_an_operator(&self) -> bool {
        match self {
            Self::Unavailable { .. } => false,
            Self::Refused { .. } | Self::Corrupt(_) => true,
        }
    }
}

/// DynamoDB's errors that pass by themselves:
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

/// A failure by DynamoDB's code for it.
fn failure(operation: &'static str, code: Option<&str>) -> StoreError {
    match code {
        Some(code) if !PASSING.contains(&code) => StoreError::Refused { operation, code: code.to_owned() },
        code => StoreError::Unavailable { operation, reason: code.unwrap_or("unnamed error").to_owned() },
    }
}

impl Store {
    /// This table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

/// Times a call for the log, and keeps of a failure only its name.
///
/// The SDK's futures are large, so each goes into a box before it becomes a part of others.
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

/// Keeps of a failure only its name. The service errors that come with a condition are left to the caller.
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

/// For calls that have no condition, and for the service errors that are left of the others: each is a failure.
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

    /// The roots are read when the first connection is made: were one unreadable, that would be the moment to find out.
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
